#include "cuda/emulation/check/symbols.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

namespace hardy::emulation {
namespace {

struct Tables {
  std::map<std::uintptr_t, std::string> functions;
  std::set<std::string> kernels;  // functions of protected visibility: what __global__ makes of them
  std::map<std::string, std::uintptr_t> objects;
  std::map<std::uintptr_t, std::vector<StaticVariable>> variables;  // by their module's base
};

// "_ZZ6kernelPfE4tile" -> {"_Z6kernelPf", "tile"}: after the last 'E' that a length and an identifier of
// that length follow, perhaps with a discriminator ("_0") behind it.
bool split(std::string_view mangled, std::string& owner, std::string& name) {
  if (!mangled.starts_with("_ZZ")) return false;
  for (std::size_t e = mangled.rfind('E'); e != std::string_view::npos && e > 3;
       e = mangled.rfind('E', e - 1)) {
    std::size_t digits = e + 1, length = 0;
    while (digits < mangled.size() && mangled[digits] >= '0' && mangled[digits] <= '9')
      length = length * 10 + static_cast<std::size_t>(mangled[digits++] - '0');
    if (length == 0) continue;  // an E of the owner's own name
    if (digits + length > mangled.size()) continue;
    const std::string_view rest = mangled.substr(digits + length);
    if (!rest.empty() && rest[0] != '_' && rest[0] != '.') continue;
    owner = "_Z" + std::string(mangled.substr(3, e - 3));
    name = std::string(mangled.substr(digits, length));
    return true;
  }
  return false;
}

void read_table(const char* file, std::size_t size, std::uintptr_t base, Tables& tables) {
  const auto* header = reinterpret_cast<const ElfW(Ehdr)*>(file);
  if (size < sizeof *header || std::string_view(file, 4) != "\177ELF" || header->e_shoff == 0) return;
  if (header->e_shoff + header->e_shnum * sizeof(ElfW(Shdr)) > size) return;
  const auto* sections = reinterpret_cast<const ElfW(Shdr)*>(file + header->e_shoff);
  for (int i = 0; i < header->e_shnum; ++i) {
    if (sections[i].sh_type != SHT_SYMTAB) continue;
    const auto* symbols = reinterpret_cast<const ElfW(Sym)*>(file + sections[i].sh_offset);
    const char* names = file + sections[sections[i].sh_link].sh_offset;
    for (std::size_t s = 0; s < sections[i].sh_size / sizeof(ElfW(Sym)); ++s) {
      const ElfW(Sym)& symbol = symbols[s];
      const char* name = names + symbol.st_name;
      const std::uintptr_t address = base + symbol.st_value;
      const int type = ELF64_ST_TYPE(symbol.st_info);
      if (symbol.st_shndx == SHN_UNDEF || symbol.st_value == 0) continue;
      if (type == STT_FUNC) {
        tables.functions.emplace(address, name);
        if (ELF64_ST_VISIBILITY(symbol.st_other) == STV_PROTECTED) tables.kernels.insert(name);
      }
      StaticVariable v{address, address + symbol.st_size, {}, {}, false};
      // Shared memory has no initialiser: it lies where no bytes of the file do.
      const bool zeroed =
          symbol.st_shndx < header->e_shnum && sections[symbol.st_shndx].sh_type == SHT_NOBITS;
      if (type == STT_OBJECT) tables.objects.emplace(name, address);
      if (type == STT_OBJECT && zeroed && symbol.st_size > 0 && split(name, v.owner, v.name))
        tables.variables[base].push_back(std::move(v));
    }
  }
}

// Kernels and their shared memory are linked into the module that holds the emulation.
bool is_own_module(const dl_phdr_info& info) {
  const auto here = reinterpret_cast<std::uintptr_t>(&is_own_module);
  for (int i = 0; i < info.dlpi_phnum; ++i) {
    const auto& segment = info.dlpi_phdr[i];
    const std::uintptr_t begin = info.dlpi_addr + segment.p_vaddr;
    if (segment.p_type == PT_LOAD && here >= begin && here < begin + segment.p_memsz) return true;
  }
  return false;
}

int read_module(dl_phdr_info* info, std::size_t, void* data) {
  if (!is_own_module(*info)) return 0;
  const char* path = info->dlpi_name[0] == '\0' ? "/proc/self/exe" : info->dlpi_name;
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  struct stat status = {};
  if (fstat(fd, &status) == 0 && status.st_size > 0) {
    const auto size = static_cast<std::size_t>(status.st_size);
    void* file = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (file != MAP_FAILED) {
      read_table(static_cast<const char*>(file), size, info->dlpi_addr, *static_cast<Tables*>(data));
      munmap(file, size);
    }
  }
  close(fd);
  return 0;
}

std::map<const void*, std::string>& given_names() {
  static auto* names = new std::map<const void*, std::string>;
  return *names;
}

const Tables& tables() {
  static const Tables all = [] {
    Tables t;
    dl_iterate_phdr(read_module, &t);
    for (auto& [base, variables] : t.variables) {
      for (StaticVariable& v : variables) v.owner_is_kernel = t.kernels.contains(v.owner);
      std::ranges::sort(variables, {}, &StaticVariable::begin);
    }
    return t;
  }();
  return all;
}

}  // namespace

void name_function(const void* address, const std::string& symbol) { given_names()[address] = symbol; }

std::string symbol_of(const void* address) {
  if (const auto given = given_names().find(address); given != given_names().end()) return given->second;
  const auto it = tables().functions.find(reinterpret_cast<std::uintptr_t>(address));
  if (it != tables().functions.end()) return it->second;
  Dl_info info;
  if (dladdr(address, &info) != 0 && info.dli_sname != nullptr) return info.dli_sname;
  return "kernel";
}

const std::vector<StaticVariable>& static_variables(const void* address) {
  static const std::vector<StaticVariable> none;
  Dl_info info;
  link_map* module = nullptr;
  if (dladdr1(address, &info, reinterpret_cast<void**>(&module), RTLD_DL_LINKMAP) == 0) return none;
  const auto it = tables().variables.find(module->l_addr);
  return it == tables().variables.end() ? none : it->second;
}

void* variable_of(const std::string& symbol) {
  const auto it = tables().objects.find(symbol);
  return it == tables().objects.end() ? nullptr : reinterpret_cast<void*>(it->second);
}

}  // namespace hardy::emulation
