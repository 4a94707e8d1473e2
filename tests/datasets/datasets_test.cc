// Datasets against h5py and NumPy, and what corruption and bad files must do.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "algorithms/acting/collect.h"
#include "datasets/corruption/corrupt.h"
#include "datasets/episodes.h"
#include "datasets/memory.h"
#include "datasets/transitions.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "tests/datasets/python.h"
#include "tests/engine/base/refusal.h"
#include "tests/engine/run/scratch.h"

namespace hardy::datasets {
namespace {

namespace fs = std::filesystem;

int check(const std::string& arguments) { return test::run_script("check.py", arguments); }

#define NEED_H5PY() NEED_LIBRARIES("h5py, numpy")

// A small file's arrays, with every kind of key.
Arrays example(std::int64_t rows = 500) {
  Arrays arrays = algorithms::collect("hopper", algorithms::behaviour("hopper", "random", rows), 3, 1);
  return arrays;
}

TEST(Datasets, TheQlearningViewEqualsAnIndependentNumpyLoop) {
  NEED_H5PY();
  for (const std::string kind : {"timeouts", "no-timeouts", "cut", "columns"}) {
    const test::Scratch dir;
    const std::string file = (dir / "f.hdf5").string(), out = (dir / "out").string();
    ASSERT_EQ(check("write " + file + " " + kind), 0);
    ASSERT_EQ(check("qlearning " + file + " " + out), 0);
    const Transitions t = transitions_of(read_hdf5(file), View::kQlearning, file, 20);
    std::string mine;
    for (const auto* column : {&t.observations, &t.actions, &t.rewards, &t.next_observations, &t.terminals})
      mine.append(reinterpret_cast<const char*>(column->data()), column->size() * 4);
    EXPECT_TRUE(mine == test::contents(dir / "out")) << kind << ", " << t.rows << " rows";
  }
}

TEST(Datasets, FilesByH5pyKeepTheirTypesAndScalars) {
  NEED_H5PY();
  const test::Scratch dir;
  const std::string file = (dir / "f.hdf5").string();
  ASSERT_EQ(check("write " + file + " timeouts"), 0);
  const Arrays a = read_hdf5(file);
  EXPECT_EQ(a.at("terminals").type, ArrayType::kBool);
  EXPECT_EQ(a.at("infos/qpos").type, ArrayType::kF64);
  EXPECT_EQ(a.at("metadata/algorithm").strings.at(0), "SAC");
  EXPECT_EQ(a.at("metadata/iteration").as<std::int32_t>()[0], 7);
  MemoryReader reader(a, file);
  const std::vector<EpisodeRows> episodes = find_episodes(reader);
  EXPECT_EQ(std::ranges::count_if(episodes, &EpisodeRows::terminated), 2);
  EXPECT_EQ(std::ranges::count_if(episodes, &EpisodeRows::timed_out), 3);
}

TEST(Datasets, H5pyReadsWhatWeCollect) {
  NEED_H5PY();
  const test::Scratch dir;
  write_hdf5(dir / "f.hdf5", example());
  EXPECT_EQ(check("layout " + (dir / "f.hdf5").string()), 0);
}

TEST(Datasets, MasksAndNoiseUnderNumpyAreNumpysOwn) {
  NEED_H5PY();
  const test::Scratch dir;
  Arrays arrays = example();
  write_hdf5(dir / "clean.hdf5", arrays);
  CorruptionSettings s{all_elements(), 0.3, 1.0, 11, "numpy"};
  corrupt(arrays, s, "clean", "");
  write_hdf5(dir / "dirty.hdf5", arrays);
  EXPECT_EQ(check("corrupt " + (dir / "clean.hdf5").string() + " " + (dir / "dirty.hdf5").string() + " 11"),
            0);
}

TEST(Datasets, UndoRestoresEveryArrayBitForBitForEveryMix) {
  const Arrays clean = example();
  for (int mix = 1; mix < 16; ++mix)
    for (const char* generator : {"numpy", "philox"}) {
      CorruptionSettings s{{}, 0.3, 1.0, 5, generator};
      for (int e = 0; e < 4; ++e)
        if (mix >> e & 1) s.elements.push_back(static_cast<Element>(e));
      const test::Scratch dir;
      Arrays arrays = clean;
      corrupt(arrays, s, "x", "");
      for (const Element e : s.elements)
        EXPECT_NE(arrays.at(column_of(e)).bytes, clean.at(column_of(e)).bytes);
      write_hdf5(dir / "f.hdf5", arrays);
      Arrays back = read_hdf5(dir / "f.hdf5");
      undo(back, "f");
      ASSERT_EQ(back.size(), clean.size());
      for (const auto& [key, array] : clean)
        EXPECT_TRUE(back.at(key).bytes == array.bytes && back.at(key).strings == array.strings) << key;
    }
}

TEST(Datasets, ElementsAreAttackedIndependentlyAndAtTheGivenRate) {
  Arrays arrays = example(20000);
  corrupt(arrays, {{Element::kObservations, Element::kActions}, 0.3, 1.0, 5, "philox"}, "x", "");
  const Array &a = arrays.at("hardy/corruption/observations/rows"),
              &b = arrays.at("hardy/corruption/actions/rows");
  EXPECT_NEAR(static_cast<double>(a.elements()) / 20000, 0.3, 0.015);
  EXPECT_NEAR(static_cast<double>(b.elements()) / 20000, 0.3, 0.015);
  EXPECT_NE(a.bytes, b.bytes);
}

TEST(Datasets, CollectingDoesNotDependOnThreads) {
  const auto stretches = algorithms::behaviour("hopper", "medium-replay", 3000);
  const Arrays one = algorithms::collect("hopper", stretches, 1, 1),
               three = algorithms::collect("hopper", stretches, 1, 3);
  for (const auto& [key, array] : one) EXPECT_TRUE(array.bytes == three.at(key).bytes) << key;
  EXPECT_EQ(one.at("rewards").rows(), 3000);
}

TEST(Datasets, NormalisationIsOverBothObservationColumnsWithPopulationDeviation) {
  Transitions t;
  t.rows = 2;
  t.observation_size = 1;
  t.action_size = 1;
  t.observations = {1, 2};
  t.next_observations = {3, 6};
  const Normalisation n = observation_normalisation(t);
  EXPECT_FLOAT_EQ(n.mean[0], 3);
  EXPECT_FLOAT_EQ(n.std[0], static_cast<float>(std::sqrt(3.5) + 1e-3));
}

TEST(Datasets, MediansAreNotMovedByAMinorityOfWildRows) {
  Transitions t;
  t.rows = 5, t.observation_size = 2;
  t.observations = {1, 0, 2, 0, 3, 0, 4, 0, 5, 7};
  t.next_observations = t.observations;
  const Normalisation n = observation_normalisation(t, Statistics::kMedians);
  EXPECT_EQ(n.mean, (std::vector<float>{3, 0}));
  EXPECT_FLOAT_EQ(n.std[0], 1.4826f * 1 + 1e-3f);  // distances 0, 1, 1, 2, 2
  EXPECT_FLOAT_EQ(n.std[1], 2.8f + 1e-3f);         // most are equal: the standard deviation
  for (auto* x : {&t.observations, &t.next_observations}) (*x)[0] = -1000, (*x)[8] = 1e6;
  EXPECT_EQ(observation_normalisation(t, Statistics::kMedians).mean[0], 3);
}

TEST(Datasets, BadFilesAreRefusedWithFileAndKey) {
  const test::Scratch dir;
  const fs::path file = dir / "f.hdf5";
  const auto says = [&](const Arrays& arrays, std::initializer_list<const char*> parts) {
    write_hdf5(file, arrays);
    const std::string m =
        test::refusal([&] { require_finite(transitions_of(read_hdf5(file), View::kLossless, file), file); });
    for (const char* part : parts) EXPECT_NE(m.find(part), std::string::npos) << m;
  };
  Arrays a = example(50);
  a.erase("actions");
  says(a, {"f.hdf5", "actions", "it has:"});
  a = example(50);
  a["rewards"] = Array::of(ArrayType::kF32, {49});
  says(a, {"/rewards", "49", "50"});
  a = example(50);
  a["observations"] = Array::of(ArrayType::kF32, {50});
  says(a, {"/observations", "[N, size]"});
  for (auto& [key, array] : a = example(50))
    if (!array.shape.empty())
      array = Array::of(array.type, [&] {
        auto s = array.shape;
        s[0] = 0;
        return s;
      }());
  says(a, {"no rows"});
  a = example(50);
  a["observations"].as<float>()[11 * 7 + 2] = NAN;
  says(a, {"/observations", "row 7", "dimension 2"});
}

TEST(Datasets, TruncatedAndForeignFilesAreRefused) {
  const test::Scratch dir;
  write_hdf5(dir / "whole.hdf5", example(200));
  const std::string whole = test::contents(dir / "whole.hdf5");
  for (const double share : {0.0, 0.01, 0.3, 0.7, 0.999}) {
    std::ofstream(dir / "cut.hdf5", std::ios::binary)
        .write(whole.data(), static_cast<std::streamsize>(share * static_cast<double>(whole.size())));
    EXPECT_NE(test::refusal([&] { read_hdf5(dir / "cut.hdf5"); }), "") << share;
  }
  std::ofstream(dir / "text.hdf5") << "observations, actions\n1, 2\n";
  EXPECT_NE(test::refusal([&] { read_hdf5(dir / "text.hdf5"); }).find("not an HDF5 file"), std::string::npos);
}

TEST(Datasets, AFailedWriteLeavesNothing) {
  const test::Scratch dir;
  Arrays broken = example(50);
  broken["bad//key"] = Array::of(ArrayType::kF32, {3});
  broken["observations/below"] = Array::of(ArrayType::kF32, {3});  // a dataset cannot hold a dataset
  EXPECT_THROW(write_hdf5(dir / "f.hdf5", broken), Error);
  EXPECT_TRUE(fs::is_empty(dir / "."));
}

}  // namespace
}  // namespace hardy::datasets
