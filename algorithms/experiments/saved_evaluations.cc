#include "algorithms/experiments/saved_evaluations.h"

#include <string>

#include "engine/base/json.h"

namespace hardy::algorithms {
namespace {

std::string tensor_name(std::size_t job, std::size_t agent, std::size_t tensor) {
  return "evaluation/" + std::to_string(job) + "/" + std::to_string(agent) + "/" + std::to_string(tensor);
}

}  // namespace

void save_evaluations(const std::vector<EvaluationQueue::Job>& jobs, run::ArchiveWriter& file) {
  if (jobs.empty()) return;
  nlohmann::json list = nlohmann::json::array();
  for (std::size_t j = 0; j < jobs.size(); ++j) {
    list.push_back({{"step", jobs[j].step}, {"tensors", jobs[j].parameters.at(0).size()}});
    for (std::size_t a = 0; a < jobs[j].parameters.size(); ++a)
      for (std::size_t t = 0; t < jobs[j].parameters[a].size(); ++t) {
        const std::vector<float>& x = jobs[j].parameters[a][t];
        file.add<float>(tensor_name(j, a, t), Shape{static_cast<std::int64_t>(x.size())},
                        std::span<const float>(x));
      }
  }
  file.header()["evaluations"] = {{"agents", jobs[0].parameters.size()}, {"jobs", list}};
}

std::vector<EvaluationQueue::Job> saved_evaluations(const run::Archive& file, const PolicySpec& spec) {
  std::vector<EvaluationQueue::Job> jobs;
  if (!file.header().contains("evaluations")) return jobs;
  const nlohmann::json& h = file.header().at("evaluations");
  for (const nlohmann::json& j : h.at("jobs")) {
    EvaluationQueue::Job job{j.at("step"), spec, {}};
    for (std::size_t a = 0; a < h.at("agents").get<std::size_t>(); ++a) {
      job.parameters.emplace_back();
      for (std::size_t t = 0; t < j.at("tensors").get<std::size_t>(); ++t) {
        const auto x = file.get<float>(tensor_name(jobs.size(), a, t));
        job.parameters.back().emplace_back(x.begin(), x.end());
      }
    }
    jobs.push_back(std::move(job));
  }
  return jobs;
}

}  // namespace hardy::algorithms
