// What a simulator's process and Hardy's share: a piece of memory (a memfd, mapped by both) in which one
// writes a request and the other answers. One request at a time. Served by plug-ins' process (serve_plugin)
// and by Gymnasium's (envs/gymnasium/worker.py, which has the same Control and the same order of arrays).
//
// The first kControlBytes hold a Control; behind them lie a batch's arrays, once their sizes are known.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "envs/plugin/plugin.h"

namespace hardy::envs {

enum class SharedCall : std::int32_t { kNone, kCreate, kMap, kReset, kStep, kSave, kLoad, kQuit };

struct Control {
  std::atomic<std::uint32_t> asked, answered;  // counts; each is a futex for the other's process
  SharedCall call;
  std::int32_t code;  // of the answer: hardy_plugin_status
  // create: name (a plug-in's file) and config in `text`, each with its end; the sizes and state_bytes come
  // back
  std::int32_t instances, observation_size, action_size, action_choices, max_episode_steps, has_bounds;
  std::int64_t state_bytes;
  double reference_min, reference_max;
  // reset, save and load; a step is of all that are `running`
  std::int32_t instance, unused;
  std::uint64_t seed;
  char text[32768];  // or, of an answer, what went wrong
};
inline constexpr std::size_t kControlBytes = 65536;
static_assert(sizeof(Control) <= kControlBytes && std::atomic<std::uint32_t>::is_always_lock_free);

// Where a batch's arrays lie behind the control.
struct SharedArrays {
  SharedArrays(const Control& sizes, std::byte* base);  // base null: for `bytes` alone
  double *observations, *rewards;
  float *actions, *action_low, *action_high;
  std::int32_t* choices;
  std::uint8_t *terminated, *truncated;
  std::uint8_t* running;  // 1: is to be stepped
  std::uint8_t* failed;   // 1: could not be; `text` says why the first could not
  std::byte* state;       // of one instance
  std::size_t bytes;
};

// Waits until `counter` is no longer `old`: spins shortly, then sleeps, up to `milliseconds`. Whether it is.
bool wait_for_change(const std::atomic<std::uint32_t>& counter, std::uint32_t old, int milliseconds);
void tell(std::atomic<std::uint32_t>& counter);  // counts on, and wakes the other

// What runs in a plug-in's process: answers what is asked in the memory behind `descriptor`, until kQuit or
// the parent is gone. An exit code.
int serve_plugin(int descriptor);

}  // namespace hardy::envs
