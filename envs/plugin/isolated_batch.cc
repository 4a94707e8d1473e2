// A plug-in's batch in a process of its own.
#include <dlfcn.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>

#include "engine/base/error.h"
#include "engine/base/text.h"
#include "envs/plugin/plugin_batch.h"
#include "envs/plugin/shared_batch.h"
#include "hardy_build.h"

extern char** environ;

namespace hardy::envs {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int kDescriptor = 3;        // under which the child finds the memory
constexpr int kSlice = 20;            // milliseconds between two looks whether the child lives
constexpr double kStartSeconds = 60;  // for a process to begin and load its library
constexpr int kTries = 3;             // of a reset, each in a new process

// The program of a plug-in's process: beside this library where it was built, or where it was installed.
fs::path worker_program() {
  Dl_info here{};
  if (::dladdr(reinterpret_cast<const void*>(&wait_for_change), &here) == 0 || here.dli_fname == nullptr)
    throw Error::failed_run("where this library lies cannot be found out", "isolated=true");
  const fs::path folder = fs::absolute(here.dli_fname).parent_path();
  for (const fs::path& program :
       {folder / "hardy_plugin_worker", folder / HARDY_LIBEXEC_FROM_LIB / "hardy_plugin_worker"})
    if (fs::exists(program)) return program;
  throw Error("the program hardy_plugin_worker is not there", "isolated=true",
              "it is looked for in " + folder.string() + " and " +
                  (folder / HARDY_LIBEXEC_FROM_LIB).lexically_normal().string());
}

// Memory that both map; it grows once the sizes are known.
class SharedMemory {
 public:
  SharedMemory() : descriptor_(::memfd_create("hardy-plugin", MFD_CLOEXEC)) {
    if (descriptor_ < 0 || ::ftruncate(descriptor_, kControlBytes) != 0) fail();
    control_ = static_cast<Control*>(map(kControlBytes, 0));
  }
  ~SharedMemory() {
    if (control_ != nullptr) ::munmap(control_, kControlBytes);
    if (arrays_ != nullptr) ::munmap(arrays_, bytes_);
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  int descriptor() const { return descriptor_; }
  Control& control() { return *control_; }
  SharedArrays arrays() {
    const std::size_t bytes = SharedArrays(*control_, nullptr).bytes;
    if (arrays_ == nullptr) {
      if (::ftruncate(descriptor_, static_cast<off_t>(kControlBytes + bytes)) != 0) fail();
      bytes_ = bytes;
      arrays_ = static_cast<std::byte*>(map(bytes, kControlBytes));
    }
    return {*control_, arrays_};
  }

 private:
  void* map(std::size_t bytes, std::size_t offset) {
    void* const place =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_, static_cast<off_t>(offset));
    if (place == MAP_FAILED) fail();
    return place;
  }
  [[noreturn]] static void fail() {
    throw Error::failed_run("there is not enough memory for a plug-in's process", "isolated=true");
  }
  int descriptor_;
  Control* control_ = nullptr;
  std::byte* arrays_ = nullptr;
  std::size_t bytes_ = 0;
};

// A process that serves one batch, until it dies.
class Worker {
 public:
  Worker(const fs::path& program, const std::string& file, const std::string& config, int instances,
         double timeout)
      : timeout_(timeout) {
    start(program, file);
    try {
      create(file, config, instances);
    } catch (...) {
      end();
      throw;
    }
  }
  ~Worker() {
    if (pid_ <= 0) return;
    memory_.control().call = SharedCall::kQuit;
    tell(memory_.control().asked);
    for (int i = 0; i < 50 && !ended(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(i < 20 ? 1 : 20));
    end();
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  Control& control() { return memory_.control(); }
  SharedArrays arrays() { return memory_.arrays(); }
  bool lives() const { return pid_ > 0; }
  const std::string& how_ended() const { return how_ended_; }

  // False where the process died of it or took too long: it is gone then. An Error is what the plug-in
  // answered.
  bool call(SharedCall call) { return this->call(call, timeout_); }

 private:
  void start(const fs::path& program, const std::string& file) {
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, memory_.descriptor(), kDescriptor);
    std::string name = program.string();
    char* arguments[] = {name.data(), nullptr};
    const int failed = ::posix_spawn(&pid_, name.c_str(), &files, nullptr, arguments, environ);
    posix_spawn_file_actions_destroy(&files);
    if (failed == 0) return;
    pid_ = 0;
    throw Error::failed_run(std::string("its process cannot be started (") + std::strerror(failed) + ")",
                            file);
  }

  void create(const std::string& file, const std::string& config, int instances) {
    Control& c = memory_.control();
    c.instances = instances;
    if (file.size() + config.size() + 2 > sizeof c.text) throw Error("its name is too long", file);
    std::memcpy(c.text, file.c_str(), file.size() + 1);
    std::memcpy(c.text + file.size() + 1, config.c_str(), config.size() + 1);
    if (!call(SharedCall::kCreate, kStartSeconds)) throw Error::failed_run("create: " + how_ended_, file);
    static_cast<void>(memory_.arrays());
    if (!call(SharedCall::kMap, kStartSeconds)) throw Error::failed_run(how_ended_, file);
  }

  bool call(SharedCall what, double seconds) {
    if (!lives()) return false;
    Control& c = memory_.control();
    const std::uint32_t old = c.answered.load(std::memory_order_acquire);
    c.call = what;
    tell(c.asked);
    const auto began = Clock::now();
    while (!wait_for_change(c.answered, old, kSlice)) {
      if (ended()) return false;
      if (std::chrono::duration<double>(Clock::now() - began).count() < seconds) continue;
      end();
      how_ended_ = "it took longer than " + to_text(seconds) + " s";
      return false;
    }
    if (c.code == HARDY_PLUGIN_OK) return true;
    c.text[sizeof c.text - 1] = '\0';
    throw Error(c.text, "", "",
                c.code == HARDY_PLUGIN_BAD_INPUT ? Error::Kind::kBadInput : Error::Kind::kFailedRun);
  }

  bool ended() {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == 0) return false;
    pid_ = 0;
    how_ended_ = WIFSIGNALED(status)
                     ? std::string("its process crashed (") + ::strsignal(WTERMSIG(status)) + ")"
                     : "its process ended by itself (exit code " + std::to_string(WEXITSTATUS(status)) + ")";
    return true;
  }
  void end() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

