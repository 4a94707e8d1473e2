// A plug-in's batch (hardy/plugin.h), wherever its functions run: in this process or in one of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "envs/plugin/plugin.h"

namespace hardy {
class Parameters;
}

namespace hardy::envs {

class BatchEnvironment;

// What a plug-in says of itself, in memory of our own.
struct PluginFacts {
  hardy_plugin_spec spec{};  // its pointers lead to the bounds below
  std::vector<float> action_low, action_high;
  std::int64_t state_bytes = -1;  // -1: an instance's state cannot be saved
};

class PluginBatch {
 public:
  virtual ~PluginBatch() = default;
  virtual const PluginFacts& facts() const = 0;
  // Errors say what the plug-in said, and are failed runs.
  virtual void reset(int i, std::uint64_t seed, double* observation) = 0;
  // running [instances]: those of the step's range that are not 0; empty: all of it. The first Error is
  // thrown after all have been stepped.
  virtual void step(const hardy_plugin_step& step, std::span<const std::uint8_t> running) = 0;
  // Of an instance that is lost, or comes to be so by it, nothing is written.
  virtual void save(int i, std::byte* state) = 0;
  virtual void load(int i, const std::byte* state) = 0;
  // Whether instance i has lost its state, with the process that it was in or by itself; reset() gives it a
  // new one.
  virtual bool lost(int /*i*/) const { return false; }
  // How it last came to that: "its process crashed (Segmentation fault)".
  virtual std::string how_lost(int /*i*/) const { return ""; }
  // Instance i is lost, as it was when somebody saved it.
  virtual void abandon(int i) = 0;
};

// A library that is loaded, for good, and its table as far as it reaches, the rest null. Errors: no such
// file, no library, no hardy_plugin_entry, another version, functions that are missing.
class PluginLibrary {
 public:
  explicit PluginLibrary(const std::string& file);
  const hardy_plugin_table& table() const { return table_; }
  const std::string& file() const { return file_; }
  // Refuses a configuration "mass=2,g=9.8" with a key that the library says it does not know; the nearest is
  // said.
  void check_keys(const std::string& config) const;

 private:
  std::string file_;
  hardy_plugin_table table_{};
};

// A batch in this process. Errors: a key that is not known, what create or spec refused, as the plug-in says
// it.
std::unique_ptr<PluginBatch> make_plugin_batch(const PluginLibrary& library, const std::string& config,
                                               int instances);
// A batch in `workers` processes of its own (at most one an instance), each with a share of the instances,
// which a crash or a call of more than step_timeout seconds ends: its instances are lost then, until each is
// reset, in a new process. The same bits for any number of workers. The library is not loaded here.
std::unique_ptr<PluginBatch> make_isolated_batch(const std::string& file, const std::string& config,
                                                 int workers, int instances, double step_timeout);
// The same with any program that serves a batch.
struct WorkerStart;
std::unique_ptr<PluginBatch> make_worker_batch(const WorkerStart& start, int workers, int instances,
                                               double step_timeout);

// The environment that steps a batch: time limits, bounds, and what is not finite. refuse: actions out of
// bounds are an Error, and are moved to them otherwise.
std::unique_ptr<BatchEnvironment> make_adapted(const std::string& name, std::unique_ptr<PluginBatch> batch,
                                               int instances, bool refuse);
// What the families of simulators have in common: actions=clip or refuse, whether the latter; and, of those
// with processes, how many, and how long a call may take.
bool refuses_actions(Parameters& keys);
struct WorkerKeys {
  int workers;
  double step_timeout;
};
WorkerKeys worker_keys(Parameters& keys);

}  // namespace hardy::envs
