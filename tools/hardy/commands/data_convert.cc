// `hardy data convert IN... OUT`: datasets in another format, joined, chosen from, narrowed.
#include <cstdio>
#include <filesystem>

#include "datasets/convert.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/run/json_text.h"
#include "engine/run/output.h"
#include "engine/run/schema.h"
#include "tools/hardy/command.h"
#include "tools/hardy/time_limit.h"

namespace hardy::tools {
namespace {

// The format that OUT's name asks for: by its ending, or, without one, a folder (Minari's).
std::string format_for(const std::filesystem::path& out) {
  const std::string ending = out.extension().string();
  for (const auto& [name, f] : datasets::formats())
    if (f.create && !f.extension.empty() && ending == f.extension) return f.name;
  if (ending == ".h5" || ending == ".hdf") return "d4rl";
  if (ending.empty() || ending.find_first_not_of("0123456789", 1) == std::string::npos) return "minari";
  throw Error("does not say which format it shall have", out.string(),
              "end it in .hdf5 for d4rl or in .csv, leave the ending out for minari, or give --to");
}

struct Words {
  std::vector<std::string> in, map, parts;
  std::string out, from, to;
  datasets::ConversionSettings settings;
  std::int64_t gzip = datasets::WriteSettings().gzip, threads = 0, seed = 0;
  bool overwrite = false, json = false;
};

std::string about() {
  std::string text =
      "Reads datasets of any known format and writes one in another. Several are joined, in their order: of "
      "one "
      "task,\nwith the same columns. Rows are chosen by episodes, in the order --drop-invalid or "
      "--skip-bad-episodes, --filter,\n--best, --sample; what each left out is counted. OUT says in the "
      "attribute "
      "hardy_converted what was done.\n\nformats:";
  for (const auto& [name, f] : datasets::formats()) text += "\n  " + f.name + ": " + f.about;
  text += "\n\n--filter, e.g. 'return > 1000 and length >= 50', knows of an episode:";
  for (const auto& [name, what] : datasets::episode_names()) text += "\n  " + name + ": " + what;
  return text;
}

void declare(run::Schema& schema, Words& w) {
  std::vector<std::string> readable, writable;
  for (const auto& [name, f] : datasets::formats()) {
    readable.push_back(f.name);
    if (f.create) writable.push_back(f.name);
  }
  datasets::SelectionSettings& select = w.settings.select;
  schema.positional("IN", &w.in, "datasets: .hdf5, .npz, .csv, or Minari's folders")
      .positional("OUT", &w.out, "the file or folder to write")
      .option("from", &w.from, "IN's format, where its content does not say", readable)
      .option("to", &w.to,
              "OUT's format; else its name says: .hdf5 is d4rl, .csv is csv, no ending is minari", writable)
      .option("overwrite", &w.overwrite, "replace OUT if it exists")
      .option("json", &w.json, "print JSON")
      .section("columns")
      .option("map", &w.map, "KEY=column: IN's column is shown as KEY; several with commas, or repeated")
      .option("observations", &w.parts,
              "of Minari's Dict observations the parts to keep, in this order: observation,desired_goal")
      .option("float32", &w.settings.float32, "float64 columns become float32")
      .section("rows")
      .option(
          "drop-invalid", &select.drop_invalid,
          "leave out rows with NaN, infinities, numbers beyond float32 or flags that are neither 0 nor 1; an "
          "episode is cut there in two")
      .option("skip-bad-episodes", &select.skip_bad_episodes,
              "leave out whole episodes with such rows, or that cannot be read")
      .option("filter", &select.filter, "keep the episodes for which a condition holds")
      .option("best", &select.best, "keep the episodes of the highest return: 10% of them, or 50")
      .option("sample", &select.sample,
              "keep so many episodes, drawn at random: 100; or as many as hold so many rows: 5000rows")
      .option("seed", &w.seed, "of --sample", 0);
  time_limit_option(schema, &select.time_limit)
      .section("writing")
      .option(
          "gzip", &w.gzip,
          "level; 0 does not compress. Not given: HDF5 columns that stay as they are stay compressed as they "
          "are, all else at the default",
          0, 9)
      .option("threads", &w.threads, "that decompress and compress; 0: all", 0, 1024);
}

std::map<std::string, std::string> names_of(const std::vector<std::string>& map) {
  std::map<std::string, std::string> names;
  for (const std::string& word : map) {
    const std::size_t at = word.find('=');
    if (at == std::string::npos || at == 0 || at + 1 == word.size())
      throw Error("'" + word + "' names no column", "--map", "KEY=column, e.g. --map observations=obs");
    if (!names.emplace(word.substr(0, at), word.substr(at + 1)).second)
      throw Error("'" + word.substr(0, at) + "' is given twice", "--map", "one column for each KEY");
  }
  return names;
}

// Keys that say something about what is not there.
void refuse_senseless(const run::Schema& schema, const Words& w, const std::string& to) {
  if (schema.was_set("seed") && w.settings.select.sample.empty())
    throw Error("seeds nothing", "--seed", "it belongs to --sample");
  if (schema.was_set("gzip") && to == "csv") throw Error("CSV is not compressed", "--gzip", "leave it out");
}

void print(const std::string& out, const nlohmann::json& report, const std::string& to) {
  std::string from;
  for (const auto& in : report.at("inputs")) {
    const std::string format = in.at("format");
    if (from.find(format) == std::string::npos) from += (from.empty() ? "" : ", ") + format;
  }
  const auto counts = [](const nlohmann::json& j) {
    return j.at("rows").dump() + " rows" +
           (j.at("episodes").is_null() ? "" : ", " + j.at("episodes").dump() + " episodes");
  };
  std::printf("%s: %s, %s to %s\n", out.c_str(), counts(report).c_str(), from.c_str(), to.c_str());
  if (report.at("inputs").size() > 1 || !report.at("steps").empty())
    for (const auto& in : report.at("inputs"))
      std::printf("  %s: %s\n", in.at("path").get<std::string>().c_str(), counts(in).c_str());
  for (const auto& step : report.at("steps"))
    std::printf("  %s\n", step.at("text").get<std::string>().c_str());
  for (const auto& n : report.at("notes")) std::printf("note: %s\n", n.get<std::string>().c_str());
}

int run(const std::vector<std::string>& args) {
  Words w;
  run::Schema schema("data convert", about());
  declare(schema, w);
  if (!parse_or_help(schema, args)) return 0;
  const std::string to = w.to.empty() ? format_for(w.out) : w.to;
  refuse_senseless(schema, w, to);
  w.settings.names = names_of(w.map);
  w.settings.select.seed = static_cast<std::uint64_t>(w.seed);
  datasets::check(w.settings.select);
  const run::Output output(
      w.out,
      {.kind = run::OutputRules::Kind::kEither, .overwrite = w.overwrite, .inputs = inputs_of(schema, w.in)});
  std::vector<std::unique_ptr<datasets::Reader>> readers;
  for (const std::string& in : w.in) {
    readers.push_back(datasets::open_dataset(in, {.format = w.from,
                                                  .threads = static_cast<int>(w.threads),
                                                  .observation_parts = w.parts,
                                                  .any_columns = !w.map.empty()}));
    if (!w.parts.empty() && readers.back()->format() != "minari")
      throw Error("is " + readers.back()->format() + ", whose observations have no parts", in,
                  "--observations is for Minari's Dict observations");
  }
  const auto writer = datasets::create_dataset(output.path(), {.format = to,
                                                               .gzip = static_cast<int>(w.gzip),
                                                               .threads = static_cast<int>(w.threads),
                                                               .keep = !schema.was_set("gzip")});
  nlohmann::json report = datasets::convert(std::move(readers), *writer, w.settings);
  report["out"] = w.out;
  report["to"] = to;
  if (w.json)
    std::printf("%s\n", run::json_text(report).c_str());
  else
    print(w.out, report, to);
  return 0;
}

const RegisterCommand command({"data convert", "a dataset in another format, joined with others, chosen from",
                               run});

}  // namespace
}  // namespace hardy::tools
