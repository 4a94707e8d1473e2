#include "cuda/emulation/ptx/arithmetic.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include "cuda/emulation/ptx/float_bits.h"

namespace hardy::emulation::ptx {
namespace {

__extension__ using Wide = __int128;
__extension__ using UnsignedWide = unsigned __int128;

constexpr std::array<std::pair<const char*, Arithmetic>, 45> kNames{{
    {"add", Arithmetic::kAdd},       {"addc", Arithmetic::kAddCarry},     {"sub", Arithmetic::kSub},
    {"subc", Arithmetic::kSubCarry}, {"mul", Arithmetic::kMul},           {"mul24", Arithmetic::kMul},
    {"mad", Arithmetic::kMad},       {"fma", Arithmetic::kFma},           {"div", Arithmetic::kDiv},
    {"rem", Arithmetic::kRem},       {"min", Arithmetic::kMin},           {"max", Arithmetic::kMax},
    {"neg", Arithmetic::kNeg},       {"abs", Arithmetic::kAbs},           {"and", Arithmetic::kAnd},
    {"or", Arithmetic::kOr},         {"xor", Arithmetic::kXor},           {"not", Arithmetic::kNot},
    {"cnot", Arithmetic::kCnot},     {"shl", Arithmetic::kShl},           {"shr", Arithmetic::kShr},
    {"popc", Arithmetic::kPopc},     {"clz", Arithmetic::kClz},           {"brev", Arithmetic::kBrev},
    {"bfind", Arithmetic::kBfind},   {"bmsk", Arithmetic::kBmsk},         {"bfe", Arithmetic::kBfe},
    {"bfi", Arithmetic::kBfi},       {"sad", Arithmetic::kSad},           {"sqrt", Arithmetic::kSqrt},
    {"rsqrt", Arithmetic::kRsqrt},   {"rcp", Arithmetic::kRcp},           {"ex2", Arithmetic::kEx2},
    {"lg2", Arithmetic::kLg2},       {"sin", Arithmetic::kSin},           {"cos", Arithmetic::kCos},
    {"tanh", Arithmetic::kTanh},     {"copysign", Arithmetic::kCopysign}, {"testp", Arithmetic::kTestp},
    {"lop3", Arithmetic::kLop3},     {"shf", Arithmetic::kShf},           {"prmt", Arithmetic::kPrmt},
    {"slct", Arithmetic::kSlct},     {"mad24", Arithmetic::kMad},         {"", Arithmetic::kUnknown},
}};

template <class T>
T extreme(const Instruction& i, T a, T b, bool larger) {
  if (i.has("NaN") && (std::isnan(a) || std::isnan(b))) return std::numeric_limits<T>::quiet_NaN();
  if (a == 0 && b == 0) return std::signbit(a) == larger ? b : a;  // -0 < +0
  return larger ? std::fmax(a, b) : std::fmin(a, b);
}

template <class T>
T float_result(const Instruction& i, T a, T b, T c) {
  switch (i.arithmetic) {
    case Arithmetic::kAdd:
      return a + b;
    case Arithmetic::kSub:
      return a - b;
    case Arithmetic::kMul:
      return a * b;
    case Arithmetic::kDiv:
      return a / b;
    case Arithmetic::kMad:
    case Arithmetic::kFma:
      return std::fma(a, b, c);
    case Arithmetic::kMin:
      return extreme(i, a, b, false);
    case Arithmetic::kMax:
      return extreme(i, a, b, true);
    case Arithmetic::kNeg:
      return -a;
    case Arithmetic::kAbs:
      return std::fabs(a);
    case Arithmetic::kSqrt:
      return std::sqrt(a);
    case Arithmetic::kRsqrt:
      return T(1) / std::sqrt(a);
    case Arithmetic::kRcp:
      return T(1) / a;
    case Arithmetic::kEx2:
      return std::exp2(a);
    case Arithmetic::kLg2:
      return std::log2(a);
    case Arithmetic::kSin:
      return std::sin(a);
    case Arithmetic::kCos:
      return std::cos(a);
    case Arithmetic::kTanh:
      return std::tanh(a);
    case Arithmetic::kCopysign:
      return std::copysign(b, a);
    default:
      uncovered(i);
  }
}

template <class T>
std::uint64_t float_operation(const Instruction& i, const std::uint64_t* s, int count) {
  volatile T v[3] = {};  // volatile: the rounding mode must not be optimised away
  for (int k = 0; k < std::min(count, 3); ++k) v[k] = i.flush ? flushed(as<T>(s[k])) : as<T>(s[k]);
  if (i.minus_product) v[0] = -v[0];
  if (i.minus_addend) v[2] = -v[2];
  if (i.arithmetic == Arithmetic::kTestp) {
    const T x = v[0];
    return i.has("finite")       ? std::isfinite(x)
           : i.has("infinite")   ? std::isinf(x)
           : i.has("number")     ? !std::isnan(x)
           : i.has("notanumber") ? std::isnan(x)
           : i.has("normal")     ? std::isnormal(x)
                                 : std::fpclassify(x) == FP_SUBNORMAL;
  }
  const Rounding rounding(i.rounding);
  volatile T result = float_result<T>(i, v[0], v[1], v[2]);
  if (i.saturate) result = result > 1 ? T(1) : result > 0 ? T(result) : T(0);
  return bits_of<T>(i.flush ? flushed<T>(result) : result);
}

std::uint64_t product(const Instruction& i, std::uint64_t a, std::uint64_t b) {
  const int n = i.type.bits;
  const UnsignedWide p = i.type.kind == Kind::kSigned
                             ? static_cast<UnsignedWide>(Wide{extend_sign(a, n)} * extend_sign(b, n))
                             : UnsignedWide{a & ones(n)} * (b & ones(n));
  return static_cast<std::uint64_t>(i.high ? p >> n : p);
}

std::uint64_t extract_field(const Instruction& i, std::uint64_t a, std::uint64_t position,
                            std::uint64_t length) {
  const int n = i.type.bits;
  const auto p = static_cast<int>(position & 255), l = static_cast<int>(length & 255);
  const bool is_signed = i.type.kind == Kind::kSigned;
  if (l == 0) return 0;
  if (p >= n) return is_signed && extend_sign(a, n) < 0 ? ~std::uint64_t{0} : 0;
  if (!is_signed) return ((a & ones(n)) >> p) & ones(l);
  return static_cast<std::uint64_t>(
      extend_sign(static_cast<std::uint64_t>(extend_sign(a, n) >> p), std::min(l, n)));
}

std::uint64_t insert_field(int n, std::uint64_t a, std::uint64_t b, std::uint64_t position,
                           std::uint64_t length) {
  const auto p = static_cast<int>(position & 255), l = static_cast<int>(length & 255);
  const std::uint64_t mask = p >= n ? 0 : (ones(std::min(l, 64)) << p) & ones(n);
  return (b & ~mask) | ((a << (p & 63)) & mask);
}

std::uint64_t three_input_logic(std::uint64_t a, std::uint64_t b, std::uint64_t c, std::uint64_t table) {
  std::uint64_t result = 0;
  for (int row = 0; row < 8; ++row)
    if ((table >> row & 1) != 0)
      result |= ((row & 4) != 0 ? a : ~a) & ((row & 2) != 0 ? b : ~b) & ((row & 1) != 0 ? c : ~c);
  return result;
}

std::uint64_t funnel_shift(const Instruction& i, std::uint64_t low, std::uint64_t high, std::uint64_t by) {
  const std::uint64_t both = (high & 0xffffffffu) << 32 | (low & 0xffffffffu);
  const std::uint64_t n = i.has("clamp") ? std::min<std::uint64_t>(by & 0xffffffffu, 32) : by & 31;
  return i.has("l") ? (both << n) >> 32 : both >> n;
}

std::uint64_t permute_bytes(std::uint64_t a, std::uint64_t b, std::uint64_t selector) {
  const std::uint64_t both = (b & 0xffffffffu) << 32 | (a & 0xffffffffu);
  std::uint64_t result = 0;
  for (int j = 0; j < 4; ++j) {
    const std::uint64_t choice = selector >> (4 * j) & 15;
    std::uint64_t byte = both >> (8 * (choice & 7)) & 255;
    if ((choice & 8) != 0) byte = (byte & 128) != 0 ? 255 : 0;
    result |= byte << (8 * j);
  }
  return result;
}

std::uint64_t divide(const Instruction& i, std::uint64_t a, std::uint64_t b, bool remainder) {
  const int n = i.type.bits;
  if ((b & ones(n)) == 0) return remainder ? a : ~std::uint64_t{0};  // what the hardware gives
  if (i.type.kind != Kind::kSigned)
    return remainder ? (a & ones(n)) % (b & ones(n)) : (a & ones(n)) / (b & ones(n));
  const std::int64_t x = extend_sign(a, n), y = extend_sign(b, n);
  if (y == -1) return remainder ? 0 : 0 - static_cast<std::uint64_t>(x);
  return static_cast<std::uint64_t>(remainder ? x % y : x / y);
}

std::uint64_t shift_right(const Instruction& i, std::uint64_t a, std::uint64_t by) {
  const int n = i.type.bits;
  const auto s = static_cast<std::uint32_t>(by);
  if (i.type.kind == Kind::kSigned)
    return static_cast<std::uint64_t>(extend_sign(a, n) >> std::min<std::uint32_t>(s, 63));
  return s >= static_cast<std::uint32_t>(n) ? 0 : (a & ones(n)) >> s;
}

std::uint64_t find_leading(const Instruction& i, std::uint64_t a) {
  const int n = i.type.bits;
  const std::uint64_t x = (i.type.kind == Kind::kSigned && extend_sign(a, n) < 0 ? ~a : a) & ones(n);
  if (x == 0) return 0xffffffffu;
  const int top = 63 - std::countl_zero(x);
  return static_cast<std::uint64_t>(i.has("shiftamt") ? n - 1 - top : top);
}

std::uint64_t reversed(std::uint64_t a, int n) {
  std::uint64_t result = 0;
  for (int j = 0; j < n; ++j) result |= (a >> j & 1) << (n - 1 - j);
  return result;
}

std::uint64_t with_carry(const Instruction& i, std::uint64_t a, std::uint64_t b, bool use, bool& carry) {
  const int n = i.type.bits;
  const UnsignedWide sum = UnsignedWide{a & ones(n)} + (b & ones(n)) + (use && carry ? 1u : 0u);
  if (i.carry_out) carry = (sum >> n) != 0;
  return static_cast<std::uint64_t>(sum);
}

std::uint64_t integer_result(const Instruction& i, std::uint64_t a, std::uint64_t b, std::uint64_t c,
                             std::uint64_t d, bool& carry) {
  const int n = i.type.bits;
  const bool is_signed = i.type.kind == Kind::kSigned;
  const std::int64_t sa = extend_sign(a, n), sb = extend_sign(b, n);
  const std::uint64_t ua = a & ones(n), ub = b & ones(n);
  const bool less = is_signed ? sa < sb : ua < ub;
  switch (i.arithmetic) {
    case Arithmetic::kAdd: {
      if (i.saturate && is_signed)
        return static_cast<std::uint64_t>(std::clamp<std::int64_t>(sa + sb, INT32_MIN, INT32_MAX));
      return with_carry(i, a, b, false, carry);
    }
    case Arithmetic::kAddCarry:
      return with_carry(i, a, b, true, carry);
    case Arithmetic::kSub:
      if (i.carry_out) carry = ua < ub;
      return a - b;
    case Arithmetic::kSubCarry: {
      const UnsignedWide taken = UnsignedWide{ub} + (carry ? 1u : 0u);
      if (i.carry_out) carry = ua < taken;
      return a - static_cast<std::uint64_t>(taken);
    }
    case Arithmetic::kMul:
      return product(i, a, b);
    case Arithmetic::kMad:
      return product(i, a, b) + c;
    case Arithmetic::kDiv:
      return divide(i, a, b, false);
    case Arithmetic::kRem:
      return divide(i, a, b, true);
    case Arithmetic::kMin:
      return less ? a : b;
    case Arithmetic::kMax:
      return less ? b : a;
    case Arithmetic::kNeg:
      return 0 - a;
    case Arithmetic::kAbs:
      return sa < 0 ? 0 - static_cast<std::uint64_t>(sa) : static_cast<std::uint64_t>(sa);
    case Arithmetic::kAnd:
      return a & b;
    case Arithmetic::kOr:
      return a | b;
    case Arithmetic::kXor:
      return a ^ b;
    case Arithmetic::kNot:
      return i.type.kind == Kind::kPredicate ? std::uint64_t{a == 0} : ~a;
    case Arithmetic::kCnot:
      return ua == 0;
    case Arithmetic::kShl:
      return static_cast<std::uint32_t>(b) >= static_cast<std::uint32_t>(n) ? 0 : a << b;
    case Arithmetic::kShr:
      return shift_right(i, a, b);
    case Arithmetic::kPopc:
      return static_cast<std::uint64_t>(std::popcount(ua));
    case Arithmetic::kClz:
      return static_cast<std::uint64_t>(std::countl_zero(ua) - (64 - n));
    case Arithmetic::kBrev:
      return reversed(ua, n);
    case Arithmetic::kBfind:
      return find_leading(i, a);
    case Arithmetic::kBmsk:
      return (a & 0xffffffffu) > 31
                 ? 0
                 : ones(static_cast<int>(std::min<std::uint64_t>(b & 0xffffffffu, 32))) << a;
    case Arithmetic::kBfe:
      return extract_field(i, a, b, c);
    case Arithmetic::kBfi:
      return insert_field(n, a, b, c, d);
    case Arithmetic::kSad:
      return c + (is_signed ? static_cast<std::uint64_t>(std::max(sa, sb) - std::min(sa, sb))
                            : std::max(ua, ub) - std::min(ua, ub));
    case Arithmetic::kLop3:
      return three_input_logic(a, b, c, d);
    case Arithmetic::kShf:
      return funnel_shift(i, a, b, c);
    case Arithmetic::kPrmt:
      return permute_bytes(a, b, c);
    case Arithmetic::kSlct:
      return extend_sign(c, 32) >= 0 ? a : b;
    default:
      uncovered(i);
  }
}

int result_bits(const Instruction& i) {
  if (i.wide) return 2 * i.type.bits;
  if (i.type.kind == Kind::kPredicate) return 1;
  const bool counts = i.arithmetic == Arithmetic::kPopc || i.arithmetic == Arithmetic::kClz ||
                      i.arithmetic == Arithmetic::kBfind;
  return counts ? 32 : i.type.bits;
}

}  // namespace

Arithmetic arithmetic_of(const std::string& opcode) {
  for (const auto& [name, arithmetic] : kNames)
    if (opcode == name) return arithmetic;
  return Arithmetic::kUnknown;
}

std::uint64_t evaluate(const Instruction& i, const std::uint64_t* s, int count, bool& carry) {
  if (i.type.kind == Kind::kFloat && i.arithmetic != Arithmetic::kSlct) {
    if (i.type.bits == 32) return float_operation<float>(i, s, count);
    if (i.type.bits == 64) return float_operation<double>(i, s, count);
    uncovered(i);
  }
  const auto source = [&](int k) { return k < count ? s[k] : std::uint64_t{0}; };
  return integer_result(i, source(0), source(1), source(2), source(3), carry) & ones(result_bits(i));
}

std::uint64_t widened(Type type, std::uint64_t value) {
  return type.kind == Kind::kSigned
             ? static_cast<std::uint64_t>(extend_sign(value & ones(type.bits), type.bits))
             : value & ones(type.bits);
}

std::uint64_t combine(const Instruction& i, std::uint64_t old, std::uint64_t b, std::uint64_t c) {
  const std::uint64_t mask = ones(i.type.bits);
  if (i.has("exch")) return b;
  if (i.has("cas")) return (old & mask) == (b & mask) ? c : old;
  if (i.has("inc")) return (old & mask) >= (b & mask) ? 0 : old + 1;
  if (i.has("dec")) return (old & mask) == 0 || (old & mask) > (b & mask) ? b : old - 1;
  bool carry = false;
  const std::uint64_t sources[] = {old, b};
  return evaluate(i, sources, 2, carry);
}

}  // namespace hardy::emulation::ptx
