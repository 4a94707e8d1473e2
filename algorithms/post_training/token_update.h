// The optimiser step of a token policy (sequence_update.h). A token's numbers do not depend on padding, nor
// on who else is in its pass.
#pragma once

#include <vector>

#include "algorithms/post_training/sequence_update.h"
#include "engine/nn/transformer.h"

namespace hardy::algorithms {

struct TokenRow {
  const std::vector<std::int32_t>*prompt, *answer;
  const std::vector<float>* behaviour;  // log pi_old of the answer's tokens; null: a demonstration
  float advantage, rollout_weight, demonstration_weight;
  float praise_weight = 0, imitation_weight = 0;  // SRFT's (batch.h)
  std::int64_t place = 0;                         // rows are computed in this order, however they come

  // The position that the answer's first token is predicted at, and its tokens.
  std::int64_t first() const { return static_cast<std::int64_t>(prompt->size()) - 1; }
  std::int64_t length() const { return static_cast<std::int64_t>(answer->size()); }
};

struct TokenUpdateSizes {
  std::int64_t tokens = 0;        // of the longest prompt and answer together
  bool entropy_weighted = false;  // rows have SRFT's weights
  std::int64_t sequences = kPassSequences;
};

class TokenUpdate final : public SequenceUpdate<TokenRow> {
 public:
  // Builds the update "policy" of the learner. reference: frozen, of the same architecture; or none.
  TokenUpdate(Learner& learner, const nn::Transformer& transformer, const Network& network,
              const Network* reference, const Estimator& rollouts, const Estimator& demonstrations,
              double temperature, double entropy_weight, const Descent& descent,
              const TokenUpdateSizes& sizes);

 private:
  void clear() override;
  void put(const TokenRow& row, std::size_t at) override;

  std::size_t tokens_;  // of a sequence
  std::vector<std::int32_t> in_, positions_, first_, last_,
      targets_;  // what the graph reads, [A, S * T] or [A, S]
};

}  // namespace hardy::algorithms
