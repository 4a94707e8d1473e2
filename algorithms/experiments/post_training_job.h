// A post-training run from its settings: prompts and their verifier, the transformer or the base that it goes
// on from, and the trainer.
#pragma once

#include <memory>
#include <string>

#include "algorithms/experiments/training_job.h"

namespace hardy::algorithms {

std::unique_ptr<TrainingJob> make_post_training_job(const std::string& method);

}  // namespace hardy::algorithms
