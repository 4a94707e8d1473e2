// A batch of environments whose instances several processes share by index: each rank steps those of its
// share (comm::bounds_of), and all ranks have what came of all of them, in the order of the instances. An
// instance's numbers depend on its own seed and actions alone, so that they are those of one process.
//
// All ranks make the same calls with the same actions and seeds; reset(), step() and gather_states()
// exchange. Where an instance fails, the rank that has it throws its Error and every other one
// comm::FailedElsewhere.
#pragma once

#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "engine/comm/ranks.h"
#include "envs/environment.h"

namespace hardy::envs {

class SharedEnvironment final : public BatchEnvironment {
 public:
  // The ranks outlive it.
  SharedEnvironment(comm::Ranks& ranks, const std::string& name, int instances);

  const EnvSpec& spec() const override { return own_->spec(); }
  int size() const override { return instances_; }
  void reset(int i, std::uint64_t seed, std::span<double> observation) override;
  void observe(int i, std::span<double> observation) const override;  // as the last reset or step left it
  void step(int begin, int end, Actions actions, std::span<double> observations, std::span<double> rewards,
            std::span<std::uint8_t> terminated, std::span<std::uint8_t> truncated) override;
  void step_running(ThreadTeam& team, Actions actions, std::span<double> observations,
                    std::span<double> rewards, std::span<std::uint8_t> terminated,
                    std::span<std::uint8_t> truncated, std::span<const std::uint8_t> running) override;

  bool saves_state() const override { return own_->saves_state(); }
  std::size_t state_size() const override { return own_->state_size(); }
  // Every rank learns the states of all instances as they are now: what save_state() gives from then on.
  void gather_states();
  void save_state(int i, std::span<double> state) const override;
  void load_state(int i, std::span<const double> state) override;

  // Of all ranks, as of the last exchange.
  std::int64_t broken_episodes() const override { return broken_; }
  std::string first_break() const override { return first_break_; }
  std::int64_t clipped_actions() const override { return clipped_; }

 private:
  std::size_t rank() const { return static_cast<std::size_t>(ranks_.rank()); }
  bool owns(std::size_t i) const { return i >= bounds_[rank()] && i < bounds_[rank() + 1]; }
  int place_of(std::size_t i) const { return static_cast<int>(i - bounds_[rank()]); }  // of an own one
  // Pieces to all, and what their heads say; ends all ranks where a piece's rank failed.
  void exchange(const std::exception_ptr& failed, std::vector<double>& pieces);

  comm::Ranks& ranks_;
  int instances_;
  std::vector<std::size_t> bounds_;
  std::unique_ptr<BatchEnvironment> own_;  // of this rank's share; of one that nobody plays where it has none
  std::size_t observation_size_;
  std::vector<double> steps_, resets_;         // pieces: of a rank each, a head and what its instances say
  std::vector<double> observations_, states_;  // [instances, ...] as they were last exchanged
  std::int64_t broken_ = 0, clipped_ = 0;
  std::string first_break_;
};

// Such a batch, or one of this process where the ranks are one.
std::unique_ptr<BatchEnvironment> make_environment_among(comm::Ranks& ranks, const std::string& name,
                                                         int instances);

}  // namespace hardy::envs
