#include "algorithms/experiments/regret_device.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <utility>

#include "algorithms/adversarial/steps/recorded_steps.h"
#include "engine/base/error.h"
#include "engine/base/text.h"
#include "engine/device/device.h"

namespace hardy::algorithms {
namespace {

using Kind = CovarianceChoice::Kind;

constexpr std::int64_t kMostEpisodes = 1 << 18;  // of a launch
constexpr std::int64_t kMostLosses = 1 << 22;    // numbers that a launch is handed
constexpr double kLongEnough = 0.1;              // seconds of a launch

std::size_t size(std::int64_t n) { return static_cast<std::size_t>(n); }

double since(std::chrono::steady_clock::time_point began) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

std::string where(const RegretConfig& config) { return "--device " + config.device->info().name; }

// The learner as steps: those that it takes once, and those of each episode.
void record(const RegretConfig& config, std::span<const Lane> replicas, DeviceRegret& g) {
  RecordedSteps steps(config, replicas);
  const std::unique_ptr<RegretLearner> learner = regret_method(config.method).make(steps);
  g.before = steps.taken();
  learner->episode(0);
  g.episode = steps.taken();
  learner->episode(1);
  if (steps.taken() != g.episode)
    throw Error("the steps of its episodes differ", config.method, "RegretMethod::fixed_steps is not for it");
  g.has_bonus = steps.rates.has_bonus;
  g.whitened = std::ranges::find(g.episode.step, BoxStep::kReduceMagnitude) != std::end(g.episode.step);
}

// The sizes of a run; nothing of it is on the device.
DeviceRegret shape_of(const RegretConfig& config) {
  const envs::LinearMdp& m = *config.instance.mdp;
  const RegretMethod& method = regret_method(config.method);
  DeviceRegret g;
  g.H = m.H, g.S = m.S, g.A = m.A, g.d = m.d;
  g.low_rank = m.low_rank();
  g.whitened = method.magnitude;
  g.linear = config.instance.losses->linear();
  return g;
}

bool samples(const RegretConfig& config) {
  return regret_method(config.method).covariance && config.covariance.kind != Kind::kExact;
}
bool resamples(const RegretConfig& config) { return samples(config) && config.covariance.kind == Kind::kMgr; }

// As shape_of(), for sizes alone: any pointer stands for numbers that will be there.
DeviceRegret sized(const RegretConfig& config) {
  static constexpr std::int64_t some = 0;
  DeviceRegret g = shape_of(config);
  if (samples(config)) g.sampled = &some;
  if (resamples(config)) g.terms = &some;
  return g;
}

// Whether a replica's tables are to lie in the device's memory, because no block's own holds them.
bool in_memory(const RegretConfig& config, const DeviceRegret& g) {
  if (config.device_memory) return true;
  const auto stream = config.device->stream();
  std::int64_t room = 0;
  device::find_launch(*config.device, kRegretRoom)(*stream, room);
  return device_shared_bytes(g) > room;
}

// Bytes of device memory: the instance, and each replica's part.
std::int64_t shared_bytes(const RegretConfig& config) {
  return config.instance.mdp->bytes() + 8 * static_cast<std::int64_t>(config.instance.mdp->phi.size() +
                                                                      config.instance.losses->rows().size());
}
std::int64_t bytes_a_replica(const RegretConfig& config, const DeviceRegret& g, bool memory) {
  const std::int64_t kept = std::min<std::int64_t>(config.keep_trajectories, config.episodes);
  return 8 * (std::int64_t{g.H} * g.pairs() + config.curve_points + 12 +
              (memory ? DeviceTables(g).numbers : 0)) +
         4 * kept * g.H;
}

std::string gibibytes(double bytes) { return to_text(std::round(bytes / (1 << 30) * 100) / 100) + " GiB"; }

void require_room(const RegretConfig& config) {
  const DeviceRegret g = sized(config);
  const device::Info now = config.device->info();
  const bool memory = in_memory(config, g);
  const auto place = [&] {
    return where(config) + ", " + config.method + " on " + config.instance.mdp->name;
  };
  if (DeviceTables(g).numbers >= std::int64_t{1} << 31)
    throw Error("a replica's tables take " + gibibytes(8 * static_cast<double>(DeviceTables(g).numbers)),
                place(), "at most 16 GiB would be right; or leave out --device");
  const std::int64_t all = shared_bytes(config), each = bytes_a_replica(config, g, memory),
                     replicas = static_cast<std::int64_t>(config.seeds.size() * config.settings.size()),
                     free = static_cast<std::int64_t>(now.memory_free_bytes);
  if (all + replicas * each <= free) return;
  const std::string needs = "the instance takes " + gibibytes(static_cast<double>(all)) + " and a replica " +
                            gibibytes(static_cast<double>(each)) + ", where " +
                            gibibytes(static_cast<double>(free)) + " are free";
  throw Error(needs, place(),
              all + each <= free ? "at most " + std::to_string((free - all) / each) +
                                       " replicas would fit; or leave out --device"
                                 : "leave out --device");
}

std::string playable_methods() {
  std::vector<std::string> names;
  for (const RegretMethod& method : regret_methods())
    if (method.fixed_steps) names.push_back(method.name);
  return join(names, ", ");
}

// What stays on the host, and "" or what would be right.
std::pair<std::string, std::string> obstacle_of(const RegretConfig& config) {
  const envs::LossProcess& losses = *config.instance.losses;
  const envs::LinearMdp& mdp = *config.instance.mdp;
  const RegretMethod& method = regret_method(config.method);
  if (config.ranks->size() > 1) return {"several processes play", "start one"};
  if (config.simulator) return {"learners that have a simulator and nothing else play", ""};
  if (!method.fixed_steps) return {"'" + method.name + "' plays", "known there: " + playable_methods()};
  if (losses.adaptive()) return {"adversaries that adapt play", ""};
  if (!losses.bounded())
    return {"losses of one's own code, which are watched as they are met, are played", ""};
  if (config.random.splitmix && method.covariance && config.covariance.kind != Kind::kExact)
    return {"--random splitmix64 with sampled covariances is drawn", "--random philox"};
  if (mdp.d > kMostDeviceFeatures)
    return {"d = " + std::to_string(mdp.d) + " is played",
            "at most d = " + std::to_string(kMostDeviceFeatures) + " would be right"};
  return {};
}

// Device memory with what the host puts there.
class Placed {
 public:
  explicit Placed(device::Device& device) : device_(device) {}
  template <class T>
  T* room(std::int64_t count) {  // zeroed
    const std::size_t bytes = size(std::max<std::int64_t>(count, 1)) * sizeof(T);
    memory_.push_back(device::allocate(device_, bytes));
    return static_cast<T*>(memory_.back().get());
  }
  template <class T>
  T* put(const T* from, std::int64_t count) {
    T* const at = room<T>(count);
    if (count > 0) device_.upload(at, from, size(count) * sizeof(T));
    return at;
  }
  template <class T>
  T* put(const std::vector<T>& from) {
    return put(from.data(), static_cast<std::int64_t>(from.size()));
  }
  template <class T>
  std::vector<T> back(const T* from, std::int64_t count) const {
    std::vector<T> values(size(count));
    if (count > 0) device_.download(values.data(), from, values.size() * sizeof(T));
    return values;
  }

