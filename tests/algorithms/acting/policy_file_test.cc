// Policy files: what the documentation says of them is what the engine does.
#include "algorithms/acting/policy_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/base/random.h"
#include "tests/engine/run/scratch.h"

namespace hardy::algorithms {
namespace {

namespace fs = std::filesystem;

// The Python in docs/policy_file.md.
std::string documented_reader() {
  const std::string page =
      test::contents(fs::path(HARDY_TEST_DATA).parent_path().parent_path() / "docs/policy_file.md");
  const std::string mark = "```python\n";
  const std::size_t begin = page.find(mark), end = page.find("```\n", begin + mark.size());
  return begin == std::string::npos || end == std::string::npos
             ? ""
             : page.substr(begin + mark.size(), end - begin - mark.size());
}

TEST(PolicyFile, TheDocumentedNumPyReaderActsAsTheEngineDoes) {
  const char* chosen = std::getenv("HARDY_PYTHON");
  const std::string python = chosen ? chosen : HARDY_TEST_PYTHON;
  if (std::system(("'" + python + "' -c 'import numpy' 2>/dev/null").c_str()) != 0)
    GTEST_SKIP() << python << " has no numpy";
  constexpr std::int64_t kRows = 20;
  const test::Scratch dir;
  nlohmann::json cases = nlohmann::json::array();
  const auto add = [&](Head head, bool scaled, bool normalised, std::vector<std::int64_t> hidden) {
    PolicySpec spec;
    spec.head = head, spec.scaled = scaled, spec.hidden = std::move(hidden);
    spec.observation_size = 3, spec.action_size = 2;
    if (chooses(head))
      spec.action_size = 1, spec.action_choices = 4;
    else
      spec.action_low = {-2, 0}, spec.action_high = {2, 5};
    if (normalised) spec.observation_mean = {0.5f, -1, 3}, spec.observation_std = {2, 1.5f, 4};
    const Random random(cases.size(), RandomStream::kUser);
    std::uint64_t drawn = 0;
    std::vector<std::vector<float>> parameters;
    for (const nn::TensorSpec& t : spec.mlp()->tensors("policy", 1)) {
      std::vector<float>& x = parameters.emplace_back(static_cast<std::size_t>(t.shape.elements()));
      const double scale = 1 / std::sqrt(static_cast<double>(std::max<std::int64_t>(1, t.fan_in)));
      for (float& v : x) v = static_cast<float>(scale * random.normal(drawn++));
    }
    if (head == Head::kGaussian) parameters.push_back({-1, 0.5f});
    std::vector<double> observations;
    for (std::int64_t i = 0; i < 3 * kRows; ++i) observations.push_back(random.normal(drawn++));
    const fs::path path = dir / (std::to_string(cases.size()) + ".policy");
    write_policy(path, spec, parameters, {{"env", "a test"}});
    const LoadedPolicy loaded = read_policy(path);
    EXPECT_EQ(loaded.environment, "a test");
    EXPECT_EQ(loaded.parameters, parameters);
    Actor actor(loaded.spec, kRows, loaded.parameters);
    EXPECT_EQ(loaded.spec.action_choices, spec.action_choices);
    ActionMemory actions;
    actions.numbers.resize(chooses(head) ? 0 : 2 * kRows);
    actions.choices.resize(chooses(head) ? kRows : 0);
    ThreadTeam team(1);
    actor.act(observations, std::span<const Random>(), actions, {}, team);
    cases.push_back({{"path", path.string()},
                     {"observations", observations},
                     {"actions", actions.numbers},
                     {"choices", actions.choices}});
  };
  add(Head::kDeterministic, true, true, {16, 16});
  add(Head::kDeterministic, true, false, {24, 12, 8});
  add(Head::kTanhGaussian, true, false, {16, 16});
  add(Head::kGaussian, true, true, {16});
  add(Head::kGaussian, false, false, {16, 16});
  add(Head::kCategorical, true, true, {16});
  add(Head::kGreedyQ, true, false, {16, 16});
  add(Head::kDuelingQ, true, false, {16});
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

}  // namespace
}  // namespace hardy::algorithms
