// Answers sampled token by token, all of a step's together: prompts are read once each, and their keys and
// values copied to the answers of each; then one graph of one token a row runs as long as an answer goes on.
// A draw is keyed by (seed, step, prompt, rollout, position), so that an answer does not depend on who else
// is in the batch. The log-probabilities are, bit for bit, those that training computes of the same tokens.
#pragma once

#include <memory>
#include <vector>

#include "engine/base/aligned.h"
#include "engine/base/threads.h"
#include "engine/graph/plan.h"
#include "engine/nn/parameters.h"
#include "engine/nn/transformer.h"

namespace hardy::algorithms {

struct DecodedAnswer {
  std::vector<std::int32_t> tokens;  // the end among them, where it came
  std::vector<float> log_prob;       // of each token
  double entropy = 0;                // mean over the tokens of the distribution's that each was drawn from
  bool ended = false;                // false: truncated at the longest answer
  bool operator==(const DecodedAnswer&) const = default;
};

struct DecoderSizes {
  std::int64_t prompts = 1, answers = 1;  // of an agent: prompts at most, answers to each
  std::int64_t longest_prompt = 1, longest_answer = 1;
  double temperature = 1;  // 0: the likeliest token
};

// One agent's prompt to be answered. id: what its draws are keyed by.
struct DecoderPrompt {
  const std::vector<std::int32_t>* tokens;
  std::int32_t id;
};

class Decoder {
 public:
  // Reads the parameters of network `name` (nn::Transformer::tensors) where they lie in the store.
  Decoder(const nn::Transformer& network, const std::string& name, nn::ParameterStore& store,
          const std::vector<std::uint64_t>& seeds, const DecoderSizes& sizes, std::int32_t end);

  // prompts [agents][at most sizes.prompts] -> answers [agents][prompts][sizes.answers]. step: keys the
  // draws.
  std::vector<std::vector<std::vector<DecodedAnswer>>> decode(
      const std::vector<std::vector<DecoderPrompt>>& prompts, std::int32_t step, ThreadTeam& team);

  double flops() const { return flops_; }  // of all decoding until now, by nn::Transformer::flops_a_token

 private:
  void build_prefill(const std::string& name, nn::ParameterStore& store);
  void build_step(const std::string& name, nn::ParameterStore& store,
                  const std::vector<std::uint64_t>& seeds);
  void copy_prompts(const std::vector<std::vector<DecoderPrompt>>& prompts, ThreadTeam& team);

  const nn::Transformer& network_;
  DecoderSizes sizes_;
  std::int32_t end_;
  std::int64_t agents_;
  std::vector<std::int32_t> seeds_;
  graph::Graph prefill_graph_, step_graph_;
  nn::TokenSequences prefill_in_, step_in_;
  nn::KeyValueCache seen_, cache_;
  graph::Tensor keys_, token_, log_prob_, entropy_;
  std::unique_ptr<graph::Plan> prefill_, step_;
  double flops_ = 0;
};

}  // namespace hardy::algorithms