 private:
  device::Device& device_;
  std::vector<device::Memory> memory_;
};

class DeviceRun {
 public:
  DeviceRun(const RegretConfig& config, RegretResult& result)
      : config_(config),
        mdp_(*config.instance.mdp),
        losses_(*config.instance.losses),
        result_(result),
        placed_(*config.device),
        stream_(config.device->stream()),
        play_(device::find_launch(*config.device, kPlayRegret)),
        g_(shape_of(config)) {
    g_.replicas = static_cast<std::int64_t>(result.replicas.size());
    g_.threads = config.device_threads;
    place_instance();
    place_learner();
    place_losses();
    place_results();
  }

  void play(std::int64_t episodes, const run::Watch& watch) {
    const auto began = std::chrono::steady_clock::now();
    play_launches(episodes, watch);
    result_.seconds = since(began);
    take_end(episodes);
  }

 private:
  void play_launches(std::int64_t episodes, const run::Watch& watch) {
    // An episode may be long; a launch should not be.
    std::int64_t length = g_.memory != nullptr ? 1 : 16;
    for (std::int64_t k = 0; k < episodes;) {
      throw_if_stopped(watch.stop);
      const auto began = std::chrono::steady_clock::now();
      const std::int64_t last = std::min(episodes, k + std::min(length, most_));
      launch(k, last);
      take_curve(last);
      k = last;
      const double seconds = since(began);
      if (seconds < kLongEnough) length = std::min(2 * length, kMostEpisodes);
      if (seconds > 4 * kLongEnough) length = std::max<std::int64_t>(length / 2, 1);
      if (watch.observer->wants_progress(k)) watch.observer->progress(k, {});
    }
  }

  std::int64_t kept() const { return std::min<std::int64_t>(config_.keep_trajectories, config_.episodes); }

