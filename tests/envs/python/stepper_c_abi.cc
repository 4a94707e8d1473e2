// The stepper behind C functions: mujoco_parity.py builds these sources against the MuJoCo that
// Gymnasium runs, and loads the result beside it. Returns 0, or -1 after an Error.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "engine/base/error.h"
#include "envs/environment.h"

namespace {

template <class Body>
int guarded(Body&& body) {
  try {
    body();
    return 0;
  } catch (const hardy::Error&) {
    return -1;
  }
}

hardy::envs::BatchEnvironment& as_env(void* env) { return *static_cast<hardy::envs::BatchEnvironment*>(env); }

}  // namespace

extern "C" {

void* parity_make(const char* name) {
  void* made = nullptr;
  guarded([&] { made = hardy::envs::make_environment(name, 1).release(); });
  return made;
}

void parity_free(void* env) { std::unique_ptr<hardy::envs::BatchEnvironment>(&as_env(env)).reset(); }

std::int64_t parity_state_size(void* env) { return static_cast<std::int64_t>(as_env(env).state_size()); }

int parity_reset(void* env, std::uint64_t seed, double* observation) {
  auto& e = as_env(env);
  return guarded([&] {
    e.reset(0, seed, {observation, static_cast<std::size_t>(e.spec().observation_size)});
  });
}

int parity_state(void* env, double* state, int load) {
  auto& e = as_env(env);
  return guarded([&] {
    if (load)
      e.load_state(0, {state, e.state_size()});
    else
      e.save_state(0, {state, e.state_size()});
  });
}

// Of a task of numbers.
int parity_step(void* env, const float* action, double* observation, double* reward, std::uint8_t* flags) {
  auto& e = as_env(env);
  return guarded([&] {
    e.step(0, 1, std::span(action, static_cast<std::size_t>(e.spec().action_size)),
           {observation, static_cast<std::size_t>(e.spec().observation_size)}, {reward, 1}, {flags, 1},
           {flags + 1, 1});
  });
}

}  // extern "C"
