// A subcommand of `hardy`: each is a file under commands/ that registers itself.
#pragma once

#include <string>
#include <vector>

namespace hardy::tools {

struct Command {
  std::string name;                                  // "train", "data inspect"
  std::string summary;                               // one line for `hardy --help`
  int (*run)(const std::vector<std::string>& args);  // what follows the name; returns the exit code
};

struct RegisterCommand {
  explicit RegisterCommand(Command command);
};

const std::vector<Command>& commands();

}  // namespace hardy::tools
