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
    const std::string path = (dir / "instance.hdf5").string();
    write_instance(path, written, 6);
    const envs::Instance read = envs::make_instance(path, "", 6);
    EXPECT_EQ(read.mdp->phi, written.mdp->phi);
    EXPECT_EQ(read.mdp->transitions, written.mdp->transitions);
    EXPECT_EQ(read.mdp->start, written.mdp->start);
    for (std::int64_t k = 0; k < 12; ++k) EXPECT_EQ(nu(read, k), nu(written, k % 6)) << name;
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
