// Policies as networks with a head: how they act, in training, evaluation, data collection and from a
// file. The same graph serves all of them.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "algorithms/acting/bounds.h"
#include "engine/base/actions.h"
#include "engine/base/random.h"
#include "engine/base/threads.h"
#include "engine/device/mirror.h"
#include "engine/device/staging.h"
#include "engine/graph/plan.h"
#include "engine/nn/heads.h"
#include "engine/nn/mlp.h"
#include "engine/nn/parameters.h"

namespace hardy::algorithms {

// What acts: one action for each row of observations.
class Policy {
 public:
  virtual ~Policy() = default;
  // Row i begins an episode: a policy with a memory forgets what it has seen there.
  virtual void start(std::int64_t /*row*/) {}
  // Before each act(): what the step before gave each row, 0 where an episode begins.
  virtual void rewarded(std::span<const double> /*rewards*/) {}
  // observations [rows, obs] raw. draws: a row's numbers for this step, or empty to act by the mode. Writes
  // the actions, numbers [rows, act] within the bounds or choices [rows], and, if it is not empty, log_probs
  // [rows]: log pi(a|s) of each, 0 where nothing is left to chance.
  virtual void act(std::span<const double> observations, std::span<const Random> draws, ActionMemory& actions,
                   std::span<float> log_probs, ThreadTeam& team) = 0;
  // log pi(a|s) [rows] of actions that are given: numbers [rows, act] within the bounds, or choices [rows].
  // Of numbers it is the log-density over the bounds' box, -infinity outside of it. An Error where a
  // policy's actions have no density, or a choice is none of them.
  virtual void log_prob(std::span<const double> observations, const Actions& actions,
                        std::span<float> log_probs, ThreadTeam& team);
};

enum class Head {
  // Numbers
  kDeterministic,  // tanh(net)
  kGaussian,       // net is the mean, one state-independent log_std vector in [-5, 2]
  kTanhGaussian,   // net gives mean and log_std, log_std held to [PolicySpec::log_std_low, 2]
  // Choices
  kCategorical,  // net gives logits
  kGreedyQ,      // net gives Q of each choice; the first of the largest is taken
  kDuelingQ      // net gives V, then an advantage for each choice: Q = V + advantage - their mean
};
bool chooses(Head head);
std::string name_of(Head head);
Head head_named(const std::string& name);

// What a decision transformer acts by beside the observation (sequence_actor.h).
struct SequenceSpec {
  std::int64_t context = 0;  // steps that it sees; 0: none of this, it acts by the observation alone
  std::int64_t width = 128, layers = 3, heads = 1, times = 1000;  // nn::DecisionTransformerSpec
  double return_scale = 1;                                        // returns to go are multiplied by it
  double target_return = 0;  // the return to go at an episode's first step; rewards are taken off it
};

struct PolicySpec {
  Head head = Head::kDeterministic;
  int observation_size = 0, action_size = 0;
  std::vector<std::int64_t> hidden = {256, 256};            // a width for each hidden layer
  nn::Nonlinearity nonlinearity = nn::Nonlinearity::kRelu;  // after each of them
  std::vector<float> observation_mean, observation_std;     // empty: observations are used as they are
  std::vector<float> action_low, action_high;               // none of choices, whose action_size is 1
  int action_choices = 0;                                   // 0: numbers
  // Whether a Gaussian head's outputs lie about [-1, 1] and are stretched to the bounds, as those of the
  // other heads are. false: a policy file of format 1, whose outputs are the actions themselves.
  bool scaled = true;
  double log_std_low = kLogStdLow;  // of a kTanhGaussian head
  SequenceSpec sequence;            // of a kDeterministic head

  static constexpr double kLogStdLow = -20;

  nn::ArchitecturePtr mlp() const;      // from observations to the head's inputs
  nn::ArchitecturePtr network() const;  // that, or the decision transformer
  bool sequential() const { return sequence.context > 0; }
  ActionBounds bounds() const { return {action_low, action_high, ""}; }
};

// Rows of observations as the network sees them, normalised where the policy says so.
void observe_as(const PolicySpec& spec, std::span<const double> observations, float* in);

// The choice that a uniform number falls to by the inverse of the distribution function; beyond the last by
// rounding, the likeliest. log_probs: of each choice.
std::int32_t choice_at(std::span<const float> log_probs, double uniform);

// Layers as --hidden names them: a width each, or one width for two layers.
std::vector<std::int64_t> hidden_layers(const std::vector<std::int64_t>& widths);
// in, the hidden layers, out: nn::MlpSpec::widths.
std::vector<std::int64_t> layer_widths(std::int64_t in, const std::vector<std::int64_t>& hidden,
                                       std::int64_t out);

// The law of what a head of numbers draws, from the network's output `net` [A, B, ...]: of a kGaussian before
// it is held to the bounds, of a kTanhGaussian before it is squashed. log_std [A, act] for kGaussian.
struct GaussianLaw {
  graph::Tensor mean, log_std;  // [A, B, act]; a kGaussian's log_std [A, 1, act]
};
GaussianLaw gaussian_law(graph::Graph& g, Head head, graph::Tensor net, graph::Tensor log_std,
                         double log_std_low = PolicySpec::kLogStdLow);

// The head of numbers applied to the network's output. noise [A, B, act], or none for the mode.
nn::ActionSample act_through(graph::Graph& g, Head head, graph::Tensor net, graph::Tensor log_std,
                             graph::Tensor noise, double log_std_low = PolicySpec::kLogStdLow);

// log pi(action) [A, B] by the same head: of numbers [A, B, act] as networks see them, in [-1, 1], of a
// Gaussian before it is held there; of choices i32 [A, B] by a categorical one. An Error of the others.
graph::Tensor log_prob_through(graph::Graph& g, Head head, graph::Tensor net, graph::Tensor log_std,
                               graph::Tensor action, double log_std_low = PolicySpec::kLogStdLow);

// Q of each choice [A, B, n] from the output of a kGreedyQ or kDuelingQ head's network.
graph::Tensor q_values(graph::Graph& g, Head head, graph::Tensor net);

// A network ready to act on batches of one size, with parameters of its own or a learner's.
class Actor final : public Policy {
 public:
  // One agent, its parameters copied from `parameters`: w0, b0, ..., then log_std where there is one.
  Actor(const PolicySpec& spec, std::int64_t batch, const std::vector<std::vector<float>>& parameters);
  // All agents of a store, reading its parameters named policy/... where they are.
  // With a mirror it acts on the mirror's device, in the order of the training's stream.
  Actor(const PolicySpec& spec, std::int64_t batch, const nn::ParameterStore& store,
        device::Mirror* mirror = nullptr);

