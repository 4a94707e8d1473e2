// A subcommand of `hardy`: each is a file under commands/ that registers itself.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/base/registry.h"
#include "engine/run/output.h"
#include "engine/run/schema.h"

namespace hardy::tools {

struct Command {
  std::string name;                                  // "train", "data inspect"
  std::string summary;                               // one line for `hardy --help`
  int (*run)(const std::vector<std::string>& args);  // what follows the name; returns the exit code
  bool across_processes = false;                     // whether mpirun may start several of it
};

struct RegisterCommand {
  explicit RegisterCommand(const Command& command);
};

const Registry<Command>& commands();

// What a command does first: its words into the schema's variables. False when --help was among them: the
// help has been printed, and the command is done.
bool parse_or_help(run::Schema& schema, const std::vector<std::string>& args);

// The inputs of a command as its outputs must know them: what is named, all of a dataset that is named by a
// part, and the configuration files that were read.
std::vector<std::filesystem::path> inputs_of(const run::Schema& schema,
                                             const std::vector<std::string>& named = {});
// The rules of a run's or a study's --out.
inline run::OutputRules new_folder(std::vector<std::filesystem::path> inputs) {
  return {
      .kind = run::OutputRules::Kind::kFolder, .inputs = std::move(inputs), .hint = "choose another --out"};
}

}  // namespace hardy::tools
