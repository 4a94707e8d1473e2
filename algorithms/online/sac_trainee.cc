#include "algorithms/online/sac_trainee.h"

#include <algorithm>

namespace hardy::algorithms {
namespace {

template <class T>
void add(run::ArchiveWriter& file, const std::string& name, const std::vector<T>& x) {
  file.add<T>(name, Shape{static_cast<std::int64_t>(x.size())}, std::span<const T>(x));
}
template <class T>
std::vector<T> get(const run::Archive& file, const std::string& name) {
  const auto x = file.get<T>(name);
  return {x.begin(), x.end()};
}

// Tables [agents, from, ...] as [agents, to, ...]; new rows are 0.
std::vector<float> with_capacity(const std::vector<float>& table, std::int64_t agents, std::int64_t from,
                                 std::int64_t to) {
  const std::int64_t width = static_cast<std::int64_t>(table.size()) / (agents * from);
  std::vector<float> all(static_cast<std::size_t>(agents * to * width), 0.0f);
  for (std::int64_t a = 0; a < agents; ++a)
    std::copy_n(table.begin() + a * from * width, std::min(from, to) * width, all.begin() + a * to * width);
  return all;
}

}  // namespace

void SacTrainee::save(run::ArchiveWriter& file) const {
  const Interaction::State s = interaction_.state();
  const Replay& r = interaction_.replay();
  file.header()["interaction"] = {{"t", s.t}, {"rows", r.rows}, {"capacity", capacity_}};
  add(file, "interaction/episodes", s.episodes);
  add(file, "interaction/returns", s.returns);
  add(file, "interaction/last_returns", s.last_returns);
  add(file, "interaction/observations", s.observations);
  add(file, "interaction/environments", s.environments);
  add(file, "replay/observations", r.observations);
  add(file, "replay/actions", r.actions);
  add(file, "replay/rewards", r.rewards);
  add(file, "replay/next_observations", r.next_observations);
  add(file, "replay/terminals", r.terminals);
}

void SacTrainee::restore(const run::Archive& file) {
  const auto& h = file.header().at("interaction");
  const auto capacity = h.at("capacity").get<std::int64_t>();
  Interaction::State s;
  s.t = h.at("t");
  // A run that goes on longer may have more room. What has been overwritten is gone, though.
  if (capacity != capacity_ && (s.t > capacity || s.t > capacity_))
    throw Error(
        "the checkpoint's replay of " + std::to_string(capacity) + " rows has wrapped or does not fit",
        "--capacity " + std::to_string(capacity_), "keep the capacity that the run began with");
  s.episodes = get<std::uint64_t>(file, "interaction/episodes");
  s.returns = get<double>(file, "interaction/returns");
  s.last_returns = get<double>(file, "interaction/last_returns");
  s.observations = get<double>(file, "interaction/observations");
  s.environments = get<double>(file, "interaction/environments");
  Replay r{get<float>(file, "replay/observations"), get<float>(file, "replay/actions"),
           get<float>(file, "replay/rewards"),      get<float>(file, "replay/next_observations"),
           get<float>(file, "replay/terminals"),    h.at("rows")};
  if (capacity != capacity_) {
    const auto agents = static_cast<std::int64_t>(s.episodes.size());
    for (std::vector<float>* table :
         {&r.observations, &r.actions, &r.rewards, &r.next_observations, &r.terminals})
      *table = with_capacity(*table, agents, capacity, capacity_);
  }
  interaction_.restore(s, r);
}

}  // namespace hardy::algorithms
