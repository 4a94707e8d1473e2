#include "cuda/emulation/ptx/contract.h"

#include <algorithm>

#include "cuda/emulation/ptx/arithmetic.h"

namespace hardy::emulation::ptx {
namespace {

bool is_register(const Operand& o, int index) {
  return o.kind == Operand::Kind::kRegister && (index < 0 || o.index == index);
}
int mentions(const Operand& o, int index) {
  int count = is_register(o, index) ? 1 : 0;
  for (const Operand& element : o.elements) count += mentions(element, index);
  return count;
}
int mentions(const Instruction& i, int index) {
  int count = i.guard == index ? 1 : 0;
  for (const Operand& o : i.operands) count += mentions(o, index);
  return count;
}

void count(const Operand& o, std::vector<int>& mentioned) {
  if (is_register(o, -1)) ++mentioned[static_cast<std::size_t>(o.index)];
  for (const Operand& element : o.elements) count(element, mentioned);
}

bool may_fuse(const Instruction& i, Arithmetic arithmetic) {
  if (i.flow != Flow::kArithmetic || i.arithmetic != arithmetic || i.type.kind != Kind::kFloat ||
      i.type.bits < 32 || i.guard >= 0 || i.saturate || i.operands.size() != 3)
    return false;
  return !i.has("rn") && !i.has("rz") && !i.has("rm") && !i.has("rp");
}
bool ends_run(const Instruction& i) {
  return i.flow == Flow::kBranch || i.flow == Flow::kBranchTable || i.flow == Flow::kReturn ||
         i.flow == Flow::kExit || i.flow == Flow::kCall;
}

}  // namespace

void contract(Function& function) {
  std::vector<Instruction>& code = function.code;
  std::vector<char> entered(code.size() + 1, 0);  // a branch leads here
  for (const Instruction& i : code)
    if (i.flow == Flow::kBranch) entered[static_cast<std::size_t>(i.target)] = 1;
  for (const auto& table : function.branch_tables)
    for (const int target : table) entered[static_cast<std::size_t>(target)] = 1;

  std::vector<int> mentioned(static_cast<std::size_t>(function.registers), 0);
  for (const Instruction& i : code) {
    if (i.guard >= 0) ++mentioned[static_cast<std::size_t>(i.guard)];
    for (const Operand& o : i.operands) count(o, mentioned);
  }

  for (std::size_t m = 0; m < code.size(); ++m) {
    if (!may_fuse(code[m], Arithmetic::kMul) || !is_register(code[m].operands[0], -1)) continue;
    const int product = code[m].operands[0].index;
    if (mentioned[static_cast<std::size_t>(product)] != 2) continue;  // made once, read once
    for (std::size_t n = m + 1; n < code.size() && entered[n] == 0; ++n) {
      Instruction& i = code[n];
      if (mentions(i, product) > 0) {
        const bool sub = may_fuse(i, Arithmetic::kSub);
        if ((!sub && !may_fuse(i, Arithmetic::kAdd)) || i.type.bits != code[m].type.bits ||
            i.flush != code[m].flush)
          break;
        const bool first = is_register(i.operands[1], product);
        const Operand addend = i.operands[first ? 2 : 1];
        i.minus_product = sub && !first;
        i.minus_addend = sub && first;
        i.operands = {i.operands[0], code[m].operands[1], code[m].operands[2], addend};
        i.arithmetic = Arithmetic::kFma;
        break;
      }
      // The factors must be what they were.
      const bool changes =
          !i.operands.empty() && std::ranges::any_of(std::initializer_list<int>{1, 2}, [&](int k) {
            const Operand& factor = code[m].operands[static_cast<std::size_t>(k)];
            return is_register(factor, -1) && mentions(i.operands[0], factor.index) > 0 &&
                   i.flow != Flow::kStore;
          });
      if (changes || ends_run(i)) break;
    }
  }
}

}  // namespace hardy::emulation::ptx
