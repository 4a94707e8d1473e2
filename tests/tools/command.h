// The real `hardy`, as people run it.
#pragma once

#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "tests/engine/run/scratch.h"
#include "tests/places.h"

namespace hardy::test {

struct Result {
  int code;
  std::string out, err;
};

inline Result shell_command(const std::string& words) {
  const Scratch dir;
  const std::string line = words + " > " + (dir / "out").string() + " 2> " + (dir / "err").string();
  const int status = std::system(line.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, contents(dir / "out"), contents(dir / "err")};
}

// before: shell words in front, such as "ulimit -f 8;".
inline Result hardy_command(const std::string& arguments, const std::string& before = "") {
  return shell_command(before + std::string(command()) + " " + arguments);
}

inline bool one_line(const std::string& text) {
  return std::count(text.begin(), text.end(), '\n') == 1 && text.back() == '\n';
}

}  // namespace hardy::test
