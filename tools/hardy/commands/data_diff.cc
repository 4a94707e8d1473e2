// `hardy data diff A B`: what changed between two datasets.
#include <cstdio>

#include "datasets/diff.h"
#include "engine/base/json.h"
#include "engine/run/json_text.h"
#include "engine/run/schema.h"
#include "tools/hardy/command.h"
#include "tools/hardy/notes.h"

namespace hardy::tools {
namespace {

constexpr int kDifferent = 3;

void print(const datasets::Difference& difference) {
  for (const datasets::ColumnDifference& d : difference.columns) {
    if (d.kind != "values") {
      std::printf("/%s: %s (%s)\n", d.column.c_str(), d.kind.c_str(), d.text.c_str());
      continue;
    }
    std::printf(
        "/%s: %lld rows changed (%s), largest difference %.4g, mean %.4g over changed elements; first rows",
        d.column.c_str(), static_cast<long long>(d.rows_changed), d.text.c_str(), d.largest, d.mean);
    for (const std::int64_t row : d.first_rows) std::printf(" %lld", static_cast<long long>(row));
    std::printf("\n");
    if (d.not_finite)
      std::printf("  %lld changed elements are not finite in one of the two\n",
                  static_cast<long long>(d.not_finite));
  }
  if (difference.columns.empty())
    std::printf("the same, bit for bit, in all %lld columns, their types and %lld attributes\n",
                static_cast<long long>(difference.columns_compared),
                static_cast<long long>(difference.attributes_compared));
}

int run(const std::vector<std::string>& args) {
  std::string a, b;
  bool json = false;
  run::Schema schema(
      "data diff",
      "Compares two datasets, column by column, with their types and attributes. Exit code 0: the same; 3: "
      "different.");
  schema.positional("A", &a, "a dataset").positional("B", &b, "another").option("json", &json, "print JSON");
  if (!parse_or_help(schema, args)) return 0;
  const auto first = datasets::open_dataset(a), second = datasets::open_dataset(b);
  print_notes(*first);
  print_notes(*second);
  const datasets::Difference difference = datasets::diff(*first, *second);
  if (json)
    std::printf("%s\n", run::json_text(datasets::to_json(difference)).c_str());
  else
    print(difference);
  return difference.columns.empty() ? 0 : kDifferent;
}

const RegisterCommand command({"data diff", "what changed between two datasets", run});

}  // namespace
}  // namespace hardy::tools
