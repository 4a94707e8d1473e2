// A run that learns from a dataset, and may go on by interacting.
#pragma once

#include <memory>
#include <string>

#include "algorithms/experiments/training_job.h"
#include "algorithms/learning/method.h"

namespace hardy::algorithms {

std::unique_ptr<TrainingJob> make_offline_job(const std::string& name, std::unique_ptr<Method> method);

}  // namespace hardy::algorithms
