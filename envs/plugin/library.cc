#include "envs/plugin/library.h"

#include <dlfcn.h>

#include <filesystem>

#include "engine/base/error.h"

namespace hardy::envs {

void* entry_of(const std::string& file, const char* entry, const std::string& header,
               const std::string& other_kind) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(file, ignored)) throw Error("there is no such file", file);
  const std::string path = std::filesystem::absolute(file).lexically_normal().string();
  void* const library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* why = ::dlerror();
    throw Error("cannot be loaded (" + std::string(why != nullptr ? why : "for no reason given") + ")", file,
                "give a shared library that implements " + header);
  }
  void* const found = ::dlsym(library, entry);
  if (found == nullptr)
    throw Error(std::string("has no function ") + entry, file, header + " declares it" + other_kind);
  return found;
}

void check_table(const std::string& file, const std::string& header, std::uint32_t version,
                 std::uint32_t ours, std::uint32_t struct_size, std::size_t least, const std::string& type) {
  if (version != ours)
    throw Error("is made for version " + std::to_string(version) + " of " + header, file,
                "this hardy speaks version " + std::to_string(ours));
  if (struct_size < least)
    throw Error("its table's struct_size is " + std::to_string(struct_size), file,
                "set it to sizeof(" + type + ")");
}

}  // namespace hardy::envs