  void place_instance() {
    const auto sure = std::ranges::find(mdp_.start, 1.0);
    g_.certain_start = sure == mdp_.start.end() ? -1 : static_cast<int>(sure - mdp_.start.begin());
    std::vector<double> law(mdp_.start);
    std::partial_sum(law.begin(), law.end(), law.begin());
    g_.phi = placed_.put(mdp_.phi.data(), static_cast<std::int64_t>(mdp_.phi.size()));
    g_.columns = placed_.put(columns());
    g_.start = placed_.put(mdp_.start);
    g_.start_law = placed_.put(law);
    if (mdp_.H > 1 && !mdp_.transitions.empty())
      g_.law = placed_.put(mdp_.cumulative(0, 0, 0, nullptr), (mdp_.H - 1) * mdp_.pairs() * mdp_.S);
    g_.back = placed_.put(mdp_.low_rank() ? mdp_.mu : mdp_.transitions);
  }

  // phi [H][d][S][A].
  std::vector<double> columns() const {
    std::vector<double> all(mdp_.phi.size());
    const std::int64_t n = mdp_.pairs(), d = mdp_.d;
    for (int h = 0; h < mdp_.H; ++h) {
      const double* const phi = mdp_.layer_features(h);
      double* const to = all.data() + h * n * d;
      for (std::int64_t p = 0; p < n; ++p)
        for (std::int64_t i = 0; i < d; ++i) to[i * n + p] = phi[p * d + i];
    }
    return all;
  }

  void place_learner() {
    std::vector<Lane> lanes;
    std::vector<std::uint64_t> seeds;
    std::vector<double> eta, beta, gamma;
    std::vector<std::int64_t> trajectories, compensating, terms;
    for (const ReplicaResult& r : result_.replicas) {
      lanes.push_back({r.seed, r.resolved.steps});
      seeds.push_back(r.seed);
      eta.push_back(r.resolved.steps.eta);
      beta.push_back(r.resolved.steps.beta);
      gamma.push_back(r.resolved.steps.gamma);
      const SampleCounts counts = sample_counts(config_.covariance, gamma.back());
      trajectories.push_back(counts.trajectories());
      compensating.push_back(counts.compensator);
      terms.push_back(counts.terms);
      own_compensator_ = counts.compensator > 0;
    }
    record(config_, lanes, g_);
    g_.seeds = placed_.put(seeds);
    g_.eta = placed_.put(eta), g_.beta = placed_.put(beta), g_.gamma = placed_.put(gamma);
    g_.sequence = config_.random.splitmix;
    g_.play = static_cast<std::uint32_t>(DrawFor::kPlay);
    g_.covariance = static_cast<std::uint32_t>(DrawFor::kCovariance);
    g_.magnitude = static_cast<std::uint32_t>(DrawFor::kMagnitude);
    if (samples(config_)) {
      g_.sampled = placed_.put(trajectories);
      g_.most_sampled = std::ranges::max(trajectories);
    }
    if (resamples(config_)) g_.terms = placed_.put(terms);
    if (in_memory(config_, g_)) g_.memory = placed_.room<double>(DeviceTables(g_).numbers * g_.replicas);
    if (!samples(config_)) return;
    if (own_compensator_) g_.compensating = placed_.put(compensating);
    for (int i = 0; i < g_.episode.count; ++i) {
      const BoxStep step = g_.episode.step[i];
      const bool other = step == BoxStep::kReduceMagnitude && own_compensator_;
      if (step != BoxStep::kCovariance && !other) continue;
      for (const std::int64_t M : other ? compensating : trajectories) trajectories_an_episode_ += M;
    }
  }

  // Rows that are repeated are there for good, and a launch is told which; others it is given.
  void place_losses() {
    size_ = envs::loss_size(mdp_, g_.linear);
    const std::span<const double> rows = losses_.rows();
    most_ = rows.empty() ? std::clamp<std::int64_t>(kMostLosses / size_, 1, kMostEpisodes) : kMostEpisodes;
    most_ = std::min(most_, config_.episodes);
    given_ = placed_.room<double>(rows.empty() ? most_ * size_ : 0);
    rows_ = placed_.room<std::int32_t>(rows.empty() ? 0 : most_);
    g_.losses = rows.empty() ? given_ : placed_.put(rows.data(), static_cast<std::int64_t>(rows.size()));
    g_.row = rows.empty() ? nullptr : rows_;
  }

  void place_results() {
    const std::int64_t N = g_.replicas;
    g_.C = placed_.room<double>(mdp_.H * mdp_.pairs() * N);
    g_.learner_loss = placed_.room<double>(N);
    g_.least_eta_q = placed_.room<double>(N), g_.largest_eta_bonus = placed_.room<double>(N);
    g_.at = placed_.put(result_.at);
    g_.points = static_cast<int>(result_.at.size());
    g_.curve = placed_.room<double>(g_.points * N);
    g_.kept = kept();
    g_.visits = placed_.room<std::int32_t>(g_.kept * mdp_.H * N);
  }

