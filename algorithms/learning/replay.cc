#include "algorithms/learning/replay.h"

#include <algorithm>
#include <limits>
#include <string>

#include "engine/base/memory.h"

namespace hardy::algorithms {
namespace {

// Two observations, an action, a reward and a flag a row, each number of 4 bytes.
std::uint64_t replay_bytes(std::int64_t agents, std::int64_t capacity, const envs::EnvSpec& spec) {
  return bytes_of(
      {agents, capacity, 2 * spec.observation_size + spec.action_size + 2, std::int64_t{sizeof(float)}});
}

// Tables [agents, from, ...] as [agents, to, ...]; new rows are 0.
template <class T>
void with_capacity(std::span<const T> table, std::int64_t agents, std::int64_t from, std::int64_t to,
                   std::vector<T>& all) {
  const std::int64_t width = static_cast<std::int64_t>(table.size()) / (agents * from);
  std::ranges::fill(all, T(0));
  for (std::int64_t a = 0; a < agents; ++a)
    std::copy_n(table.begin() + a * from * width, std::min(from, to) * width, all.begin() + a * to * width);
}

}  // namespace

Replay::Replay(std::int64_t agents, std::int64_t capacity, const envs::EnvSpec& spec, const std::string& key)
    : agents_(agents),
      capacity_(capacity),
      observation_size_(spec.observation_size),
      bounds_{spec.action_low, spec.action_high, spec.name} {
  require_memory(replay_bytes(agents, capacity, spec),
                 "a replay of " + std::to_string(capacity) + " rows for each of " + std::to_string(agents) +
                     (agents == 1 ? " agent" : " agents"),
                 key, "give a smaller " + key + ", or fewer --seeds");
  if (capacity > std::numeric_limits<std::int32_t>::max())
    throw Error("more rows than a row's number counts", key + " " + std::to_string(capacity),
                "give at most " + std::to_string(std::numeric_limits<std::int32_t>::max()));
  const auto rows = static_cast<std::size_t>(agents * capacity);
  observations_.resize(rows * static_cast<std::size_t>(spec.observation_size));
  next_observations_.resize(observations_.size());
  if (spec.discrete())
    choices_.resize(rows);
  else
    actions_.resize(rows * static_cast<std::size_t>(spec.action_size));
  rewards_.resize(rows);
  terminals_.resize(rows);
}

TransitionTables Replay::tables() {
  return {.observations = observations_.data(),
          .actions = actions_.data(),
          .rewards = rewards_.data(),
          .next_observations = next_observations_.data(),
          .terminals = terminals_.data(),
          .rows = &rows_,
          .capacity = capacity_,
          .choices = choices_.empty() ? nullptr : choices_.data()};
}

template <class Self, class F>
void Replay::for_tables(Self& self, F&& f) {
  const auto each = [&](auto& table, const char* name) {
    if (!table.empty())
      f(table, static_cast<std::int64_t>(table.size()) / (self.agents_ * self.capacity_), name);
  };
  each(self.observations_, "replay/observations");
  each(self.actions_, "replay/actions");
  each(self.choices_, "replay/choices");
  each(self.rewards_, "replay/rewards");
  each(self.next_observations_, "replay/next_observations");
  each(self.terminals_, "replay/terminals");
}

void Replay::put(std::int64_t agent, std::int64_t t, const Step& step) {
  const auto row = static_cast<std::size_t>(agent * capacity_ + t % capacity_),
             obs = static_cast<std::size_t>(observation_size_), act = bounds_.size();
  const auto narrow = [](double x) { return static_cast<float>(x); };
  std::ranges::transform(step.observation, &observations_[row * obs], narrow);
  std::ranges::transform(step.next_observation, &next_observations_[row * obs], narrow);
  if (!choices_.empty()) {
    choices_[row] = step.action.choices()[0];
  } else {
    std::ranges::copy(step.action.numbers(), &actions_[row * act]);
    bounds_.scale(std::span(actions_).subspan(row * act, act));
  }
  rewards_[row] = narrow(step.reward);
  terminals_[row] = step.terminated;
}

std::unique_ptr<device::RowFeed> Replay::feed(device::Mirror* mirror) {
  if (!mirror) return nullptr;
  std::vector<device::RowFeed::Table> tables;
  for_tables(*this, [&](auto& table, std::int64_t width, const char*) {
    static_assert(sizeof table[0] == sizeof(std::uint32_t));
    tables.push_back({table.data(), width});
  });
  return std::make_unique<device::RowFeed>(*mirror, tables, agents_, capacity_, &rows_);
}

void Replay::save(run::ArchiveWriter& file) const {
  for_tables(*this, [&]<class T>(const std::vector<T>& table, std::int64_t, const char* name) {
    file.add<T>(name, Shape{static_cast<std::int64_t>(table.size())}, std::span<const T>(table));
  });
}

void Replay::restore(const run::Archive& file, std::int64_t saved_capacity, std::int32_t rows,
                     std::int64_t t) {
  // A run that goes on longer may have more room. What has been overwritten is gone, though.
  if (saved_capacity != capacity_ && (t > saved_capacity || t > capacity_))
    throw Error(
        "the checkpoint's replay of " + std::to_string(saved_capacity) + " rows has wrapped or does not fit",
        "--capacity " + std::to_string(capacity_), "keep the capacity that the run began with");
  // In place: the graphs read this memory.
  for_tables(*this, [&]<class T>(std::vector<T>& table, std::int64_t width, const char* name) {
    const std::span<const T> saved = file.get<T>(name);
    if (static_cast<std::int64_t>(saved.size()) != agents_ * saved_capacity * width)
      throw Error("tensor " + std::string(name) + " has another size than this run needs", "a checkpoint");
    with_capacity(saved, agents_, saved_capacity, capacity_, table);
  });
  rows_ = rows;
}

}  // namespace hardy::algorithms
