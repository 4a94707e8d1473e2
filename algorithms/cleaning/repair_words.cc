#include "algorithms/cleaning/repair_words.h"

#include "engine/base/error.h"

namespace hardy::algorithms {

void RepairOptions::options(run::Schema& schema) {
  schema
      .option("continuity", &continuity,
              "where a next observation and the following observation differ: next trusts the observation, "
              "previous the "
              "next observation, nearer the one that fits the neighbours",
              {"off", "next", "previous", "nearer"})
      .option("clip", &repair.clip,
              "hold states to so many robust standard deviations about the median; 0: not", 0.0)
      .option("clip-actions", &repair.clip_actions, "hold actions to [-x, x]; 0: not", 0.0)
      .option("winsorise", &repair.winsorise, "hold rewards to their quantiles p and 1 - p; 0: not", 0.0,
              0.49);
  schema.section("cleaning by models")
      .option("models", &models,
              "models learnt from the file itself say which elements are wrong: those are replaced, and OUT "
              "keeps every "
              "element's probability; instead of --continuity")
      .option("sure", &cleaning.sure, "the probability from which an element is replaced", 0.5, 1.0)
      .option("rounds", &cleaning.rounds, "of learning from what the round before believes", 1, 20)
      .option("model-steps", &cleaning.steps, "of learning, all rounds together", 100, 10000000)
      .option("members", &cleaning.members, "networks of each ensemble", 2, 64)
      .option("hidden", &cleaning.hidden, "width of their two hidden layers", 8, 4096)
      .option("seed", &cleaning.seed, "of the networks", 0)
      .option("threads", &cleaning.threads, "threads; 0: the machine's. The file does not depend on them", 0,
              1024);
}

void RepairOptions::settle(const run::Schema& schema) {
  repair.continuity = datasets::continuity_named(continuity);
  if (!models) return;
  if (schema.was_set("continuity") && repair.continuity != datasets::Continuity::kOff)
    throw Error("the models weigh both copies of a state themselves", "--continuity " + continuity,
                "leave it out with --models");
  repair.continuity = datasets::Continuity::kOff;
}

}  // namespace hardy::algorithms
