#include "tools/hardy/command.h"

#include <algorithm>

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

}  // namespace hardy::tools
