// A parsed module of PTX: functions as decoded instructions, and variables with their memory.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace hardy::emulation::ptx {

enum class Kind : std::uint8_t { kUnsigned, kSigned, kFloat, kBits, kPredicate };
struct Type {
  Kind kind = Kind::kBits;
  int bits = 32;
  int bytes() const { return bits / 8; }
};

struct Operand {
  enum class Kind : std::uint8_t {
    kNone,
    kRegister,
    kImmediate,
    kSpecial,    // %tid.x and its like
    kShared,     // offset into the block's shared memory
    kDynamic,    // the start of dynamic shared memory
    kLocal,      // offset into the thread's local memory
    kParameter,  // index of a parameter of the function
    kArgument,   // offset into the frame's memory for calls' arguments
    kLabel,      // index of a branch table
    kSink,       // _
    kVector      // {a, b, ...}: `elements`
  };
  Kind kind = Kind::kNone;
  bool negated = false;  // !%p
  int index = 0;
  std::uint64_t value = 0;
  std::int64_t offset = 0;  // [x+offset]
  std::vector<Operand> elements;
};

enum class Space : std::uint8_t { kGeneric, kShared, kParameter, kLocal };

// The instructions that move no data through arithmetic; the others go by name through arithmetic.h.
enum class Flow : std::uint8_t {
  kArithmetic,
  kBranch,
  kBranchTable,
  kReturn,
  kExit,
  kTrap,
  kCall,
  kBarrier,
  kBarrierReduce,
  kWarpBarrier,
  kFence,
  kNothing,
  kLoad,
  kStore,
  kMove,
  kConvertAddress,
  kConvert,
  kSetPredicate,
  kSet,
  kSelect,
  kShuffle,
  kVote,
  kMatch,
  kWarpReduce,
  kMatrixProduct,
  kAtomic,
  kReduction,
  kYield,
  kIsSpace,
  kUnsupported
};

enum class Arithmetic : std::uint8_t;  // arithmetic.h

struct Instruction {
  std::string text;
  int line = 0;  // in the file
  Flow flow = Flow::kUnsupported;
  Arithmetic arithmetic{};
  Type type, from;  // the first and the second type suffix
  std::vector<std::string> modifiers;
  std::vector<Operand> operands;
  int guard = -1;  // register of the predicate; -1: none
  bool guard_negated = false;
  int target = -1;  // of a branch
  int width = 1;    // of a vector load or store
  Space space = Space::kGeneric;
  bool pair = false;    // the first destination is a|b
  bool strong = false;  // volatile, or with a memory order
  bool low = false, high = false, wide = false, saturate = false, flush = false, carry_out = false;
  bool minus_product = false, minus_addend = false;  // of an fma that was made of a mul and a sub
  int rounding = 0;                                  // <cfenv>'s
  std::string callee;

  bool has(const char* modifier) const;
};

struct Slot {  // of a parameter or of a call's argument
  std::string name;
  std::size_t bytes = 0, offset = 0;
};

struct Function {
  std::string name;
  bool kernel = false;
  std::vector<Slot> parameters, results;
  std::vector<Instruction> code;
  std::vector<std::vector<int>> branch_tables;
  std::size_t shared_bytes = 0, local_bytes = 0, argument_bytes = 0;
  int registers = 0;
  mutable bool has_run = false;  // as a kernel
};

struct Variable {
  void* address = nullptr;
  std::size_t bytes = 0, alignment = 1;
  bool shared = false;          // a block's, no address of its own
  bool dynamic_shared = false;  // of them, the one whose size the launch gives
};

struct Module {
  std::map<std::string, std::unique_ptr<Function>> functions;  // by canonical name
  std::map<std::string, Variable> variables;  // a later text's stand in for an earlier one's of that name
  std::vector<std::unique_ptr<std::byte[]>> storage;  // of variables that the host program lacks
  const Function* find(const std::string& symbol) const;
};

// The name without what a compiler makes up for an unnamed namespace, so that nvcc's and the host
// compiler's names of one kernel are the same.
std::string canonical_name(const std::string& symbol);

// Parses PTX into `module`; `origin` names the text in messages. Variables are the host program's of the same
// name where it was compiled as host code; in a program of nvcc's those are shadows without values.
enum class Variables : std::uint8_t { kOfHost, kOwn };
void parse(const std::string& text, const std::string& origin, Variables variables, Module& module);

}  // namespace hardy::emulation::ptx
