#include "algorithms/post_training/group_trainee.h"

#include <algorithm>
#include <cmath>

#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/base/random.h"
#include "engine/run/atomic_file.h"
#include "engine/run/json_text.h"

namespace hardy::algorithms {

GroupTrainee::GroupTrainee(const PostTrainingSettings& settings, std::vector<std::uint64_t> seeds,
                           std::int64_t steps, std::int64_t items, std::int64_t longest, comm::Ranks& ranks)
    : settings_(settings),
      steps_(steps),
      items_(static_cast<std::size_t>(items)),
      learner_(std::move(seeds), nullptr, {.ranks = &ranks}),
      rollouts_(settings.rollouts_by(static_cast<double>(longest))),
      demonstrations_(settings.demonstrations_by(static_cast<double>(longest))) {
  const auto agents = static_cast<std::size_t>(learner_.agents());
  flop_.assign(agents, 0);
  estimate_.assign(agents, std::vector<float>(items_, -1));
  state_of_.assign(agents, std::vector<std::uint8_t>(items_, 0));
}

Descent GroupTrainee::descent() const {
  const PostTrainingSettings& s = settings_;
  const nn::Schedule schedule = s.schedule == "cosine"
                                    ? nn::Schedule::cosine(s.learning_rate, 0, steps_ * s.updates)
                                    : nn::Schedule::constant(s.learning_rate);
  Descent descent;
  descent.learning_rate = s.warmup > 0 ? schedule.warmed_up(s.warmup) : schedule;
  descent.clip_norm = s.clip_norm;
  descent.rule.rule = nn::GroupSettings::Rule::kAdamW;
  descent.rule.weight_decay = s.weight_decay;
  return descent;
}

bool GroupTrainee::pulled() const {
  return settings_.divergence_weight > 0 && rollouts_.divergence != Divergence::kNone;
}

void GroupTrainee::begin_with(const std::vector<std::string>& names,
                              const std::vector<const std::vector<std::vector<float>>*>& base) {
  learner_.write_parameters([&](nn::ParameterStore& store) {
    for (std::size_t i = 0; i < names.size(); ++i)
      for (std::int64_t a = 0; a < store.agents(); ++a) {
        const std::span<float> own = store.agent(store.find("policy/" + names[i]), a);
        if (!base.empty())
          std::ranges::copy((*base[static_cast<std::size_t>(a) % base.size()])[i], own.begin());
        if (const int held = store.find("reference/" + names[i]); held >= 0)
          std::ranges::copy(own, store.agent(held, a).begin());
      }
  });
}

// Item j of step t is the (t items + j)-th of shuffled passes over the set, each pass in an order of its own.
std::vector<std::size_t> GroupTrainee::choose(std::size_t agent) const {
  const auto count = static_cast<std::int64_t>(items_);
  std::vector<std::size_t> chosen;
  std::vector<std::uint32_t> order(items_);
  std::int64_t shuffled = -1;
  for (std::int64_t j = 0; j < settings_.prompts; ++j) {
    const std::int64_t at = t_ * settings_.prompts + j, pass = at / count;
    if (pass != shuffled) {
      Random(learner_.seeds()[agent], RandomStream::kShuffle, static_cast<std::uint64_t>(pass))
          .permutation(order);
      shuffled = pass;
    }
    chosen.push_back(order[static_cast<std::size_t>(at % count)]);
  }
  return chosen;
}

void GroupTrainee::remember(std::size_t agent, std::size_t item, GroupOutcome& group) {
  const int solved = solved_of(group);
  std::uint8_t& state = state_of_[agent][item];
  state = std::max<std::uint8_t>(state, solved > 0 ? 2 : 1);
  float& estimate = estimate_[agent][item];
  const float share = static_cast<float>(solved) / static_cast<float>(group.returns.size());
  const auto memory = static_cast<float>(settings_.gate_memory);
  estimate = estimate < 0 ? share : memory * estimate + (1 - memory) * share;
  group.solved_share = static_cast<double>(estimate);
}

void GroupTrainee::step(ThreadTeam& team) {
  const auto agents = static_cast<std::size_t>(learner_.agents());
  const bool imitates = settings_.imitates(t_, steps_), rolls_out = settings_.rolls_out(t_, steps_);
  std::vector<std::vector<std::size_t>> items;
  for (std::size_t a = 0; a < agents; ++a) items.push_back(choose(a));
  if (rolls_out) roll_out(items, team);
  std::vector<std::vector<GroupOutcome>> groups(agents);
  for (std::size_t a = 0; a < agents; ++a)
    for (std::size_t p = 0; p < items[a].size(); ++p) {
      groups[a].push_back(outcome(a, p, items[a][p], rolls_out));
      if (rolls_out) remember(a, items[a][p], groups[a].back());
    }

  const auto each = static_cast<std::size_t>(settings_.prompts / settings_.updates);
  std::vector<double> imitated(agents);
  std::vector<SequenceSeen> seen(agents);
  for (std::int64_t u = 0; u < settings_.updates; ++u) {
    std::vector<std::vector<ChosenRow>> rows(agents);
    const std::size_t first = static_cast<std::size_t>(u) * each;
    for (std::size_t a = 0; a < agents; ++a) {
      const auto begin = groups[a].begin() + static_cast<std::ptrdiff_t>(first);
      const WeighedBatch batch = weigh({begin, begin + static_cast<std::ptrdiff_t>(each)}, settings_,
                                       rollouts_, demonstrations_, imitates, rolls_out, t_);
      for (const WeighedRow& row : batch.rows) {
        const std::size_t place = first + static_cast<std::size_t>(row.group);
        rows[a].push_back({place, items[a][place], row});
      }
      imitated[a] += batch.demonstrations;
    }
    const std::vector<SequenceSeen>& now = descend(rows, team);
    for (std::size_t a = 0; a < agents; ++a) {
      seen[a].difference = u == 0 ? now[a].difference : seen[a].difference;  // later ones are meant to differ
      seen[a].outside += now[a].outside;
      seen[a].rollout_tokens += now[a].rollout_tokens;
      seen[a].tokens += now[a].tokens;
      flop_[a] += 3 * flops_a_token() * static_cast<double>(now[a].read);
    }
  }
  ++t_;

  reports_.clear();
  for (std::size_t a = 0; a < agents; ++a) {
    reports_["offline_share"].push_back(imitated[a] / static_cast<double>(items[a].size()));
    reports_["tokens"].push_back(static_cast<double>(seen[a].tokens));
    if (rolls_out) flop_[a] += flops_a_token() * played(a, items[a]);
    reports_["tflop"].push_back(1e-12 * flop_[a]);
    if (!rolls_out) continue;
    double solved = 0, rollouts = 0;
    for (const GroupOutcome& g : groups[a]) {
      solved += solved_of(g);
      rollouts += static_cast<double>(g.returns.size());
    }
    reports_["train_solve/mean"].push_back(solved / rollouts);
    reports_["log_prob_difference/max"].push_back(seen[a].difference);
    reports_["clip_share"].push_back(static_cast<double>(seen[a].outside) /
                                     std::max(1.0, static_cast<double>(seen[a].rollout_tokens)));
    report(a, items[a], groups[a], reports_);
  }
}

// What takes a walk over all parameters or items is computed for a record alone.
ReportValues GroupTrainee::own_reports() const {
  ReportValues reports = reports_;
  const nn::ParameterStore& store = learner_.parameters();
  for (std::int64_t a = 0; a < store.agents(); ++a) {
    double square = 0;
    for (int t = 0; t < store.size(); ++t) {
      if (store.role(t) != nn::Role::kTrainable) continue;
      const std::int64_t n = store.shape(t).elements() / store.agents();
      for (const float g : std::span(store.gradient(t) + a * n, static_cast<std::size_t>(n)))
        square += static_cast<double>(g) * static_cast<double>(g);
    }
    reports["gradient_norm"].push_back(std::sqrt(square));
    if (reports_.contains("train_solve/mean"))
      reports["still_failing"].push_back(static_cast<double>(still_failing(a)));
  }
  return reports;
}

std::int64_t GroupTrainee::still_failing(std::int64_t agent) const {
  return std::ranges::count(state_of_[static_cast<std::size_t>(agent)], std::uint8_t{1});
}

void GroupTrainee::leave_in(const std::filesystem::path& run) const {
  std::string text;
  for (std::size_t i = 0; i < items_; ++i) {
    nlohmann::json agents = nlohmann::json::array();
    for (std::size_t a = 0; a < state_of_.size(); ++a)
      if (state_of_[a][i] == 1) agents.push_back(a);
    if (agents.empty()) continue;
    nlohmann::json line = describe(i);
    line["agents"] = agents;
    text += run::json_text(line, -1) + "\n";
  }
  run::write_atomically(run / "still_failing.jsonl", text);
}

void GroupTrainee::save(run::ArchiveWriter& file) const {
  file.header()["post_training"] = {{"step", t_}};
  const Shape shape{learner_.agents(), static_cast<std::int64_t>(items_)};
  std::vector<float> estimates;
  std::vector<std::uint8_t> states;
  for (std::size_t a = 0; a < estimate_.size(); ++a) {
    estimates.insert(estimates.end(), estimate_[a].begin(), estimate_[a].end());
    states.insert(states.end(), state_of_[a].begin(), state_of_[a].end());
  }
  file.add<float>("post_training/estimates", shape, std::span<const float>(estimates));
  file.add<double>("post_training/flop", Shape{learner_.agents()}, std::span<const double>(flop_));
  file.add<std::uint8_t>("post_training/states", shape, std::span<const std::uint8_t>(states));
}

void GroupTrainee::restore(const run::Archive& file) {
  const auto estimates = file.get<float>("post_training/estimates");
  const auto states = file.get<std::uint8_t>("post_training/states");
  const auto flop = file.get<double>("post_training/flop");
  if (estimates.size() != estimate_.size() * items_ || states.size() != estimates.size() ||
      flop.size() != flop_.size())
    throw Error("the state is of another number of prompts");
  t_ = file.header().at("post_training").at("step");
  flop_.assign(flop.begin(), flop.end());
  for (std::size_t a = 0; a < estimate_.size(); ++a) {
    std::ranges::copy(estimates.subspan(a * items_, items_), estimate_[a].begin());
    std::ranges::copy(states.subspan(a * items_, items_), state_of_[a].begin());
  }
}

}  // namespace hardy::algorithms
