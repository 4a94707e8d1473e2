// `hardy report DIR... -o FILE`: one self-contained page about runs, or about a dataset.
#include <cstdio>
#include <filesystem>
#include <optional>

#include "datasets/audit.h"
#include "datasets/identity.h"
#include "datasets/inspect.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/run/atomic_file.h"
#include "engine/run/output.h"
#include "engine/run/schema.h"
#include "tools/hardy/command.h"
#include "tools/report/dataset_page.h"
#include "tools/report/grid_page.h"
#include "tools/report/html.h"
#include "tools/report/page.h"
#include "tools/report/regret_text.h"
#include "tools/report/runs.h"
#include "tools/report/study_page.h"

namespace hardy::tools {
namespace {

std::string page_of_dataset(const std::string& path) {
  const auto reader = datasets::open_dataset(path);
  nlohmann::json summary = datasets::inspect(*reader);
  const nlohmann::json audit = datasets::to_json(datasets::audit(path));
  summary["sha256"] = datasets::dataset_sha256(*reader);
  return report::dataset_page(summary, audit);
}

// A file that is written beside the page, where one is asked for.
std::optional<run::Output> claim(const std::string& file, bool overwrite, const run::Schema& schema,
                                 const std::vector<std::string>& paths) {
  if (file.empty()) return std::nullopt;
  return std::optional<run::Output>(
      std::in_place, file, run::OutputRules{.overwrite = overwrite, .inputs = inputs_of(schema, paths)});
}

int run(const std::vector<std::string>& args) {
  std::vector<std::string> paths;
  std::string output = "report.html", csv, latex, by = "method";
  bool overwrite = false;
  run::Schema schema(
      "report", "Draws one or more runs, or one dataset, as one HTML page that opens offline; or a grid.");
  schema.positional("PATH", &paths, "run folders, studies' folders, a grid's, or a dataset's file or folder")
      .option("output,o", &output, "the page to write; an old page of hardy's is replaced")
      .option("by", &by, "of a grid: the key that is compared; what else varies makes tasks")
      .option("csv", &csv, "of a grid: write a line a cell and seed to this file")
      .option("latex", &latex, "of a grid: write a table of tasks and methods to this file")
      .option("overwrite", &overwrite, "replace files also where they are something else");
  if (!parse_or_help(schema, args)) return 0;
  const run::Output out(
      output, {.overwrite = overwrite, .inputs = inputs_of(schema, paths), .replaceable = report::is_page});
  const bool dataset =
      std::filesystem::is_regular_file(paths.front()) ||
      (std::filesystem::is_directory(paths.front()) && datasets::holds_dataset(paths.front()));
  if (dataset && paths.size() > 1)
    throw Error("a page is about one dataset, or about runs", paths[1], "name them apart");
  std::string page, table;
  const bool grid = !dataset && report::is_grid(paths.front());
  if (!grid && !(csv.empty() && latex.empty()))
    throw Error("is no grid", paths.front(), "--csv and --latex are of grids");
  if (grid) {
    if (paths.size() > 1) throw Error("a page is about one grid", paths[1], "name them apart");
    const std::optional<run::Output> more[] = {claim(csv, overwrite, schema, paths),
                                               claim(latex, overwrite, schema, paths)};
    const report::GridTables tables = report::grid_tables(paths.front(), by);
    page = tables.page, table = tables.text;
    if (tables.regret) table += report::study_text(*tables.regret);
    if (more[0]) run::write_atomically(more[0]->path(), tables.csv);
    if (more[1]) run::write_atomically(more[1]->path(), tables.latex);
  } else if (dataset) {
    page = page_of_dataset(paths.front());
  } else if (report::is_study(paths.front())) {
    page = report::study_page({paths.begin(), paths.end()});
  } else {
    const std::vector<report::Run> runs = report::read_runs(paths);
    page = report::page(runs);
    table = report::results_text(runs);
  }
  run::write_atomically(out.path(), page);
  std::printf("report: %s\n%s", output.c_str(), table.c_str());
  return 0;
}

const RegisterCommand command({"report", "draw runs, or a dataset, as one page that opens offline", run});

}  // namespace
}  // namespace hardy::tools
