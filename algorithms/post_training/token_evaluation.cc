#include "algorithms/post_training/token_evaluation.h"

#include <algorithm>

#include "algorithms/post_training/advantages.h"

namespace hardy::algorithms {
namespace {

constexpr std::int64_t kRows = 512;      // answers decoded at once, of an agent
constexpr std::int32_t kStep = 1 << 30;  // beyond every step of training

}  // namespace

TokenEvaluation::TokenEvaluation(const nn::Transformer& network, nn::ParameterStore& store,
                                 const std::vector<std::uint64_t>& seeds, const Alphabet& alphabet,
                                 const PromptSet& set, Verifier verify, std::int64_t samples,
                                 std::int64_t longest_answer)
    : alphabet_(alphabet),
      set_(set),
      verify_(std::move(verify)),
      samples_(samples),
      agents_(store.agents()),
      chunk_(std::clamp<std::int64_t>(kRows / samples, 1, static_cast<std::int64_t>(set.rows.size()))) {
  std::size_t longest = 1;
  for (const PromptRow& row : set.rows) {
    tokens_.push_back(alphabet.encode(row.prompt, "prompt " + row.prompt));
    longest = std::max(longest, row.prompt.size());
  }
  DecoderSizes sizes{chunk_, samples, static_cast<std::int64_t>(longest), longest_answer, 1};
  sampled_ = std::make_unique<Decoder>(network, "policy", store, seeds, sizes, alphabet.end());
  sizes.answers = 1;
  sizes.temperature = 0;
  greedy_ = std::make_unique<Decoder>(network, "policy", store, seeds, sizes, alphabet.end());
}

// The chunk's prompts, for every agent the same.
std::vector<std::vector<DecoderPrompt>> TokenEvaluation::chunk_from(std::int64_t begin) const {
  std::vector<DecoderPrompt> prompts;
  const std::int64_t end = std::min(static_cast<std::int64_t>(set_.rows.size()), begin + chunk_);
  for (std::int64_t i = begin; i < end; ++i)
    prompts.push_back({&tokens_[static_cast<std::size_t>(i)], static_cast<std::int32_t>(i)});
  return std::vector<std::vector<DecoderPrompt>>(static_cast<std::size_t>(agents_), prompts);
}

std::vector<Answered> TokenEvaluation::likeliest(std::int64_t count, ThreadTeam& team) {
  std::vector<Answered> all;
  count = std::min(count, static_cast<std::int64_t>(set_.rows.size()));
  for (std::int64_t begin = 0; begin < count; begin += chunk_) {
    const auto answers = greedy_->decode(chunk_from(begin), kStep, team);
    for (std::size_t p = 0; p < answers[0].size() && static_cast<std::int64_t>(all.size()) < count; ++p) {
      const PromptRow& row = set_.rows[static_cast<std::size_t>(begin) + p];
      const DecodedAnswer& answer = answers[0][p][0];
      const std::string text = alphabet_.decode(answer.tokens);
      all.push_back({row.prompt, text, answer.ended && verify_(row, text) > 0.5});
    }
  }
  return all;
}

run::MetricValues TokenEvaluation::evaluate(ThreadTeam& team, StopToken stop) {
  const auto agents = static_cast<std::size_t>(agents_);
  const std::size_t bands = set_.bands.size();
  struct Sums {
    double solved = 0, greedy = 0, any = 0, length = 0, truncated = 0;
    std::vector<double> by_band, in_band;
  };
  std::vector<Sums> sums(agents);
  for (Sums& s : sums) s.by_band.assign(bands, 0), s.in_band.assign(bands, 0);
  const auto count = static_cast<std::int64_t>(set_.rows.size());
  for (std::int64_t begin = 0; begin < count; begin += chunk_) {
    throw_if_stopped(stop);
    const std::vector<std::vector<DecoderPrompt>> all = chunk_from(begin);
    const auto sampled = sampled_->decode(all, kStep, team), greedy = greedy_->decode(all, kStep, team);
    for (std::size_t a = 0; a < agents; ++a)
      for (std::size_t p = 0; p < all[a].size(); ++p) {
        const PromptRow& row = set_.rows[static_cast<std::size_t>(begin) + p];
        Sums& s = sums[a];
        int right = 0;
        for (const DecodedAnswer& answer : sampled[a][p]) {
          right += answer.ended && verify_(row, alphabet_.decode(answer.tokens)) > 0.5;
          s.length += static_cast<double>(answer.tokens.size());
          s.truncated += !answer.ended;
        }
        const DecodedAnswer& best = greedy[a][p][0];
        s.greedy += best.ended && verify_(row, alphabet_.decode(best.tokens)) > 0.5;
        s.solved += static_cast<double>(right) / static_cast<double>(samples_);
        s.any += right > 0;
        s.by_band[static_cast<std::size_t>(row.band)] +=
            static_cast<double>(right) / static_cast<double>(samples_);
        s.in_band[static_cast<std::size_t>(row.band)] += 1;
      }
  }
  run::MetricValues values;
  const double n = static_cast<double>(count);
  for (const Sums& s : sums) {
    values["score/mean"].push_back(100 * s.solved / n);
    values["solve/mean"].push_back(s.solved / n);
    values["greedy/mean"].push_back(s.greedy / n);
    values["pass_at_" + std::to_string(samples_) + "/mean"].push_back(s.any / n);
    values["length/mean"].push_back(s.length / n / static_cast<double>(samples_));
    values["truncated/mean"].push_back(s.truncated / n / static_cast<double>(samples_));
    for (std::size_t b = 0; b < bands; ++b)
      if (s.in_band[b] > 0) values["solve/" + set_.bands[b]].push_back(s.by_band[b] / s.in_band[b]);
  }
  return values;
}

}  // namespace hardy::algorithms