  void launch(std::int64_t first, std::int64_t last) {
    const std::int64_t count = last - first;
    const std::span<const double> rows = losses_.rows();
    std::vector<double> scratch(size(size_));
    if (rows.empty()) {
      std::vector<double> all(size(count * size_));
      for (std::int64_t i = 0; i < count; ++i) {
        const double* const episode = losses_.losses(first + i, scratch.data());
        std::copy_n(episode, size_, all.begin() + i * size_);
      }
      config_.device->upload(given_, all.data(), all.size() * sizeof(double));
    } else {
      std::vector<std::int32_t> which(size(count));
      for (std::int64_t i = 0; i < count; ++i)
        which[size(i)] =
            static_cast<std::int32_t>((losses_.losses(first + i, scratch.data()) - rows.data()) / size_);
      config_.device->upload(rows_, which.data(), which.size() * sizeof(std::int32_t));
    }
    g_.first = first, g_.last = last;
    try {
      play_(*stream_, g_);
      stream_->synchronise();
    } catch (const Error& failed) {
      throw Error::failed_run(
          failed.problem() + ", " + failed.where(),
          config_.method + ", an episode from " + std::to_string(first + 1) + " to " + std::to_string(last));
    }
  }

  // Points that episodes before `last` have reached.
  void take_curve(std::int64_t last) {
    for (; g_.point < g_.points && result_.at[size(g_.point)] <= last; ++g_.point) {
      const std::vector<double> sums = placed_.back(g_.curve + g_.point * g_.replicas, g_.replicas);
      for (std::size_t r = 0; r < sums.size(); ++r) {
        ReplicaResult& replica = result_.replicas[r];
        require_finite_loss(sums[r], config_, replica.seed, result_.at[size(g_.point)] - 1);
        replica.curve.push_back(sums[r]);
      }
    }
  }

  void take_end(std::int64_t episodes) {
    const std::int64_t N = g_.replicas, A = mdp_.A;
    const std::vector<double> loss = placed_.back(g_.learner_loss, N),
                              least = placed_.back(g_.least_eta_q, N),
                              largest = placed_.back(g_.largest_eta_bonus, N);
    std::int64_t start = 0;
    while (mdp_.start[size(start)] == 0) ++start;
    const std::vector<double> costs = placed_.back(g_.C + start * A * N, A * N);
    const std::int64_t kept = std::min(g_.kept, episodes);
    const std::vector<std::int32_t> visits = placed_.back(g_.visits, kept * mdp_.H * N);
    for (std::int64_t r = 0; r < N; ++r) {
      ReplicaResult& replica = result_.replicas[size(r)];
      replica.learner_loss = loss[size(r)];
      replica.least_eta_q = least[size(r)];
      replica.largest_eta_bonus = largest[size(r)];
      if (regret_method(config_.method).costs)
        for (std::int64_t a = 0; a < A; ++a) replica.start_costs.push_back(costs[size(a * N + r)]);
      for (std::int64_t k = 0; k < kept; ++k) {
        auto& trajectory = replica.first.emplace_back();
        for (std::int64_t h = 0; h < mdp_.H; ++h) {
          const std::int32_t pair = visits[size((k * mdp_.H + h) * N + r)];
          trajectory.push_back({pair / mdp_.A, pair % mdp_.A});
        }
      }
    }
    result_.trajectories = trajectories_an_episode_ * episodes;
    result_.simulator_calls = result_.trajectories * (mdp_.H - 1);
  }

  const RegretConfig& config_;
  const envs::LinearMdp& mdp_;
  const envs::LossProcess& losses_;
  RegretResult& result_;
  Placed placed_;
  const std::unique_ptr<device::Stream> stream_;
  const device::Launch<const DeviceRegret&> play_;
  DeviceRegret g_;
  std::int64_t size_ = 0, most_ = 0;  // numbers of an episode's losses; episodes of a launch
  double* given_ = nullptr;           // losses that a launch is given, [most_][size_]
  std::int32_t* rows_ = nullptr;      // or which of the rows, [most_]
  bool own_compensator_ = false;
  std::int64_t trajectories_an_episode_ = 0;  // of all replicas
};

}  // namespace

void require_playable_there(const RegretConfig& config) {
  if (const auto [what, right] = obstacle_of(config); !what.empty())
    throw Error(what + " on the CPU alone", where(config),
                right.empty() ? "leave out --device" : right + "; or leave out --device");
  require_room(config);
}

void play_on_device(const RegretConfig& config, std::int64_t episodes, RegretResult& result,
                    const run::Watch& watch) {
  DeviceRun(config, result).play(episodes, watch);
}

}  // namespace hardy::algorithms
