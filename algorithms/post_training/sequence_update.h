// The optimiser step that token and control policies share: a batch's rows (answers, episodes), packed into
// passes of a fixed number of sequences, each computed once forward and once backward; their gradients are
// summed in the order of the rows' places, whatever order they come in. How many sequences a pass has is no
// setting: the cut is part of what the last bits of a sum mean.
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "algorithms/learning/learner.h"
#include "algorithms/post_training/estimator.h"

namespace hardy::algorithms {

inline constexpr std::int64_t kPassSequences = 32;

// What the loss reads of a pass, [A, S, T] or [A, S], and what it leaves.
struct SequenceArrays {
  std::vector<float> behaviour, counts, log_prob;  // [A, S, T]
  std::vector<float> rollout_weight, demonstration_weight, praise_weight, imitation_weight, advantage,
      length;  // [A, S]

  SequenceArrays(std::int64_t agents, std::int64_t sequences, std::int64_t steps);
  void clear();
};

// Rollouts by one estimator and demonstrations by another: [A], and the log-probabilities are left behind.
// log_prob, entropy and log_reference [A, S, T].
struct SequenceScores {
  graph::Tensor log_prob, entropy;
  std::optional<graph::Tensor> log_reference;  // of what a divergence pulls towards
};
struct SequenceLoss {
  Estimator rollouts, demonstrations;
  double entropy_weight = 0;      // of the entropy's bonus on rollouts
  bool entropy_weighted = false;  // rows have SRFT's weights
};
graph::Tensor sequence_loss(Update& update, SequenceArrays& arrays, const SequenceLoss& loss,
                            const SequenceScores& scores);

// What the last step's passes left of an agent: the largest |log pi - log pi_old|, tokens (or steps) whose
// ratio had left [1 - low, 1 + high] of the rollouts' mask, all of rollouts, all, and what the network read.
struct SequenceSeen {
  double difference = 0;
  std::int64_t outside = 0, rollout_tokens = 0, tokens = 0, read = 0;

  void add(const SequenceSeen& other) {
    difference = std::max(difference, other.difference);
    outside += other.outside;
    rollout_tokens += other.rollout_tokens;
    tokens += other.tokens;
    read += other.read;
  }
};

// Row: `behaviour` (log pi_old of what counts; null: a demonstration), the members of a WeighedRow (batch.h)
// that weigh it, `place`, first() (the first position that counts) and length() (how many do).
template <class Row>
class SequenceUpdate : public PassFeed {
 public:
  using Seen = SequenceSeen;

  // The rows of the next step, of each agent.
  void set_rows(std::vector<std::vector<Row>> rows) {
    rows_ = std::move(rows);
    for (auto& of_agent : rows_) std::ranges::stable_sort(of_agent, {}, &Row::place);
    seen_.assign(static_cast<std::size_t>(agents_), {});
  }
  const std::vector<Seen>& seen() const { return seen_; }

  std::int64_t passes() const final {
    std::size_t most = 1;
    for (const auto& rows : rows_) most = std::max(most, rows.size());
    return (static_cast<std::int64_t>(most) + sequences_ - 1) / sequences_;
  }

  void fill(std::int64_t pass) final {
    arrays_.clear();
    clear();
    for_rows(pass, [&](std::size_t, const Row& row, std::size_t at, std::size_t first) {
      const auto n = static_cast<std::size_t>(row.length());
      std::fill_n(arrays_.counts.begin() + static_cast<std::ptrdiff_t>(first), n, 1.0f);
      if (row.behaviour)
        std::copy_n(row.behaviour->begin(), n,
                    arrays_.behaviour.begin() + static_cast<std::ptrdiff_t>(first));
      arrays_.advantage[at] = row.advantage;
      arrays_.rollout_weight[at] = row.rollout_weight;
      arrays_.demonstration_weight[at] = row.demonstration_weight;
      arrays_.praise_weight[at] = row.praise_weight;
      arrays_.imitation_weight[at] = row.imitation_weight;
      arrays_.length[at] = static_cast<float>(n);
      put(row, at);
    });
  }

  void ran(std::int64_t pass) final {
    for_rows(pass, [&](std::size_t a, const Row& row, std::size_t, std::size_t first) {
      Seen& seen = seen_[a];
      seen.tokens += row.length();
      seen.read += row.first() + row.length();
      if (!row.behaviour) return;
      for (std::size_t t = 0; t < static_cast<std::size_t>(row.length()); ++t) {
        const double apart =
            static_cast<double>(arrays_.log_prob[first + t]) - static_cast<double>((*row.behaviour)[t]);
        seen.difference = std::max(seen.difference, std::abs(apart));
        const double ratio = std::exp(apart);
        seen.outside += ratio > 1 + mask_.high || ratio < 1 - mask_.low;
      }
      seen.rollout_tokens += row.length();
    });
  }

  void share(comm::Ranks& ranks) final {
    const std::size_t agents = seen_.size();
    std::vector<Seen> all(agents * static_cast<std::size_t>(ranks.size()));
    std::ranges::copy(
        seen_, all.begin() + static_cast<std::ptrdiff_t>(agents * static_cast<std::size_t>(ranks.rank())));
    ranks.gather(std::as_writable_bytes(std::span(all)));
    seen_.assign(agents, {});
    for (std::size_t i = 0; i < all.size(); ++i) seen_[i % agents].add(all[i]);
  }

 protected:
  // sequences, steps: of a pass. mask: of rollouts.
  SequenceUpdate(std::int64_t agents, std::int64_t sequences, std::int64_t steps,
                 const TokenCoefficient& mask)
      : agents_(agents),
        sequences_(sequences),
        steps_(steps),
        mask_(mask),
        arrays_(agents, sequences, steps),
        seen_(static_cast<std::size_t>(agents)) {}

  // What the network reads: all of it empty, and of one row, whose place in [A, S] is `at`.
  virtual void clear() = 0;
  virtual void put(const Row& row, std::size_t at) = 0;

  SequenceArrays& arrays() { return arrays_; }

 private:
  // do_row(agent, row, its place in [A, S], the place in [A, S, T] of the first that counts) of a pass.
  template <class F>
  void for_rows(std::int64_t pass, F&& do_row) {
    for (std::int64_t a = 0; a < agents_; ++a) {
      const auto& rows = rows_[static_cast<std::size_t>(a)];
      const auto count = static_cast<std::int64_t>(rows.size());
      for (std::int64_t s = 0; s < sequences_ && pass * sequences_ + s < count; ++s) {
        const Row& row = rows[static_cast<std::size_t>(pass * sequences_ + s)];
        const std::int64_t at = a * sequences_ + s;
        do_row(static_cast<std::size_t>(a), row, static_cast<std::size_t>(at),
               static_cast<std::size_t>(at * steps_ + row.first()));
      }
    }
  }

  std::int64_t agents_, sequences_, steps_;
  TokenCoefficient mask_;
  SequenceArrays arrays_;
  std::vector<std::vector<Row>> rows_;
  std::vector<Seen> seen_;
};

}  // namespace hardy::algorithms
