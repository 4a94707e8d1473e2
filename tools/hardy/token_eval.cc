#include "tools/hardy/token_eval.h"

#include <algorithm>
#include <cstdio>

#include "algorithms/post_training/token_evaluation.h"
#include "algorithms/post_training/token_policy.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/run/archive.h"
#include "engine/run/json_text.h"
#include "engine/run/schema.h"
#include "envs/text/text_task.h"

namespace hardy::tools {
namespace {

namespace fs = std::filesystem;
using algorithms::Alphabet;
using algorithms::PromptSet;
using algorithms::TokenPolicy;

nn::ParameterStore store_of(const TokenPolicy& policy, const nn::Transformer& transformer) {
  nn::ParameterLayout layout(1);
  const std::vector<nn::TensorSpec> tensors = transformer.tensors("policy", 1);
  for (const nn::TensorSpec& t : tensors) layout.add(t.name, t.shape, nn::Role::kFrozen);
  nn::ParameterStore store(layout);
  for (std::size_t i = 0; i < tensors.size(); ++i)
    std::ranges::copy(policy.parameters[i], store.value(static_cast<int>(i)));
  return store;
}

PromptSet prompts_of(const TokenEvalOptions& o, const std::shared_ptr<const envs::TextTask>& task,
                     std::uint64_t seed) {
  if (!o.prompts.empty()) return algorithms::read_prompts(o.prompts, task);
  std::vector<int> bands;
  for (std::size_t b = 0; b < task->bands().size(); ++b) bands.push_back(static_cast<int>(b));
  return algorithms::draw_prompts(*task, seed, envs::Split::kTest, bands, o.count, {});
}

// What the task's or the file's answers need, where the context has room for it behind the longest prompt.
std::int64_t longest_answer(const TokenEvalOptions& o, const TokenPolicy& policy, const PromptSet& set,
                            const std::shared_ptr<const envs::TextTask>& task, const fs::path& file) {
  std::size_t prompt = 0, needed = task ? task->longest_answer() : 0;
  for (const algorithms::PromptRow& row : set.rows) {
    prompt = std::max(prompt, row.prompt.size());
    needed = std::max({needed, row.demonstration.size(), row.answer.size()});
  }
  const std::int64_t room = policy.spec.context - static_cast<std::int64_t>(prompt) + 1;
  const std::int64_t asked =
      o.max_tokens > 0 ? o.max_tokens : std::min(room, static_cast<std::int64_t>(needed) + 1);
  if (asked < 1 || asked > room)
    throw Error("has a context of " + std::to_string(policy.spec.context) + " tokens: a prompt of " +
                    std::to_string(prompt) + " and an answer of " + std::to_string(asked) + " do not fit",
                file.string(), "shorter prompts, or a lower --max-tokens");
  return asked;
}

}  // namespace

void TokenEvalOptions::options(run::Schema& schema) {
  schema.section("token policies")
      .option("task", &task, "whose verifier judges answers, with keys; empty: that of the training")
      .option("prompts", &prompts,
              "JSON lines, as of `hardy data prompts`; empty: drawn from the task's test split")
      .option("count", &count, "prompts drawn for each band", 1, 1 << 20)
      .option("samples", &samples, "answers sampled to each prompt, beside the likeliest", 1, 1024)
      .option("max-tokens", &max_tokens, "of an answer; 0: what the task or the file needs", 0, 1 << 16)
      .option("show", &show, "so many prompts with the first policy's likeliest answer", 0, 1 << 20);
}

bool is_token_policy(const fs::path& file) { return run::Archive::kind_of(file) == "token_policy"; }

int eval_token_policies(const std::vector<fs::path>& files, const TokenEvalOptions& o, std::uint64_t seed,
                        bool json) {
  nlohmann::json results = nlohmann::json::array();
  ThreadTeam team(1);
  for (const fs::path& file : files) {
    const TokenPolicy policy = algorithms::read_token_policy(file);
    const std::string name = o.task.empty() ? policy.task : o.task;
    const auto task =
        name.empty() ? nullptr : std::shared_ptr<const envs::TextTask>(envs::make_text_task(name));
    if (!task && o.prompts.empty())
      throw Error("which prompts? " + file.string() + " names no task", "--prompts",
                  "give a file, or a --task");
    const PromptSet set = prompts_of(o, task, seed);
    const nn::Transformer transformer(policy.spec);
    nn::ParameterStore store = store_of(policy, transformer);
    const Alphabet alphabet(policy.characters);
    algorithms::TokenEvaluation evaluation(transformer, store, {seed}, alphabet, set,
                                           algorithms::verifier_of(task), o.samples,
                                           longest_answer(o, policy, set, task, file));
    nlohmann::json result{{"policy", file.string()}, {"prompts", set.rows.size()}};
    std::string line;
    for (const auto& [what, values] : evaluation.evaluate(team)) {
      result[what] = values[0];
      if (what == "score/mean") continue;
      char text[96];
      std::snprintf(text, sizeof text, "%s%s %.3f", line.empty() ? "" : ", ", what.c_str(), values[0]);
      line += text;
    }
    if (!json) std::printf("%s: %s\n", file.c_str(), line.c_str());
    if (o.show > 0 && results.empty()) {
      result["answers"] = nlohmann::json::array();
      for (const algorithms::Answered& a : evaluation.likeliest(o.show, team)) {
        result["answers"].push_back({{"prompt", a.prompt}, {"answer", a.answer}, {"right", a.right}});
        if (!json)
          std::printf("  %s %s   %s\n", a.prompt.c_str(), a.answer.c_str(), a.right ? "right" : "wrong");
      }
    }
    results.push_back(result);
  }
  if (json) std::printf("%s\n", run::json_text(results).c_str());
  return 0;
}

}  // namespace hardy::tools
