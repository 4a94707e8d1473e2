// The install tree: another project finds it, compiles against its headers, links it and runs.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "algorithms/acting/policy_file.h"
#include "engine/base/json.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/linear.h"
#include "tests/places.h"

namespace hardy::tools {
namespace {

namespace fs = std::filesystem;

const char* const kConsumerProject = R"(cmake_minimum_required(VERSION 3.25)
project(consumer LANGUAGES CXX)
find_package(hardy 0.1 REQUIRED)
add_executable(consumer main.cc)
target_link_libraries(consumer PRIVATE hardy::hardy)
)";

const char* const kConsumer = R"(#include <iostream>
#include "algorithms/adversarial/regret_method.h"
#include "algorithms/experiments/regret_run.h"
#include "engine/base/threads.h"
#include "engine/graph/plan.h"
#include "engine/ops/arithmetic.h"
int main() {
  hardy::graph::Graph g;
  const auto x = g.input("x", hardy::DType::kF32, {1, 3});
  const auto y = hardy::ops::square(g, x);
  hardy::graph::Plan plan(g, {y});
  plan.data<float>(x)[2] = 3;
  hardy::ThreadTeam team(1);
  plan.run(team);
  std::cout << "y = " << plan.data<float>(y)[2] << "\n";
  // Replicas side by side: their numbers lie where the library has them, whatever this compiler was told.
  using namespace hardy::algorithms;
  RegretConfig run;
  run.instance = hardy::envs::make_instance("mirror", "", 4);
  run.episodes = 4, run.method = "uniform", run.seeds = {1, 2, 3};
  const auto whole = run_regret(run, team);
  const Lane lanes[3] = {{1, {}}, {2, {}}, {3, {}}};
  const auto group = make_steps(run, lanes, team, false);
  group->uniform_policies();
  for (int k = 0; k < 4; ++k) {
    group->begin(k);
    group->occupancies();
    group->play();
    group->end();
  }
  for (std::size_t w = 0; w < 3; ++w)
    std::cout << (group->record.learner_loss[w] == whole.replicas[w].learner_loss && group->played.states.size() > 0) << "\n";
}
)";

struct Result {
  int code;
  std::string output;
};

// What a simulator does that acts by a policy file; and how many kernels a layer is, one where what ops
// register when the library is loaded is there.
const char* const kActing = R"(#include <cstdio>
#include "algorithms/acting/policy_file.h"
#include "engine/graph/plan.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/linear.h"
int main(int, char** argv) {
  const auto policy = hardy::algorithms::read_policy(argv[1]);
  hardy::algorithms::Actor actor(policy.spec, 2, policy.parameters);
  hardy::ThreadTeam team(1);
  const std::vector<double> observations = {0.1, -0.2, 0.3, 1, 2, 3};
  std::vector<float> actions(4), noise;
  actor.act(observations, noise, actions, {}, team);
  for (const float a : actions) std::printf("%a ", a);
  hardy::graph::Graph g;
  const auto x = g.input("x", hardy::DType::kF32, {1, 4, 3}), w = g.input("w", hardy::DType::kF32, {1, 3, 2}),
             b = g.input("b", hardy::DType::kF32, {1, 2});
  const hardy::graph::Plan plan(g, {hardy::ops::relu(g, hardy::ops::add_bias(g, hardy::ops::linear(g, x, w), b))});
  std::printf("%zu\n", plan.steps());
  auto law = policy.spec;
  law.head = hardy::algorithms::Head::kGaussian;
  law.scaled = true;  // a file of format 1 says otherwise of its Gaussians
  auto parameters = policy.parameters;
  parameters.push_back({0, 0});
  std::vector<float> log_probs(2);
  hardy::algorithms::Actor(law, 2, parameters).log_prob(observations, actions, log_probs, team);
  std::printf("%a %a\n", log_probs[0], log_probs[1]);
}
)";

// Runs a shell command, its output into a file beside it.
Result shell(const fs::path& folder, const std::string& command) {
  const fs::path log = folder / "log.txt";
  const int code = std::system(("( " + command + " ) >'" + log.string() + "' 2>&1").c_str());
  std::stringstream text;
  text << std::ifstream(log).rdbuf();
  return {code, text.str()};
}

