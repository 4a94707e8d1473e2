#include "algorithms/experiments/online_phase.h"

#include <algorithm>
#include <limits>

#include "algorithms/learning/transition_source.h"
#include "datasets/corruption/corrupt.h"
#include "engine/base/error.h"
#include "engine/base/text.h"

namespace hardy::algorithms {
namespace {

constexpr std::int64_t kMostSteps = std::numeric_limits<std::int64_t>::max();

std::vector<std::string> methods_online() {
  std::vector<std::string> names;
  for (const auto& [name, entry] : methods())
    if (entry.make()->goes_online()) names.push_back(name);
  return names;
}

}  // namespace

void OnlinePhase::options(run::Schema& schema, const Method& method) {
  schema.section("then online")
      .option("then", &then_,
              "online: after --steps on the dataset it goes on in --env, a learning step each step there",
              {"nothing", "online"});
  if (!method.goes_online()) return;
  schema.option("online-steps", &settings_.steps, "environment steps of an agent", 1)
      .option(
          "online-share", &settings_.share,
          "of a batch's rows that are its own; 0.5: symmetric sampling, as RLPD; 1: the dataset's no more",
          0.0, 1.0)
      .option("online-noise", &settings_.noise,
              "standard deviation of what is added to a deterministic policy's actions, in halves of the "
              "bounds' range; other heads draw theirs",
              0.0, 10.0)
      .option("expansion", &settings_.expansion,
              "policy expansion (PEX): the dataset's policy goes on proposing actions beside the one that "
              "learns; each step takes one of both by a softmax of Q")
      .option("expansion-temperature", &settings_.temperature, "of that softmax, in units of Q", 1e-6)
      .option("online-corrupt", &corrupt_,
              "elements of what the interaction stores that are corrupted as --corrupt does: observations, "
              "actions, rewards, dynamics")
      .option("online-corrupt-rate", &settings_.corruption.rate, "share of the steps attacked", 0.0, 1.0)
      .option("online-corrupt-scale", &settings_.corruption.scale, "range of the noise", 0.0);
}

void OnlinePhase::check(const run::Schema& schema, const Method& method, const OfflinePhase& before) {
  if (!wanted()) {
    for (const std::string& key : schema.keys())
      if ((key.starts_with("online-") || key.starts_with("expansion")) &&
          schema.source_of(key) == run::Schema::Source::kCommandLine)
        throw Error("is of a phase that this run does not have", "--" + key, "add --then online");
    return;
  }
  if (!method.goes_online())
    throw Error(before.method + " does not go on by interacting", "--then online",
                "take " + join(methods_online(), ", "));
  if (before.environment.empty()) throw Error("goes on by interacting", "--then online", "name an --env");
  if (!before.on_one_cpu)
    throw Error("goes on in one process on the CPU", "--then online",
                "start one process, and leave --device out");
  if (before.steps > kMostSteps - settings_.steps)
    throw Error("more steps than can be counted, with --steps " + std::to_string(before.steps),
                "--online-steps " + std::to_string(settings_.steps), "give fewer");
  if (const std::int64_t end = method.schedule_end(); end > 0 && end <= before.steps)
    throw Error("the policy would learn nothing there: its learning rate is 0 from step " +
                    std::to_string(end) + " on",
                "--then online",
                "give --schedule-steps " + std::to_string(last_step(before.steps)) + " or more");
  if (settings_.share == 0)
    throw Error("takes nothing of what it sees", "--online-share 0", "give a share above 0, e.g. 0.5");
  const std::int64_t own = MixedSource::rows_from_replay(settings_.share, method.batch_size());
  if (settings_.steps < own)
    throw Error("ends before it learns of what it sees", "--online-steps " + std::to_string(settings_.steps),
                "a batch takes " + std::to_string(own) + " of its rows, and waits for as many");
  settings_.corruption.elements.clear();
  for (const std::string& e : corrupt_)
    settings_.corruption.elements.push_back(datasets::element_named(e, "--online-corrupt"));
}

std::int64_t OnlinePhase::last_step(std::int64_t offline_steps) const {
  return wanted() ? std::min(offline_steps, kMostSteps - settings_.steps) + settings_.steps : offline_steps;
}

std::pair<std::string, std::string> OnlinePhase::ends_at(std::int64_t steps,
                                                         std::int64_t offline_steps) const {
  if (steps <= offline_steps)
    throw Error("the run learns from its dataset until step " + std::to_string(offline_steps),
                "--steps " + std::to_string(steps), "give a later one: the online phase grows");
  return {"online-steps", std::to_string(steps - offline_steps)};
}

std::string OnlinePhase::note(const OfflinePhase& before) const {
  std::string note = "after step " + std::to_string(before.steps) + " it interacts with " +
                     before.environment + " for " + std::to_string(settings_.steps) + " steps";
  if (settings_.expansion) note += ", the dataset's policy proposing actions too";
  if (!corrupt_.empty()) note += "; what it stores is corrupted: " + join(corrupt_, ", ");
  return note;
}

}  // namespace hardy::algorithms
