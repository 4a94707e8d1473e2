// Files and folders that must not outlive the process half written. Their names lie where a signal handler
// can read them; whether there is a handler is the program's affair.
#pragma once

#include <string>

namespace hardy::run {

// Any number may be there; those beyond a few hundred, or with names beyond PATH_MAX, are not removed.
class Temporary {
 public:
  explicit Temporary(const std::string& path);
  ~Temporary();
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;

 private:
  int slot_ = -1;
};

// Removes all that is there now, by system calls alone: a signal handler may call it before it ends the
// process.
void remove_half_written() noexcept;

}  // namespace hardy::run
