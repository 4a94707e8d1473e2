// `hardy data episodes FILE`: one line an episode.
#include <cstdio>
#include <optional>

#include "datasets/corruption/corruption_record.h"
#include "datasets/episodes.h"
#include "datasets/task.h"
#include "datasets/transitions.h"
#include "engine/base/json.h"
#include "engine/run/schema.h"
#include "tools/hardy/command.h"
#include "tools/hardy/time_limit.h"

namespace hardy::tools {
namespace {

using nlohmann::json;

// Columns by name, in their order; a row an episode.
struct Table {
  std::vector<std::string> names;
  std::vector<std::vector<json>> rows;
};

// Rows of each episode that the record of a corruption names in any element.
std::vector<std::int64_t> corrupted_rows(datasets::Reader& reader,
                                         const std::vector<datasets::EpisodeRows>& episodes) {
  const std::int64_t rows = episodes.empty() ? 0 : episodes.back().end;
  std::vector<datasets::RowSet> sets;
  for (const datasets::Element e : datasets::all_elements())
    for (const char* part : {"rows", "copy_rows"})
      sets.push_back(datasets::recorded_rows(reader, e, part, rows));
  std::vector<std::int64_t> counts;
  for (const datasets::EpisodeRows& e : episodes) {
    counts.push_back(0);
    for (std::int64_t row = e.begin; row < e.end; ++row)
      for (const datasets::RowSet& set : sets)
        if (set.has(row)) {
          ++counts.back();
          break;
        }
  }
  return counts;
}

const char* end_of(const datasets::EpisodeRows& e, bool counted) {
  return e.terminated ? "terminal" : e.timed_out ? (counted ? "limit" : "timeout") : "end_of_file";
}

Table table_of(datasets::Reader& reader, std::int64_t time_limit, double gamma) {
  datasets::check_d4rl(reader, datasets::Rewards::kWherePresent);
  const bool counted = !reader.find("timeouts");
  const auto limit = counted ? (time_limit > 0 ? time_limit : datasets::time_limit_of(reader).steps) : 0;
  const datasets::Episodes e = datasets::episodes_of(reader, limit, gamma);
  const bool rewarded = reader.find("rewards");
  const auto reference = rewarded ? datasets::reference_scores(reader) : std::nullopt;
  const auto score = [&](double r) { return 100 * (r - reference->min) / (reference->max - reference->min); };
  const bool recorded = !datasets::corruption_manifest(reader).is_null(), clean = !e.clean_returns.empty();

  Table table{{"episode", "first_row", "length"}, {}};
  if (rewarded) table.names.emplace_back("return");
  if (reference) table.names.emplace_back("score");
  if (rewarded) table.names.emplace_back("discounted_return");
  table.names.emplace_back("end");
  if (recorded) table.names.emplace_back("corrupted_rows");
  if (clean) table.names.emplace_back("clean_return");
  if (clean && reference) table.names.emplace_back("clean_score");
  const std::vector<std::int64_t> hit =
      recorded ? corrupted_rows(reader, e.rows) : std::vector<std::int64_t>();
  for (std::size_t i = 0; i < e.rows.size(); ++i) {
    std::vector<json> row{i, e.rows[i].begin, e.rows[i].size()};
    if (rewarded) row.emplace_back(e.returns[i]);
    if (reference) row.emplace_back(score(e.returns[i]));
    if (rewarded) row.emplace_back(e.discounted_returns[i]);
    row.emplace_back(end_of(e.rows[i], counted));
    if (recorded) row.emplace_back(hit[i]);
    if (clean) row.emplace_back(e.clean_returns[i]);
    if (clean && reference) row.emplace_back(score(e.clean_returns[i]));
    table.rows.push_back(std::move(row));
  }
  return table;
}

int run(const std::vector<std::string>& args) {
  std::string file;
  std::int64_t time_limit = 0;
  double gamma = 0.99;
  bool as_json = false;
  run::Schema schema(
      "data episodes",
      "One line of CSV an episode: its number, first row, length, return, discounted return, how it ended\n"
      "(terminal; timeout; limit: counted, in a file without timeouts; end_of_file), and, where the file's "
      "name\n"
      "or metadata says a task of D4RL's, its normalised score. Of a file that was corrupted on purpose also "
      "the\n"
      "rows that were attacked, and the return and score that the record's clean rewards give.");
  schema.positional("FILE", &file, "a dataset");
  time_limit_option(schema, &time_limit)
      .option("gamma", &gamma, "discount of the discounted return", 0.0, 1.0)
      .option("json", &as_json, "print JSON");
  if (!parse_or_help(schema, args)) return 0;
  const auto reader = datasets::open_dataset(file);
  const Table table = table_of(*reader, time_limit, gamma);
  if (as_json) {
    json all = json::array();
    for (const auto& row : table.rows) {
      json episode;
      for (std::size_t k = 0; k < row.size(); ++k) episode[table.names[k]] = row[k];
      all.push_back(std::move(episode));
    }
    std::printf("%s\n", json{{"path", file}, {"gamma", gamma}, {"episodes", std::move(all)}}
                            .dump(2, ' ', false, json::error_handler_t::replace)
                            .c_str());
    return 0;
  }
  for (std::size_t k = 0; k < table.names.size(); ++k)
    std::printf("%s%s", k ? "," : "", table.names[k].c_str());
  std::printf("\n");
  for (const auto& row : table.rows) {
    for (std::size_t k = 0; k < row.size(); ++k) {
      if (k) std::printf(",");
      if (row[k].is_string())
        std::printf("%s", row[k].get<std::string>().c_str());
      else if (row[k].is_number_float())
        std::printf("%.9g", row[k].get<double>());
      else
        std::printf("%s", row[k].dump().c_str());
    }
    std::printf("\n");
  }
  return 0;
}

const RegisterCommand command({"data episodes", "one line an episode, as CSV", run});

}  // namespace
}  // namespace hardy::tools
