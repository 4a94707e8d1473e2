// `hardy data audit FILE`: what is wrong with a dataset.
#include <cstdio>

#include "datasets/audit.h"
#include "engine/base/json.h"
#include "engine/run/json_text.h"
#include "engine/run/schema.h"
#include "tools/hardy/command.h"

namespace hardy::tools {
namespace {

constexpr int kFindings = 3;  // the exit code of a file with warnings or errors

void print(const std::string& file, const datasets::Audit& audit) {
  std::printf("%s: %lld rows, %zu checks%s\n", file.c_str(), static_cast<long long>(audit.rows),
              audit.checks.size(),
              audit.corrupted_on_purpose ? ", corrupted on purpose (see hardy data inspect)" : "");
  for (const std::string& n : audit.notes) std::printf("note     %s\n", n.c_str());
  for (const datasets::Finding& f : audit.findings) {
    std::printf("%-8s %-11s %s%s", datasets::name_of(f.severity), f.check.c_str(),
                f.column.empty() ? "" : ("/" + f.column + ": ").c_str(), f.text.c_str());
    if (f.count > 1 || !f.first_rows.empty()) std::printf(" (%lld", static_cast<long long>(f.count));
    for (std::size_t i = 0; i < f.first_rows.size(); ++i)
      std::printf("%s%lld",
                  i                                                          ? ", "
                  : f.count > static_cast<std::int64_t>(f.first_rows.size()) ? "; first rows "
                                                                             : "; rows ",
                  static_cast<long long>(f.first_rows[i]));
    if (f.count > 1 || !f.first_rows.empty()) std::printf(")");
    std::printf("\n%21s%s\n", "", f.advice.c_str());
  }
  if (!audit.findings.empty()) return;
  std::string names;
  for (const std::string& name : audit.checks) names += (names.empty() ? "" : ", ") + name;
  std::printf("nothing found; looked for: %s (hardy data audit --help says what each is)\n%s\n",
              names.c_str(), datasets::kUnseen);
}

int run(const std::vector<std::string>& args) {
  std::string file;
  bool json = false;
  std::string about =
      "Looks for what is wrong with a dataset. Exit code 0: nothing found, or notes alone; 3: "
      "findings.\n\nchecks:";
  for (const auto& [name, what] : datasets::audit_checks()) about += "\n  " + name + ": " + what;
  about += std::string("\n\n") + datasets::kUnseen + ".";
  run::Schema schema("data audit", about);
  schema.positional("FILE", &file, "a dataset").option("json", &json, "print JSON");
  if (!parse_or_help(schema, args)) return 0;
  const datasets::Audit audit = datasets::audit(file);
  if (json) {
    nlohmann::json j = datasets::to_json(audit);
    j["path"] = file;
    std::printf("%s\n", run::json_text(j).c_str());
  } else {
    print(file, audit);
  }
  for (const datasets::Finding& f : audit.findings)
    if (f.severity != datasets::Severity::kNote) return kFindings;
  return 0;
}

const RegisterCommand command({"data audit", "what is wrong with a dataset", run});

}  // namespace
}  // namespace hardy::tools
