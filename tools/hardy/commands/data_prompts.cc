// `hardy data prompts TASK`: prompts of a text task with demonstrations, as JSON lines.
#include <cstdio>
#include <optional>

#include "algorithms/post_training/prompts.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/run/atomic_file.h"
#include "engine/run/output.h"
#include "engine/run/schema.h"
#include "envs/text/text_task.h"
#include "tools/hardy/command.h"

namespace hardy::tools {
namespace {

std::string list_of_tasks() {
  std::string text;
  for (const auto& [name, summary] : envs::text_tasks()) text += "\n  " + name + ": " + summary;
  return text;
}

// The bands that a name asks for, by number.
std::vector<int> bands_named(const envs::TextTask& task, const std::string& name) {
  std::vector<int> chosen;
  std::string known = "all";
  for (std::size_t i = 0; i < task.bands().size(); ++i) {
    if (name == "all" || name == task.bands()[i]) chosen.push_back(static_cast<int>(i));
    known += ", " + task.bands()[i];
  }
  if (chosen.empty()) throw Error("the task has no band '" + name + "'", "--band", "one of " + known);
  return chosen;
}

int run(const std::vector<std::string>& args) {
  std::string name, split = "train", band = "all", out;
  std::int64_t count = 10, seed = 0;
  envs::Teacher teacher;
  bool overwrite = false;
  run::Schema schema(
      "data prompts",
      "Prompts of a text task with demonstrations: a JSON object a line,\n"
      "  {\"prompt\": \"7+4*3-2=\", \"demonstration\": \"131\", \"band\": \"easy\", \"accepted\": true}\n"
      "accepted: whether the task's verifier takes the demonstration. Tasks, with keys after a "
      "colon\n(chains:least=3,most=6):" +
          list_of_tasks());
  schema.positional("TASK", &name, "a text task")
      .option("count", &count, "prompts of each band", 1, 100000000)
      .option("band", &band, "easy, middle, hard or all")
      .option("split", &split, "no prompt is in two of them", {"train", "validation", "test"})
      .option("seed", &seed, "of prompts and demonstrations", 0)
      .option("slips", &teacher.slips,
              "probability of each step of a demonstration to be replaced by another one", 0.0, 1.0)
      .option("wrong-rule", &teacher.wrong_rule, "demonstrations make the task's systematic mistake")
      .option("other-style", &teacher.other_style, "demonstrations show every step")
      .option("out", &out, "file to write; without it they are printed")
      .option("overwrite", &overwrite, "replace the file if it exists");
  if (!parse_or_help(schema, args)) return 0;
  const auto task = envs::make_text_task(name);
  const envs::Split chosen = envs::split_named(split);
  const std::vector<int> bands = bands_named(*task, band);
  std::optional<run::Output> output;
  std::optional<run::AtomicFile> file;
  if (!out.empty()) {
    output.emplace(out, run::OutputRules{.overwrite = overwrite, .inputs = inputs_of(schema)});
    file.emplace(output->path());
  }
  std::int64_t accepted = 0, all = 0;
  for (const int b : bands)
    for (std::int64_t i = 0; i < count; ++i) {
      const auto index = static_cast<std::uint64_t>(i);
      const envs::Prompt p = task->prompt(static_cast<std::uint64_t>(seed), chosen, b, index);
      const std::string answer =
          algorithms::demonstration_of(*task, static_cast<std::uint64_t>(seed), b, index, p.text, teacher);
      const bool right = task->verify(p.text, answer);
      accepted += right;
      ++all;
      const std::string line = nlohmann::json{{"prompt", p.text},
                                              {"demonstration", answer},
                                              {"band", task->bands()[static_cast<std::size_t>(b)]},
                                              {"accepted", right}}
                                   .dump() +
                               "\n";
      if (file)
        file->write(line.data(), line.size());
      else
        std::fputs(line.c_str(), stdout);
    }
  if (file) file->commit();
  std::fprintf(stderr, "%lld prompts, %lld of their demonstrations accepted%s%s\n",
               static_cast<long long>(all), static_cast<long long>(accepted),
               teacher.wrong_rule ? "; the wrong rule: " : "",
               teacher.wrong_rule ? task->wrong_rule().c_str() : "");
  return 0;
}

const RegisterCommand command({"data prompts", "prompts of a text task with demonstrations, as JSON lines",
                               run});

}  // namespace
}  // namespace hardy::tools
