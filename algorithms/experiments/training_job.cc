#include "algorithms/experiments/training_job.h"

#include "algorithms/experiments/interacting_job.h"
#include "algorithms/experiments/offline_job.h"
#include "algorithms/experiments/post_training_job.h"
#include "algorithms/learning/method.h"
#include "algorithms/post_training/settings.h"

namespace hardy::algorithms {

std::vector<std::pair<std::string, std::string>> training_methods() {
  std::vector<std::pair<std::string, std::string>> all;
  for (const auto& [name, entry] : methods()) all.emplace_back(name, entry.summary);
  for (const auto& method : post_training_methods()) all.push_back(method);
  return all;
}

std::unique_ptr<TrainingJob> make_training_job(const std::string& name) {
  if (is_post_training(name)) return make_post_training_job(name);
  std::unique_ptr<Method> method = make_method(name, "train");
  if (method->draws_from() == DrawsFrom::kReplay) return make_interacting_job(name, std::move(method));
  return make_offline_job(name, std::move(method));
}

}  // namespace hardy::algorithms
