#include "tools/hardy/command.h"

#include <algorithm>
#include <cstdio>

namespace hardy::tools {
namespace {

std::vector<Command>& registry() {
  static std::vector<Command> all;  // made on first use: static objects of other files fill it
  return all;
}

}  // namespace

RegisterCommand::RegisterCommand(Command command) {
  std::vector<Command>& all = registry();
  const auto by_name = [](const Command& a, const Command& b) { return a.name < b.name; };
  all.insert(std::upper_bound(all.begin(), all.end(), command, by_name), std::move(command));
}

const std::vector<Command>& commands() { return registry(); }

bool parse_or_help(run::Schema& schema, const std::vector<std::string>& args) {
  schema.parse(args);
  if (!schema.help_requested()) return true;
  std::fputs(schema.help().c_str(), stdout);
  return false;
}

}  // namespace hardy::tools
