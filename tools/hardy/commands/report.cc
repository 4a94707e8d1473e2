// `hardy report DIR... -o FILE`: one self-contained page about runs, or about a dataset.
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "datasets/audit.h"
#include "datasets/identity.h"
#include "datasets/inspect.h"
#include "engine/base/error.h"
#include "engine/run/atomic_file.h"
#include "engine/run/output.h"
#include "engine/run/schema.h"
#include "tools/hardy/command.h"
#include "tools/report/dataset_page.h"
#include "tools/report/html.h"
#include "tools/report/page.h"
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

int run(const std::vector<std::string>& args) {
  std::vector<std::string> paths;
  std::string output = "report.html";
  bool overwrite = false;
  run::Schema schema("report",
                     "Draws one or more runs, or one dataset, as one HTML page that opens offline.");
  schema.positional("PATH", &paths, "run folders, studies' folders, or a dataset's file or folder")
      .option("output,o", &output, "the page to write; an old page of hardy's is replaced")
      .option("overwrite", &overwrite, "replace the page also where it is something else");
  if (!parse_or_help(schema, args)) return 0;
  const run::Output out(
      output, {.overwrite = overwrite, .inputs = inputs_of(schema, paths), .replaceable = report::is_page});
  const bool dataset =
      std::filesystem::is_regular_file(paths.front()) ||
      (std::filesystem::is_directory(paths.front()) && datasets::holds_dataset(paths.front()));
  if (dataset && paths.size() > 1)
    throw Error("a page is about one dataset, or about runs", paths[1], "name them apart");
  std::string page, table;
  if (dataset) {
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
