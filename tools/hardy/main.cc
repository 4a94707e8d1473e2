// The `hardy` command: finds the subcommand, and turns errors into one line and an exit code.
#include <algorithm>
#include <cstdio>
#include <exception>

#include "engine/base/error.h"
#include "engine/base/nearest.h"
#include "engine/base/version.h"
#include "tools/hardy/command.h"

namespace hardy::tools {
namespace {

std::vector<Command>& registry() {
  static std::vector<Command> all;
  return all;
}

void print_help() {
  std::printf("hardy %s: reinforcement learning under adversity\n\nusage: hardy COMMAND [arguments]\n\ncommands:\n", version().c_str());
  for (const Command& c : commands()) std::printf("  %-16s %s\n", c.name.c_str(), c.summary.c_str());
  std::printf("\n  hardy COMMAND --help shows a command's arguments and options.\n"
              "  hardy --version shows what this build has.\n\n"
              "exit codes: 0 done, 2 bad input (nothing was changed), 1 a run that failed\n");
}

const Command* find(const std::string& name) {
  for (const Command& c : commands())
    if (c.name == name) return &c;
  return nullptr;
}

int dispatch(const std::vector<std::string>& words) {
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    print_help();
    return words.empty() ? 2 : 0;
  }
  if (words[0] == "--version") return find("version")->run({});
  if (words.size() > 1)
    if (const Command* c = find(words[0] + " " + words[1])) return c->run({words.begin() + 2, words.end()});
  if (const Command* c = find(words[0])) return c->run({words.begin() + 1, words.end()});
  std::string asked = words[0];
  std::vector<std::string> names;
  for (const Command& c : commands()) {
    names.push_back(c.name);
    if (c.name.starts_with(words[0] + " ") && words.size() > 1) asked = words[0] + " " + words[1];
  }
  throw Error("there is no command '" + asked + "'", "hardy", suggestion(asked, names));
}

}  // namespace

RegisterCommand::RegisterCommand(Command command) {
  auto& all = registry();
  all.insert(std::upper_bound(all.begin(), all.end(), command, [](const Command& a, const Command& b) { return a.name < b.name; }),
             std::move(command));
}

const std::vector<Command>& commands() { return registry(); }

}  // namespace hardy::tools

int main(int argc, char** argv) {
  try {
    return hardy::tools::dispatch({argv + 1, argv + argc});
  } catch (const hardy::Error& e) {
    std::fprintf(stderr, "hardy: %s\n", e.message().c_str());
    return e.exit_code();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "hardy: %s\n", e.what());
    return 1;
  }
}
