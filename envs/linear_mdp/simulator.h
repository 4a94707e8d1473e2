// A generative simulator: transitions at any state and action can be asked for, free of regret; calls are
// counted. States are numbers, so that a space too large to enumerate fits too.
//
// A learner holds a Simulator (a SimulatorHandle of its own), which has no losses and no tables: what it
// knows of the losses is what its trajectories meet. The game that is played knows them all.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

namespace hardy::envs {

using State = std::uint64_t;

class Simulator {
 public:
  virtual ~Simulator() = default;
  virtual int H() const = 0;
  virtual int A() const = 0;
  virtual int d() const = 0;
  virtual State start(double u) const = 0;                                 // u in [0,1)
  virtual void features(int h, State s, std::span<double> phi) const = 0;  // [A][d], ||phi|| <= 1
  State step(int h, State s, int a, double u) const {                      // h < H-1
    ++calls_;
    return next(h, s, a, u);
  }
  std::int64_t calls() const { return calls_; }

 protected:
  virtual State next(int h, State s, int a, double u) const = 0;

 private:
  mutable std::int64_t calls_ = 0;
};

// The simulator's MDP with the losses that an adversary has fixed.
class SimulatedGame : public Simulator {
 public:
  virtual double loss(std::int64_t k, int h, State s, int a) const = 0;  // in [0,1]
};

// What a learner is given: it asks the game behind it, counts its own calls, and says nothing else.
class SimulatorHandle final : public Simulator {
 public:
  explicit SimulatorHandle(const Simulator& behind) : behind_(behind) {}
  int H() const override { return behind_.H(); }
  int A() const override { return behind_.A(); }
  int d() const override { return behind_.d(); }
  State start(double u) const override { return behind_.start(u); }
  void features(int h, State s, std::span<double> phi) const override { behind_.features(h, s, phi); }

 protected:
  State next(int h, State s, int a, double u) const override { return behind_.step(h, s, a, u); }

 private:
  const Simulator& behind_;
};

struct Instance;
// An enumerated instance as a game. It keeps the instance alive; oblivious losses alone.
std::unique_ptr<SimulatedGame> simulator_of(const Instance& instance);

// The number of thresholds of a cumulative law [n] that u reaches: an index below n. u within rounding of a
// threshold is the one place where two programs may differ.
inline int draw_from(const double* cumulative, int n, double u) {
  int index = 0;
  while (index < n - 1 && u >= cumulative[index]) ++index;
  return index;
}

}  // namespace hardy::envs