  const PolicySpec& spec() const { return spec_; }
  // Rows are [A, B]. Numbers take standard normals, draw k of a row for dimension k; a categorical head takes
  // draw 0.
  void act(std::span<const double> observations, std::span<const Random> draws, ActionMemory& actions,
           std::span<float> log_probs, ThreadTeam& team) override;
  // Heads of numbers: noise [A, B, act] standard normal, or empty to act by the mode; actions [A, B, act];
  // log_probs [A, B] if not empty: log densities of the actions, with the Jacobian of the stretch to the
  // bounds (a Gaussian head's before they are held within them).
  void act(std::span<const double> observations, std::span<const float> noise, std::span<float> actions,
           std::span<float> log_probs, ThreadTeam& team);
  // Rows are [A, B]. u = (a - centre) / half lies in [-1, 1]; the density of a is that of u, by
  // log_prob_through(), over the Jacobian of the stretch, prod_k half_k: what act() says of its own actions.
  // On a bound a Gaussian head has the density of its law there, not the share that is held to it. A greedy
  // head gives its choice probability 1.
  void log_prob(std::span<const double> observations, const Actions& actions, std::span<float> log_probs,
                ThreadTeam& team) override;

  // --- with a mirror, for whoever is on its device as well
  struct Places {
    float *observations, *noise;  // what a pass takes, [A, B, obs] and [A, B, act]; null where it takes none
    const float* gives;           // actions in [-1, 1] [A, B, act], or scores [A, B, n]
  };
  Places places() const;
  void enqueue();  // a pass, into the training's stream

 private:
  void build(std::int64_t agents, std::int64_t batch);
  void bind(graph::Tensor parameter, void* memory);
  void plan_given();
  float stretch() const;  // the log of its Jacobian
  // What run() takes and leaves, on this side.
  float* observed() { return there_ ? there_->in.here(0) : plan_->data<float>(observations_); }
  float* noise_in() { return there_ ? there_->in.here(1) : plan_->data<float>(noise_); }
  const float* acted() const { return there_ ? there_->out.here(0) : plan_->data<float>(action_); }
  const float* log_probs_out() const { return there_ ? there_->out.here(1) : plan_->data<float>(log_prob_); }
  void run(ThreadTeam& team);
  void replay(std::unique_ptr<device::Captured>& captured, const std::function<void()>& pass);
  void choose(std::span<const Random> draws, std::span<std::int32_t> choices,
              std::span<float> log_probs) const;
  void log_prob_of_choices(std::span<const double> observations, std::span<const std::int32_t> choices,
                           std::span<float> log_probs, ThreadTeam& team);
  void log_prob_of_numbers(std::span<const double> observations, std::span<const float> actions,
                           std::span<float> log_probs, ThreadTeam& team);

  PolicySpec spec_;
  ActionBounds bounds_;
  graph::Graph graph_;
  std::vector<graph::Tensor> parameters_;
  // action_: of a head of choices their scores [A, B, n], log-probabilities or Q.
  graph::Tensor observations_, noise_, action_, log_prob_;
  graph::Tensor given_, given_log_prob_;  // of heads of numbers that have densities
  std::unique_ptr<graph::Plan> plan_, given_plan_;
  std::vector<void*> bound_;  // the parameters' places
  std::vector<std::vector<float>> own_;
  device::Mirror* mirror_ = nullptr;
  struct There {
    device::Staging in, out;                     // observations and noise; actions (scores) and log_probs
    std::unique_ptr<device::Captured> captured;  // copy in, the plan, copy out
    std::unique_ptr<device::Captured> captured_alone;
  };
  std::unique_ptr<There> there_;  // where it acts on a device
  std::vector<float> drawn_;      // this step's normals
};

std::vector<std::vector<float>> policy_parameters(const nn::ParameterStore& store, std::int64_t agent);

// What acts as the spec says, in batches of one size: an Actor, or a SequenceActor.
std::unique_ptr<Policy> make_actor(const PolicySpec& spec, std::int64_t batch,
                                   const std::vector<std::vector<float>>& parameters);

}  // namespace hardy::algorithms