  SharedMemory memory_;
  double timeout_;
  pid_t pid_ = 0;
  std::string how_ended_;
};

class IsolatedBatch final : public PluginBatch {
 public:
  IsolatedBatch(const std::string& file, const std::string& config, int instances, double timeout)
      : program_(worker_program()),
        file_(file),
        config_(config),
        instances_(instances),
        timeout_(timeout),
        lost_(static_cast<std::size_t>(instances), 0) {
    begin();
    const Control& c = worker_->control();
    const SharedArrays a = worker_->arrays();
    hardy_plugin_spec& s = facts_.spec;
    s.struct_size = sizeof s;
    s.observation_size = c.observation_size, s.action_size = c.action_size,
    s.action_choices = c.action_choices;
    s.max_episode_steps = c.max_episode_steps;
    s.reference_min = c.reference_min, s.reference_max = c.reference_max;
    if (c.has_bounds) {
      facts_.action_low.assign(a.action_low, a.action_low + c.action_size);
      facts_.action_high.assign(a.action_high, a.action_high + c.action_size);
    }
    s.action_low = facts_.action_low.data(), s.action_high = facts_.action_high.data();
    facts_.state_bytes = c.state_bytes;
  }

  const PluginFacts& facts() const override { return facts_; }
  bool lost(int i) const override { return lost_[static_cast<std::size_t>(i)] != 0; }
  std::string how_lost() const override { return how_lost_; }

