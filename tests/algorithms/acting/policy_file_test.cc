// Policy files: what the documentation says of them is what the engine does.
#include "algorithms/acting/policy_file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>

#include "engine/base/json.h"
#include "engine/run/archive.h"
#include "tests/algorithms/acting/made_policies.h"
#include "tests/engine/run/scratch.h"
#include "tests/places.h"

namespace hardy::algorithms {
namespace {

namespace fs = std::filesystem;

// The Python in docs/policy_file.md.
std::string documented_reader() {
  const std::string page = test::contents(test::sources() / "docs/policy_file.md");
  const std::string mark = "```python\n";
  const std::size_t begin = page.find(mark), end = page.find("```\n", begin + mark.size());
  return begin == std::string::npos || end == std::string::npos
             ? ""
             : page.substr(begin + mark.size(), end - begin - mark.size());
}

TEST(PolicyFile, TheDocumentedNumPyReaderActsAsTheEngineDoes) {
  const std::string python = test::python();
  if (!test::has_modules("numpy")) GTEST_SKIP() << python << " has no numpy";
  constexpr std::int64_t kRows = 20;
  const test::Scratch dir;
  nlohmann::json cases = nlohmann::json::array();
  for (const test::MadePolicy& made : test::made_policies()) {
    const auto& [spec, parameters] = made;
    const std::vector<double> observations = test::drawn_observations(kRows, cases.size());
    const fs::path path = dir / (std::to_string(cases.size()) + ".policy");
    write_policy(path, spec, parameters, {{"env", "a test"}});
    const LoadedPolicy loaded = read_policy(path);
    EXPECT_EQ(loaded.environment, "a test");
    EXPECT_EQ(loaded.parameters, parameters);
    Actor actor(loaded.spec, kRows, loaded.parameters);
    EXPECT_EQ(loaded.spec.action_choices, spec.action_choices);
    ActionMemory actions;
    actions.numbers.resize(chooses(spec.head) ? 0 : 2 * kRows);
    actions.choices.resize(chooses(spec.head) ? kRows : 0);
    ThreadTeam team(1);
    actor.act(observations, std::span<const Random>(), actions, {}, team);
    cases.push_back({{"path", path.string()},
                     {"observations", observations},
                     {"actions", actions.numbers},
                     {"choices", actions.choices}});
  }
  std::ofstream(dir / "cases.json") << cases;
  std::ofstream script(dir / "check.py");
  script << documented_reader() << R"(
import sys
cases = json.load(open(sys.argv[1]))
assert len(cases) == 8
for case in cases:
    ours = act(read_policy(case["path"]), np.reshape(case["observations"], (-1, 3)))
    if case["choices"]:
        assert len(set(case["choices"])) > 1 and ours.tolist() == case["choices"], (case["path"], ours, case["choices"])
        continue
    theirs = np.reshape(case["actions"], (-1, 2))
    assert ours.shape == theirs.shape, case["path"]
    assert np.ptp(theirs, axis=0).min() > 0.1, (case["path"], theirs)
    assert np.abs((ours - theirs) / np.float32([4, 5])).max() <= 1e-6, (case["path"], ours - theirs)
)";
  script.close();
  EXPECT_EQ(std::system(("'" + python + "' '" + (dir / "check.py").string() + "' '" +
                         (dir / "cases.json").string() + "'")
                            .c_str()),
            0);
}

// One hidden unit of weight 1 between one observation and one deterministic action.
PolicySpec one_unit(nn::Nonlinearity f) {
  PolicySpec spec;
  spec.observation_size = 1, spec.action_size = 1, spec.hidden = {1}, spec.nonlinearity = f;
  spec.action_low = {-1}, spec.action_high = {1};
  return spec;
}

TEST(PolicyFile, ActsByTheNonlinearityThatItSays) {
  const test::Scratch dir;
  const double x = -0.7;
  const std::pair<nn::Nonlinearity, double> cases[] = {{nn::Nonlinearity::kRelu, 0},
                                                       {nn::Nonlinearity::kTanh, std::tanh(x)},
                                                       {nn::Nonlinearity::kSilu, x / (1 + std::exp(-x))}};
  for (const auto& [f, hidden] : cases) {
    write_policy(dir / "a.policy", one_unit(f), {{1}, {0}, {1}, {0}}, nlohmann::json::object());
    const LoadedPolicy loaded = read_policy(dir / "a.policy");
    Actor actor(loaded.spec, 1, loaded.parameters);
    std::vector<float> action(1), noise;
    ThreadTeam team(1);
    actor.act(std::vector<double>{x}, noise, action, {}, team);
    EXPECT_NEAR(action[0], std::tanh(hidden), 1e-6) << nn::name_of(f);
  }
}

// A file whose header says something else than what it holds.
std::string refusal(const test::Scratch& dir, const nlohmann::json& change, const Shape& first = {1, 1}) {
  run::ArchiveWriter file("policy", 1);
  file.header() = {{"head", "deterministic"},
                   {"observation_size", 1},
                   {"action_size", 1},
                   {"hidden", {1}},
                   {"nonlinearity", "relu"},
                   {"observation_mean", nlohmann::json::array()},
                   {"observation_std", nlohmann::json::array()},
                   {"action_low", {-1}},
                   {"action_high", {1}}};
  file.header().update(change);
  const std::vector<float> one(static_cast<std::size_t>(first.elements()), 1);
  file.add<float>("policy/w0", first, one);
  file.add<float>("policy/b0", Shape{1}, std::vector<float>{0});
  file.add<float>("policy/w1", Shape{1, 1}, std::vector<float>{1});
  file.add<float>("policy/b1", Shape{1}, std::vector<float>{0});
  file.write(dir / "b.policy");
  try {
    read_policy(dir / "b.policy");
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

TEST(PolicyFile, FieldsThatDoNotFitAreRefused) {
  const test::Scratch dir;
  const auto says = [&](const nlohmann::json& change, const std::string& text, const Shape& first = {1, 1}) {
    const std::string found = refusal(dir, change, first);
    EXPECT_NE(found.find(text), std::string::npos) << change << ": " << found;
  };
  EXPECT_EQ(refusal(dir, nlohmann::json::object()), "");
  says({{"nonlinearity", "sine"}}, "sine");
  says({{"nonlinearity", 3}}, "string");
  says({{"observation_mean", {0, 0}}, {"observation_std", {1, 1}}}, "2 means");
  says({{"observation_mean", {0}}}, "0 deviations");
  says({{"action_low", {-1, -1}}}, "bounds");
  says({{"hidden", {0}}}, "no width");
  says({{"observation_size", 0}}, "0 observations");
  says(nlohmann::json::object(), "policy/w0", {1});  // of as many numbers
  says({{"observation_size", 2}}, "policy/w0");
}

}  // namespace
}  // namespace hardy::algorithms
