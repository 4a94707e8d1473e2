#include "algorithms/online/sac_trainee.h"

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
  if (h.at("capacity").get<std::int64_t>() != capacity_) throw Error("the checkpoint's replay has another capacity", "checkpoint");
  Interaction::State s;
  s.t = h.at("t");
  s.episodes = get<std::uint64_t>(file, "interaction/episodes");
  s.returns = get<double>(file, "interaction/returns");
  s.last_returns = get<double>(file, "interaction/last_returns");
  s.observations = get<double>(file, "interaction/observations");
  s.environments = get<double>(file, "interaction/environments");
  Replay r{get<float>(file, "replay/observations"), get<float>(file, "replay/actions"), get<float>(file, "replay/rewards"),
           get<float>(file, "replay/next_observations"), get<float>(file, "replay/terminals"), h.at("rows")};
  interaction_.restore(s, r);
}

}  // namespace hardy::algorithms