  void reset(int i, std::uint64_t seed, double* observation) override {
    for (int tries = 0; tries < kTries; ++tries) {
      if (!worker_->lives()) begin();
      Control& c = worker_->control();
      c.begin = i, c.seed = seed;
      if (!worker_->call(SharedCall::kReset)) {
        lose_all();
        continue;
      }
      lost_[static_cast<std::size_t>(i)] = 0;
      std::copy_n(worker_->arrays().observations + offset(i), width(), observation);
      return;
    }
    throw Error::failed_run(
        "reset: " + how_lost_ + ", " + std::to_string(kTries) + " times with seed " + std::to_string(seed),
        file_);
  }

  void step(const hardy_plugin_step& step) override {
    for (int begin = step.begin, end = begin; begin < step.end; begin = end) {
      if (end = begin + 1; lost(begin)) continue;
      while (end < step.end && !lost(end)) ++end;
      if (!step_range(step, begin, end)) lose_all();
    }
  }

  void save(int i, std::byte* state) override {
    ask(SharedCall::kSave, i);
    std::copy_n(worker_->arrays().state, static_cast<std::size_t>(facts_.state_bytes), state);
  }
  void load(int i, const std::byte* state) override {
    if (!worker_->lives()) begin();
    std::copy_n(state, static_cast<std::size_t>(facts_.state_bytes), worker_->arrays().state);
    ask(SharedCall::kLoad, i);
    lost_[static_cast<std::size_t>(i)] = 0;
  }

 private:
  std::size_t width() const { return static_cast<std::size_t>(facts_.spec.observation_size); }
  std::size_t offset(int i) const { return static_cast<std::size_t>(i) * width(); }

  void begin() {
    worker_ = std::make_unique<Worker>(program_, file_, config_, instances_, timeout_);
    const Control& c = worker_->control();
    if (facts_.spec.struct_size != 0 &&
        (c.observation_size != facts_.spec.observation_size || c.action_size != facts_.spec.action_size ||
         c.action_choices != facts_.spec.action_choices || c.state_bytes != facts_.state_bytes))
      throw Error::failed_run("its sizes are others than before", file_, "was the library replaced?");
  }
  void lose_all() {
    how_lost_ = worker_->how_ended();
    std::ranges::fill(lost_, std::uint8_t{1});
  }
  void ask(SharedCall call, int i) {
    worker_->control().begin = i;
    if (worker_->lives() && worker_->call(call)) return;
    lose_all();
    throw Error::failed_run(
        std::string(call == SharedCall::kSave ? "save_state: " : "load_state: ") + how_lost_, file_);
  }

  // False where the process died or hung.
  bool step_range(const hardy_plugin_step& s, int begin, int end) {
    if (!worker_->lives()) return false;
    Control& c = worker_->control();
    const SharedArrays a = worker_->arrays();
    const auto first = static_cast<std::size_t>(begin), n = static_cast<std::size_t>(end - begin);
    const std::size_t act = facts_.action_low.size();
    c.begin = begin, c.end = end;
    if (s.choices != nullptr)
      std::copy_n(s.choices + first, n, a.choices + first);
    else
      std::copy_n(s.actions + first * act, n * act, a.actions + first * act);
    std::fill_n(a.terminated + first, n, std::uint8_t{0});
    std::fill_n(a.truncated + first, n, std::uint8_t{0});
    if (!worker_->call(SharedCall::kStep)) return false;
    std::copy_n(a.observations + offset(begin), n * width(), s.observations + offset(begin));
    std::copy_n(a.rewards + first, n, s.rewards + first);
    std::copy_n(a.terminated + first, n, s.terminated + first);
    std::copy_n(a.truncated + first, n, s.truncated + first);
    return true;
  }

  fs::path program_;
  std::string file_, config_;
  int instances_;
  double timeout_;
  PluginFacts facts_;
  std::vector<std::uint8_t> lost_;
  std::string how_lost_;
  std::unique_ptr<Worker> worker_;
};

}  // namespace

std::unique_ptr<PluginBatch> make_isolated_batch(const std::string& file, const std::string& config,
                                                 int instances, double step_timeout) {
  return std::make_unique<IsolatedBatch>(file, config, instances, step_timeout);
}

}  // namespace hardy::envs
