// hardy/hardy.h: acting by a policy.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <memory>

#include "algorithms/acting/policy_file.h"
#include "engine/base/random.h"
#include "engine/base/version.h"
#include "tools/api/guard.h"

struct hardy_policy {
  std::shared_ptr<const hardy::algorithms::LoadedPolicy> loaded;
  std::string head;
};

struct hardy_actor {
  hardy_actor(const hardy_policy& policy, std::int64_t most)
      : loaded(policy.loaded),
        actor(loaded->spec, most, loaded->parameters),
        observations(static_cast<std::size_t>(most) *
                     static_cast<std::size_t>(loaded->spec.observation_size)),
        actions(loaded->spec.action_size, loaded->spec.action_choices, static_cast<std::size_t>(most)),
        log_probs(static_cast<std::size_t>(most)),
        draws(static_cast<std::size_t>(most), hardy::Random(0, hardy::RandomStream::kExplore)),
        rows(most) {}

  std::shared_ptr<const hardy::algorithms::LoadedPolicy> loaded;
  hardy::algorithms::Actor actor;
  hardy::ThreadTeam team{1};
  std::vector<double> observations;
  hardy::ActionMemory actions;
  std::vector<float> log_probs;
  std::vector<hardy::Random> draws;
  std::int64_t rows;
};

namespace hardy::api {
namespace {

thread_local char last_error[1024] = "";

// Of messages that cost no allocation.
template <class... Values>
int refuse(const char* format, Values... values) noexcept {
  char line[sizeof last_error];
  std::snprintf(line, sizeof line, format, values...);
  return remember(HARDY_BAD_INPUT, line);
}

int open(const algorithms::LoadedPolicy& loaded, hardy_policy** out) {
  auto policy = std::make_unique<hardy_policy>();
  policy->head = name_of(loaded.spec.head);
  policy->loaded = std::make_shared<const algorithms::LoadedPolicy>(loaded);
  // A file whose tensors do not fit its header is refused here, not by the first actor.
  const algorithms::Actor tried(policy->loaded->spec, 1, policy->loaded->parameters);
  *out = policy.release();
  return HARDY_OK;
}

// What act and log_prob are given; a refusal's code, or HARDY_OK.
int check(hardy_actor* a, std::int64_t rows, const double* observations, const void* actions,
          const void* choices) noexcept {
  if (a == nullptr || observations == nullptr)
    return refuse("%s is NULL", a == nullptr ? "actor" : "observations");
  if (rows < 1 || rows > a->rows)
    return refuse("rows is %lld; the actor was made for 1 to %lld", static_cast<long long>(rows),
                  static_cast<long long>(a->rows));
  const bool chooses = algorithms::chooses(a->loaded->spec.head);
  if ((chooses ? choices : actions) == nullptr || (chooses ? actions : choices) != nullptr)
    return refuse("the policy has %s: give memory for them, and NULL for %s", chooses ? "choices" : "numbers",
                  chooses ? "actions" : "choices");
  const auto n = static_cast<std::size_t>(rows),
             width = static_cast<std::size_t>(a->loaded->spec.observation_size);
  for (std::size_t i = 0; i < n * width; ++i)
    if (!std::isfinite(observations[i]))
      return refuse("observation %zu of row %zu is not finite", i % width, i / width);
  std::copy_n(observations, n * width, a->observations.begin());
  return HARDY_OK;
}

// seeds: null for the mode.
int act(hardy_actor* a, std::int64_t rows, const double* observations, const std::uint64_t* seeds,
        std::uint64_t step, float* actions, std::int32_t* choices, float* log_probs) noexcept {
  if (const int code = check(a, rows, observations, actions, choices); code != HARDY_OK) return code;
  const auto n = static_cast<std::size_t>(rows);
  return guarded([&] {
    for (std::size_t i = 0; seeds != nullptr && i < n; ++i)
      a->draws[i] = Random(seeds[i], RandomStream::kExplore, step);
    const std::span<const Random> draws =
        seeds != nullptr ? std::span<const Random>(a->draws) : std::span<const Random>();
    a->actor.act(a->observations, draws, a->actions, a->log_probs, a->team);
    if (choices != nullptr)
      std::copy_n(a->actions.choices.begin(), n, choices);
    else
      std::copy_n(a->actions.numbers.begin(), n * static_cast<std::size_t>(a->loaded->spec.action_size),
                  actions);
    if (log_probs != nullptr) std::copy_n(a->log_probs.begin(), n, log_probs);
  });
}

int log_prob(hardy_actor* a, std::int64_t rows, const double* observations, const float* actions,
             const std::int32_t* choices, float* log_probs) noexcept {
  if (const int code = check(a, rows, observations, actions, choices); code != HARDY_OK) return code;
  if (log_probs == nullptr) return refuse("%s is NULL", "log_probs");
  const auto n = static_cast<std::size_t>(rows);
  return guarded([&] {
    std::ranges::fill(a->actions.choices, 0);  // of rows beyond these: one that there is
    if (choices != nullptr)
      std::copy_n(choices, n, a->actions.choices.begin());
    else
      std::copy_n(actions, n * static_cast<std::size_t>(a->loaded->spec.action_size),
                  a->actions.numbers.begin());
    a->actor.log_prob(a->observations, a->actions, a->log_probs, a->team);
    std::copy_n(a->log_probs.begin(), n, log_probs);
  });
}

}  // namespace

int remember(int code, const char* line) noexcept {
  std::size_t n = 0;
  for (; line[n] != '\0' && n + 1 < sizeof last_error; ++n) last_error[n] = line[n] == '\n' ? ' ' : line[n];
  last_error[n] = '\0';
  return code;
}

}  // namespace hardy::api

