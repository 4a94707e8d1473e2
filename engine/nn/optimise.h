// Adam, AdamW and SGD over many tensors at once, gradient clipping and Polyak averaging included: one
// pass over memory a step.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace hardy {
class ThreadTeam;
}

namespace hardy::nn {

// One tensor [agents][elements_per_agent] and what belongs to it.
struct Segment {
  float* value = nullptr;
  const float* gradient = nullptr;
  float* first_moment = nullptr;   // Adam's m; SGD's momentum
  float* second_moment = nullptr;  // Adam's v
  float* target = nullptr;         // its Polyak average, or null
  std::int64_t agents = 1, elements_per_agent = 0;
  int group = 0;
};

struct GroupSettings {
  enum class Rule { kAdam, kAdamW, kSgd };
  Rule rule = Rule::kAdam;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double weight_decay = 0;   // kAdam: added to the gradient; kAdamW: decoupled (Loshchilov, Hutter 2019)
  double momentum = 0;       // kSgd
  double max_grad_norm = 0;  // per agent over the group's tensors; 0: none
  double polyak = 0;         // target <- (1 - polyak) target + polyak value
};

class Optimiser {
 public:
  Optimiser(std::vector<Segment> segments, std::vector<GroupSettings> groups);

  // Step t counts from 1 (Kingma, Ba 2015: m / (1 - beta1^t) over sqrt(v / (1 - beta2^t)) + epsilon).
  // learning_rates: one a group. Agents with active[agent] == 0 are left as they are.
  void step(std::int64_t t, std::span<const double> learning_rates, std::span<const std::uint8_t> active,
            ThreadTeam& team);

 private:
  struct Piece {  // a run of one agent's elements of one segment
    std::size_t segment;
    std::int64_t agent, begin, end;
  };
  struct Coefficients {
    float rate, bias1, root_bias2;
  };
  void scale_by_norm(std::span<const std::uint8_t> active, ThreadTeam& team);
  void update(const Piece& piece) const;

  std::vector<Segment> segments_;
  std::vector<GroupSettings> groups_;
  std::vector<Piece> pieces_;
  std::vector<Coefficients> coefficients_;  // by group, of this step
  std::vector<double> squares_;             // by piece: its sum of squared gradients
  std::vector<float> clip_;                 // by group and agent
  std::int64_t agents_ = 1;
};

}  // namespace hardy::nn
