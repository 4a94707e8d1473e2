#include "envs/plugin/plugin_batch.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <exception>

#include "engine/base/error.h"
#include "engine/base/nearest.h"
#include "engine/base/text.h"
#include "envs/plugin/library.h"

namespace hardy::envs {
namespace {

constexpr const char *kEntry = "hardy_plugin_entry", *kHeader = "hardy/plugin.h";
constexpr std::int64_t kMostStateBytes = std::int64_t{1} << 30;

// A plug-in's own words, in one line.
std::string said(const hardy_plugin_table& table, void* batch) {
  const char* text = table.last_error(batch);
  std::string line = text != nullptr && text[0] != '\0' ? text : "it does not say why";
  std::ranges::replace(line, '\n', ' ');
  return line;
}

class LoadedBatch final : public PluginBatch {
 public:
  LoadedBatch(const PluginLibrary& library, const std::string& config, int instances)
      : table_(library.table()), file_(library.file()) {
    const auto refuse = [&](const std::string& what, int code) {
      throw Error(what, file_, "",
                  code == HARDY_PLUGIN_BAD_INPUT ? Error::Kind::kBadInput : Error::Kind::kFailedRun);
    };
    if (const int code = table_.create(config.c_str(), instances, &batch_); code != HARDY_PLUGIN_OK)
      refuse("create: " + said(table_, nullptr), code);
    try {
      learn_facts(refuse);
    } catch (...) {
      table_.destroy(batch_);
      throw;
    }
  }
  ~LoadedBatch() override { table_.destroy(batch_); }

  const PluginFacts& facts() const override { return facts_; }
  void reset(int i, std::uint64_t seed, double* observation) override {
    require("reset", table_.reset(batch_, i, seed, observation));
  }
  // Neighbours that run in one call.
  void step(const hardy_plugin_step& step, std::span<const std::uint8_t> running) override {
    if (running.empty()) return require("step", table_.step(batch_, &step));
    std::exception_ptr failure;
    hardy_plugin_step part = step;
    for (int begin = step.begin, end = begin; begin < step.end; begin = end) {
      if (end = begin + 1; running[static_cast<std::size_t>(begin)] == 0) continue;
      while (end < step.end && running[static_cast<std::size_t>(end)] != 0) ++end;
      part.begin = begin, part.end = end;
      try {
        require("step", table_.step(batch_, &part));
      } catch (...) {
        if (!failure) failure = std::current_exception();
      }
    }
    if (failure) std::rethrow_exception(failure);
  }
  void save(int i, std::byte* state) override { require("save_state", table_.save_state(batch_, i, state)); }
  void load(int i, const std::byte* state) override {
    require("load_state", table_.load_state(batch_, i, state));
  }
  void abandon(int) override {
    throw Error::failed_run("its state was lost with a process of its own", file_,
                            "give isolated=true, as when it was saved");
  }

 private:
  template <class Refuse>
  void learn_facts(const Refuse& refuse) {
    hardy_plugin_spec& spec = facts_.spec;
    spec.struct_size = sizeof spec;
    if (const int code = table_.spec(batch_, &spec); code != HARDY_PLUGIN_OK)
      refuse("spec: " + said(table_, batch_), code);
    if (spec.action_choices == 0 && spec.action_size > 0) {
      if (spec.action_low == nullptr || spec.action_high == nullptr)
        throw Error("spec: gives no action_low and action_high", file_,
                    "numbers have bounds; of choices give action_choices");
      facts_.action_low.assign(spec.action_low, spec.action_low + spec.action_size);
      facts_.action_high.assign(spec.action_high, spec.action_high + spec.action_size);
    }
    spec.action_low = facts_.action_low.data(), spec.action_high = facts_.action_high.data();
    if (table_.state_size == nullptr) return;
    facts_.state_bytes = table_.state_size(batch_);
    if (facts_.state_bytes < 0) refuse("state_size: " + said(table_, batch_), HARDY_PLUGIN_FAILED);
    if (facts_.state_bytes > kMostStateBytes)
      throw Error("state_size: gives " + std::to_string(facts_.state_bytes) + " bytes", file_,
                  "at most " + std::to_string(kMostStateBytes) + " an instance");
  }
  void require(const char* function, int code) const {
    if (code != HARDY_PLUGIN_OK)
      throw Error::failed_run(std::string(function) + ": " + said(table_, batch_), file_);
  }

  hardy_plugin_table table_;
  std::string file_;
  void* batch_ = nullptr;
  PluginFacts facts_;
};

}  // namespace

PluginLibrary::PluginLibrary(const std::string& file) : file_(file) {
  using Entry = const hardy_plugin_table* (*)();
  const auto entry = reinterpret_cast<Entry>(
      entry_of(file, kEntry, kHeader, "; a C++ library of methods and environments is loaded by --plugin"));
  const hardy_plugin_table* given = entry();
  if (given == nullptr) throw Error(std::string(kEntry) + " gives NULL", file, "give the table");
  check_table(file, kHeader, given->abi_version, HARDY_PLUGIN_ABI, given->struct_size,
              offsetof(hardy_plugin_table, destroy) + sizeof(given->destroy), "hardy_plugin_table");
  std::memcpy(&table_, given, std::min<std::size_t>(given->struct_size, sizeof table_));
  const auto need = [&](const char* name, bool there) {
    if (!there)
      throw Error(std::string("its table has no ") + name, file, "hardy/plugin.h says what it does");
  };
  need("create", table_.create != nullptr);
  need("spec", table_.spec != nullptr);
  need("reset", table_.reset != nullptr);
  need("step", table_.step != nullptr);
  need("last_error", table_.last_error != nullptr);
  need("destroy", table_.destroy != nullptr);
  const int saving =
      (table_.state_size != nullptr) + (table_.save_state != nullptr) + (table_.load_state != nullptr);
  if (saving != 0 && saving != 3)
    throw Error("its table has some of state_size, save_state and load_state", file,
                "give all three or none");
}

void PluginLibrary::check_keys(const std::string& config) const {
  if (table_.keys == nullptr || config.empty()) return;
  const std::vector<std::string> known = split(table_.keys, ',');
  for (const std::string& pair : split(config, ',')) {
    const std::string key = pair.substr(0, pair.find('='));
    if (std::ranges::find(known, key) == known.end())
      throw Error("there is no parameter '" + key + "'", file_, suggestion(key, known));
  }
}

std::unique_ptr<PluginBatch> make_plugin_batch(const PluginLibrary& library, const std::string& config,
                                               int instances) {
  library.check_keys(config);
  return std::make_unique<LoadedBatch>(library, config, instances);
}

}  // namespace hardy::envs
