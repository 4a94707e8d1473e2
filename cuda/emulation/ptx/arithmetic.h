// What PTX's arithmetic instructions compute, on values held as 64 bits.
#pragma once

#include <cstdint>
#include <string>

#include "cuda/emulation/ptx/module.h"

namespace hardy::emulation::ptx {

enum class Arithmetic : std::uint8_t {
  kAdd,
  kAddCarry,
  kSub,
  kSubCarry,
  kMul,
  kMad,
  kFma,
  kDiv,
  kRem,
  kMin,
  kMax,
  kNeg,
  kAbs,
  kAnd,
  kOr,
  kXor,
  kNot,
  kCnot,
  kShl,
  kShr,
  kPopc,
  kClz,
  kBrev,
  kBfind,
  kBmsk,
  kBfe,
  kBfi,
  kSad,
  kSqrt,
  kRsqrt,
  kRcp,
  kEx2,
  kLg2,
  kSin,
  kCos,
  kTanh,
  kCopysign,
  kTestp,
  kLop3,
  kShf,
  kPrmt,
  kSlct,
  kUnknown
};
Arithmetic arithmetic_of(const std::string& opcode);  // kUnknown: none

// The low `bits` bits set; a value of `bits` bits extended with its sign.
constexpr std::uint64_t ones(int bits) {
  return bits >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
}
constexpr std::int64_t extend_sign(std::uint64_t v, int bits) {
  return bits >= 64 ? static_cast<std::int64_t>(v)
                    : static_cast<std::int64_t>(v << (64 - bits)) >> (64 - bits);
}

// The result of `i` on the values of its sources; `carry` is the condition code's carry flag.
std::uint64_t evaluate(const Instruction& i, const std::uint64_t* sources, int count, bool& carry);
// setp's comparison, by its name (lt, geu, ...), of two values of i.type.
bool compare(const Instruction& i, std::uint64_t a, std::uint64_t b);
// cvt: from i.from to i.type.
std::uint64_t convert(const Instruction& i, std::uint64_t value);
// A value as a register of i.type keeps it after a load: extended by sign or zeros.
std::uint64_t widened(Type type, std::uint64_t value);
// atom and red: what `i` makes of `old`.
std::uint64_t combine(const Instruction& i, std::uint64_t old, std::uint64_t b, std::uint64_t c);

}  // namespace hardy::emulation::ptx
