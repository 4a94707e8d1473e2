#include "algorithms/experiments/post_training_job.h"

#include <algorithm>
#include <set>

#include "algorithms/experiments/control_post_training.h"
#include "algorithms/post_training/token_trainee.h"
#include "engine/base/json.h"
#include "engine/base/text.h"
#include "engine/run/atomic_file.h"

namespace hardy::algorithms {
namespace {

std::string characters_of(const PromptSet& set) {
  std::set<char> all;
  for (const PromptRow& row : set.rows)
    for (const std::string* text : {&row.prompt, &row.demonstration, &row.answer})
      all.insert(text->begin(), text->end());
  return {all.begin(), all.end()};
}

std::string sha256_of(const PromptSet& set) {
  std::string all;
  for (const PromptRow& row : set.rows)
    for (const std::string* text : {&row.prompt, &row.demonstration, &row.answer})
      all += std::to_string(text->size()) + " " + *text;
  return run::sha256(std::as_bytes(std::span(all)));
}

class PostTrainingJob final : public TrainingJob {
 public:
  explicit PostTrainingJob(const std::string& method)
      : method_(method),
        schema_("train " + method, "Post-trains a token or control policy from demonstrations and rollouts."),
        post_(post_training_settings(method)) {
    settings_.steps = 200;
    settings_.log_every = 10;
    schema_.section("prompts")
        .option("task", &task_,
                "a text task with keys, e.g. chains:least=3,most=6 (hardy data prompts lists them): its "
                "verifier, and its prompts where no file gives them; without one an answer is right to the "
                "letter")
        .option("prompts", &prompts_,
                "JSON lines: prompt, demonstration, band, answer; empty: drawn from the task")
        .option("prompt-count", &prompt_count_, "prompts drawn for each band", 1, 1 << 24)
        .option("bands", &bands_, "of the prompts that are drawn; empty: all")
        .option("slips", &teacher_.slips, "of drawn demonstrations: probability of each step to go wrong",
                0.0, 1.0)
        .option("wrong-rule", &teacher_.wrong_rule, "of drawn demonstrations: the task's systematic mistake")
        .option("other-style", &teacher_.other_style, "of drawn demonstrations: every step is shown")
        .option("data-seed", &data_seed_, "of prompts and demonstrations", 0)
        .option("test-prompts", &test_prompts_,
                "JSON lines to be evaluated on; empty: drawn from the task's test split")
        .option("test-count", &test_count_, "prompts drawn for each band of the test; 0: no evaluation", 0,
                1 << 20)
        .option("eval-samples", &eval_samples_, "answers sampled to each prompt of the test", 1, 1024)
        .option("max-tokens", &max_tokens_,
                "of an answer, its end included; 0: the longest demonstration and 2 more", 0, 1 << 16);
    control_.options(schema_);
    schema_.section("policy")
        .option("base", &base_,
                "a run's folder (agent i goes on from its agent i) or a .policy file; empty: from scratch")
        .option("width", &spec_.width, "of a new transformer", 2, 1 << 14)
        .option("layers", &spec_.layers, "of a new transformer", 1, 512)
        .option("heads", &spec_.heads, "of a new transformer", 1, 512)
        .option("kv-heads", &spec_.kv_heads, "heads of keys and values; 0: as many", 0, 512)
        .option("inner", &spec_.inner, "width within the feed-forward part; 0: 8/3 of the width", 0, 1 << 16)
        .option("context", &context_,
                "positions of a new transformer; 0: what these prompts and answers need", 0, 1 << 16)
        .option("free-head", &free_head_, "the head is not the embedding")
        .option("learned-positions", &spec_.learned_positions, "instead of rotary ones")
        .option("gelu", &spec_.gelu, "a plain feed-forward part instead of SwiGLU")
        .option(
            "micro-batches", &post_.micro_batches,
            "parts that a step's prompts are answered in, one after the other: less memory, the same bits", 1,
            1 << 20);
    post_.options(schema_);
    schema_.option("explain", &explain_, "print what stands before grad log pi of a token, and end");
    settings_.options(schema_);
  }

  run::Schema& schema() override { return schema_; }
  TrainingSettings settings() const override { return settings_; }
  const std::string& environment() const override { return control_.environment(); }

