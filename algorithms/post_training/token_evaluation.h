// How often a token policy solves prompts, band by band: sampled, greedily, and at least once in k samples.
#pragma once

#include <memory>
#include <vector>

#include "algorithms/post_training/alphabet.h"
#include "algorithms/post_training/decoder.h"
#include "algorithms/post_training/prompts.h"
#include "engine/base/stop.h"
#include "engine/run/metrics.h"

namespace hardy::algorithms {

struct Answered {
  std::string prompt, answer;
  bool right;
};

class TokenEvaluation {
 public:
  // Of `network` in the store, on the set's prompts; samples: answers to each, beside a greedy one.
  TokenEvaluation(const nn::Transformer& network, nn::ParameterStore& store,
                  const std::vector<std::uint64_t>& seeds, const Alphabet& alphabet, const PromptSet& set,
                  Verifier verify, std::int64_t samples, std::int64_t longest_answer);
  // One number an agent: score/mean (100 times the solve rate over all bands), solve/BAND and solve/mean,
  // greedy/mean, pass_at_K/mean for K = samples, length/mean, truncated/mean. Draws are the same every time,
  // so that two policies are compared on the same numbers.
  run::MetricValues evaluate(ThreadTeam& team, StopToken stop = {});
  // The first agent's likeliest answers to the first `count` prompts; one that is cut off is wrong.
  std::vector<Answered> likeliest(std::int64_t count, ThreadTeam& team);

 private:
  std::vector<std::vector<DecoderPrompt>> chunk_from(std::int64_t begin) const;

  const Alphabet& alphabet_;
  const PromptSet& set_;
  Verifier verify_;
  std::int64_t samples_, agents_, chunk_;
  std::vector<std::vector<std::int32_t>> tokens_;
  std::unique_ptr<Decoder> sampled_, greedy_;
};

}  // namespace hardy::algorithms
