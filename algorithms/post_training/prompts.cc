#include "algorithms/post_training/prompts.h"

#include <algorithm>
#include <fstream>
#include <limits>

#include "engine/base/error.h"
#include "engine/base/json.h"

namespace hardy::algorithms {

std::int64_t PromptSet::rejected() const {
  return std::ranges::count_if(rows,
                               [](const PromptRow& r) { return !r.demonstration.empty() && !r.accepted; });
}

Verifier verifier_of(const std::shared_ptr<const envs::TextTask>& task) {
  return [task](const PromptRow& row, const std::string& answer) -> double {
    if (!task) return answer == (row.answer.empty() ? row.demonstration : row.answer) ? 1 : 0;
    try {
      return task->verify(row.prompt, answer) ? 1 : 0;
    } catch (const std::exception&) {
      return std::numeric_limits<double>::quiet_NaN();
    }
  };
}

std::string demonstration_of(const envs::TextTask& task, std::uint64_t seed, int band, std::uint64_t index,
                             const std::string& prompt, const envs::Teacher& teacher) {
  envs::Draws draws(
      seed, (std::uint64_t{1} << 40) + index * task.bands().size() + static_cast<std::uint64_t>(band));
  return task.demonstrate(prompt, teacher, draws);
}

PromptSet draw_prompts(const envs::TextTask& task, std::uint64_t seed, envs::Split split,
                       const std::vector<int>& bands, std::int64_t count, const envs::Teacher& teacher) {
  PromptSet set;
  set.bands = task.bands();
  for (std::int64_t i = 0; i < count; ++i)
    for (const int band : bands) {
      const auto index = static_cast<std::uint64_t>(i);
      const envs::Prompt p = task.prompt(seed, split, band, index);
      PromptRow row{p.text, demonstration_of(task, seed, band, index, p.text, teacher), "", band, false};
      row.accepted = task.verify(row.prompt, row.demonstration);
      set.rows.push_back(std::move(row));
    }
  return set;
}

PromptSet read_prompts(const std::string& path, const std::shared_ptr<const envs::TextTask>& task) {
  std::ifstream file(path);
  if (!file) throw Error("cannot be read", path, "name a file of JSON lines; hardy data prompts writes one");
  const Verifier verify = verifier_of(task);
  PromptSet set;
  set.bands.clear();
  if (task) set.bands = task->bands();
  std::string line;
  for (std::int64_t number = 1; std::getline(file, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const std::string where = path + ", line " + std::to_string(number);
    const nlohmann::json j = nlohmann::json::parse(line, nullptr, false);
    if (!j.is_object())
      throw Error("is no JSON object", where, R"(e.g. {"prompt": "7+4=", "demonstration": "1"})");
    const auto text = [&](const char* key) -> std::string {
      if (!j.contains(key)) return "";
      if (!j.at(key).is_string()) throw Error(std::string("\"") + key + "\" is no text", where);
      return j.at(key).get<std::string>();
    };
    PromptRow row{text("prompt"), text("demonstration"), text("answer"), 0, false};
    if (row.prompt.empty()) throw Error("has no \"prompt\"", where);
    row.accepted = !row.demonstration.empty() && verify(row, row.demonstration) > 0.5;
    const std::string band = j.contains("band") ? text("band") : "all";
    const auto found = std::ranges::find(set.bands, band);
    row.band = static_cast<int>(found - set.bands.begin());
    if (found == set.bands.end()) set.bands.push_back(band);
    set.rows.push_back(std::move(row));
  }
  if (set.rows.empty()) throw Error("holds no prompt", path);
  return set;
}

}  // namespace hardy::algorithms
