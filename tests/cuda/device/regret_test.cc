// Regret runs on the device beside the CPU's: same draws, same trajectories, curves and costs to 1e-11.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <sstream>

#include "algorithms/experiments/regret_device.h"
#include "tests/algorithms/adversarial/t1.h"
#include "tests/cuda/device/devices.h"

namespace hardy::algorithms {
namespace {

using hardy::test::device;
using test::refusal;

RegretConfig run_of(const std::string& method, const std::string& env, const std::string& losses,
                    std::int64_t K, std::uint64_t replicas) {
  RegretConfig c;
  c.method = method;
  c.instance = envs::make_instance(env, losses, K);
  c.episodes = K;
  c.settings[0].eta = 0.2, c.settings[0].beta = 0.02, c.settings[0].gamma = 0.05;
  c.seeds.clear();
  for (std::uint64_t seed = 0; seed < replicas; ++seed) c.seeds.push_back(1000 + seed);
  return c;
}

RegretResult on_cpu(const RegretConfig& config) {
  ThreadTeam team(1);
  return run_regret(config, team);
}
RegretResult there(RegretConfig config, int threads = 0, bool memory = false) {
  config.device = &device();
  config.device_threads = threads;
  config.device_memory = memory;
  return on_cpu(config);
}

std::vector<double> numbers_of(const ReplicaResult& r) {
  std::vector<double> all{r.learner_loss, r.best_loss, r.regret, r.least_eta_q, r.largest_eta_bonus};
  all.insert(all.end(), r.curve.begin(), r.curve.end());
  all.insert(all.end(), r.start_costs.begin(), r.start_costs.end());
  return all;
}
std::vector<int> visits_of(const ReplicaResult& r) {
  std::vector<int> all;
  for (const auto& trajectory : r.first)
    for (const Visit& v : trajectory) all.insert(all.end(), {v.state, v.action});
  return all;
}

// Numbers of one kind within `tolerance` of the largest of their replica's.
void expect_same(const RegretResult& cpu, const RegretResult& found, double tolerance,
                 const std::string& what) {
  ASSERT_EQ(cpu.replicas.size(), found.replicas.size());
  EXPECT_EQ(cpu.trajectories, found.trajectories) << what;
  EXPECT_EQ(cpu.simulator_calls, found.simulator_calls) << what;
  EXPECT_EQ(cpu.at, found.at);
  for (std::size_t i = 0; i < cpu.replicas.size(); ++i) {
    const std::vector<double> a = numbers_of(cpu.replicas[i]), b = numbers_of(found.replicas[i]);
    ASSERT_EQ(a.size(), b.size()) << what;
    EXPECT_EQ(visits_of(cpu.replicas[i]), visits_of(found.replicas[i])) << what << ", replica " << i;
    for (std::size_t j = 0; j < a.size(); ++j)
      ASSERT_LE(std::abs(a[j] - b[j]), tolerance * std::max(1.0, std::abs(a[j])))
          << what << ", replica " << i << ", number " << j << ": " << a[j] << " and " << b[j];
  }
}
void expect_same_bits(const ReplicaResult& a, const ReplicaResult& b, const std::string& what) {
  EXPECT_EQ(numbers_of(a), numbers_of(b)) << what;
  EXPECT_EQ(visits_of(a), visits_of(b)) << what;
}

const std::vector<std::string> kMethods{"ftrl_log_barrier",
                                        "exp_weights",
                                        "exp_weights_no_bonus",
                                        "linear_q_exp_weights",
                                        "exp_weights_magnitude_reduced",
                                        "hedge_full_information",
                                        "log_barrier_full_information",
                                        "uniform"};

TEST(DeviceRegret, EveryMethodThatADevicePlaysAgreesWithTheCpu) {
  std::vector<std::string> playable;
  for (const RegretMethod& method : regret_methods())
    if (method.fixed_steps) playable.push_back(method.name);
  EXPECT_TRUE(std::ranges::is_permutation(playable, kMethods)) << "a method is not tested";
  for (const std::string& method : kMethods) {
    const RegretConfig c = run_of(method, test::kT1, "", 24, 33);
    expect_same(on_cpu(c), there(c), 1e-11, method);
  }
}

TEST(DeviceRegret, AnyNumberOfReplicasAgreesWithTheCpu) {
  for (const std::uint64_t replicas : {1, 31, 33, 65}) {
    const RegretConfig c = run_of("exp_weights_magnitude_reduced", test::kT1, "", 5, replicas);
    expect_same(on_cpu(c), there(c), 1e-11, std::to_string(replicas) + " replicas");
  }
}

// Instances of every size of vectors that a thread keeps, and of many replicas a block and one.
const std::vector<std::string> kOfEverySize{
    "simplex:seed=9,H=2,S=3,A=2,d=2",  test::kT1,
    "simplex:seed=3,H=2,S=5,A=4,d=6",  "simplex:seed=3,H=1,S=65,A=2,d=5",
    "simplex:seed=5,H=2,S=9,A=2,d=17", "simplex:seed=6,H=2,S=7,A=5,d=37"};

TEST(DeviceRegret, AThousandEpisodesStayWithinTheCpus) {
  for (const char* method : {"ftrl_log_barrier", "exp_weights", "exp_weights_magnitude_reduced"}) {
    RegretConfig c = run_of(method, test::kT1, "", 1000, 3);
    c.keep_trajectories = 1000;
    expect_same(on_cpu(c), there(c, 1), 1e-11, method);
  }
}

#if defined(__FMA__) || defined(__aarch64__)
// Every operation is the CPU's, where that fuses multiply-adds: not one bit is another.
TEST(DeviceRegret, BitsAreTheCpus) {
  const auto same = [](const RegretConfig& c) {
    const RegretResult cpu = on_cpu(c), found = there(c);
    for (std::size_t i = 0; i < cpu.replicas.size(); ++i)
      expect_same_bits(found.replicas[i], cpu.replicas[i], c.method);
  };
  for (const std::string& method : kMethods)
    for (const char* env : {test::kT1, "simplex:seed=3,H=2,S=3,A=4,d=5", "simplex:seed=9,H=2,S=3,A=2,d=2"}) {
      const RegretConfig c = run_of(method, env, "stochastic", 30, 2);
      same(c);
      if (!hardy::test::has_ptx()) continue;
      const hardy::test::FromPtx from_ptx;
      same(c);
    }
}

// A block of one thread and one of many, tables in its own memory and in the device's, a Cholesky factor and
// resampling's chains: the numbers are each one thread's, in one order.
TEST(DeviceRegret, BitsAreTheCpusForAnyNumberOfThreadsWhereverTablesLie) {
  for (const std::string& env : kOfEverySize)
    for (const char* covariance : {"exact", "mgr:M=3,N=11"}) {
      RegretConfig c = run_of("exp_weights_magnitude_reduced", env, "stochastic", 2, 2);
      c.covariance = parse_covariance(covariance);
      const RegretResult cpu = on_cpu(c);
      const auto same = [&](int threads, bool memory, const char* how) {
        hardy::emulation::options().seed += 1;
        const RegretResult found = there(c, threads, memory);
        for (std::size_t i = 0; i < cpu.replicas.size(); ++i)
          expect_same_bits(found.replicas[i], cpu.replicas[i],
                           env + ", " + covariance + ", " + std::to_string(threads) + " threads" + how);
      };
      for (const int threads : {1, 2, 8, 32, 256}) same(threads, false, "");
      same(0, true, ", tables in memory");
      if (!hardy::test::has_ptx()) continue;
      const hardy::test::FromPtx from_ptx;
      same(0, false, ", from PTX");
      same(2, true, ", tables in memory, from PTX");
    }
}

// What is kept of the transitions is mu: a law is made where it is drawn from.
TEST(DeviceRegret, TransitionsThatAreMuAloneHaveTheCpusBits) {
  RegretConfig c = run_of("exp_weights", "simplex:seed=8,H=2,S=1500,A=2,d=2", "stochastic", 2, 1);
  ASSERT_TRUE(c.instance.mdp->transitions.empty());
  expect_same_bits(there(c).replicas[0], on_cpu(c).replicas[0], "exact");
  c.covariance = parse_covariance("empirical:M=3");
  expect_same_bits(there(c).replicas[0], on_cpu(c).replicas[0], "empirical");
}
#endif

// The CPU shares such an instance among threads and sums in another order.
TEST(DeviceRegret, AnInstanceThatIsLargeToTheCpuAgreesWithIt) {
  const auto agree = [](const char* method, const char* env, std::int64_t K) {
    const RegretConfig c = run_of(method, env, "stochastic", K, 1);
    ASSERT_TRUE(is_large(*c.instance.mdp));
    expect_same(on_cpu(c), there(c), 1e-11, method);
  };
  agree("ftrl_log_barrier", "simplex:seed=2,H=2,S=130,A=4,d=32", 2);
  agree("exp_weights_magnitude_reduced", "simplex:seed=2,H=1,S=130,A=4,d=32", 1);
}

// An independent program's numbers (tests/algorithms/adversarial/reference_test.cc), from its own draws.
TEST(DeviceRegret, TheReferenceTracesAreMetThere) {
  struct Trace {
    const char* method;
    double learner, regret;
  };
  for (const Trace& trace : {Trace{"ftrl_log_barrier", 96.863165871316, 3.757400726786},
                             Trace{"exp_weights", 96.948126480705, 3.842361336176},
                             Trace{"exp_weights_magnitude_reduced", 96.763034430818, 3.657269286288}}) {
    RegretConfig c = test::t1(trace.method, 64, 0.2, 0.02, 0.05);
    c.random = parse_random("splitmix64:7");
    const RegretResult found = there(c);
    EXPECT_NEAR(found.replicas[0].learner_loss, trace.learner, 1e-8) << trace.method;
    EXPECT_NEAR(found.replicas[0].regret, trace.regret, 1e-8) << trace.method;
    c.seeds = {0, 1, 2};
    expect_same(on_cpu(c), there(c), 1e-11, trace.method);
  }
}

// Dense transitions and products, odd sizes, few and many actions, starts that are drawn, tables of losses.
TEST(DeviceRegret, InstancesOfAllShapesAgreeWithTheCpu) {
  for (const char* env : {"mirror", "mirror:H=3,S=2", "lock:H=3,A=2", "riverswim:H=4,S=5",
                          "tabular:H=2,S=3,A=2", "simplex:seed=3,H=2,S=7,A=4,d=5",
                          "simplex:seed=4,H=1,S=2,A=7,d=4", "simplex:seed=5,H=2,S=9,A=2,d=17"})
    for (const char* method : {"ftrl_log_barrier", "exp_weights_magnitude_reduced"}) {
      const RegretConfig c = run_of(method, env, "", 12, 5);
      expect_same(on_cpu(c), there(c), 1e-11, std::string(method) + " on " + env);
    }
  RegretConfig c = run_of("ftrl_log_barrier", test::kT1, "", 20, 5);
  auto mdp = std::make_shared<envs::LinearMdp>(*c.instance.mdp);
  mdp->start = {0.25, 0.25, 0, 0.5};
  mdp->finish();
  std::vector<double> rows;
  const Random random(7, RandomStream::kUser);
  for (std::uint64_t i = 0; i < 3 * 36; ++i) rows.push_back(random.uniform64(i));
  c.instance = {mdp, envs::cycled_losses(*mdp, false, rows)};
  expect_same(on_cpu(c), there(c), 1e-11, "a drawn start and a table of losses");
}

TEST(DeviceRegret, LossesThatAreRowsAndThoseThatAreMadeEachEpisodeAgreeWithTheCpu) {
  for (const char* losses : {"fixed", "switching:period=5", "stochastic:seed=3", "sinusoidal:period=9"}) {
    const RegretConfig c = run_of("exp_weights", test::kT1, losses, 50, 2);
    expect_same(on_cpu(c), there(c), 1e-11, losses);
  }
}

TEST(DeviceRegret, SampledCovariancesAndCompensatorsAgreeWithTheCpu) {
  for (const char* covariance : {"empirical:M=13", "empirical:M=9,reuse=1", "empirical:M=6,m=11",
                                 "mgr:M=7,N=11", "mgr:M=3,N=40,m=5"}) {
    RegretConfig c = run_of("exp_weights_magnitude_reduced", test::kT1, "", 20, 3);
    c.covariance = parse_covariance(covariance);
    expect_same(on_cpu(c), there(c), 1e-11, covariance);
  }
  // As many chains and factors as gamma says: replicas side by side have more and fewer.
  RegretConfig c = run_of("linear_q_exp_weights", test::kT1, "", 8, 2);
  c.covariance = parse_covariance("mgr");
  c.settings.push_back(c.settings[0]);
  c.settings[0].gamma = 0.5, c.settings[1].gamma = 0.2;
  const RegretResult cpu = on_cpu(c);
  EXPECT_NE(cpu.replicas[0].learner_loss, cpu.replicas[2].learner_loss);
  expect_same(cpu, there(c), 1e-11, "mgr of two gammas");
}

TEST(DeviceRegret, SettingsSideBySideAgreeWithTheCpu) {
  RegretConfig c = run_of("ftrl_log_barrier", test::kT1, "", 20, 3);
  c.settings.push_back(c.settings[0]);
  c.settings[0].beta = 0;  // the bonus is on for some alone
  c.settings[1].gamma = 0.5, c.settings[1].eta = 0.7;
  const RegretResult cpu = on_cpu(c);
  EXPECT_NE(cpu.replicas[0].learner_loss, cpu.replicas[3].learner_loss);
  expect_same(cpu, there(c), 1e-11, "two settings");
}

TEST(DeviceRegret, AReplicasBitsDependNeitherOnTheOthersNorOnItsThreadsNorOnTheirOrder) {
  for (const char* method : {"ftrl_log_barrier", "exp_weights_magnitude_reduced"}) {
    RegretConfig many = run_of(method, test::kT1, "stochastic", 20, 33), alone = many;
    const RegretResult all = there(many);
    for (const std::size_t which : {std::size_t{0}, std::size_t{31}, std::size_t{32}}) {
      alone.seeds = {many.seeds[which]};
      hardy::emulation::options().seed += 1;
      for (const int threads : {0, 1, 5, 36, 256})
        expect_same_bits(there(alone, threads).replicas[0], all.replicas[which],
                         std::string(method) + ", " + std::to_string(threads) + " threads");
    }
  }
}

// A run is cut into launches by the clock: one of a thousand episodes is several.
TEST(DeviceRegret, APartOfARunIsTheBeginningOfIt) {
  RegretConfig whole = run_of("ftrl_log_barrier", test::kT1, "sinusoidal", 100, 2), part = whole;
  part.only_first = 37;
  EXPECT_NE(refusal([&] { there(part); }).find("no regret"), std::string::npos);
  part.hindsight = whole.hindsight = false;
  const std::vector<double> sums = there(whole).replicas[1].curve, first = there(part).replicas[1].curve;
  ASSERT_LT(first.size(), sums.size());
  for (std::size_t i = 0; i < first.size(); ++i) EXPECT_EQ(first[i], sums[i]) << i;
}

TEST(DeviceRegret, NvccsKernelsAgreeWithTheCpu) {
  if (!hardy::test::has_ptx()) GTEST_SKIP() << "skipped: no PTX here";
  for (const char* env : {test::kT1, "mirror:H=2,S=2", "simplex:seed=3,H=2,S=3,A=5,d=6"})
    for (const char* method : {"ftrl_log_barrier", "exp_weights_magnitude_reduced"}) {
      const RegretConfig c = run_of(method, env, "", 6, 3);
      const RegretResult cpu = on_cpu(c);
      const hardy::test::FromPtx from_ptx;
      expect_same(cpu, there(c), 1e-11, std::string(method) + " on " + env);
    }
}

#ifdef HARDY_BACKEND_PTX
// The pivots' square root: without it what is played is another game.
TEST(DeviceRegret, AChangedOpcodeOfAKernelChangesWhatIsPlayed) {
  if (!hardy::test::has_ptx()) GTEST_SKIP() << "skipped: no PTX here";
  struct Kernels {
    const char *file, *env;
  };
  for (const Kernels& kernels : {Kernels{"adversarial_beside", test::kT1},
                                 Kernels{"adversarial_alone", "simplex:seed=5,H=2,S=9,A=2,d=17"}}) {
    std::istringstream paths(HARDY_BACKEND_PTX);
    std::string whole;
    for (std::string path; std::getline(paths, path, ':');)
      if (path.find(kernels.file) != std::string::npos) {
        std::ifstream file(path);
        whole.assign(std::istreambuf_iterator<char>(file), {});
      }
    std::string changed = whole;
    const std::string from = "sqrt.rn.f64";
    std::size_t at = changed.find(from);
    ASSERT_NE(at, std::string::npos) << kernels.file;
    for (; at != std::string::npos; at = changed.find(from, at)) changed.replace(at, from.size(), "abs.f64");
    const RegretConfig c = run_of("ftrl_log_barrier", kernels.env, "", 4, 2);
    const hardy::test::FromPtx from_ptx;
    const std::vector<double> right = numbers_of(there(c).replicas[1]);
    hardy::emulation::load_ptx_text(changed);
    const std::vector<double> wrong = numbers_of(there(c).replicas[1]);
    hardy::emulation::load_ptx_text(whole);
    EXPECT_NE(wrong, right) << kernels.file;
    EXPECT_EQ(numbers_of(there(c).replicas[1]), right) << kernels.file;
  }
}
#endif

void expect_refusal(RegretConfig c, std::initializer_list<const char*> parts) {
  c.device = &device();
  const std::string said = refusal([&] { on_cpu(c); });
  for (const char* part : parts) EXPECT_NE(said.find(part), std::string::npos) << said;
}

TEST(DeviceRegret, WhatStaysOnTheHostIsSaid) {
  const RegretConfig c = run_of("ftrl_log_barrier", test::kT1, "", 8, 1);
  expect_refusal(run_of("o_reps", test::kT1, "", 8, 1),
                 {"'o_reps' plays on the CPU alone", "--device cuda", "known there", "ftrl_log_barrier"});
  expect_refusal(run_of("ftrl_log_barrier", test::kT1, "adaptive", 8, 1),
                 {"adversaries that adapt play on the CPU alone"});
  RegretConfig own = c;
  own.instance.losses = envs::losses_from(
      *c.instance.mdp, true, [](std::int64_t, std::span<double> out) { std::ranges::fill(out, 0.5); });
  expect_refusal(own, {"losses of one's own code"});
  RegretConfig sequence = c;
  sequence.random = parse_random("splitmix64:7");
  sequence.covariance = parse_covariance("empirical:M=3");
  expect_refusal(sequence, {"splitmix64", "philox"});
  RegretConfig simulator = c;
  simulator.simulator = true;
  expect_refusal(simulator, {"a simulator and nothing else"});
  expect_refusal(run_of("ftrl_log_barrier", "simplex:H=2,S=40,A=2,d=65", "", 8, 1),
                 {"d = 65 is played on the CPU alone", "at most d = 64"});
  if (!hardy::test::is_emulated()) return;  // of 4 GiB
  expect_refusal(run_of("ftrl_log_barrier", "simplex:H=10,S=300,A=4,d=4", "", 8, 20000),
                 {"the instance takes", "a replica", "are free", "replicas would fit"});
}

// Bonuses without end leave costs, then weights, that are no numbers.
TEST(DeviceRegret, ALossThatIsNoNumberEndsTheRunAsOnTheCpu) {
  RegretConfig c = run_of("exp_weights", test::kT1, "", 60, 2);
  c.settings[0].beta = 1e308;
  const auto said = [&](device::Device* where) -> std::string {
    c.device = where;
    try {
      on_cpu(c);
    } catch (const Error& e) {
      EXPECT_EQ(e.exit_code(), 1);
      return e.message();
    }
    return "it ran";
  };
  const std::string cpu = said(nullptr);
  EXPECT_NE(cpu.find("the learner's loss is not finite by episode"), std::string::npos) << cpu;
  EXPECT_EQ(said(&device()), cpu);
}

}  // namespace
}  // namespace hardy::algorithms