// What stands in a page of docs/ between ```KIND and ```.
std::string documented(const std::string& name, const std::string& kind) {
  const fs::path page = test::sources() / "docs" / name;
  std::stringstream text;
  text << std::ifstream(page).rdbuf();
  const std::string all = text.str(), mark = "```" + kind + "\n";
  const std::size_t begin = all.find(mark), end = all.find("```\n", begin + mark.size());
  EXPECT_TRUE(begin != std::string::npos && end != std::string::npos) << kind;
  return all.substr(begin + mark.size(), end - begin - mark.size());
}

// The page's method in a project of its own: built against the install tree, loaded, trained, resumed,
// evaluated.
void add_the_documented_method(const fs::path& folder) {
  const std::string page = "adding_a_method.md", method = documented(page, "cpp"), root = folder.string();
  EXPECT_LT(std::count(method.begin(), method.end(), '\n'), 80);
  const fs::path project = folder / "method";
  fs::create_directories(project);
  std::ofstream(project / "crr.cc") << method;
  std::ofstream(project / "CMakeLists.txt") << documented(page, "cmake");
  std::ofstream(project / "commands") << documented(page, "sh");
  const std::string environment = "cd '" + project.string() + "'; export CMAKE_PREFIX_PATH='" + root +
                                  "/moved' PATH='" + root + "/moved/bin':$PATH; ";
  const Result all = shell(folder, environment + "sh -eux commands");
  ASSERT_EQ(all.code, 0) << all.output;
  for (const char* said : {"usage: hardy train crr", "runs/crr", "agent_0.policy: score"})
    EXPECT_NE(all.output.find(said), std::string::npos) << said << " not in: " << all.output;
  EXPECT_TRUE(fs::exists(project / "runs/crr/checkpoints/step_000000000080.ckpt"));

  const auto refused = [&](const std::string& words, const std::string& says) {
    const Result r = shell(folder, environment + "hardy " + words);
    EXPECT_NE(r.code, 0) << words;
    EXPECT_EQ(std::count(r.output.begin(), r.output.end(), '\n'), 1) << r.output;
    EXPECT_NE(r.output.find(says), std::string::npos) << r.output;
  };
  refused("resume runs/crr", "there is no method 'crr'");
  refused("--plugin nowhere.so train crr", "--plugin nowhere.so: there is no such file");
  refused("--plugin crr.cc train crr", "--plugin crr.cc");
  refused("--plugin", "which file?");
}

// The page's environment: collected from, trained in, resumed, evaluated, learned from offline.
void add_the_documented_environment(const fs::path& folder) {
  const std::string page = "adding_an_environment.md", root = folder.string();
  const fs::path project = folder / "environment";
  fs::create_directories(project);
  std::ofstream(project / "point_mass.cc") << documented(page, "cpp");
  std::ofstream(project / "CMakeLists.txt") << documented(page, "cmake");
  std::ofstream(project / "commands") << documented(page, "sh");
  const std::string environment = "cd '" + project.string() + "'; export CMAKE_PREFIX_PATH='" + root +
                                  "/moved' PATH='" + root + "/moved/bin':$PATH; ";
  const Result all = shell(folder, environment + "sh -eux commands");
  ASSERT_EQ(all.code, 0) << all.output;
  for (const char* said : {"random.hdf5: 2000 rows, 20 episodes", "runs/sac/policy/agent_0.policy: score"})
    EXPECT_NE(all.output.find(said), std::string::npos) << said << " not in: " << all.output;
  const Result without = shell(folder, environment + "hardy eval runs/sac");
  EXPECT_NE(without.code, 0);
  EXPECT_NE(without.output.find("point_mass"), std::string::npos) << without.output;
}

// Every block of a kind in a page.
std::string all_documented(const std::string& name, const std::string& kind) {
  const fs::path page = test::sources() / "docs" / name;
  std::stringstream text;
  text << std::ifstream(page).rdbuf();
  const std::string all = text.str(), mark = "```" + kind + "\n";
  std::string blocks;
  for (std::size_t begin = all.find(mark); begin != std::string::npos; begin = all.find(mark, begin)) {
    begin += mark.size();
    const std::size_t end = all.find("```\n", begin);
    blocks += all.substr(begin, end - begin);
    begin = end + 1;
  }
  return blocks;
}

