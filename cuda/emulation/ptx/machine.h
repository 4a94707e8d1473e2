// Runs a PTX function for one CUDA thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "cuda/emulation/device/atomics.h"
#include "cuda/emulation/device/warp.h"
#include "cuda/emulation/ptx/module.h"

namespace hardy::emulation::ptx {

class Machine {
 public:
  // `parameters`: the bytes of each parameter, at least as many as the function declares.
  Machine(const Module& module, const Function& entry, std::span<const std::string> parameters);
  void run();

 private:
  struct Frame {
    const Function* function = nullptr;
    std::vector<std::uint64_t> registers;
    std::vector<std::byte> local, arguments;
    std::vector<std::string> parameters;  // and results behind them
    std::size_t next = 0;                 // index of the next instruction
    const Instruction* call = nullptr;    // that made this frame
  };

  void step(const Instruction& i);
  std::uint64_t get(const Operand& o);
  void set(const Operand& o, std::uint64_t value);
  std::uint64_t source(const Instruction& i, std::size_t n) { return get(i.operands[n]); }
  std::uint64_t address(const Instruction& i, const Operand& o);
  void enter(const Function& function, const Instruction& call);
  void leave();
  void load(const Instruction& i);
  void store(const Instruction& i);
  void move(const Instruction& i);
  void convert_address(const Instruction& i);
  void set_predicate(const Instruction& i);
  void barrier(const Instruction& i);
  void shuffle(const Instruction& i);
  void vote(const Instruction& i);
  void match(const Instruction& i);
  void reduce_warp(const Instruction& i);
  void multiply_matrices(const Instruction& i);
  void atomic(const Instruction& i);
  const WarpValues& collect(const Instruction& i, std::uint64_t mask, std::uint64_t value, WarpOp op);
  [[noreturn]] void bad(const Instruction& i, const char* what) const;

  const Module& module_;
  std::vector<Frame> frames_;
  std::uint64_t shared_base_;  // generic address of shared offset 0
  bool carry_ = false, done_ = false;
};

}  // namespace hardy::emulation::ptx
