#include "tools/hardy/command.h"

#include <cstdio>

#include "datasets/store.h"

namespace hardy::tools {
namespace {

Registry<Command>& registry() {
  static Registry<Command> all("command", "");  // made on first use: static objects of other files fill it
  return all;
}

}  // namespace

RegisterCommand::RegisterCommand(const Command& command) { registry().add(command.name, command); }

const Registry<Command>& commands() { return registry(); }

bool parse_or_help(run::Schema& schema, const std::vector<std::string>& args) {
  schema.parse(args);
  if (!schema.help_requested()) return true;
  std::fputs(schema.help().c_str(), stdout);
  return false;
}

std::vector<std::filesystem::path> inputs_of(const run::Schema& schema,
                                             const std::vector<std::string>& named) {
  std::vector<std::filesystem::path> all(schema.config_files().begin(), schema.config_files().end());
  for (const std::string& name : named)
    if (!name.empty())
      for (const std::filesystem::path& place : datasets::places_of(name)) all.push_back(place);
  return all;
}

}  // namespace hardy::tools