// docs/simulators.md from its empty folder on; the plug-in's run killed and resumed to the same bytes;
// pkg-config.
void walk_through_the_simulators(const fs::path& folder) {
  const std::string root = folder.string();
  const fs::path project = folder / "simulators";
  fs::create_directories(project);
  std::ofstream(project / "commands") << all_documented("simulators.md", "sh");
  const std::string environment = "cd '" + project.string() + "'; export PREFIX='" + root +
                                  "/moved' CMAKE_PREFIX_PATH='" + root + "/moved' PATH='" + root +
                                  "/moved/bin':$PATH; ";
  const Result all = shell(folder, environment + "sh -eux commands");
  ASSERT_EQ(all.code, 0) << all.output;
  for (const char* said : {"random.hdf5: 2000 rows, 20 episodes", "agent_0.policy: score",
                           "20 episodes, mean return", "run: runs/iql"})
    EXPECT_NE(all.output.find(said), std::string::npos) << said << " not in: " << all.output;

  const std::string train =
      "hardy train sac --env plugin:file=../build/point_mass/libpoint_mass.so --seeds 2 --steps 400 "
      "--start-steps 100 "
      "--hidden 16 --log-every 50 --checkpoint-every 50 --eval-episodes 2 --threads 2 --out run";
  const Result killed = shell(
      folder, environment + "mkdir one two && (cd one && " + train + ") && cd two && (" + train +
                  " & pid=$!; while [ ! -e run/checkpoints/step_000000000100.ckpt ] && kill -0 $pid; do "
                  "sleep 0.01; done; "
                  "kill -9 $pid; wait $pid; true) && hardy resume run && cmp run/policy/agent_0.policy "
                  "../one/run/policy/agent_0.policy && cmp run/policy/agent_1.policy "
                  "../one/run/policy/agent_1.policy && "
                  "cmp run/checkpoints/step_000000000400.ckpt ../one/run/checkpoints/step_000000000400.ckpt");
  EXPECT_EQ(killed.code, 0) << killed.output;

  // With pkg-config alone; the same policy, seeds and simulator give the same file.
  const Result by_hand =
      shell(folder, environment +
                        "export PKG_CONFIG_PATH=$(dirname $(find \"$PREFIX\" -name hardy.pc)); "
                        "cc -std=c99 act/act.c $(pkg-config --cflags --libs hardy) -Wl,-rpath,$(pkg-config "
                        "--variable=libdir hardy) "
                        "-o by_hand && ./by_hand runs/sac/policy/agent_0.policy again.hdf5 20 && cmp "
                        "again.hdf5 recorded.hdf5");
  EXPECT_EQ(by_hand.code, 0) << by_hand.output;
  const Result refused = shell(folder, environment + "./by_hand random.hdf5 x.hdf5 1");
  EXPECT_NE(refused.code, 0);
  EXPECT_NE(refused.output.find("act: random.hdf5: is not a Hardy file"), std::string::npos)
      << refused.output;
}

// The worker in Python that was installed is the one that runs; and the page's commands with it.
void step_gymnasiums_environments(const fs::path& folder) {
  const std::string root = folder.string();
  const std::string environment = "cd '" + root + "/simulators'; export PATH='" + root +
                                  "/moved/bin':$PATH HARDY_PYTHON='" + test::python() + "'; ";
  const Result named = shell(
      folder,
      environment +
          "hardy data collect --env gymnasium:id=A-v0,python=/bin/echo --behaviour random --steps 9 a.hdf5");
  EXPECT_NE(named.code, 0);
  EXPECT_NE(named.output.find(root + "/moved/share/hardy/gymnasium_worker.py"), std::string::npos)
      << named.output;
  if (!test::has_modules("gymnasium")) return;
  std::ofstream(folder / "simulators/gymnasium") << all_documented("simulators.md", "bash");
  const Result all = shell(folder, environment + "sh -eux gymnasium");
  EXPECT_EQ(all.code, 0) << all.output;
  for (const char* said : {"agent_1.policy: score", "length 200", "cart_pole.hdf5: 1000 rows"})
    EXPECT_NE(all.output.find(said), std::string::npos) << said << " not in: " << all.output;
}

