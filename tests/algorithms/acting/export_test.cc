// Policies for other runtimes: what a C compiler, ONNX Runtime and safetensors' own library make of the files
// acts as the engine does.
#include "algorithms/acting/export/export.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>

#include "engine/base/json.h"
#include "tests/algorithms/acting/made_policies.h"
#include "tests/engine/run/scratch.h"
#include "tests/places.h"

namespace hardy::algorithms {
namespace {

constexpr std::int64_t kRows = 40;

struct Case {
  LoadedPolicy policy;
  std::vector<double> observations;
  std::vector<float> noise, actions, drawn;
  std::vector<double> uniforms;
  std::vector<std::int32_t> choices, drawn_choices;
};

// By the mode and, of heads that draw, by draws.
std::vector<Case> cases() {
  std::vector<Case> all;
  std::vector<test::MadePolicy> policies = test::made_policies();
  policies.push_back(test::made_policy(Head::kTanhGaussian, true, true, {}, 8));  // one layer, no hidden one
  for (const nn::Nonlinearity f :
       {nn::Nonlinearity::kTanh, nn::Nonlinearity::kGelu, nn::Nonlinearity::kSilu}) {
    policies.push_back(test::made_policy(Head::kTanhGaussian, true, true, {16, 8}, 9));
    policies.back().spec.nonlinearity = f;
  }
  for (const test::MadePolicy& made : policies) {
    Case c;
    c.policy = {made.spec, made.parameters, "somewhere */ else"};
    c.observations = test::drawn_observations(kRows, all.size());
    Actor actor(made.spec, kRows, made.parameters);
    ThreadTeam team(1);
    ActionMemory memory(made.spec.action_size, made.spec.action_choices, kRows);
    actor.act(c.observations, std::span<const Random>(), memory, {}, team);
    c.actions = memory.numbers, c.choices = memory.choices;
    std::vector<Random> draws;
    for (std::uint64_t i = 0; i < kRows; ++i) draws.emplace_back(i, RandomStream::kUser, 5);
    for (const Random& d : draws) {
      c.uniforms.push_back(d.uniform64(0));
      for (std::uint64_t k = 0; k < 2; ++k) c.noise.push_back(static_cast<float>(d.normal(k)));
    }
    actor.act(c.observations, draws, memory, {}, team);
    c.drawn = memory.numbers, c.drawn_choices = memory.choices;
    all.push_back(std::move(c));
  }
  return all;
}

bool draws(Head head) {
  return head == Head::kGaussian || head == Head::kTanhGaussian || head == Head::kCategorical;
}

std::vector<double> numbers_in(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::vector<double> x;
  for (double v; in >> v;) x.push_back(v);
  return x;
}

// Of their range, whose width is 4 and 5.
void expect_same(const std::vector<double>& theirs, const std::vector<float>& ours, const std::string& what) {
  ASSERT_EQ(theirs.size(), ours.size()) << what;
  double worst = 0;
  for (std::size_t i = 0; i < ours.size(); ++i)
    worst = std::max(worst, std::abs(theirs[i] - static_cast<double>(ours[i])) / (i % 2 == 0 ? 4 : 5));
  EXPECT_LE(worst, 1e-6) << what;
}

TEST(Export, TheCFileNeedsNoHardyAndActsAsTheEngineDoesByModeAndByDraws) {
  const test::Scratch dir;
  const std::vector<Case> all = cases();
  std::string main = "#include <stdio.h>\n", body, sources = " main.c";
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Case& c = all[i];
    const std::string n = std::to_string(i), p = "p" + n;
    const Head head = c.policy.spec.head;
    test::put(dir / (p + ".c"), export_c(c.policy, p, {"a test */ of comments"}));
    sources += " " + p + ".c";
    const auto array = [&](const char* type, const std::string& name, const auto& x) {
      main += std::string("static const ") + type + " " + name + "[] = {";
      char text[40];
      for (const auto v : x)
        std::snprintf(text, sizeof text, "%.17g, ", static_cast<double>(v)), main += text;
      main += "0};\n";
    };
    array("double", "o" + n, c.observations), array("double", "u" + n, c.uniforms),
        array("float", "z" + n, c.noise);
    body += "  f = fopen(\"mode" + n + "\", \"w\");\n  for (i = 0; i < 40; ++i) ";
    if (chooses(head)) {
      main += "int " + p + "_act(const double*);\nint " + p + "_act_drawn(const double*, double);\n";
      body += "fprintf(f, \"%d\\n\", " + p + "_act(o" + n + " + 3 * i));\n";
    } else {
      main += "void " + p + "_act(const double*, float*);\nvoid " + p +
              "_act_drawn(const double*, const float*, float*);\n";
      body += p + "_act(o" + n + " + 3 * i, a), fprintf(f, \"%.9g %.9g\\n\", a[0], a[1]);\n";
    }
    body += "  fclose(f);\n";
    if (!draws(head)) continue;
    body += "  f = fopen(\"drawn" + n + "\", \"w\");\n  for (i = 0; i < 40; ++i) ";
    body += chooses(head) ? "fprintf(f, \"%d\\n\", " + p + "_act_drawn(o" + n + " + 3 * i, u" + n + "[i]));\n"
                          : p + "_act_drawn(o" + n + " + 3 * i, z" + n +
                                " + 2 * i, a), fprintf(f, \"%.9g %.9g\\n\", a[0], a[1]);\n";
    body += "  fclose(f);\n";
  }
  test::put(dir / "main.c", main + "int main(void) {\n  FILE* f;\n  int i;\n  float a[2];\n  (void)a;\n" +
                                body + "  return 0;\n}\n");
  const std::string in = "cd '" + dir.path().string() + "' && ";
  ASSERT_EQ(std::system((in + "cc -std=c99 -Wall -Wextra -Wpedantic -Werror -c p*.c && cc -std=c99 "
                              "-Wno-unused-const-variable main.c p*.o -o main -lm && ./main")
                            .c_str()),
            0);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Case& c = all[i];
    const std::string n = std::to_string(i), what = name_of(c.policy.spec.head) + " " + n;
    const auto choices = [&](const std::string& file, const std::vector<std::int32_t>& ours) {
      EXPECT_EQ(numbers_in(dir / (file + n)), std::vector<double>(ours.begin(), ours.end()))
          << file << " " << what;
    };
    if (chooses(c.policy.spec.head)) {
      choices("mode", c.choices);
      if (draws(c.policy.spec.head)) choices("drawn", c.drawn_choices);
    } else {
      expect_same(numbers_in(dir / ("mode" + n)), c.actions, "mode of " + what);
      if (draws(c.policy.spec.head))
        expect_same(numbers_in(dir / ("drawn" + n)), c.drawn, "drawn of " + what);
    }
  }
}

