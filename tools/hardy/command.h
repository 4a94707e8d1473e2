// A subcommand of `hardy`: each is a file under commands/ that registers itself.
#pragma once

#include <string>
#include <vector>

#include "engine/run/schema.h"

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

// What a command does first: its words into the schema's variables. False when --help was among them: the
// help has been printed, and the command is done.
bool parse_or_help(run::Schema& schema, const std::vector<std::string>& args);

}  // namespace hardy::tools
