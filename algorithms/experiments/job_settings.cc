#include "algorithms/experiments/job_settings.h"

#include <limits>

#include "engine/base/error.h"
#include "envs/environment.h"

namespace hardy::algorithms {

void keep_absolute(run::Schema& schema, std::string& environment) {
  const std::string absolute = envs::absolute_name(environment);
  if (absolute != environment) schema.apply({{"env", absolute}}, "--env", run::Schema::Source::kCommandLine);
  environment = absolute;
}

void descent_options(run::Schema& schema, DescentDefaults& descent) {
  schema.section("descent")
      .option("clip-norm", &descent.clip_norm,
              "2-norm that the gradient of a loss over all its networks is held to; 0: off", 0.0)
      .option(
          "accumulate", &descent.passes,
          "equal parts that a batch is taken in, one after the other, before a step: less memory, the same "
          "rows",
          1, 1 << 20)
      .option("shards", &descent.shards,
              "equal parts that a batch is cut into, whose gradients are computed apart and summed in one "
              "order; processes that mpirun starts share them, or several GPUs (--device cuda:0,1), and the "
              "bits are "
              "the same for any number of these that divides this one",
              1, 4096);
}

void require_seeds(const TrainingSettings& settings) {
  const std::int64_t most = std::numeric_limits<std::int64_t>::max() - (settings.seeds - 1);
  if (settings.seed > most)
    throw Error("the agents' seeds count on from it beyond the largest integer",
                "--seed " + std::to_string(settings.seed),
                "with --seeds " + std::to_string(settings.seeds) + " give at most " + std::to_string(most));
}

void require_shares(const comm::Ranks& ranks, const DescentDefaults& descent,
                    const TrainingSettings& settings) {
  if (descent.shards % ranks.size() != 0)
    throw Error(std::to_string(ranks.size()) + " processes cannot have equally many of them",
                "--shards " + std::to_string(descent.shards),
                "take a multiple of " + std::to_string(ranks.size()) +
                    ": the numbers depend on the shards, and not on the processes");
  if (settings.device != "cpu" && ranks.size() > 1)
    throw Error("several processes train on CPUs alone", "--device " + settings.device, "start one process");
}

}  // namespace hardy::algorithms
