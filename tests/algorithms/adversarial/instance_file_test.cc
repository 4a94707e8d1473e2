// Instances written to HDF5 files and read back, and what is refused.
#include "algorithms/adversarial/instance_file.h"

#include <span>

#include "datasets/formats/hdf5_file.h"
#include "tests/algorithms/adversarial/t1.h"
#include "tests/engine/run/scratch.h"

namespace hardy::algorithms {
namespace {

std::vector<double> nu(const envs::Instance& i, std::int64_t k) {
  std::vector<double> scratch(static_cast<std::size_t>(loss_size(*i.mdp, i.losses->linear())));
  const double* row = i.losses->losses(k, scratch.data());
  return {row, row + scratch.size()};
}

TEST(InstanceFile, WhatIsWrittenIsReadBack) {
  const hardy::test::Scratch dir;
  for (const char* name : {"simplex:seed=4,H=3,S=5,A=2,d=4,K=6", "lock", "mirror"}) {
    const envs::Instance written = envs::make_instance(name, "", 6);
    for (const char* file : {"instance.hdf5", "instance.npz"}) {
      const std::string path = (dir / file).string();
      write_instance(path, written, 6);
      const envs::Instance read = envs::make_instance(path, "", 6);
      EXPECT_EQ(read.mdp->phi, written.mdp->phi);
      EXPECT_EQ(read.mdp->transitions, written.mdp->transitions);
      EXPECT_EQ(read.mdp->start, written.mdp->start);
      for (std::int64_t k = 0; k < 12; ++k) EXPECT_EQ(nu(read, k), nu(written, k % 6)) << name;
    }
  }
}

TEST(InstanceFile, TablesOfLossesAndDenseTransitionsAreRead) {
  const hardy::test::Scratch dir;
  const envs::Instance lock = envs::make_instance("lock:H=3,A=2", "", 1);
  datasets::Arrays arrays;
  const auto put = [&](const char* key, std::vector<std::int64_t> shape, std::span<const double> x) {
    arrays[key] = datasets::Array::of(datasets::ArrayType::kF64, std::move(shape));
    std::ranges::copy(x, arrays[key].as<double>());
  };
  put("phi", {3, 2, 2, 4}, lock.mdp->phi);
  put("P", {2, 2, 2, 2}, lock.mdp->transitions);
  put("losses", {1, 3, 2, 2}, nu(lock, 0));
  const std::string path = (dir / "tables.hdf5").string();
  datasets::write_hdf5(path, arrays);
  const envs::Instance read = envs::make_instance(path, "", 4);
  EXPECT_FALSE(read.losses->linear());
  EXPECT_EQ(nu(read, 3), nu(lock, 0));
  EXPECT_FALSE(read.mdp->low_rank());
}

// One loss of -500, late and at an arm that is seldom played.
TEST(InstanceFile, EveryRowOfLossesIsLookedAt) {
  const hardy::test::Scratch dir;
  const envs::Instance lock = envs::make_instance("lock:H=3,A=2", "", 1);
  const std::string path = (dir / "bad.hdf5").string();
  for (const std::int64_t bad : {0, 1777, 3778, 3999}) {
    datasets::Arrays arrays;
    const auto put = [&](const char* key, std::vector<std::int64_t> shape, std::span<const double> x) {
      arrays[key] = datasets::Array::of(datasets::ArrayType::kF64, std::move(shape));
      std::ranges::copy(x, arrays[key].as<double>());
    };
    std::vector<double> losses(4000 * 12, 0.5);
    losses[static_cast<std::size_t>(bad) * 12 + 11] = -500;
    put("phi", {3, 2, 2, 4}, lock.mdp->phi);
    put("P", {2, 2, 2, 2}, lock.mdp->transitions);
    put("losses", {4000, 3, 2, 2}, losses);
    datasets::write_hdf5(path, arrays);
    for (const char* process : {"", "stochastic", "switching"}) {
      const std::string line = test::refusal([&] { envs::make_instance(path, process, 4000); });
      EXPECT_NE(line.find("the loss at h=2, s=1, a=1 is -500"), std::string::npos) << line;
      EXPECT_NE(line.find("row " + std::to_string(bad)), std::string::npos) << line;
    }
  }
}

TEST(InstanceFile, NarrowNumbersAndIntegersAreConvertedAndSaidSo) {
  const hardy::test::Scratch dir;
  const envs::Instance drawn = envs::make_instance("simplex:seed=4,H=3,S=5,A=2,d=4,K=2", "", 2);
  datasets::Arrays arrays;
  const auto narrow = [&](const char* key, std::vector<std::int64_t> shape, std::span<const double> x) {
    arrays[key] = datasets::Array::of(datasets::ArrayType::kF32, std::move(shape));
    std::ranges::transform(x, arrays[key].as<float>(), [](double v) { return static_cast<float>(v); });
  };
  arrays["losses"] = datasets::Array::of(datasets::ArrayType::kI64, {2, 3, 5, 2});
  for (int i = 0; i < 60; ++i) arrays["losses"].as<std::int64_t>()[i] = i % 3 == 0 ? 1 : 0;
  narrow("phi", {3, 5, 2, 4}, drawn.mdp->phi);
  const std::string path = (dir / "narrow.hdf5").string();
  for (const bool rows : {true, false}) {
    arrays.erase("P"), arrays.erase("mu");
    if (rows)
      narrow("P", {2, 5, 2, 5}, drawn.mdp->transitions);
    else
      narrow("mu", {2, 4, 5}, drawn.mdp->mu);
    datasets::write_hdf5(path, arrays);
    const envs::Instance read = envs::make_instance(path, "", 2);
    EXPECT_FALSE(read.notes.empty());
    for (std::size_t i = 0; i < read.mdp->transitions.size(); ++i)
      EXPECT_NEAR(read.mdp->transitions[i], drawn.mdp->transitions[i], 1e-6);
    for (std::size_t at = 0; at < read.mdp->transitions.size(); at += 5) {
      double sum = 0;
      for (std::size_t i = 0; i < 5; ++i) sum += read.mdp->transitions[at + i];
      EXPECT_NEAR(sum, 1, 1e-14);
    }
    EXPECT_EQ(read.losses->losses(1, nullptr)[3], 1.0);
    std::string all;
    for (const std::string& note : read.notes) all += note + "\n";
    EXPECT_NE(all.find("/losses is"), std::string::npos) << all;
    EXPECT_NE(all.find("renormalised"), std::string::npos) << all;
  }
}

TEST(InstanceFile, MissingAndMisshapenDatasetsAreNamed) {
  const hardy::test::Scratch dir;
  const std::string path = (dir / "broken.hdf5").string();
  const auto refused = [&] { return test::refusal([&] { envs::make_instance(path, "", 1); }); };
  datasets::Arrays arrays;
  arrays["nu"] = datasets::Array::of(datasets::ArrayType::kF64, {1, 3, 2});
  datasets::write_hdf5(path, arrays);
  EXPECT_NE(refused().find("phi"), std::string::npos);
  arrays["phi"] = datasets::Array::of(datasets::ArrayType::kF64, {3, 2, 2, 2});
  arrays["mu"] = datasets::Array::of(datasets::ArrayType::kF64, {2, 2, 5});
  datasets::write_hdf5(path, arrays);
  EXPECT_NE(refused().find("/mu: dimension 2 is 5"), std::string::npos);
}

}  // namespace
}  // namespace hardy::algorithms