using hardy::api::guarded;
using hardy::api::require;

const char* hardy_version(void) {
  static const std::string text = hardy::version();
  return text.c_str();
}

const char* hardy_last_error(void) { return hardy::api::last_error; }

int hardy_policy_open(const char* path, hardy_policy** out) {
  if (out != nullptr) *out = nullptr;
  return guarded([&] {
    require(out, "out");
    require(path, "path");
    hardy::api::open(hardy::algorithms::read_policy(path), out);
  });
}

int hardy_policy_open_memory(const void* bytes, size_t size, hardy_policy** out) {
  if (out != nullptr) *out = nullptr;
  return guarded([&] {
    require(out, "out");
    require(bytes, "bytes");
    hardy::api::open(
        hardy::algorithms::read_policy({static_cast<const std::byte*>(bytes), size}, "the policy in memory"),
        out);
  });
}

void hardy_policy_close(hardy_policy* policy) { delete policy; }

int hardy_policy_describe(const hardy_policy* policy, hardy_policy_info* info) {
  return guarded([&] {
    require(policy, "policy");
    constexpr std::size_t kOldest = offsetof(hardy_policy_info, environment) + sizeof(const char*);
    const std::uint32_t size = hardy::api::taken(info, kOldest, "hardy_policy_info").struct_size;
    const hardy::algorithms::LoadedPolicy& loaded = *policy->loaded;
    const hardy::algorithms::PolicySpec& spec = loaded.spec;
    const bool chooses = hardy::algorithms::chooses(spec.head);
    hardy_policy_info mine{};
    mine.struct_size = size;
    mine.action_kind = chooses ? HARDY_CHOICES : HARDY_NUMBERS;
    mine.observation_size = spec.observation_size;
    mine.action_size = spec.action_size;
    mine.action_choices = spec.action_choices;
    using hardy::algorithms::Head;
    mine.stochastic =
        spec.head == Head::kGaussian || spec.head == Head::kTanhGaussian || spec.head == Head::kCategorical;
    mine.action_low = chooses ? nullptr : spec.action_low.data();
    mine.action_high = chooses ? nullptr : spec.action_high.data();
    mine.head = policy->head.c_str();
    mine.environment = loaded.environment.c_str();
    std::memcpy(info, &mine, std::min<std::size_t>(size, sizeof mine));
  });
}

int hardy_actor_create(const hardy_policy* policy, int64_t rows, hardy_actor** out) {
  if (out != nullptr) *out = nullptr;
  return guarded([&] {
    require(out, "out");
    require(policy, "policy");
    if (rows < 1 || rows > 1 << 20)
      throw hardy::Error("is " + std::to_string(rows), "rows", "give 1 to 1048576");
    *out = std::make_unique<hardy_actor>(*policy, rows).release();
  });
}

void hardy_actor_destroy(hardy_actor* actor) { delete actor; }

int hardy_act(hardy_actor* actor, int64_t rows, const double* observations, float* actions, int32_t* choices,
              float* log_probs) {
  return hardy::api::act(actor, rows, observations, nullptr, 0, actions, choices, log_probs);
}

int hardy_act_sample(hardy_actor* actor, int64_t rows, const double* observations, const uint64_t* seeds,
                     uint64_t step, float* actions, int32_t* choices, float* log_probs) {
  if (seeds == nullptr) return hardy::api::remember(HARDY_BAD_INPUT, "seeds is NULL");
  return hardy::api::act(actor, rows, observations, seeds, step, actions, choices, log_probs);
}

int hardy_log_prob(hardy_actor* actor, int64_t rows, const double* observations, const float* actions,
                   const int32_t* choices, float* log_probs) {
  return hardy::api::log_prob(actor, rows, observations, actions, choices, log_probs);
}
