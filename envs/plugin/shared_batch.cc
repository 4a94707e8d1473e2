#include "envs/plugin/shared_batch.h"

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <limits>
#include <memory>
#include <string>

#include "engine/base/error.h"
#include "envs/plugin/plugin_batch.h"

namespace hardy::envs {
namespace {

// The next array of n elements; each begins at a multiple of 64 bytes.
template <class T>
T* take(std::byte* base, std::size_t& at, std::size_t n) {
  T* const place = base == nullptr ? nullptr : reinterpret_cast<T*>(base + at);
  at += (n * sizeof(T) + 63) / 64 * 64;
  return place;
}

// What the child keeps between requests.
struct Served {
  std::unique_ptr<PluginLibrary> library;
  std::unique_ptr<PluginBatch> batch;
  std::byte* base = nullptr;
};

void create(Control& c, Served& s) {
  const std::string file = c.text, config = c.text + file.size() + 1;
  s.library = std::make_unique<PluginLibrary>(file);
  s.batch = make_plugin_batch(*s.library, config, c.instances);  // which looks at the keys
  const PluginFacts& facts = s.batch->facts();
  c.observation_size = facts.spec.observation_size;
  c.action_size = facts.spec.action_size;
  c.action_choices = facts.spec.action_choices;
  c.max_episode_steps = facts.spec.max_episode_steps;
  c.has_bounds = !facts.action_low.empty();
  c.reference_min = facts.spec.reference_min, c.reference_max = facts.spec.reference_max;
  c.state_bytes = facts.state_bytes;
}

void answer(Control& c, Served& s, int descriptor) {
  if (c.call == SharedCall::kCreate) return create(c, s);
  if (c.call == SharedCall::kMap) {
    const std::size_t bytes = SharedArrays(c, nullptr).bytes;
    void* const place = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, kControlBytes);
    if (place == MAP_FAILED) throw Error::failed_run("there is not enough memory for its batch");
    s.base = static_cast<std::byte*>(place);
    const SharedArrays a(c, s.base);
    std::ranges::copy(s.batch->facts().action_low, a.action_low);
    std::ranges::copy(s.batch->facts().action_high, a.action_high);
    return;
  }
  const SharedArrays a(c, s.base);
  const auto width = static_cast<std::size_t>(c.observation_size);
  if (c.call == SharedCall::kReset)
    s.batch->reset(c.instance, c.seed, a.observations + static_cast<std::size_t>(c.instance) * width);
  if (c.call == SharedCall::kSave) s.batch->save(c.instance, a.state);
  if (c.call == SharedCall::kLoad) s.batch->load(c.instance, a.state);
  if (c.call != SharedCall::kStep) return;
  hardy_plugin_step step{};
  step.struct_size = sizeof step;
  step.end = c.instances;
  step.actions = c.action_choices > 0 ? nullptr : a.actions;
  step.choices = c.action_choices > 0 ? a.choices : nullptr;
  step.observations = a.observations, step.rewards = a.rewards;
  step.terminated = a.terminated, step.truncated = a.truncated;
  s.batch->step(step, {a.running, static_cast<std::size_t>(c.instances)});
}

void say(Control& c, const std::string& text) {
  const std::size_t n = std::min(text.size(), sizeof c.text - 1);
  std::memcpy(c.text, text.data(), n);
  c.text[n] = '\0';
}

long futex(const std::atomic<std::uint32_t>& word, int operation, std::uint32_t value, const timespec* time) {
  return ::syscall(SYS_futex, &word, operation, value, time, nullptr, 0);
}

}  // namespace

SharedArrays::SharedArrays(const Control& sizes, std::byte* base) {
  const auto n = static_cast<std::size_t>(sizes.instances);
  const auto act = static_cast<std::size_t>(sizes.has_bounds ? sizes.action_size : 0);
  std::size_t at = 0;
  observations = take<double>(base, at, n * static_cast<std::size_t>(sizes.observation_size));
  rewards = take<double>(base, at, n);
  actions = take<float>(base, at, n * act);
  action_low = take<float>(base, at, act);
  action_high = take<float>(base, at, act);
  choices = take<std::int32_t>(base, at, n);
  terminated = take<std::uint8_t>(base, at, n);
  truncated = take<std::uint8_t>(base, at, n);
  running = take<std::uint8_t>(base, at, n);
  failed = take<std::uint8_t>(base, at, n);
  state = take<std::byte>(base, at, static_cast<std::size_t>(std::max<std::int64_t>(0, sizes.state_bytes)));
  bytes = at;
}

bool wait_for_change(const std::atomic<std::uint32_t>& counter, std::uint32_t old, int milliseconds) {
  constexpr int kSpins = 300;  // some ten microseconds
  for (int i = 0; i < kSpins; ++i) {
    if (counter.load(std::memory_order_acquire) != old) return true;
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
  const timespec time{milliseconds / 1000, milliseconds % 1000 * 1000000L};
  futex(counter, FUTEX_WAIT, old, &time);
  return counter.load(std::memory_order_acquire) != old;
}

void tell(std::atomic<std::uint32_t>& counter) {
  counter.fetch_add(1, std::memory_order_release);
  futex(counter, FUTEX_WAKE, 1, nullptr);
}

int serve_plugin(int descriptor) {
  void* const place = ::mmap(nullptr, kControlBytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (place == MAP_FAILED) return 1;
  Control& c = *static_cast<Control*>(place);
  const pid_t parent = ::getppid();
  Served served;
  for (std::uint32_t done = 0;; ++done) {
    while (!wait_for_change(c.asked, done, 1000))
      if (::getppid() != parent) return 1;
    if (c.call == SharedCall::kQuit) break;
    try {
      answer(c, served, descriptor);
      c.code = HARDY_PLUGIN_OK;
    } catch (const Error& e) {
      say(c, e.message());
      c.code = e.exit_code();
    } catch (const std::exception& e) {
      say(c, e.what());
      c.code = HARDY_PLUGIN_FAILED;
    }
    tell(c.answered);
  }
  served.batch.reset();
  tell(c.answered);
  return 0;
}

}  // namespace hardy::envs