// docs/own_studies.md from an instance, losses and a learner of one's own to the pages; and the learner's
// bits, built without a word about the processor, beside those of hardy's own.
void walk_to_a_regret_study_of_ones_own(const fs::path& folder) {
  if (!test::has_modules("numpy")) return;
  const std::string page = "own_studies.md", root = folder.string(), method = documented(page, "cpp");
  const fs::path project = folder / "own";
  fs::create_directories(project / "bin");
  std::ofstream(project / "bin/python3") << "#!/bin/sh\nexec '" << test::python() << "' \"$@\"\n";
  fs::permissions(project / "bin/python3", fs::perms::owner_all);
  EXPECT_LE(std::count(method.begin(), method.end(), '\n'), 30);
  std::ofstream(project / "instance.py") << documented(page, "python");
  std::ofstream(project / "blocked.c") << documented(page, "c");
  std::ofstream(project / "mixed.cc") << method;
  std::ofstream(project / "CMakeLists.txt") << documented(page, "cmake");
  std::ofstream(project / "commands") << all_documented(page, "sh");
  const std::string environment = "cd '" + project.string() + "'; export PREFIX='" + root +
                                  "/moved' CMAKE_PREFIX_PATH='" + root + "/moved' PATH='" + root +
                                  "/moved/bin':'" + project.string() + "/bin':$PATH; ";
  const Result all = shell(folder, environment + "sh -eux commands");
  ASSERT_EQ(all.code, 0) << all.output;
  for (const char* said : {"theory's is 0.50", "theory's is 0.67", "SHA-256"})
    EXPECT_NE(all.output.find(said), std::string::npos) << said << " not in: " << all.output;
  const auto text_of = [&](const char* name) {
    std::stringstream text;
    text << std::ifstream(project / name).rdbuf();
    return text.str();
  };
  EXPECT_NE(text_of("roads.html").find("class=\"line guide\""), std::string::npos);
  EXPECT_NE(text_of("both.html").find("Side by side"), std::string::npos);
  const std::string curves = text_of("roads.csv"), example = documented(page, "text");
  EXPECT_EQ(curves.substr(0, curves.find('\n')), example.substr(0, example.find('\n')));
  const Result same =
      shell(folder, environment +
                        "hardy --plugin build/libmixed.so regret --env roads.npz --episodes 300 "
                        "--replicas 11 --eta .1 --gamma .05 --beta 0 --method "
                        "'mixed:share=0 exp_weights_no_bonus' --json 2>/dev/null");
  ASSERT_EQ(same.code, 0) << same.output;
  const auto methods = nlohmann::json::parse(same.output).at("studies").at(0).at("methods");
  EXPECT_EQ(methods.at(0).at("regret"), methods.at(1).at("regret"));
}

TEST(Install, ATenLineProjectFindsBuildsAndRunsAgainstTheInstallTree) {
  const fs::path build = fs::path(test::command()).parent_path();
  const fs::path folder =
      fs::temp_directory_path() / ("hardy_install_" + std::to_string(std::random_device{}()));
  fs::create_directories(folder / "consumer");
  std::ofstream(folder / "consumer/CMakeLists.txt") << kConsumerProject;
  std::ofstream(folder / "consumer/main.cc") << kConsumer;
  const std::string root = folder.string();

  const Result install =
      shell(folder, "cmake --install '" + build.string() + "' --prefix '" + root + "/prefix'");
  ASSERT_EQ(install.code, 0) << install.output;
  // Moved after it was installed: nothing in the tree may remember where it was.
  fs::rename(folder / "prefix", folder / "moved");
  const Result configure =
      shell(folder, "cmake -G Ninja -S '" + root + "/consumer' -B '" + root + "/consumer/build' " +
                        "-DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH='" + root + "/moved'");
  ASSERT_EQ(configure.code, 0) << configure.output;
  const Result compile = shell(folder, "cmake --build '" + root + "/consumer/build'");
  ASSERT_EQ(compile.code, 0) << compile.output;
  const Result run = shell(folder, "'" + root + "/consumer/build/consumer'");
  EXPECT_EQ(run.code, 0) << run.output;
  EXPECT_EQ(run.output, "y = 9\n1\n1\n1\n");

  // The installed command runs from there too, with the installed library.
  const Result help = shell(folder, "'" + root + "/moved/bin/hardy' --help");
  EXPECT_EQ(help.code, 0) << help.output;
  // So do its behaviours, which are those of the tree.
  const std::string collect =
      "'" + root + "/moved/bin/hardy' data collect --env hopper --behaviour medium-replay --steps 200 '" +
      root + "/behaved.hdf5'";
  const Result collected = shell(folder, collect);
  EXPECT_EQ(collected.code, 0) << collected.output;
  fs::remove_all(folder / "moved/share/hardy/behaviours/hopper");
  const Result without = shell(folder, collect + " --overwrite");
  EXPECT_NE(without.code, 0) << without.output;
  EXPECT_NE(without.output.find("hopper: there are no behaviour policies"), std::string::npos)
      << without.output;

  add_the_documented_method(folder);
  add_the_documented_environment(folder);
  walk_to_a_regret_study_of_ones_own(folder);
  walk_through_the_simulators(folder);
  step_gymnasiums_environments(folder);
  fs::remove_all(folder);
}

