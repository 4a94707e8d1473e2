#include "algorithms/online/continuing_trainee.h"

#include <algorithm>
#include <utility>

namespace hardy::algorithms {
namespace {

std::string frozen_tensor(std::size_t i) { return "offline_policy/" + std::to_string(i); }

// The policy's tensors in the store: what acts, and no target of it.
std::vector<int> policy_tensors(const Learner& learner) {
  std::vector<int> all;
  for (const Network& n : learner.program().networks)
    if (n.name == "policy" || n.name.starts_with("policy/"))
      all.insert(all.end(), n.tensors.begin(), n.tensors.end());
  return all;
}

std::unique_ptr<InteractingTrainee> make_interaction(const Method& method, const std::string& name,
                                                     OfflineTrainee& offline, const std::string& environment,
                                                     const OnlineSettings& settings,
                                                     const DescentDefaults& descent) {
  constexpr std::int64_t kMostRows = 1000000;
  InteractionSettings i;
  i.environment = environment;
  i.capacity = std::min(settings.steps, kMostRows);
  i.start_steps = MixedSource::rows_from_replay(settings.share, method.batch_size()) - 1;
  const OfflineBeginning beginning{.policy = offline.policy(),
                                   .data = &offline.data(),
                                   .tables = offline.tables(),
                                   .share = settings.share,
                                   .noise = settings.noise,
                                   .corruption = settings.corruption,
                                   .frozen = settings.expansion ? &offline.learner().parameters() : nullptr,
                                   .temperature = settings.temperature};
  const std::span<const std::uint64_t> seeds = offline.learner().seeds();
  return std::make_unique<InteractingTrainee>(
      method, name, i, std::vector<std::uint64_t>(seeds.begin(), seeds.end()), nullptr, descent, &beginning);
}

}  // namespace

ContinuingTrainee::ContinuingTrainee(const Method& method, const std::string& name,
                                     std::unique_ptr<OfflineTrainee> offline, std::int64_t offline_steps,
                                     const std::string& environment, const OnlineSettings& settings,
                                     const DescentDefaults& descent)
    : offline_(std::move(offline)),
      offline_steps_(offline_steps),
      settings_(settings),
      online_(make_interaction(method, name, *offline_, environment, settings, descent)) {}

// Before the first online step, not after the last offline one: what is asked of the learner in between is of
// the offline step.
void ContinuingTrainee::go_online() {
  online_->learner().write_parameters([&](nn::ParameterStore& store) {
    offline_->learner().write_parameters(
        [&](nn::ParameterStore& learned) { std::ranges::copy(learned.memory(), store.memory().begin()); });
  });
  online_->learner().restore(offline_->learner().state());
  online_phase_ = true;
}

void ContinuingTrainee::step(ThreadTeam& team) {
  if (!online_phase_ && offline_->steps_done() == offline_steps_) go_online();
  if (online_phase_)
    online_->step(team);
  else
    offline_->step(team);
}

ReportValues ContinuingTrainee::own_reports() const {
  const auto& i = *online_;
  const auto steps = static_cast<double>(i.steps_done());
  const std::size_t agents = i.last_returns().size();
  ReportValues values{{"online/steps", std::vector<double>(agents, online_phase_ ? steps : 0)}};
  if (!online_phase_) return values;
  values["online/return"] = i.last_returns();
  const auto shares = [&](const std::vector<std::uint64_t>& counts) {
    std::vector<double> all;
    for (const std::uint64_t n : counts) all.push_back(static_cast<double>(n) / std::max(1.0, steps));
    return all;
  };
  if (!settings_.corruption.elements.empty()) values["online/attacked"] = shares(i.attacked());
  if (settings_.expansion) values["online/frozen_policy"] = shares(i.frozen_steps());
  return values;
}

void ContinuingTrainee::save(run::ArchiveWriter& file) const {
  if (!online_phase_) return;
  online_->save(file);
  if (!settings_.expansion) return;
  const nn::ParameterStore& store = offline_->learner().parameters();
  const std::vector<int> tensors = policy_tensors(offline_->learner());
  for (std::size_t i = 0; i < tensors.size(); ++i)
    file.add<float>(
        frozen_tensor(i), store.shape(tensors[i]),
        std::span(store.value(tensors[i]), static_cast<std::size_t>(store.shape(tensors[i]).elements())));
}

// The learner of the phase that this is in has the checkpoint's parameters by now: the offline one, unless an
// online checkpoint was restored before.
void ContinuingTrainee::restore(const run::Archive& file) {
  if (!file.header().contains("interaction")) return;
  if (!online_phase_) go_online();
  online_->restore(file);
  if (!settings_.expansion) return;
  const std::vector<int> tensors = policy_tensors(offline_->learner());
  offline_->learner().write_parameters([&](nn::ParameterStore& store) {
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const std::span<const float> saved = file.get<float>(frozen_tensor(i));
      if (static_cast<std::int64_t>(saved.size()) != store.shape(tensors[i]).elements())
        throw Error("tensor " + frozen_tensor(i) + " has another size than this run needs");
      std::ranges::copy(saved, store.value(tensors[i]));
    }
  });
}

}  // namespace hardy::algorithms
