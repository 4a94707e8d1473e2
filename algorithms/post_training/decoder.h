// Answers sampled token by token, all of a step's together: prompts are read once each, and their keys and
// values held once for all answers; then a graph of one token a row runs as long as an answer goes on. Where
// half of the rows have ended, the others are moved together and a graph of half as many goes on.
// Weights are packed once for all of a call's tokens.
// A draw is keyed by (seed, step, prompt, rollout, position), so that an answer does not depend on who else
// is in the batch. The log-probabilities are, bit for bit, those that training computes of the same tokens.
#pragma once

#include <memory>
#include <vector>

#include "engine/base/aligned.h"
#include "engine/base/threads.h"
#include "engine/comm/bytes.h"
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
template <class Part>
void each_part(comm::Of<DecodedAnswer> auto& a, const Part& part) {
  part(a.tokens);
  part(a.log_prob);
  part(a.entropy);
  part(a.ended);
}

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
  // A graph of one token a row, for `rows` rows of each agent.
  struct Step {
    std::int64_t rows;
    graph::Graph graph;
    nn::TokenSequences in;
    nn::DecodingCache cache;
    graph::Tensor keys, token, log_prob, entropy;
    std::unique_ptr<graph::Plan> plan;
  };
  struct Open {  // an answer that goes on
    std::size_t agent;
    std::int64_t row, prompt, rollout, first;  // first: where its next token stands
    std::int32_t token, id;
    DecodedAnswer* answer;
  };
  struct Layer {  // memory of a layer's keys and values
    AlignedMemory<float> prompt_keys, prompt_values, keys, values;
  };

  struct Packed {  // a weight [A, in, out], as products read it
    const float* from;
    std::int64_t in, out, size;  // size: of an agent's, packed
    AlignedMemory<float> memory;
  };

  void build_prefill(const std::string& name, nn::ParameterStore& store);
  void build_step(std::int64_t rows, const std::string& name, nn::ParameterStore& store);
  void pack(ThreadTeam& team);
  void read_prompts(const std::vector<std::vector<DecoderPrompt>>& prompts, ThreadTeam& team);
  void keep_prompts(ThreadTeam& team);
  void move_together(std::vector<Open>& open, std::int64_t from_rows, std::int64_t to_rows);
  void run(Step& step, std::vector<Open>& open, std::int32_t position, std::int32_t key, ThreadTeam& team);

  const nn::Transformer& network_;
  DecoderSizes sizes_;
  std::int32_t end_;
  std::int64_t agents_, answer_room_, prompt_room_;
  std::vector<std::int32_t> seeds_, counts_;  // counts: tokens of each prompt that are held
  std::vector<Layer> layers_;
  std::vector<Packed> packed_;  // by parameter; without memory where the network reads it as it lies
  graph::Graph prefill_graph_;
  nn::TokenSequences prefill_in_;
  nn::KeysAndValues seen_;
  std::unique_ptr<graph::Plan> prefill_;
  std::vector<std::unique_ptr<Step>> steps_;  // of ever fewer rows
  double flops_ = 0;
};

}  // namespace hardy::algorithms