// The compiler's own folders of headers, those of HDF5, MuJoCo and Boost left out of them.
std::string headers_of_the_system(const fs::path& folder) {
  const Result search = shell(folder, "echo | c++ -std=c++20 -E -v -x c++ -");
  std::istringstream lines(search.output.substr(search.output.find("#include <...>")));
  std::string line, flags = "-nostdinc";
  std::getline(lines, line);
  for (int i = 0; std::getline(lines, line) && line.starts_with(" "); ++i) {
    const fs::path shown = folder / ("include_" + std::to_string(i));
    fs::create_directory(shown);
    for (const auto& entry : fs::directory_iterator(line.substr(1))) {
      const std::string name = entry.path().filename().string();
      bool hidden = false;
      for (const char* other : {"boost", "hdf5", "H5", "mujoco"}) hidden = hidden || name.starts_with(other);
      if (!hidden) fs::create_symlink(entry.path(), shown / name);
    }
    flags += " -isystem '" + shown.string() + "'";
  }
  return flags;
}

TEST(Install, ASimulatorActsByAPolicyFileWithTheCoreAlone) {
  const fs::path folder =
      fs::temp_directory_path() / ("hardy_install_" + std::to_string(std::random_device{}()));
  fs::create_directories(folder);
  const std::string build = fs::path(test::command()).parent_path().string(),
                    prefix = (folder / "prefix").string();
  const Result install = shell(folder, "cmake --install '" + build + "' --prefix '" + prefix + "'");
  ASSERT_EQ(install.code, 0) << install.output;
  const Result found = shell(folder, "find '" + prefix + "' -name libhardy_core.so");
  const std::string library = found.output.substr(0, found.output.find('\n'));
  ASSERT_NE(library, "");

  // Of libraries it needs the C++ one.
  const Result needs = shell(folder, "ldd '" + library + "' | awk '{print $1}'");
  std::istringstream names(needs.output);
  std::set<std::string> others;
  for (std::string name; names >> name;) {
    bool known = name.find("ld-linux") != std::string::npos;
    for (const char* own : {"linux-vdso", "libstdc++.so", "libm.so", "libgcc_s.so", "libc.so"})
      known = known || name.starts_with(own);
    if (!known) others.insert(name);
  }
  EXPECT_TRUE(others.empty()) << needs.output;

  // Nor does it need others' headers: the compiler cannot find them here, where it usually does.
  const std::string headers = headers_of_the_system(folder),
                    include = " -fsyntax-only -x c++ - <<< '#include <boost/version.hpp>'";
  EXPECT_EQ(shell(folder, "bash -c \"c++" + include + "\"").code, 0);
  EXPECT_NE(shell(folder, "bash -c \"c++ " + headers + include + "\"").code, 0);

  algorithms::PolicySpec spec;
  spec.observation_size = 3, spec.action_size = 2, spec.hidden = {4};
  spec.action_low = {-2, 0}, spec.action_high = {2, 5};
  std::vector<std::vector<float>> parameters;
  for (const nn::TensorSpec& t : spec.mlp()->tensors("policy", 1)) {
    parameters.emplace_back(static_cast<std::size_t>(t.shape.elements()));
    for (std::size_t i = 0; i < parameters.back().size(); ++i)
      parameters.back()[i] = 0.25f * static_cast<float>(i % 7) - 0.5f;
  }
  algorithms::write_policy(folder / "a.policy", spec, parameters, nlohmann::json::object());
  std::ofstream(folder / "main.cc") << kActing;
  const Result compile =
      shell(folder, "c++ -std=c++20 " + headers + " -I'" + prefix + "/include/hardy' '" +
                        (folder / "main.cc").string() + "' -o '" + (folder / "acting").string() + "' '" +
                        library + "' -Wl,-rpath,'" + fs::path(library).parent_path().string() + "'");
  ASSERT_EQ(compile.code, 0) << compile.output;

  algorithms::Actor actor(spec, 2, parameters);
  ThreadTeam team(1);
  std::vector<float> actions(4);
  const std::vector<float> noise;
  actor.act(std::vector<double>{0.1, -0.2, 0.3, 1, 2, 3}, noise, actions, {}, team);
  std::string expected;
  for (const float a : actions) {
    char text[32];
    std::snprintf(text, sizeof text, "%a ", static_cast<double>(a));
    expected += text;
  }
  const Result run =
      shell(folder, "'" + (folder / "acting").string() + "' '" + (folder / "a.policy").string() + "'");
  EXPECT_EQ(run.code, 0);
  spec.head = algorithms::Head::kGaussian;
  parameters.push_back({0, 0});
  std::vector<float> log_probs(2);
  algorithms::Actor(spec, 2, parameters)
      .log_prob(std::vector<double>{0.1, -0.2, 0.3, 1, 2, 3}, actions, log_probs, team);
  char likely[64];
  std::snprintf(likely, sizeof likely, "1\n%a %a\n", static_cast<double>(log_probs[0]),
                static_cast<double>(log_probs[1]));
  EXPECT_EQ(run.output, expected + likely);
  fs::remove_all(folder);
}

