// `hardy report DIR... -o FILE`: one self-contained page.
#include <cstdio>

#include "engine/base/error.h"
#include "engine/run/atomic_file.h"
#include "engine/run/report/page.h"
#include "engine/run/schema.h"
#include "tools/hardy/command.h"
#include "tools/hardy/study_page.h"

namespace hardy::tools {
namespace {

int run(const std::vector<std::string>& args) {
  std::vector<std::string> folders;
  std::string output = "report.html";
  run::Schema schema("report", "Draws one or more runs as one HTML page that opens offline.");
  schema.positional("DIR", &folders, "run folders")
      .option("output,o", &output, "the page to write; an old one is replaced");
  schema.parse(args);
  if (schema.help_requested()) {
    std::printf("%s", schema.help().c_str());
    return 0;
  }
  if (folders.size() == 1 && is_study(folders[0]))
    run::write_atomically(output, study_page(folders[0]));
  else
    run::write_atomically(output, run::report::page(run::report::read_runs(folders)));
  std::printf("report: %s\n", output.c_str());
  return 0;
}

const RegisterCommand command({"report", "draw runs as one page that opens offline", run});

}  // namespace
}  // namespace hardy::tools
