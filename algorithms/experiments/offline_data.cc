#include "algorithms/experiments/offline_data.h"

#include <algorithm>
#include <cmath>

#include "algorithms/acting/actions.h"
#include "algorithms/cleaning/mend_transitions.h"
#include "datasets/action_space.h"
#include "datasets/corruption/judgement.h"
#include "datasets/identity.h"
#include "datasets/inspect.h"
#include "datasets/memory.h"
#include "datasets/store.h"
#include "datasets/task.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/base/text.h"

namespace hardy::algorithms {
namespace {

// Where a file without timeouts cuts its episodes.
std::int64_t time_limit(const DataSettings& settings, const datasets::Reader& data,
                        const std::optional<envs::EnvSpec>& task) {
  if (settings.time_limit > 0) return settings.time_limit;
  if (task) return task->max_episode_steps;
  const int steps = datasets::time_limit_of(data).steps;
  return steps > 0 ? steps : 1000;
}

// What was made for the method is not the file's, and no figure says anything about it.
void without_made_columns(const std::vector<std::string>& made, nlohmann::json& summary) {
  for (const std::string& key : made) {
    summary["layout"].erase(key);
    if (summary.contains("columns")) summary["columns"].erase(key);
    if (key == "rewards")
      for (const char* figure : {"return", "score"}) summary.erase(figure);
    if (key == "terminals")
      for (const char* figure : {"episodes", "terminated", "timed_out", "cut", "length", "return", "score"})
        summary.erase(figure);
    if (key == "next_observations") summary.erase("continuity");
  }
  if (!made.empty()) summary["not_in_the_file"] = made;
}

void corrupt_in_memory(const DataSettings& settings, PreparedData& data) {
  if (settings.corrupt.empty()) return;
  datasets::CorruptionSettings corruption = settings.corruption;
  corruption.seed = static_cast<std::uint64_t>(settings.corrupt_seed);
  for (const std::string& e : settings.corrupt) {
    const datasets::Element element = datasets::element_named(e, "--corrupt");
    if (std::ranges::find(data.made, datasets::column_of(element)) != data.made.end())
      throw Error("has no " + datasets::column_of(element) + " to corrupt", settings.dataset,
                  "leave --corrupt " + e + " out");
    corruption.elements.push_back(element);
  }
  nlohmann::json elements = nlohmann::json::array();
  for (const datasets::Change& c : datasets::corrupt(data.transitions, corruption))
    elements.push_back({{"element", datasets::name_of(c.element)},
                        {"rate", corruption.rate},
                        {"scale", corruption.scale},
                        {"rows_changed", c.rows.size()}});
  data.summary["corruption"] = {{"generator", corruption.generator},
                                {"seed", corruption.seed},
                                {"elements", elements},
                                {"in_memory", true}};
}

// Scores are of the rows as they were judged. corruption: the file's manifest or null.
void require_scores_of_these_rows(const DataSettings& settings, const nlohmann::json& corruption) {
  if (settings.clean != "scores") return;
  if (!settings.corrupt.empty())
    throw Error("would trust what was judged before --corrupt changes it", "--clean scores",
                "--clean models judges the rows as they then are");
  if (!corruption.is_object() || !corruption.contains("column_sha256")) return;
  for (const auto& column : corruption.at("column_sha256").items())
    if (column.key().starts_with(datasets::kScores))
      throw Error(
          "was corrupted after its rows had been judged", settings.dataset,
          "hardy data repair " + settings.dataset + " OUT --models judges them anew; or take --clean models");
}

constexpr const char* kWithoutCleaning = "--clean none, and --trust 0 where rows are to weigh by it";

void clean(const DataSettings& settings, PreparedData& data, const datasets::Arrays& arrays,
           const DataUser& user) {
  if (settings.clean == "none") return;
  if (!data.made.empty())
    throw Error("has no " + join(data.made, ", no ") + " to be judged by", settings.dataset,
                kWithoutCleaning);
  nlohmann::json about =
      settings.clean == "models"
          ? mend(data.transitions, settings.dataset, {.threads = user.threads, .without = kWithoutCleaning},
                 {.stop = {}, .observer = user.observer})
          : trust_of_scores(data.transitions, arrays, settings.dataset);
  data.summary["cleaning"] = {{"by", settings.clean}, {"columns", std::move(about)}};
}

}  // namespace

PreparedData load_data(const DataSettings& settings, const std::optional<envs::EnvSpec>& task,
                       const DataUser& user) {
  PreparedData data;
  const datasets::View view = datasets::view_named(settings.view);
  const auto reader = datasets::open_dataset(settings.dataset);
  data.space = datasets::action_space(*reader);
  require_continuous(data.space, settings.dataset, user.method);
  datasets::Arrays arrays = datasets::read_arrays(*reader);
  if (user.imitates && view == datasets::View::kLossless)
    data.made = datasets::complete_for_imitation(arrays);
  datasets::MemoryReader memory(arrays, settings.dataset, reader->attributes());
  datasets::check_d4rl(memory);
  const std::int64_t limit = time_limit(settings, *reader, task);
  data.summary = datasets::without_drawings(datasets::inspect(memory, limit));
  without_made_columns(data.made, data.summary);
  if (view == datasets::View::kQlearning && data.summary.at("corruption").is_object())
    for (const auto& e : data.summary.at("corruption").at("elements"))
      if (e.at("element") == "dynamics")
        throw Error(
            "its corrupted next_observations would not be seen: the qlearning view takes next states from "
            "the following row",
            settings.dataset, "use --view lossless");
  require_scores_of_these_rows(settings, data.summary.at("corruption"));
  data.transitions = datasets::transitions_of(arrays, view, settings.dataset, static_cast<int>(limit));
  datasets::require_finite(data.transitions, settings.dataset);
  corrupt_in_memory(settings, data);
  clean(settings, data, arrays, user);
  data.summary["sha256"] = datasets::dataset_sha256(*reader);
  data.summary["view"] = settings.view;
  data.summary["transitions"] = data.transitions.rows;
  data.notes = reader->notes();
  return data;
}

nlohmann::json description_of(const DataSettings& settings, const std::optional<envs::EnvSpec>& task) {
  nlohmann::json what{{"files", files_of_dataset(settings.dataset)},
                      {"view", settings.view},
                      {"time_limit", settings.time_limit > 0 ? settings.time_limit
                                     : task                  ? task->max_episode_steps
                                                             : 0}};
  if (!settings.corrupt.empty())
    what["corruption"] = {{"elements", settings.corrupt},
                          {"rate", settings.corruption.rate},
                          {"scale", settings.corruption.scale},
                          {"seed", settings.corrupt_seed},
                          {"generator", settings.corruption.generator}};
  if (settings.clean != "none") what["clean"] = settings.clean;
  return what;
}

std::string cleaning_note(const DataSettings& settings, const nlohmann::json& cleaning) {
  std::string note = settings.dataset + (settings.clean == "models" ? " judged by models" : " judged before");
  std::string between = ": ";
  for (const auto& [column, c] : cleaning.at("columns").items()) {
    note += between + to_text(std::round(c.at("wrong").get<double>())) + " " + column + " wrong, " +
            std::to_string(c.at("replaced").get<std::int64_t>()) + " replaced";
    between = "; ";
  }
  return note;
}

}  // namespace hardy::algorithms
