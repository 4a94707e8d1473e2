#include "cuda/emulation/ptx/modules.h"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

#include "cuda/emulation/control.h"
#include "cuda/emulation/ptx/machine.h"
#include "cuda/emulation/run/report.h"

namespace hardy::emulation {
namespace ptx {
namespace {

void read_files(const std::string& paths, Module& module) {
  std::istringstream all(paths);
  for (std::string path; std::getline(all, path, ':');) {
    std::ifstream file(path);
    if (!file) fail("cannot read the PTX file %s", path.c_str());
    parse(std::string(std::istreambuf_iterator<char>(file), {}), path, Variables::kOfHost, module);
  }
}

Module& loaded() {
  static auto* module = [] {
    auto* m = new Module;
    if (const char* files = std::getenv("HARDY_EMULATION_PTX")) read_files(files, *m);
    return m;
  }();
  return *module;
}

Module& embedded() {
  static auto* module = new Module;
  return *module;
}

}  // namespace

Kernel find_kernel(const std::string& symbol) {
  for (const Module* module : {&loaded(), &embedded()})
    if (!module->functions.empty() && (module == &embedded() || options().ptx))
      if (const Function* function = module->find(symbol)) return {module, function};
  return {};
}

void embed(const std::string& text) { parse(text, "embedded PTX", Variables::kOwn, embedded()); }

Variable* find_embedded_variable(const std::string& name) {
  const auto it = embedded().variables.find(name);
  return it == embedded().variables.end() ? nullptr : &it->second;
}

std::function<void()> thread_body(Kernel kernel, std::vector<std::string> arguments) {
  const std::vector<Slot>& wanted = kernel.function->parameters;
  if (arguments.size() != wanted.size())
    fail("PTX kernel %s has %zu parameters, the launch %zu arguments", kernel.function->name.c_str(),
         wanted.size(), arguments.size());
  for (std::size_t k = 0; k < wanted.size(); ++k)
    if (arguments[k].size() != wanted[k].bytes)
      fail("parameter %zu of PTX kernel %s has %zu bytes, the launch's argument %zu", k,
           kernel.function->name.c_str(), wanted[k].bytes, arguments[k].size());
  kernel.function->has_run = true;
  return [kernel, arguments = std::move(arguments)] {
    Machine(*kernel.module, *kernel.function, arguments).run();
  };
}

std::string place_of(const void* instruction) {
  const auto* i = static_cast<const Instruction*>(instruction);
  for (const Module* module : {&loaded(), &embedded()})
    for (const auto& [name, f] : module->functions)
      if (!f->code.empty() && i >= f->code.data() && i < f->code.data() + f->code.size())
        return "PTX line " + std::to_string(i->line) + ": " + i->text;
  return "";
}

}  // namespace ptx

void load_ptx(const std::string& paths) { ptx::read_files(paths, ptx::loaded()); }
void load_ptx_text(const std::string& text) {
  ptx::parse(text, "PTX", ptx::Variables::kOfHost, ptx::loaded());
}
void unload_ptx() { ptx::loaded() = {}; }
std::vector<std::string> kernels_run_from_ptx() {
  std::vector<std::string> symbols;
  for (const auto& [symbol, function] : ptx::loaded().functions)
    if (function->has_run) symbols.push_back(symbol);
  return symbols;
}

}  // namespace hardy::emulation
