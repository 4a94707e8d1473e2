// `hardy --plugin FILE ... COMMAND`: shared libraries of other people's methods and environments, which
// register themselves when they are loaded, as the files of this one do.
#pragma once

#include <string>
#include <vector>

namespace hardy::tools {

// Loads what the leading --plugin words name and gives the words that follow. An Error names the file and
// says why.
std::vector<std::string> load_plugins(const std::vector<std::string>& words);

// Those that were loaded, by their absolute paths: a command that starts another hands them on.
const std::vector<std::string>& loaded_plugins();
// "hardy", or "hardy --plugin /a/b.so" with those that were loaded: how a command that is noted begins.
std::string command_prefix();

}  // namespace hardy::tools
