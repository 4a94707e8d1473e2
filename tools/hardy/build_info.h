// What this build of `hardy` has: version, compiler, and the libraries it was made with.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace hardy::tools {

struct LibraryInfo {
  std::string name, version;  // version "" : not in this build
  std::string package;        // Debian's package that would bring it
};
std::vector<LibraryInfo> libraries();

std::string build_info_text();
std::string build_info_json();

}  // namespace hardy::tools
