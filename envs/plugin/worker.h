// A process that serves a batch over shared memory (shared_batch.h), until it is told to end or dies of what
// it does.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "envs/plugin/shared_batch.h"

namespace hardy::envs {

// How such processes are started, and what create is given.
struct WorkerStart {
  std::vector<std::string> arguments;  // the program first, looked for in PATH where it has no '/'
  std::string name, config;            // create's two texts; errors are about the first
  std::string not_there;               // what helps where there is no such program
};

// A file that belongs to this library: beside it where it was built, or `from_lib` of its folder where it was
// installed, or `source`. Errors: it is in none of them.
std::filesystem::path companion_file(const std::string& name, const std::string& from_lib,
                                     const std::filesystem::path& source = {});

// Memory that both map; it grows once the sizes are known.
class SharedMemory {
 public:
  SharedMemory();
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  int descriptor() const { return descriptor_; }
  Control& control() { return *control_; }
  SharedArrays arrays();

 private:
  void* map(std::size_t bytes, std::size_t offset);
  int descriptor_;
  Control* control_ = nullptr;
  std::byte* arrays_ = nullptr;
  std::size_t bytes_ = 0;
};

class Worker {
 public:
  // Starts the process and asks it to create a batch, which ready() waits for. Errors: it cannot be started.
  Worker(const WorkerStart& start, int instances, double timeout);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // The batch is there, and the arrays are. Errors: what create refused, or that it died of it.
  void ready();
  Control& control() { return memory_.control(); }
  SharedArrays arrays() { return memory_.arrays(); }
  bool lives() const { return pid_ > 0; }
  const std::string& how_ended() const { return how_ended_; }

  // Asks, of a process that lives; an answer is waited for before the next.
  void ask(SharedCall call);
  // False where the process died of it or took too long: it is gone then. An Error is what it answered.
  bool answered() { return answered(timeout_); }
  bool call(SharedCall call) {
    if (!lives()) return false;
    ask(call);
    return answered();
  }

 private:
  bool answered(double seconds);
  bool ended();
  void end();

  std::string name_;
  SharedMemory memory_;
  double timeout_;
  pid_t pid_ = 0;
  bool asked_ = false;  // and not answered yet
  std::uint32_t before_ = 0;
  std::chrono::steady_clock::time_point since_;
  std::string how_ended_;
};

}  // namespace hardy::envs
