// `hardy bench hpt`: tokens a second of a token policy, sampled and trained apart, beside what its operations
// would take at this machine's measured rate of matrix products. Sizes are the keys'; texts are drawn, none
// ends early.
#include <chrono>
#include <cstdio>
#include <thread>

#include "algorithms/post_training/decoder.h"
#include "algorithms/post_training/settings.h"
#include "algorithms/post_training/token_update.h"
#include "engine/base/json.h"
#include "engine/base/random.h"
#include "engine/ops/gemm.h"
#include "engine/run/json_text.h"
#include "engine/run/measure.h"
#include "engine/run/schema.h"
#include "tools/hardy/bench_family.h"
#include "tools/hardy/command.h"

namespace hardy::tools {
namespace {

using algorithms::Decoder;
using algorithms::Learner;
using algorithms::TokenRow;
using Tokens = std::vector<std::int32_t>;

struct Sizes {
  std::int64_t prompts = 32, rollouts = 8, prompt = 16, answer = 16;
};

class TokenBench {
 public:
  TokenBench(const std::string& method, const nn::TransformerSpec& spec, const Sizes& sizes)
      : sizes_(sizes), transformer_(spec), learner_({1}) {
    const algorithms::PostTrainingSettings s = algorithms::post_training_settings(method);
    const auto network = learner_.network("policy", std::make_shared<nn::Transformer>(spec));
    algorithms::Descent descent;
    descent.learning_rate = nn::Schedule::constant(1e-4);
    descent.clip_norm = s.clip_norm;
    descent.rule.rule = nn::GroupSettings::Rule::kAdamW;
    const auto longest = static_cast<double>(sizes.answer);
    update_ = std::make_unique<algorithms::TokenUpdate>(
        learner_, transformer_, network, nullptr, s.rollouts_by(longest), s.demonstrations_by(longest), 1.0,
        0.0, descent, algorithms::TokenUpdateSizes{sizes.prompt + sizes.answer - 1});
    learner_.finish();
    constexpr std::int32_t kNever = -1;  // no token ends an answer
    learner_.write_parameters([&](nn::ParameterStore& store) {
      decoder_ = std::make_unique<Decoder>(
          transformer_, "policy", store, std::vector<std::uint64_t>{1},
          algorithms::DecoderSizes{sizes.prompts, sizes.rollouts, sizes.prompt, sizes.answer, 1}, kNever);
    });
    Random random(1, RandomStream::kUser);
    std::uint64_t draw = 0;
    for (std::int64_t p = 0; p < sizes.prompts; ++p) {
      texts_.emplace_back();
      for (std::int64_t t = 0; t < sizes.prompt; ++t)
        texts_.back().push_back(
            static_cast<std::int32_t>(random.uniform(draw++) * static_cast<float>(spec.vocabulary - 1)));
    }
    for (std::size_t p = 0; p < texts_.size(); ++p)
      prompts_.push_back({&texts_[p], static_cast<std::int32_t>(p)});
  }

  // Answers to all prompts: tokens that were sampled.
  std::int64_t sample(ThreadTeam& team) {
    answers_ = decoder_->decode({prompts_}, step_++, team);
    return sizes_.prompts * sizes_.rollouts * sizes_.answer;
  }
  // One optimiser step on them: tokens that went forward and backward.
  std::int64_t train(ThreadTeam& team) {
    std::vector<TokenRow> rows;
    const float weight = 1.0f / static_cast<float>(sizes_.prompts * sizes_.rollouts);
    for (std::size_t p = 0; p < texts_.size(); ++p)
      for (const algorithms::DecodedAnswer& a : answers_[0][p])
        rows.push_back({&texts_[p], &a.tokens, &a.log_prob, rows.size() % 2 == 0 ? 0.5f : -0.5f, weight, 0});
    update_->set_rows({rows});
    learner_.step(team);
    return sizes_.prompts * sizes_.rollouts * (sizes_.prompt + sizes_.answer - 1);
  }
  double flops_a_token() const { return transformer_.flops_a_token(); }
  std::int64_t parameters() const { return transformer_.parameters(); }