  std::string explanation() const override {
    if (!explain_) return "";
    std::string text = "when: " + post_.when_in_words() + "\n";
    const auto add = [&](const char* of, const Estimator& e) {
      text += std::string(of) + ": " + e.explain() + "\n";
      for (const std::string& doubt : e.doubts()) text += "  " + doubt + "\n";
    };
    double longest = static_cast<double>(max_tokens_);
    if (control_.chosen())
      longest = envs::make_environment(control_.environment(), 1)->spec().max_episode_steps;
    if (post_.when != When::kDemonstrations) add("rollouts", post_.rollouts_by(longest));
    if (post_.needs_demonstrations()) add("demonstrations", post_.demonstrations_by(longest));
    if (post_.fading)
      text += "  times " + to_text(post_.lambda0) + " " + to_text(post_.lambda1) +
              "^step max A of the rollouts\n";
    return text;
  }

  void across(comm::Ranks& ranks) override { ranks_ = &ranks; }

  void check() override {
    if (settings_.device != "cpu")
      throw Error("post-trained policies are trained on the CPU", "--device " + settings_.device,
                  "leave it out");
    if (control_.chosen()) return require_no_prompts();
    control_.require_not_asked(schema_);
    if (post_.control_only)
      throw Error("is a method of control policies", "train " + method_, "name their environment by --env");
    post_.check(false);
    if (!task_.empty()) static_cast<void>(chosen_bands(*envs::make_text_task(task_)));
    if (prompts_.empty() && task_.empty())
      throw Error("needs prompts", "--task or --prompts", "e.g. --task chains");
  }

  std::unique_ptr<Trainee> prepare(nlohmann::json& about) override {
    check();
    if (control_.chosen()) return control_.prepare(method_, base_, post_, settings_, schema_, about, *ranks_);
    TokenData data;
    if (!task_.empty()) data.task = envs::make_text_task(task_);
    data.task_name = task_;
    data.train = prompts_.empty() ? draw_prompts(*data.task, seed(), envs::Split::kTrain,
                                                 chosen_bands(*data.task), prompt_count_, teacher_)
                                  : read_prompts(prompts_, data.task);
    if (!test_prompts_.empty())
      data.test = read_prompts(test_prompts_, data.task);
    else if (data.task && test_count_ > 0)
      data.test =
          draw_prompts(*data.task, seed(), envs::Split::kTest, all_bands(*data.task), test_count_, {});
    data.eval_samples = eval_samples_;
    if (settings_.keep_best && data.test.rows.empty())
      throw Error("without evaluations there is no best policy", "--keep-best", "give --test-prompts");
    require_demonstrations(data);

    const std::vector<TokenPolicy> base =
        base_.empty() ? std::vector<TokenPolicy>() : read_token_policies(base_);
    data.characters = !base.empty() ? base[0].characters
                      : data.task   ? data.task->alphabet()
                                    : characters_of(data.train);
    data.longest_answer = max_tokens_;
    if (max_tokens_ == 0) {
      for (const PromptRow& row : data.train.rows)
        data.longest_answer =
            std::max(data.longest_answer, static_cast<std::int64_t>(row.demonstration.size()));
      if (data.longest_answer == 0 && data.task)
        data.longest_answer = static_cast<std::int64_t>(data.task->longest_answer());
      if (data.longest_answer == 0)
        throw Error("no demonstration says how long an answer may be", "--max-tokens 0", "give a number");
      data.longest_answer += 3;  // the end, and 2 more
    }
    nn::TransformerSpec spec = base.empty() ? spec_ : base[0].spec;
    if (base.empty()) {
      spec.vocabulary = static_cast<std::int64_t>(data.characters.size()) + 1;
      spec.tied = !free_head_;
      std::size_t longest = 0;
      for (const PromptSet* set : {&data.train, &data.test})
        for (const PromptRow& row : set->rows) longest = std::max(longest, row.prompt.size());
      spec.context =
          context_ > 0 ? context_ : (static_cast<std::int64_t>(longest) + data.longest_answer + 7) / 8 * 8;
    }
    about["dataset"] = nullptr;
    about["prompts"] = {{"count", data.train.rows.size()}, {"sha256", sha256_of(data.train)},
                        {"bands", data.train.bands},       {"demonstrations_rejected", data.train.rejected()},
                        {"test", data.test.rows.size()},   {"test_bands", data.test.bands}};
    about["policy"] = nn::Transformer(spec).describe();
    about["notes"] = notes(data, base);
    return std::make_unique<TokenTrainee>(std::move(data), post_, spec, settings_.agent_seeds(),
                                          settings_.steps, base, *ranks_);
  }

