// The attacker that knows the cleaning, on dynamics that are known: x' = 0.9 x + (a_0 + a_1) (1, -1, 0.5) /
// 10, and a little noise. What two actions of equal sums do cannot be told apart.
#include "algorithms/offline/evasion.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "algorithms/learning/checkpoint.h"
#include "algorithms/offline/gradient_attack.h"
#include "datasets/memory.h"
#include "engine/base/error.h"
#include "tests/engine/run/scratch.h"

namespace hardy::algorithms {
namespace {

using datasets::Array;
using datasets::ArrayType;
using datasets::AttackedRows;
using datasets::Element;

constexpr std::int64_t kRows = 4000;
constexpr std::size_t kObs = 3, kAct = 2;

datasets::Arrays linear_system(std::int64_t rows) {
  datasets::Arrays a;
  const auto column = [&](const char* key, std::int64_t width) {
    a[key] = Array::of(ArrayType::kF32,
                       width ? std::vector<std::int64_t>{rows, width} : std::vector<std::int64_t>{rows});
    return a[key].as<float>();
  };
  column("observations", 3), column("next_observations", 3), column("actions", 2), column("rewards", 0);
  a["terminals"] = Array::of(ArrayType::kBool, {rows});
  a["timeouts"] = Array::of(ArrayType::kBool, {rows});
  const Random random(4, RandomStream::kUser);
  std::uint64_t draw = 0;
  double x[3] = {0, 0, 0};
  for (std::int64_t i = 0; i < rows; ++i) {
    const bool last = i % 100 == 99;
    float* const act = a["actions"].as<float>() + 2 * i;
    for (int k = 0; k < 2; ++k) act[k] = static_cast<float>(random.normal(draw++));
    for (int k = 0; k < 3; ++k) {
      a["observations"].as<float>()[3 * i + k] = static_cast<float>(x[k]);
      const double push = std::initializer_list<double>{0.1, -0.1, 0.05}.begin()[k];
      x[k] = 0.9 * x[k] + push * (act[0] + act[1]) + 0.002 * random.normal(draw++);
      a["next_observations"].as<float>()[3 * i + k] = static_cast<float>(x[k]);
    }
    a["timeouts"].as<std::uint8_t>()[i] = last;
    if (last)
      for (double& y : x) y = 0.3 * random.normal(draw++);
  }
  return a;
}

EvasionSettings quick() { return {.quantile = 0.9, .members = 2, .hidden = 32, .steps = 3000}; }

class EvasionTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    dir_ = new test::Scratch;
    arrays_ = new datasets::Arrays(linear_system(kRows));
    Learner learner({1});
    learner.network("q", {{kObs + kAct, 32, 32, 1}, 2, nn::Nonlinearity::kRelu, {}});
    learner.network("policy", {{kObs, 16, kAct}, 0, nn::Nonlinearity::kRelu, {}});
    learner.finish();
    run::ArchiveWriter file("checkpoint", kCheckpointFormat);
    save_learner(learner, file);
    file.write(*dir_ / "c.ckpt");
    datasets::MemoryReader clean(*arrays_, "clean");
    evading_ = attacker(1);
    evading_->evade(clean, quick(), 7);
    for (std::int64_t row = 0; row < kRows; row += 9) rows_.rows.push_back(row);
    const auto gather = [](const char* key, std::size_t width) {
      std::vector<float> x;
      for (const std::int64_t row : rows_.rows) {
        const float* const from = (*arrays_)[key].as<float>() + row * static_cast<std::int64_t>(width);
        x.insert(x.end(), from, from + width);
      }
      return x;
    };
    rows_.observations = gather("observations", kObs);
    rows_.actions = gather("actions", kAct);
    rows_.next_observations = gather("next_observations", kObs);
  }
  static void TearDownTestSuite() {
    evading_.reset();
    delete arrays_;
    delete dir_;
  }

  static std::unique_ptr<GradientAttack> attacker(std::int64_t threads) {
    return std::make_unique<GradientAttack>(*dir_ / "c.ckpt",
                                            GradientAttackSettings{.iterations = 60, .threads = threads});
  }
  static std::vector<double> deviations(Element e) {
    return std::vector<double>(e == Element::kActions ? kAct : kObs, e == Element::kActions ? 1.0 : 0.3);
  }
  static std::vector<float> delta(GradientAttack& by, Element e) {
    std::vector<float> d(rows_.rows.size() * (e == Element::kActions ? kAct : kObs));
    by.attack(e, rows_, deviations(e), 1, 5, d);
    return d;
  }