 private:
  Sizes sizes_;
  nn::Transformer transformer_;
  Learner learner_;
  std::unique_ptr<algorithms::TokenUpdate> update_;
  std::unique_ptr<Decoder> decoder_;
  std::vector<Tokens> texts_;
  std::vector<algorithms::DecoderPrompt> prompts_;
  std::vector<std::vector<std::vector<algorithms::DecodedAnswer>>> answers_;
  std::int32_t step_ = 0;
};

// Tokens a second of the fastest call: other programs only ever make one slower.
template <class Work>
double rate_of(double seconds, Work&& work) {
  double best = 0, spent = 0;
  work();
  while (spent < seconds) {
    const auto began = std::chrono::steady_clock::now();
    const auto tokens = static_cast<double>(work());
    const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    best = std::max(best, tokens / took);
    spent += took;
  }
  return best;
}

int run(const std::vector<std::string>& args) {
  std::string method;
  nn::TransformerSpec spec;
  spec.vocabulary = 17, spec.width = 96, spec.layers = 3;
  Sizes sizes;
  std::int64_t threads = std::max(1u, std::thread::hardware_concurrency());
  double seconds = 5;
  bool as_json = false, free_head = false;
  run::Schema schema("bench", "Times a token policy: answers sampled, and an optimiser step on them.");
  schema.positional("METHOD", &method, "a post-training method")
      .option("width", &spec.width, "of the transformer", 2, 1 << 14)
      .option("layers", &spec.layers, "of the transformer", 1, 512)
      .option("heads", &spec.heads, "of the transformer", 1, 512)
      .option("kv-heads", &spec.kv_heads, "heads of keys and values; 0: as many", 0, 512)
      .option("vocabulary", &spec.vocabulary, "tokens", 2, 1 << 20)
      .option("free-head", &free_head, "the head is not the embedding")
      .option("learned-positions", &spec.learned_positions, "instead of rotary ones")
      .option("gelu", &spec.gelu, "a plain feed-forward part instead of SwiGLU")
      .option("prompts", &sizes.prompts, "of a step", 1, 1 << 16)
      .option("rollouts", &sizes.rollouts, "answers to a prompt", 1, 4096)
      .option("prompt-tokens", &sizes.prompt, "of each prompt", 1, 1 << 16)
      .option("answer-tokens", &sizes.answer, "of each answer", 1, 1 << 16)
      .option("threads", &threads, "threads", 1, 1024)
      .option("seconds", &seconds, "to measure each for", 0.1, 3600.0)
      .option("json", &as_json, "print JSON");
  if (!parse_or_help(schema, args)) return 0;
  spec.tied = !free_head;
  spec.context = sizes.prompt + sizes.answer;
  TokenBench bench(method, spec, sizes);
  ThreadTeam team(static_cast<int>(threads));
  const double rollout = rate_of(seconds, [&] { return bench.sample(team); });
  const double train = rate_of(seconds, [&] { return bench.train(team); });
  const double sgemm = run::measure_sgemm(256, 256, 256, static_cast<int>(threads));
  const double flop = bench.flops_a_token();
  const auto share = [&](double rate, double passes) { return rate * passes * flop / (sgemm * 1e9); };
  const nlohmann::json result{{"method", method},
                              {"parameters", bench.parameters()},
                              {"threads", threads},
                              {"rollout_tokens_per_second", rollout},
                              {"train_tokens_per_second", train},
                              {"flop_per_token_forward", flop},
                              {"sgemm_256_gflops", sgemm},
                              {"rollout_share_of_sgemm", share(rollout, 1)},
                              {"train_share_of_sgemm", share(train, 3)},
                              {"kernel", gemm_kernel_name()}};
  if (as_json)
    std::printf("%s\n", run::json_text(result).c_str());
  else
    std::printf(
        "%s, %lld parameters, %lld thread(s): %.0f tokens/s sampled (%.0f %% of SGEMM 256^3, %.1f GFLOP/s), "
        "%.0f "
        "tokens/s trained (%.0f %%)\n",
        method.c_str(), static_cast<long long>(bench.parameters()), static_cast<long long>(threads), rollout,
        100 * share(rollout, 1), sgemm, train, 100 * share(train, 3));
  return 0;
}

const RegisterBenchFamily family("post-training", {algorithms::is_post_training, run});

}  // namespace
}  // namespace hardy::tools