// As after tools/quickstart, which builds the command alone, on a machine with nvcc: the install scripts of
// this build, pointed at a folder that holds no more than the library and the command.
TEST(Install, WhatWasNotBuiltIsLeftOut) {
  const fs::path build = fs::path(test::command()).parent_path();
  const fs::path folder =
      fs::temp_directory_path() / ("hardy_install_" + std::to_string(std::random_device{}()));
  fs::create_directories(folder / "build");
  for (const auto& entry : fs::recursive_directory_iterator(build)) {
    if (entry.path().filename() != "cmake_install.cmake" && entry.path().extension() != ".cmake" &&
        entry.path().extension() != ".pc")
      continue;
    const fs::path copy = folder / "build" / fs::relative(entry.path(), build);
    fs::create_directories(copy.parent_path());
    const std::string old = build.string(), here = (folder / "build").string();
    std::ifstream lines(entry.path());
    std::ofstream script(copy);
    for (std::string line; std::getline(lines, line);) {
      // A program's own search path stays what it was built with.
      for (std::size_t at = 0;
           line.find("RPATH") == std::string::npos && (at = line.find(old, at)) != std::string::npos;
           at += here.size())
        line.replace(at, old.size(), here);
      script << line << "\n";
    }
  }
  for (const char* name : {"hardy", "hardy_plugin_worker", "libhardy.so", "libhardy_core.so",
                           "libhardy_mpi.so", "generated/hardy_build.h"}) {
    if (!fs::exists(build / name)) continue;  // MPI is where it is
    fs::create_directories((folder / "build" / name).parent_path());
    fs::copy_file(build / name, folder / "build" / name);
  }
  const Result install = shell(folder, "cmake --install '" + (folder / "build").string() + "' --prefix '" +
                                           (folder / "prefix").string() + "'");
  EXPECT_EQ(install.code, 0) << install.output;
  const Result help = shell(folder, "'" + (folder / "prefix/bin/hardy").string() + "' --help");
  EXPECT_EQ(help.code, 0) << help.output;
  fs::remove_all(folder);
}

}  // namespace
}  // namespace hardy::tools
