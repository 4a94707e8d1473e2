// The optimiser step of a token policy: a batch's rows, packed into passes of a fixed number of sequences,
// each computed once forward and once backward; their gradients are summed in the order of the rows' places,
// whatever order they come in. A token's numbers do not depend on padding, nor on who else is in its pass.
#pragma once

#include <vector>

#include "algorithms/learning/learner.h"
#include "algorithms/post_training/estimator.h"
#include "engine/nn/transformer.h"

namespace hardy::algorithms {

struct TokenRow {
  const std::vector<std::int32_t>*prompt, *answer;
  const std::vector<float>* behaviour;  // log pi_old of the answer's tokens; null: a demonstration
  float advantage, rollout_weight, demonstration_weight;
  float praise_weight = 0, imitation_weight = 0;  // SRFT's (batch.h)
  std::int64_t place = 0;                         // rows are computed in this order, however they come
};

struct TokenUpdateSizes {
  std::int64_t sequences = 32, tokens = 0;  // of a pass; of the longest prompt and answer together
  bool entropy_weighted = false;            // rows have SRFT's weights
};

class TokenUpdate final : public PassFeed {
 public:
  // Builds the update "policy" of the learner. reference: frozen, of the same architecture; or none.
  TokenUpdate(Learner& learner, const nn::Transformer& transformer, const Network& network,
              const Network* reference, const Estimator& rollouts, const Estimator& demonstrations,
              double temperature, double entropy_weight, const Descent& descent,
              const TokenUpdateSizes& sizes);

  // The rows of the next step, of each agent.
  void set_rows(std::vector<std::vector<TokenRow>> rows);

  // What the last step's passes left, by agent: the largest |log pi - log pi_old|, tokens whose ratio had
  // left [1 - low, 1 + high] of the rollouts' mask and all tokens of rollouts.
  struct Seen {
    double difference = 0;
    std::int64_t outside = 0, rollout_tokens = 0, tokens = 0, read = 0;  // read: prompts' tokens too
  };
  const std::vector<Seen>& seen() const { return seen_; }
  std::int64_t passes() const { return passes_; }

  bool fill(std::int64_t pass) override;
  void ran(std::int64_t pass) override;

 private:
  struct Host {  // what the graph reads, [A, S * T] or [A, S]
    std::vector<std::int32_t> tokens, positions, first, last, targets;
    std::vector<float> behaviour, counts, log_prob, rollout_weight, demonstration_weight, praise_weight,
        imitation_weight, advantage, length;
  };

  std::int64_t agents_, S_, T_;
  TokenCoefficient mask_;
  Host host_;
  std::vector<std::vector<TokenRow>> rows_;
  std::vector<Seen> seen_;
  std::int64_t passes_ = 0;
};

}  // namespace hardy::algorithms