TEST(Export, OnnxRuntimeAndSafetensorsOwnLibraryReadTheFilesAndActAsTheEngineDoes) {
  const std::string python = test::python();
  if (!test::has_modules("onnxruntime, safetensors.numpy"))
    GTEST_SKIP() << python << " lacks onnxruntime or safetensors";
  const test::Scratch dir;
  nlohmann::json list = nlohmann::json::array();
  for (const Case& c : cases()) {
    const std::string path = (dir / std::to_string(list.size())).string();
    test::put(path + ".onnx", export_onnx(c.policy, {"a test"}));
    test::put(path + ".safetensors", export_safetensors(c.policy, {"a test"}));
    const PolicySpec& s = c.policy.spec;
    list.push_back({{"path", path},
                    {"head", name_of(s.head)},
                    {"scaled", s.scaled},
                    {"observations", c.observations},
                    {"actions", c.actions},
                    {"choices", c.choices},
                    {"noise", c.noise},
                    {"drawn", c.drawn},
                    {"nonlinearity", nn::name_of(s.nonlinearity)},
                    {"layers", s.hidden.size() + 1}});
  }
  std::ofstream(dir / "cases.json") << list;
  test::put(dir / "check.py", R"(
import json, math, sys
import numpy as np, onnxruntime
from safetensors import safe_open

cases = json.load(open(sys.argv[1]))
assert len(cases) == 12
low, high = np.float32([-2, 0]), np.float32([2, 5])


def same(theirs, ours):
    ours = np.reshape(ours, (-1, 2))
    assert theirs.shape == ours.shape and np.abs((theirs - ours) / (high - low)).max() <= 1e-6, np.abs(theirs - ours).max()


def stretched(u):
    return (low + high) / 2 + u * (high - low) / 2


for case in cases:
    x = np.float32(case["observations"]).reshape(-1, 3)
    head, z = case["head"], np.float32(case["noise"]).reshape(-1, 2)
    session = onnxruntime.InferenceSession(case["path"] + ".onnx", providers=["CPUExecutionProvider"])
    about = session.get_modelmeta().custom_metadata_map
    assert about["head"] == head and about["environment"] == "somewhere */ else" and about["origin"] == "a test"
    names = [o.name for o in session.get_outputs()]
    got = dict(zip(names, session.run(None, {"observations": x})))
    one = dict(zip(names, session.run(None, {"observations": x[:1]})))  # any batch
    if case["choices"]:
        assert len(set(case["choices"])) > 1
        assert got["choice"].dtype == np.int64 and got["choice"].tolist() == case["choices"] and one["choice"].shape == (1,)
    else:
        same(got["action"], case["actions"])
        assert one["action"].shape == (1, 2)
    if "mean" in got:
        assert head != "deterministic" and got["log_std"].shape == got["mean"].shape
        u = got["mean"] + np.exp(got["log_std"]) * z
        u = np.tanh(u) if head == "tanh_gaussian" else u
        action = stretched(u) if case["scaled"] else u
        same(np.clip(action, low, high), case["drawn"])

    nonlinear = {"relu": lambda v: np.maximum(v, 0), "tanh": np.tanh, "silu": lambda v: v / (1 + np.exp(-v)),
                 "gelu": lambda v: np.float32(0.5) * v * (1 + np.vectorize(math.erf)(v / np.sqrt(2)).astype(np.float32))}[case["nonlinearity"]]
    with safe_open(case["path"] + ".safetensors", "np") as f:
        about, t = f.metadata(), {k: f.get_tensor(k) for k in f.keys()}
    assert about["nonlinearity"] == case["nonlinearity"]
    assert about["head"] == head and about["scaled"] == ("true" if case["scaled"] else "false")
    if "observation_mean" in t:
        x = (x - t["observation_mean"]) / t["observation_std"]
    for i in range(case["layers"]):
        x = (nonlinear(x) if i else x) @ t[f"policy/w{i}"] + t[f"policy/b{i}"]
    if case["choices"]:
        n = int(about["action_choices"])
        assert np.argmax(x[:, -n:], axis=1).tolist() == case["choices"]
        continue
    assert (t["action_low"] == low).all() and (t["action_high"] == high).all()
    u = x[:, :2]
    same(np.clip(stretched(u) if case["scaled"] else u, low, high) if head == "gaussian" else stretched(np.tanh(u)), case["actions"])
    assert ("policy/log_std" in t) == (head == "gaussian")
)");
  EXPECT_EQ(std::system(("'" + python + "' -W ignore '" + (dir / "check.py").string() + "' '" +
                         (dir / "cases.json").string() + "'")
                            .c_str()),
            0);
}

}  // namespace
}  // namespace hardy::algorithms
