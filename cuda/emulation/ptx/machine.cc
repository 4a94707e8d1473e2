#include "cuda/emulation/ptx/machine.h"

#include <algorithm>
#include <cstring>

#include "cuda/emulation/check/checker.h"
#include "cuda/emulation/ptx/arithmetic.h"
#include "cuda/emulation/ptx/parse_text.h"
#include "cuda/emulation/run/report.h"
#include "cuda/emulation/run/statistics.h"

namespace hardy::emulation::ptx {
namespace {

constexpr const char* kSpecial[] = {
    "%tid.x",       "%tid.y",       "%tid.z",   "%ntid.x",      "%ntid.y",      "%ntid.z",
    "%ctaid.x",     "%ctaid.y",     "%ctaid.z", "%nctaid.x",    "%nctaid.y",    "%nctaid.z",
    "%laneid",      "%warpid",      "WARP_SZ",  "%lanemask_lt", "%lanemask_le", "%lanemask_gt",
    "%lanemask_ge", "%lanemask_eq", "%clock",   "%clock64"};

std::uint64_t special_value(int index) {
  const unsigned l = lane();
  switch (index) {
    case 0:
      return threadIdx.x;
    case 1:
      return threadIdx.y;
    case 2:
      return threadIdx.z;
    case 3:
      return blockDim.x;
    case 4:
      return blockDim.y;
    case 5:
      return blockDim.z;
    case 6:
      return blockIdx.x;
    case 7:
      return blockIdx.y;
    case 8:
      return blockIdx.z;
    case 9:
      return gridDim.x;
    case 10:
      return gridDim.y;
    case 11:
      return gridDim.z;
    case 12:
      return l;
    case 13:
      return thread_rank() / 32;
    case 14:
      return 32;
    case 15:
      return (1u << l) - 1;
    case 16:
      return static_cast<std::uint32_t>((std::uint64_t{2} << l) - 1);
    case 17:
      return static_cast<std::uint32_t>(~((std::uint64_t{2} << l) - 1));
    case 18:
      return ~((1u << l) - 1);
    case 19:
      return 1u << l;
    default:
      return counters().ptx_instructions;  // a clock that goes forward
  }
}

// Copies of constant size: the compiler makes them plain moves, which no sanitizer's library intercepts.
std::uint64_t read_memory(std::uint64_t address, int bits) {
  const void* from = reinterpret_cast<const void*>(address);
  std::uint64_t value = 0;
  switch (bits) {
    case 8:
      std::memcpy(&value, from, 1);
      break;
    case 16:
      std::memcpy(&value, from, 2);
      break;
    case 32:
      std::memcpy(&value, from, 4);
      break;
    default:
      std::memcpy(&value, from, 8);
      break;
  }
  return value;
}
void write_memory(std::uint64_t address, int bits, std::uint64_t value) {
  void* to = reinterpret_cast<void*>(address);
  switch (bits) {
    case 8:
      std::memcpy(to, &value, 1);
      break;
    case 16:
      std::memcpy(to, &value, 2);
      break;
    case 32:
      std::memcpy(to, &value, 4);
      break;
    default:
      std::memcpy(to, &value, 8);
      break;
  }
}

void check(std::uint64_t address, std::size_t bytes, Access kind, const Instruction& i) {
  checker().access(reinterpret_cast<const void*>(address), bytes, kind, &i);
}

}  // namespace

int special_register(const std::string& name) {
  const auto* it = std::ranges::find(kSpecial, name);
  return it == std::end(kSpecial) ? -1 : static_cast<int>(it - kSpecial);
}

Machine::Machine(const Module& module, const Function& entry, std::span<const std::string> parameters)
    : module_(module), shared_base_(reinterpret_cast<std::uint64_t>(dynamic_shared())) {
  Frame frame;
  frame.function = &entry;
  frame.registers.resize(static_cast<std::size_t>(entry.registers));
  frame.local.resize(entry.local_bytes);
  frame.arguments.resize(entry.argument_bytes);
  frame.parameters.assign(parameters.begin(), parameters.end());
  for (std::string& p : frame.parameters) p.resize(std::max<std::size_t>(p.size(), 16));
  frames_.push_back(std::move(frame));
}

void Machine::bad(const Instruction& i, const char* what) const {
  fail("PTX line %d: %s: %s", i.line, what, i.text.c_str());
}

void Machine::run() {
  while (!done_) {
    Frame& frame = frames_.back();
    if (frame.next >= frame.function->code.size()) {
      leave();
      continue;
    }
    const Instruction& i = frame.function->code[frame.next++];
    ++counters().ptx_instructions;
    if (i.guard >= 0 && (frame.registers[static_cast<std::size_t>(i.guard)] != 0) == i.guard_negated)
      continue;
    step(i);
  }
}

void Machine::step(const Instruction& i) {
  switch (i.flow) {
    case Flow::kArithmetic: {
      std::uint64_t sources[4] = {};
      const int count = static_cast<int>(i.operands.size()) - 1;
      for (int k = 0; k < std::min(count, 4); ++k) sources[k] = source(i, static_cast<std::size_t>(k) + 1);
      return set(i.operands[0], evaluate(i, sources, count, carry_));
    }
    case Flow::kBranch:
      frames_.back().next = static_cast<std::size_t>(i.target);
      return;
    case Flow::kBranchTable: {
      const std::vector<int>& table =
          frames_.back().function->branch_tables[static_cast<std::size_t>(i.target)];
      const std::uint64_t index = source(i, 0) & 0xffffffffu;
      if (index >= table.size()) bad(i, "the index is beyond the branch table");
      frames_.back().next = static_cast<std::size_t>(table[index]);
      return;
    }
    case Flow::kReturn:
      return leave();
    case Flow::kExit:
      done_ = true;
      return;
    case Flow::kTrap:
      trap({"PTX", i.line}, "trap");
    case Flow::kCall: {
      const Function* callee = module_.find(i.callee);
      if (callee != nullptr) return enter(*callee, i);
      if (i.callee == "__assertfail") trap({"PTX", i.line}, "a failed assertion");
      bad(i, "a call to a function that the module does not define");
    }
    case Flow::kBarrier:
    case Flow::kBarrierReduce:
      return barrier(i);
    case Flow::kWarpBarrier:
      collect(i, source(i, 0), 0, WarpOp::kSync);
      return;
    case Flow::kFence:
      return fence();
    case Flow::kNothing:
      return;
    case Flow::kLoad:
      return load(i);
    case Flow::kStore:
      return store(i);
    case Flow::kMove:
      return move(i);
    case Flow::kConvertAddress:
      return convert_address(i);
    case Flow::kConvert:
      return set(i.operands[0], convert(i, source(i, 1)));
    case Flow::kSetPredicate:
      return set_predicate(i);
    case Flow::kSet: {
      // set.lt.u32.f32 d, a, b: the destination's type comes first.
      Instruction comparison = i;
      comparison.type = i.from;
      const bool yes = compare(comparison, source(i, 1), source(i, 2));
      const std::uint64_t one = i.type.kind == Kind::kFloat ? 0x3f800000u : 0xffffffffu;
      return set(i.operands[0], yes ? one : 0);
    }
    case Flow::kSelect:
      return set(i.operands[0], source(i, 3) != 0 ? source(i, 1) : source(i, 2));
    case Flow::kShuffle:
      return shuffle(i);
    case Flow::kVote:
      return vote(i);
    case Flow::kMatch:
      return match(i);
    case Flow::kWarpReduce:
      return reduce_warp(i);
    case Flow::kMatrixProduct:
      return multiply_matrices(i);
    case Flow::kAtomic:
    case Flow::kReduction:
      return atomic(i);
    case Flow::kYield:
      return yield();
    case Flow::kIsSpace: {
      const std::uint64_t offset = source(i, 1) - shared_base_;
      return set(i.operands[0], (offset < (1u << 20)) == (i.space == Space::kShared));
    }
    case Flow::kUnsupported:
      bad(i, "not covered by the interpreter");
  }
}

std::uint64_t Machine::get(const Operand& o) {
  Frame& frame = frames_.back();
  std::uint64_t value = 0;
  switch (o.kind) {
    case Operand::Kind::kRegister:
      value = frame.registers[static_cast<std::size_t>(o.index)];
      break;
    case Operand::Kind::kImmediate:
      value = o.value;
      break;
    case Operand::Kind::kSpecial:
      value = special_value(o.index);
      break;
    case Operand::Kind::kShared:
      value = o.value;
      break;
    case Operand::Kind::kDynamic:
      value = frames_.front().function->shared_bytes;
      break;
    case Operand::Kind::kLocal:
      value = reinterpret_cast<std::uint64_t>(frame.local.data()) + o.value;
      break;
    case Operand::Kind::kArgument:
      value = reinterpret_cast<std::uint64_t>(frame.arguments.data()) + o.value;
      break;
    case Operand::Kind::kParameter:
      value = reinterpret_cast<std::uint64_t>(frame.parameters[static_cast<std::size_t>(o.index)].data());
      break;
    case Operand::Kind::kNone:
    case Operand::Kind::kLabel:
    case Operand::Kind::kSink:
    case Operand::Kind::kVector:
      fail("PTX: an operand without a value");
  }
  return o.negated ? std::uint64_t{value == 0} : value;
}

void Machine::set(const Operand& o, std::uint64_t value) {
  if (o.kind != Operand::Kind::kSink) frames_.back().registers[static_cast<std::size_t>(o.index)] = value;
}

std::uint64_t Machine::address(const Instruction& i, const Operand& o) {
  const std::uint64_t a = get(o) + static_cast<std::uint64_t>(o.offset);
  return i.space == Space::kShared ? shared_base_ + (a & 0xffffffffu) : a;
}

void Machine::enter(const Function& function, const Instruction& call) {
  Frame frame;
  frame.function = &function;
  frame.registers.resize(static_cast<std::size_t>(function.registers));
  frame.local.resize(function.local_bytes);
  frame.arguments.resize(function.argument_bytes);
  frame.call = &call;
  const std::vector<Operand>& arguments = call.operands[1].elements;
  for (std::size_t k = 0; k < function.parameters.size(); ++k) {
    std::string bytes(std::max<std::size_t>(function.parameters[k].bytes, 16), '\0');
    if (arguments[k].kind == Operand::Kind::kArgument) {
      std::memcpy(bytes.data(), reinterpret_cast<const void*>(get(arguments[k])),
                  function.parameters[k].bytes);
    } else {
      const std::uint64_t value = get(arguments[k]);
      std::memcpy(bytes.data(), &value, sizeof value);
    }
    frame.parameters.push_back(std::move(bytes));
  }
  for (const Slot& result : function.results)
    frame.parameters.emplace_back(std::max<std::size_t>(result.bytes, 16), '\0');
  frames_.push_back(std::move(frame));
}

void Machine::leave() {
  if (frames_.size() == 1) {
    done_ = true;
    return;
  }
  const Frame callee = std::move(frames_.back());
  frames_.pop_back();
  const std::vector<Operand>& results = callee.call->operands[0].elements;
  for (std::size_t k = 0; k < results.size(); ++k) {
    const std::string& bytes = callee.parameters[callee.function->parameters.size() + k];
    std::memcpy(reinterpret_cast<void*>(get(results[k])), bytes.data(), callee.function->results[k].bytes);
  }
}

void Machine::load(const Instruction& i) {
  const std::uint64_t a = address(i, i.operands[1]);
  const auto bytes = static_cast<std::size_t>(i.type.bytes()) * static_cast<std::size_t>(i.width);
  if (i.space != Space::kParameter) {
    if (a % bytes != 0) bad(i, "misaligned load");
    check(a, bytes, i.strong ? Access::kStrongRead : Access::kRead, i);
  }
  if (i.width == 1) return set(i.operands[0], widened(i.type, read_memory(a, i.type.bits)));
  for (int k = 0; k < i.width; ++k)
    set(i.operands[0].elements[static_cast<std::size_t>(k)],
        widened(i.type, read_memory(a + static_cast<std::uint64_t>(k * i.type.bytes()), i.type.bits)));
}

void Machine::store(const Instruction& i) {
  const std::uint64_t a = address(i, i.operands[0]);
  const auto bytes = static_cast<std::size_t>(i.type.bytes()) * static_cast<std::size_t>(i.width);
  if (i.space != Space::kParameter) {
    if (a % bytes != 0) bad(i, "misaligned store");
    check(a, bytes, i.strong ? Access::kStrongWrite : Access::kWrite, i);
  }
  if (i.width == 1) return write_memory(a, i.type.bits, source(i, 1));
  for (int k = 0; k < i.width; ++k)
    write_memory(a + static_cast<std::uint64_t>(k * i.type.bytes()), i.type.bits,
                 get(i.operands[1].elements[static_cast<std::size_t>(k)]));
}

// Packs {a, b} into a register, unpacks one into {a, b}, or copies.
void Machine::move(const Instruction& i) {
  const Operand &to = i.operands[0], &from = i.operands[1];
  if (from.kind == Operand::Kind::kVector) {
    const int part = i.type.bits / static_cast<int>(from.elements.size());
    std::uint64_t value = 0;
    for (std::size_t k = 0; k < from.elements.size(); ++k)
      value |= (get(from.elements[k]) & ones(part)) << (part * static_cast<int>(k));
    return set(to, value);
  }
  const std::uint64_t value = get(from) + static_cast<std::uint64_t>(from.offset);
  if (to.kind != Operand::Kind::kVector) return set(to, value & ones(i.type.bits));
  const int part = i.type.bits / static_cast<int>(to.elements.size());
  for (std::size_t k = 0; k < to.elements.size(); ++k)
    set(to.elements[k], value >> (part * static_cast<int>(k)) & ones(part));
}

void Machine::convert_address(const Instruction& i) {
  const std::uint64_t a = source(i, 1);
  if (i.space != Space::kShared) return set(i.operands[0], a);
  set(i.operands[0], i.has("to") ? a - shared_base_ : a + shared_base_);
}

// setp.cmp{.bool}.type p{|q}, a, b{, c}
void Machine::set_predicate(const Instruction& i) {
  const std::size_t first = i.pair ? 2 : 1;
  bool yes = compare(i, source(i, first), source(i, first + 1)), no = !yes;
  if (i.operands.size() > first + 2) {
    const bool c = source(i, first + 2) != 0;
    const std::string& how = i.modifiers[1];
    const auto with = [&](bool x) { return how == "and" ? x && c : how == "or" ? x || c : x != c; };
    yes = with(yes);
    no = with(no);
  }
  set(i.operands[0], yes);
  if (i.pair) set(i.operands[1], no);
}

// atom: the old value is the first operand; red: there is none.
void Machine::atomic(const Instruction& i) {
  const std::size_t at = i.flow == Flow::kAtomic ? 1 : 0;
  const std::uint64_t a = address(i, i.operands[at]), b = source(i, at + 1);
  const std::uint64_t c = i.operands.size() > at + 2 ? source(i, at + 2) : 0;
  const auto bytes = static_cast<std::size_t>(i.type.bytes());
  if (a % bytes != 0) bad(i, "misaligned atomic");
  if (i.has("cas") || i.has("exch")) spin_hint();
  check(a, bytes, Access::kAtomic, i);
  const std::uint64_t old = read_memory(a, i.type.bits);  // no other thread runs until this one waits
  write_memory(a, i.type.bits, combine(i, old, b, c));
  if (i.flow == Flow::kAtomic) set(i.operands[0], widened(i.type, old));
}

}  // namespace hardy::emulation::ptx
