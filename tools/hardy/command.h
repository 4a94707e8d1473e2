// A subcommand of `hardy`: one file in tools/hardy/commands/, which registers itself with a static
// RegisterCommand, so that adding one edits nothing else.
#pragma once

#include <string>
#include <vector>

namespace hardy {

struct Command {
  std::string name;                                  // "train" or "data inspect"
  std::string summary;                               // one line for `hardy --help`
  int (*run)(const std::vector<std::string>& args);  // the words after the name; returns the exit code
};

struct RegisterCommand {
  explicit RegisterCommand(Command command);
};

const std::vector<Command>& commands();  // in alphabetical order

}  // namespace hardy