 private:
  void require_no_prompts() const {
    for (const char* key :
         {"task", "prompts", "test-prompts", "max-tokens", "context", "width", "layers", "micro-batches"})
      if (schema_.source_of(key) == run::Schema::Source::kCommandLine)
        throw Error("is of token policies", std::string("--") + key, "leave it or --env out");
  }

  std::uint64_t seed() const { return static_cast<std::uint64_t>(data_seed_); }
  static std::vector<int> all_bands(const envs::TextTask& task) {
    std::vector<int> all;
    for (std::size_t i = 0; i < task.bands().size(); ++i) all.push_back(static_cast<int>(i));
    return all;
  }
  std::vector<int> chosen_bands(const envs::TextTask& task) const {
    if (bands_.empty()) return all_bands(task);
    std::vector<int> chosen;
    for (const std::string& name : bands_) {
      const auto found = std::ranges::find(task.bands(), name);
      if (found == task.bands().end())
        throw Error("the task has no such band", "--bands " + name,
                    "its bands are " + join(task.bands(), ", "));
      chosen.push_back(static_cast<int>(found - task.bands().begin()));
    }
    return chosen;
  }

  void require_demonstrations(const TokenData& data) const {
    if (!post_.needs_demonstrations()) return;
    std::int64_t usable = 0, all = 0;
    for (const PromptRow& row : data.train.rows) {
      all += !row.demonstration.empty();
      usable += !row.demonstration.empty() && (row.accepted || !post_.verify_demonstrations);
    }
    if (usable > 0) return;
    throw Error(all == 0 ? "no prompt has a demonstration" : "the verifier takes none of the demonstrations",
                prompts_.empty() ? "--task " + task_ : prompts_,
                method_ + " imitates them; grpo does without");
  }

  std::string notes(const TokenData& data, const std::vector<TokenPolicy>& base) const {
    std::vector<std::string> notes;
    const double longest = static_cast<double>(data.longest_answer);
    if (const std::int64_t rejected = data.train.rejected(); rejected > 0 && post_.needs_demonstrations())
      notes.push_back("the verifier rejects " + std::to_string(rejected) + " of " +
                      std::to_string(data.train.rows.size()) + " demonstrations" +
                      (post_.verify_demonstrations ? ", which are not imitated" : " (see --verify-demos)"));
    std::vector<std::string> doubts;
    if (post_.when != When::kDemonstrations) doubts = post_.rollouts_by(longest).doubts();
    if (post_.needs_demonstrations()) {
      const std::vector<std::string> more = post_.demonstrations_by(longest).doubts();
      doubts.insert(doubts.end(), more.begin(), more.end());
    }
    notes.insert(notes.end(), doubts.begin(), doubts.end());
    if (base.size() > 1 && static_cast<std::int64_t>(base.size()) < settings_.seeds)
      notes.push_back("the base has " + std::to_string(base.size()) +
                      " policies, which the agents take in turn");
    return join(notes, "; ");
  }

  std::string method_;
  run::Schema schema_;
  PostTrainingSettings post_;
  TrainingSettings settings_;
  std::string task_, prompts_, test_prompts_, base_;
  ControlPostTraining control_;
  std::vector<std::string> bands_;
  envs::Teacher teacher_;
  nn::TransformerSpec spec_;
  std::int64_t prompt_count_ = 1024, test_count_ = 100, eval_samples_ = 8, max_tokens_ = 0, data_seed_ = 0,
               context_ = 0;
  bool free_head_ = false, explain_ = false;
  comm::Ranks* ranks_ = &comm::alone();
};

}  // namespace

std::unique_ptr<TrainingJob> make_post_training_job(const std::string& method) {
  return std::make_unique<PostTrainingJob>(method);
}

}  // namespace hardy::algorithms