  static test::Scratch* dir_;
  static datasets::Arrays* arrays_;
  static std::unique_ptr<GradientAttack> evading_;
  static AttackedRows rows_;
};
test::Scratch* EvasionTest::dir_ = nullptr;
datasets::Arrays* EvasionTest::arrays_ = nullptr;
std::unique_ptr<GradientAttack> EvasionTest::evading_;
AttackedRows EvasionTest::rows_;

double mean(const std::vector<float>& x) {
  double sum = 0;
  for (const float v : x) sum += static_cast<double>(v) / static_cast<double>(x.size());
  return sum;
}
float median(std::vector<float> x) {
  std::ranges::nth_element(x, x.begin() + static_cast<std::ptrdiff_t>(x.size() / 2));
  return x[x.size() / 2];
}

TEST_F(EvasionTest, KeepsEveryRowWithinTheLimitAndStillLowersTheCritic) {
  const auto plain = attacker(1);
  for (const Element e : {Element::kObservations, Element::kActions, Element::kDynamics}) {
    const std::vector<double> std = deviations(e);
    const std::vector<float> hidden = delta(*evading_, e), open = delta(*plain, e), none(hidden.size(), 0.0f);
    const std::vector<float> r = evading_->residuals(e, rows_, std, hidden),
                             clean = evading_->residuals(e, rows_, std, none);
    const auto limit = static_cast<float>(evading_->evasion()->limit());
    for (std::size_t i = 0; i < r.size(); ++i) ASSERT_LE(r[i], std::max(limit, clean[i])) << i;
    for (const float d : hidden) ASSERT_LE(std::abs(d), 1);
    EXPECT_GT(median(evading_->residuals(e, rows_, std, open)), 20 * limit);
    const double before = mean(plain->values(e, rows_, std, none)),
                 evaded = mean(plain->values(e, rows_, std, hidden)),
                 opened = mean(plain->values(e, rows_, std, open));
    EXPECT_LT(evaded, before);
    EXPECT_LT(opened, evaded);
  }
}

// One transition in ten of the clean file lies beyond its limit, of any of its rows.
TEST_F(EvasionTest, TheLimitIsTheFilesOwnQuantile) {
  AttackedRows all;
  for (std::int64_t row = 0; row < kRows; ++row) all.rows.push_back(row);
  const auto copy = [](const char* key) {
    const Array& a = (*arrays_)[key];
    return std::vector<float>(a.as<float>(), a.as<float>() + a.elements());
  };
  all.observations = copy("observations"), all.actions = copy("actions");
  all.next_observations = copy("next_observations");
  const std::vector<float> r = evading_->residuals(Element::kActions, all, deviations(Element::kActions),
                                                   std::vector<float>(kRows * kAct, 0.0f));
  const auto beyond = std::ranges::count_if(r, [](float x) { return x > evading_->evasion()->limit(); });
  EXPECT_NEAR(static_cast<double>(beyond) / kRows, 0.1, 0.001);
}

TEST_F(EvasionTest, MovesActionsWhereTheDynamicsDoNotTell) {
  const std::vector<float> d = delta(*evading_, Element::kActions);
  double along = 0, across = 0;
  for (std::size_t i = 0; i < d.size(); i += 2) {
    along += std::abs(static_cast<double>(d[i]) + static_cast<double>(d[i + 1]));
    across += std::abs(static_cast<double>(d[i]) - static_cast<double>(d[i + 1]));
  }
  EXPECT_GT(across, 8 * along);
}

TEST_F(EvasionTest, DoesNotDependOnThreads) {
  datasets::MemoryReader clean(*arrays_, "clean");
  const auto other = attacker(2);
  other->evade(clean, quick(), 7);
  EXPECT_EQ(other->evasion()->limit(), evading_->evasion()->limit());
  EXPECT_EQ(delta(*other, Element::kDynamics), delta(*evading_, Element::kDynamics));
}

TEST_F(EvasionTest, RefusesAFileTooSmallForModels) {
  const datasets::Arrays few = linear_system(500);
  datasets::MemoryReader clean(few, "few.hdf5");
  try {
    attacker(1)->evade(clean, quick(), 7);
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(e.message().find("few.hdf5: has 500 transitions"), std::string::npos) << e.message();
    EXPECT_NE(e.message().find("leave --evade out"), std::string::npos) << e.message();
  }
}

}  // namespace
}  // namespace hardy::algorithms
