// Loss processes: what the adversary does. Episode k's losses are l_k,h(s,a) = phi_h(s,a) . nu_k,h, or a
// table [H][S][A] of their own. Oblivious processes are functions of k alone; an adaptive one sees what the
// learner visits, and then regret is external, on the realised losses.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "envs/linear_mdp/linear_mdp.h"

namespace hardy::envs {

// What was played in an episode, as an adaptive adversary sees it.
struct PlayedEpisode {
  std::span<const double> features;     // [H][d]: sum_{s,a} q_h(s,a) phi_h(s,a)
  std::span<const double> occupancies;  // [H][S][A]: q_h(s,a); empty unless sees_occupancies()
};

class LossProcess {
 public:
  virtual ~LossProcess() = default;
  // True: an episode's losses are nu [H][d]. False: a table l [H][S][A].
  virtual bool linear() const { return true; }
  // Losses of episode k = 0, 1, ...: either written to `scratch` (of the size above) or kept elsewhere.
  // Calls come in the order of k; an oblivious process must give the same numbers in any order.
  virtual const double* losses(std::int64_t k, double* scratch) const = 0;

  // All that it will ever give lies in [0,1], by how it is made or because make_instances() has looked: true.
  // False: of one's own code, which a run watches (steps/episode_losses.h).
  virtual bool bounded() const { return false; }
  // Rows that it repeats, one after another, each of loss_size() numbers; empty where there is no such list.
  virtual std::span<const double> rows() const { return {}; }

  virtual bool adaptive() const { return false; }
  // An adaptive process's own copy for one replica, as at the start.
  virtual std::unique_ptr<LossProcess> fresh() const { return nullptr; }
  virtual bool sees_occupancies() const { return false; }
  // After episode k.
  virtual void played(std::int64_t /*k*/, const PlayedEpisode& /*episode*/) {}
  // A line about what it is made of, where results should name it: "losses of mine.so, SHA-256 ...".
  virtual std::string about() const { return ""; }
};

// What a loss process may be built from: the MDP, its typical losses nu [rows][H][d] (tables [rows][H][S][A]
// where linear is false), how many episodes will be played (0: unknown).
struct LossContext {
  const LinearMdp& mdp;
  const std::vector<double>& rows;
  bool linear = true;
  std::int64_t episodes = 0;
};
// Numbers in one episode's losses: H d, or H S A.
std::int64_t loss_size(const LinearMdp& mdp, bool linear);

// "fixed" (the first row), "cycle", "stochastic:seed=1", "switching:period=K/4" (or a number),
// "sinusoidal:period=1000", "adaptive". Where the features lie in the simplex, stochastic draws Bernoulli(nu)
// for each coordinate and sinusoidal moves nu_i = .5 + .4 sin(2 pi k / T_i + i); elsewhere both stay between
// the MDP's own rows. An environment with one row of losses in [0,1]^d lends its complement 1 - nu as the
// second. "plugin:file=./mine.so,seed=7,KEY=..." is a function of one's own in C (envs/plugin/losses.h).
std::shared_ptr<const LossProcess> make_losses(const std::string& specification, const LossContext& context);
std::vector<std::string> loss_process_names();

// The user's own: fill(k, losses) writes nu [H][d] (or the table [H][S][A]) of episode k; deterministic in k.
std::shared_ptr<const LossProcess> losses_from(const LinearMdp& mdp, bool linear,
                                               std::function<void(std::int64_t, std::span<double>)> fill);
// Rows of nu, or of tables, one after another, again from the first after the last.
std::shared_ptr<const LossProcess> cycled_losses(const LinearMdp& mdp, bool linear, std::vector<double> rows);

// Refuses losses outside [0,1], naming the row or episode, the place, the figure. Every row of a process that
// repeats rows is looked at; of others up to a thousand episodes, the first and last among them: what a run
// sees later it checks itself.
void check_losses(const LinearMdp& mdp, const LossProcess& losses, std::int64_t episodes);
// The same for rows that a process may be made of.
void check_loss_rows(const LinearMdp& mdp, bool linear, std::span<const double> rows);
// l [H][S][A] of one episode, from what losses() gave.
std::vector<double> loss_table(const LinearMdp& mdp, const LossProcess& losses, const double* episode);

}  // namespace hardy::envs
