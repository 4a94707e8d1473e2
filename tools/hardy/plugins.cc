#include "tools/hardy/plugins.h"

#include <dlfcn.h>

#include <filesystem>

#include "engine/base/error.h"

namespace hardy::tools {
namespace {

std::vector<std::string>& loaded() {
  static std::vector<std::string> paths;
  return paths;
}

void load(const std::string& file) {
  if (!std::filesystem::exists(file)) throw Error("there is no such file", "--plugin " + file);
  const std::string path = std::filesystem::absolute(file).lexically_normal().string();
  if (!dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {  // stays: what it registered is code of its own
    const char* why = dlerror();
    throw Error(why ? why : "cannot be loaded", "--plugin " + file,
                "give a shared library built against this hardy");
  }
  loaded().push_back(path);
}

}  // namespace

std::vector<std::string> load_plugins(const std::vector<std::string>& words) {
  std::size_t at = 0;
  for (; at < words.size(); ++at) {
    const std::string key = "--plugin";
    if (words[at].starts_with(key + "=")) {
      load(words[at].substr(key.size() + 1));
    } else if (words[at] == key) {
      if (++at == words.size())
        throw Error("which file?", key, "e.g. hardy --plugin ./libmine.so train mine");
      load(words[at]);
    } else {
      break;
    }
  }
  return {words.begin() + static_cast<std::ptrdiff_t>(at), words.end()};
}

const std::vector<std::string>& loaded_plugins() { return loaded(); }

std::string command_prefix() {
  std::string prefix = "hardy";
  for (const std::string& path : loaded()) prefix += " --plugin " + path;
  return prefix;
}

}  // namespace hardy::tools
