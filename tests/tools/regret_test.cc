// `hardy regret` as people run it: one run against an independent program's numbers, studies, their folders
// and pages, refusals.
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <regex>
#include <set>

#include "engine/base/json.h"
#include "tests/envs/linear_mdp/made_losses.h"
#include "tests/places.h"
#include "tests/tools/command.h"

namespace hardy {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::hardy_command;
using test::one_line;
using test::Result;

const std::string kT1 = "--env simplex:seed=20230131,H=3,S=4,A=3,d=3,K=8 ";
const std::string kStudy =
    "--env mirror --losses switching:period=K/4 --episodes '64 128 256' --replicas 9 "
    "--method 'ftrl_log_barrier exp_weights:c_eta=2,label=two+steps' --curve 5 --resamples 100 ";

json run_json(const std::string& arguments) {
  const Result r = hardy_command("regret " + arguments + " --json");
  EXPECT_EQ(r.code, 0) << r.err;
  return r.code == 0 ? json::parse(r.out) : json();
}
json without_times(json j) {
  j.erase("seconds");
  for (json& study : j.at("studies"))
    for (json& m : study.at("methods")) m.erase("seconds");
  return j;
}

TEST(Regret, OneRunPrintsTheReferenceTrace) {
  const json j =
      run_json(kT1 +
               "--episodes 64 --eta 0.2 --gamma 0.05 --beta 0.02 --preset explicit --random splitmix64:7 "
               "--method ftrl_log_barrier");
  const json& method = j.at("studies")[0].at("methods")[0];
  const json& replica = method.at("replicas")[0];
  EXPECT_NEAR(replica.at("learner_loss").get<double>(), 96.863165871316, 1e-8);
  EXPECT_NEAR(replica.at("regret").get<double>(), 3.757400726786, 1e-8);
  const double costs[] = {53.444953280107, 64.479116885310, 80.820174388832};
  for (std::size_t a = 0; a < 3; ++a) EXPECT_NEAR(replica.at("start_costs")[a].get<double>(), costs[a], 1e-8);
  EXPECT_EQ(replica.at("first_trajectories"), json::parse("[[[0,1],[0,2],[2,1]],[[0,0],[2,1],[0,1]]]"));
  EXPECT_EQ(method.at("settings")[0].at("eta"), 0.2);
  EXPECT_EQ(replica.at("curve").back(), replica.at("regret"));
}

TEST(Regret, AnInstanceThatNoMemoryHoldsIsSaidBeforeItIsMade) {
  for (const auto& [env, bytes] : {std::pair{"simplex:S=1000000,A=10000,H=1000,d=4096", "291.1 PiB"},
                                   std::pair{"tabular:S=200,A=100,H=1000", "3.0 TiB"}}) {
    const Result r = hardy_command(std::string("regret --episodes 8 --env ") + env);
    EXPECT_EQ(r.code, 2);
    EXPECT_TRUE(one_line(r.err)) << r.err;
    EXPECT_NE(r.err.find(env), std::string::npos) << r.err;
    EXPECT_NE(r.err.find(bytes), std::string::npos) << r.err;
    EXPECT_NE(r.err.find("free of"), std::string::npos) << r.err;
  }
}

TEST(Regret, AStudyHasAFolderThatRepeatsIt) {
  const test::Scratch dir;
  const json first = run_json(kStudy + "--seed 3 --out " + (dir / "a").string());
  EXPECT_EQ(json::parse(test::contents(dir / "a/results.json")), first);
  const json second =
      run_json("--config " + (dir / "a/config.ini").string() + " --out " + (dir / "b").string());
  EXPECT_EQ(without_times(first), without_times(second));
  const json& m = first.at("studies")[0].at("methods")[0];
  EXPECT_EQ(m.at("episodes"), json::parse("[64,128,256]"));
  EXPECT_EQ(m.at("regret")[2].size(), 9u);
  EXPECT_EQ(m.at("local_exponents").size(), 2u);
  EXPECT_EQ(m.at("exponent").at("value").is_null(),
            !m.at("exponent").at("none_because").get<std::string>().empty());
  EXPECT_EQ(first.at("studies")[0].at("methods")[1].at("label"), "two steps");
}

TEST(Regret, BatchesOfReplicasOnAnyNumberOfThreadsGiveTheSameBits) {
  const json one = run_json(kStudy + "--threads 1"), three = run_json(kStudy + "--threads 3");
  EXPECT_EQ(without_times(one), without_times(three));
}

TEST(Regret, DoublingRangesOfKAreSpeltOut) {
  const json j = run_json("--env mirror --episodes 2^4..2^6 --replicas 2 --resamples 10");
  EXPECT_EQ(j.at("studies")[0].at("methods")[0].at("episodes"), json::parse("[16,32,64]"));
}

TEST(Regret, AnExportedInstanceGivesTheSameRegret) {
  const test::Scratch dir;
  const std::string file = (dir / "t1.hdf5").string();
  ASSERT_EQ(hardy_command("regret " + kT1 + "--episodes 8 --export " + file).code, 0);
  const std::string rest = " --episodes 32 --method exp_weights --seed 5";
  const json drawn = run_json(kT1 + rest), read = run_json("--env " + file + rest);
  EXPECT_NEAR(drawn.at("studies")[0].at("methods")[0].at("mean")[0].get<double>(),
              read.at("studies")[0].at("methods")[0].at("mean")[0].get<double>(), 1e-10);
}

TEST(Regret, ASampledRunSaysItsCostFirstAndLearnsWhereStatesCannotBeListed) {
  const std::string arguments =
      "regret --env implicit_mirror:H=2 --evaluation sampled --episodes 200 --preset explicit --eta 0.5 "
      "--beta 0.005 --gamma 0.1 --replicas 3 --seed 4 ";
  const Result r = hardy_command(arguments + "--threads 1 --json"),
               two = hardy_command(arguments + "--threads 2 --json");
  ASSERT_EQ(r.code, 0) << r.err;
  EXPECT_EQ(r.out, two.out);
  for (const char* part : {"200 episodes", "simulator calls", "bytes"})
    EXPECT_NE(r.err.find(part), std::string::npos) << r.err;
  double learned = 0, uniform = 0, deviation = 0;
  const json results = json::parse(r.out);
  for (const json& replica : results.at("runs")[0].at("replicas")) {
    learned += replica.at("learner_loss").get<double>();
    uniform += replica.at("uniform_loss").get<double>();
    deviation = std::hypot(deviation, replica.at("standard_error").get<double>(),
                           replica.at("uniform_standard_error").get<double>());
    EXPECT_GT(replica.at("states").get<std::int64_t>(), 2000);
    EXPECT_EQ(replica.at("curve").at("loss").back(), replica.at("learner_loss"));
  }
  EXPECT_LT(learned + 3 * deviation, uniform);
  const Result text = hardy_command("regret " + kT1 + "--evaluation sampled --episodes 20 --gamma 0.1");
  EXPECT_EQ(text.code, 0) << text.err;
  EXPECT_NE(text.out.find("uniform policy"), std::string::npos) << text.out;
  const Result small = hardy_command(arguments + "--memory 0.001");
  EXPECT_EQ(small.code, 1);
  EXPECT_NE(small.err.find("bytes"), std::string::npos) << small.err;
}

TEST(Regret, BadInputIsOneLineAndLeavesNothing) {
  const test::Scratch dir;
  const std::string out = " --out " + (dir / "x").string();
  for (const std::string bad : {"--env nowhere",
                                "--env simplex:S=0",
                                "--env simplex:Q=3",
                                "--method ftrl_log_barier",
                                "--episodes 0",
                                "--episodes '8 4'",
                                "--episodes many",
                                "--gamma 2 --env mirror",
                                "--gamma 0 --env mirror",
                                "--preset explicit --eta 1",
                                "--method exp_weights:c_etta=2",
                                "--losses sometimes --env mirror",
                                "--covariance guess",
                                "--random dice",
                                "--threads 0",
                                "--env implicit_simplex",
                                "--evaluation guessed",
                                "--evaluation sampled",
                                "--env implicit_simplex --evaluation sampled --covariance mgr:M=2-2,N=K",
                                "--evaluation simulator --method o_reps",
                                "--evaluation simulator --losses adaptive --env mirror",
                                "--evaluation simulator --random splitmix64:1",
                                "--covariance empirical:M=1/gama",
                                "--env implicit_simplex --evaluation sampled --method o_reps"}) {
    const Result r = hardy_command("regret " + bad + out);
    EXPECT_EQ(r.code, 2) << bad;
    EXPECT_TRUE(one_line(r.err)) << bad << ": " << r.err;
    EXPECT_EQ(r.out, "") << bad;
  }
  EXPECT_EQ(test::files_in(dir.path()), 0u);
  ASSERT_EQ(hardy_command("regret --env mirror --episodes 8" + out).code, 0);
  const Result again = hardy_command("regret --env mirror --episodes 8" + out);
  EXPECT_EQ(again.code, 2);
  EXPECT_NE(again.err.find("exists"), std::string::npos) << again.err;
}

// Features of rank 2 with losses that are no function of them.
TEST(Regret, AnInstanceOutsideTheTheoryIsSaidToBeSoAndStrictRefusesIt) {
  const test::Scratch dir;
  const char* python = std::getenv("HARDY_PYTHON");
  if (!python) GTEST_SKIP() << "HARDY_PYTHON names no Python with h5py; tools/test sets it";
  const std::string file = (dir / "odd.hdf5").string();
  const std::string make = "import h5py, numpy as np; f = h5py.File('" + file +
                           "', 'w'); f['phi'] = np.tile([[.6, .8], [.8, .6]], (2, 2, 1, 1)); "
                           "f['P'] = np.tile([[[.5, .5], [.2, .8]], [[.5, .5], [.2, .8]]], (1, 1, 1, 1)); "
                           "f['losses'] = np.array([0, 1, .25, .5] * 2).reshape(1, 2, 2, 2)";
  ASSERT_EQ(std::system((std::string(python) + " -c \"" + make + "\"").c_str()), 0);
  const Result r = hardy_command("regret --env " + file + " --episodes 64 --json");
  ASSERT_EQ(r.code, 0) << r.err;
  const json j = json::parse(r.out);
  // States share their features: the best theta has each action's mean over them, (.125, .75).
  EXPECT_NEAR(j.at("studies")[0].at("linearity").at("q").get<double>(), 0.25, 1e-9);
  EXPECT_NEAR(j.at("studies")[0].at("linearity").at("transitions").get<double>(), 0, 1e-12);
  EXPECT_NE(r.err.find("warning: " + file + " is no linear MDP (max |Q - phi theta| = 0.25"),
            std::string::npos)
      << r.err;
  const Result strict =
      hardy_command("regret --strict --env " + file + " --episodes 64 --out " + (dir / "x").string());
  EXPECT_EQ(strict.code, 2);
  EXPECT_TRUE(one_line(strict.err)) << strict.err;
  EXPECT_FALSE(fs::exists(dir / "x"));
  EXPECT_EQ(hardy_command("regret --strict --env mirror --episodes 64").code, 0);
}

TEST(Regret, TablesNameTheComparatorTheCovarianceAndHowAMethodGotItsSizes) {
  const std::string rest = " --episodes 64 --replicas 3 --resamples 10 --env mirror ";
  const Result adaptive = hardy_command("regret --losses adaptive" + rest);
  EXPECT_NE(adaptive.out.find("best fixed policy for the realised losses"), std::string::npos)
      << adaptive.out;
  EXPECT_EQ(adaptive.out.find("in hindsight"), std::string::npos) << adaptive.out;
  const Result exact = hardy_command("regret --preset explicit --eta .1 --beta 0 --gamma .1" + rest);
  EXPECT_NE(exact.out.find("exact (reads the transitions)\n"), std::string::npos) << exact.out;
  EXPECT_NE(exact.out.find("(explicit)"), std::string::npos) << exact.out;
  EXPECT_EQ(exact.out.find("(theory"), std::string::npos) << exact.out;
  const Result table =
      hardy_command("regret --method 'ftrl_log_barrier exp_weights:covariance=empirical,M=7'" + rest);
  EXPECT_NE(table.out.find("covariance empirical, M = 7"), std::string::npos) << table.out;
  EXPECT_NE(table.out.find("covariance exact (reads the transitions)"), std::string::npos) << table.out;
  EXPECT_NE(table.out.find("literal bound none"), std::string::npos) << table.out;  // of the control
}

TEST(Regret, ACoverUnderWhichNoStateIsKnownIsWarnedOf) {
  const std::string run =
      "regret --method linear_mdp_policy_cover --episodes 256 --env simplex:seed=5,H=3,S=5,A=3,d=4,K=2 ";
  const Result blind = hardy_command(run + "--alpha 0.5");
  EXPECT_NE(blind.err.find("no state is known at K = 256"), std::string::npos) << blind.err;
  EXPECT_NE(blind.out.find("known_states 0"), std::string::npos) << blind.out;
  const Result own = hardy_command(run + "--cover-rounds 16 --cover-bonus 0.2");
  EXPECT_EQ(own.err.find("no state is known"), std::string::npos) << own.err;
  EXPECT_EQ(hardy_command(run + "--cover-rounds 0").code, 2);
}

TEST(Regret, AStudyThatIsKilledLeavesWhatItHadAndThePageSaysSo) {
  const test::Scratch dir;
  const std::string out = (dir / "s").string(), page = (dir / "p.html").string();
  const Result r = hardy_command(
      "regret --threads 1 --env riverswim --method uniform --replicas 2 "
      "--episodes '16 32 64 500000000' --resamples 10 --out " +
          out,
      "timeout -s KILL 3 ");
  EXPECT_NE(r.code, 0);
  const json so_far = json::parse(test::contents(dir / "s/results.json"));
  EXPECT_FALSE(so_far.at("complete").get<bool>());
  const json& method = so_far.at("studies")[0].at("methods")[0];
  EXPECT_GE(method.at("episodes").size(), 1u);
  EXPECT_EQ(method.at("episodes").size(), method.at("mean").size());
  ASSERT_EQ(hardy_command("report " + out + " -o " + page).code, 0);
  EXPECT_NE(test::contents(page).find("This study was stopped before its end"), std::string::npos);
}

// A run that was made stays: one of its numbers is changed, and comes out changed; what is lacking is played
// as it would have been.
TEST(Regret, AStudyThatWasStoppedKeepsEveryKOfEveryMethodAndEndsAsIfItHadNotBeen) {
  const test::Scratch dir;
  const std::string out = (dir / "s").string(), study = kStudy + "--threads 1 --or-resume --out " + out;
  const json whole = run_json(study);
  const std::string done = test::contents(dir / "s/results.json");
  const Result again = hardy_command("regret " + study);
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_NE(again.err.find("is done"), std::string::npos) << again.err;
  EXPECT_EQ(test::contents(dir / "s/results.json"), done);

  json half = json::parse(done);
  half["complete"] = false;
  json& methods = half["studies"][0]["methods"];
  json second = methods[1];
  methods.erase(1);
  for (const char* key : {"episodes", "regret", "settings", "extremes", "figures", "covariance"})
    second[key].erase(2);
  second["regret"][0][3] = 1234.5;
  half["studies"][0]["unfinished"] = second;
  test::put(dir / "s/results.json", half.dump());
  json expected = without_times(whole);
  const json resumed = without_times(run_json(study));
  EXPECT_FALSE(resumed.at("studies")[0].contains("unfinished"));
  EXPECT_EQ(resumed.at("studies")[0].at("methods")[0], expected.at("studies")[0].at("methods")[0]);
  json regret = resumed.at("studies")[0].at("methods")[1].at("regret");
  EXPECT_EQ(regret[0][3], 1234.5);
  regret[0][3] = expected.at("studies")[0].at("methods")[1].at("regret")[0][3];
  EXPECT_EQ(regret, expected.at("studies")[0].at("methods")[1].at("regret"));
  EXPECT_EQ(json::parse(test::contents(dir / "s/summary.json")).at("steps"), 2 * 9 * (64 + 128 + 256));

  const Result by_name = hardy_command("resume " + out);
  EXPECT_EQ(by_name.code, 2);
  EXPECT_NE(by_name.err.find("--or-resume"), std::string::npos) << by_name.err;
  EXPECT_EQ(hardy_command("regret --config " + out + "/config.ini --out " + out + " --or-resume").code, 0);

  const Result other = hardy_command("regret " + study + " --seed 5");
  EXPECT_EQ(other.code, 2);
  EXPECT_NE(other.err.find("its seed is 0, not 5"), std::string::npos) << other.err;
  half["studies"][0]["unfinished"]["regret"] = "none";
  test::put(dir / "s/results.json", half.dump());
  const Result broken = hardy_command("regret " + study);
  EXPECT_EQ(broken.code, 2);
  EXPECT_TRUE(one_line(broken.err)) << broken.err;
  EXPECT_NE(broken.err.find("results.json"), std::string::npos) << broken.err;
  EXPECT_EQ(hardy_command("regret --env mirror --episodes 4 --or-resume").code, 2);  // it has no folder
}

TEST(Regret, AShardsSeedsFollowFromKAloneAndUniformPlayIsThere) {
  const json all = run_json("--env mirror --episodes '64 128' --replicas 3 --resamples 10 --shard");
  const json one = run_json("--env mirror --episodes 128 --replicas 3 --resamples 10 --shard");
  const json& a = all.at("studies")[0];
  const json& b = one.at("studies")[0];
  EXPECT_EQ(a.at("methods")[0].at("regret")[1], b.at("methods")[0].at("regret")[0]);
  EXPECT_EQ(a.at("uniform")[1], b.at("uniform")[0]);
  // Further replicas of the same K are a shard with a later seed.
  const json later = run_json("--env mirror --episodes 128 --replicas 2 --seed 1 --resamples 10 --shard");
  EXPECT_EQ(later.at("studies")[0].at("methods")[0].at("regret")[0][0],
            b.at("methods")[0].at("regret")[0][1]);
}

TEST(RegretPages, SeveralStudiesAreOnePageAndARunAmongThemIsRefused) {
  const test::Scratch dir;
  const std::string a = (dir / "a").string(), b = (dir / "b").string(), page = (dir / "p.html").string();
  ASSERT_EQ(hardy_command("regret --env mirror --episodes 64 --title first --out " + a).code, 0);
  ASSERT_EQ(
      hardy_command("regret estimators --repeats 2 --gammas .1 --multiples 4 --title second --out " + b).code,
      0);
  const Result r = hardy_command("report " + a + " " + b + " -o " + page);
  ASSERT_EQ(r.code, 0) << r.err;
  const std::string html = test::contents(page);
  EXPECT_NE(html.find("<h1>first</h1>"), std::string::npos);
  EXPECT_NE(html.find("<h1>second</h1>"), std::string::npos);
  EXPECT_NE(html.find("Regret over the episodes of one run"), std::string::npos);
  fs::create_directory(dir / "run");
  test::put(dir / "run/run.json", "{}");
  const Result mixed = hardy_command("report " + a + " " + (dir / "run").string() + " -o " + page);
  EXPECT_EQ(mixed.code, 2);
  EXPECT_TRUE(one_line(mixed.err)) << mixed.err;
}

TEST(RegretPages, StudiesAreSetSideBySide) {
  const test::Scratch dir;
  const std::string a = (dir / "a").string(), b = (dir / "b").string(), page = (dir / "p.html").string();
  const std::string study =
      "regret --env mirror --episodes '64 128 256' --replicas 9 --resamples 20 --title ";
  ASSERT_EQ(hardy_command(study + "first --method ftrl_log_barrier --out " + a).code, 0);
  ASSERT_EQ(hardy_command(study + "second --method exp_weights --out " + b).code, 0);
  ASSERT_EQ(hardy_command("report " + a + " " + b + " -o " + page).code, 0);
  const std::string html = test::contents(page);
  for (const char* part :
       {"Side by side", "1. first: mirror", "2. second: mirror", "Mean regret of all studies",
        "How regret spreads over replicas", "class=\"line guide\"", "theory: 1/2",
        "What is a rate here, and what a passing point"})
    EXPECT_NE(html.find(part), std::string::npos) << part;
  const std::string check = "'" + test::python() + "' '" +
                            (test::sources() / "tests/tools/python/report_check.py").string() + "' parse ";
  EXPECT_EQ(std::system((check + page).c_str()), 0);
}

TEST(Regret, LossesOfOnesOwnComeFromTheCommandLineAndGiveTheSameBitsOnAnyNumberOfThreads) {
  const test::Scratch dir;
  const std::string file = test::made_losses(dir.path(), "mine", "-DPOLICY -DFLAGS=HARDY_LOSSES_ADAPTIVE");
  const std::string words =
      "--env tabular:H=2,S=3,A=2 --losses plugin:file=" + file +
      " --episodes '50 100 200' --replicas 11 --resamples 20 --method 'ftrl_log_barrier o_reps' ";
  const json one = run_json(words + "--threads 1"), three = run_json(words + "--threads 3");
  EXPECT_EQ(without_times(one), without_times(three));
  const json& m = one.at("studies")[0].at("methods")[0];
  EXPECT_EQ(m.at("comparator"), "best fixed policy for the realised losses");
  EXPECT_NE(one.at("notes").dump().find("mine.so, SHA-256"), std::string::npos);

  const std::string late = test::made_losses(dir.path(), "late", "-DBAD=-3");
  const Result bad = hardy_command("regret --env tabular:H=2,S=3,A=2 --losses plugin:file=" + late +
                                   " --episodes 100 --out " + (dir / "x").string());
  EXPECT_EQ(bad.code, 2);
  EXPECT_TRUE(one_line(bad.err)) << bad.err;
  EXPECT_NE(bad.err.find("episode 77, h=1, s=2, a=1 is -3"), std::string::npos) << bad.err;
  EXPECT_FALSE(fs::exists(dir / "x"));
  const Result over =
      hardy_command("regret --losses plugin:file=" + file + " --export " + file + " --overwrite");
  EXPECT_EQ(over.code, 2) << over.err;  // it is read
}

TEST(Regret, EveryReplicasCurveIsAFileOfEitherKind) {
  const test::Scratch dir;
  const std::string csv = (dir / "c.csv").string(), npz = (dir / "c.npz").string();
  const json results = run_json(kStudy + "--curves " + csv);
  ASSERT_EQ(run_json(kStudy + "--curves " + npz).at("complete"), true);
  const std::string text = test::contents(csv);
  EXPECT_TRUE(text.starts_with("env,method,K,seed,episode,regret\nmirror,ftrl_log_barrier,64,0,1,"));
  // Two methods, nine replicas at three K, five points each.
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1 + 2 * 9 * 3 * 5);
  EXPECT_NE(text.find("\nmirror,two steps,256,"), std::string::npos);
  for (const auto& [bad, says] :
       {std::pair{(dir / "c.txt").string(), "ending in .csv or .npz"}, std::pair{csv, "--overwrite"}}) {
    const Result r = hardy_command("regret --env mirror --episodes 8 --curves " + bad);
    EXPECT_EQ(r.code, 2);
    EXPECT_TRUE(one_line(r.err)) << r.err;
    EXPECT_NE(r.err.find(says), std::string::npos) << r.err;
  }
  if (!test::has_modules("numpy")) GTEST_SKIP() << "no NumPy";
  const std::string last = results.at("studies")[0].at("methods")[1].at("regret")[2].dump();
  test::put(dir / "look.py", R"(
import csv, sys, numpy as np
rows = list(csv.DictReader(open(sys.argv[1])))
z = np.load(sys.argv[2])
regret = z['mirror/two steps/256/regret']
assert regret.shape == (9, 5) and z['mirror/two steps/256/episode'][-1] == 256 and len(z.files) == 2 * 3 * 3
assert list(regret[:, -1]) == )" +
                                 last + R"(
mine = [float(r['regret']) for r in rows if r['method'] == 'two steps' and r['K'] == '256']
assert mine == list(regret.ravel())
assert [int(r['seed']) for r in rows if r['method'] == 'two steps' and r['K'] == '256'][::5] == list(z['mirror/two steps/256/seed'])
)");
  EXPECT_EQ(std::system(
                ("'" + test::python() + "' '" + (dir / "look.py").string() + "' " + csv + " " + npz).c_str()),
            0);
}

TEST(Regret, GrowthAlongTheSizesIsFittedAlongEachAndJointly) {
  const std::string words =
      "--env 'simplex:seed=1,H=1,S=2,A=2,d=2 simplex:seed=1,H=2,S=2,A=2,d=2 simplex:seed=1,H=4,S=2,A=2,d=2' "
      "--episodes '64 128 256' --replicas 4 --resamples 20 --method uniform ";
  const json j = run_json(words + "--joint");
  const json& m = j.at("sizes")[0];
  ASSERT_EQ(m.at("along").size(), 1u);
  EXPECT_EQ(m.at("along")[0].at("size"), "H");
  EXPECT_EQ(m.at("along")[0].at("held"), "K = 256, d = 2, A = 2, S = 2");
  // Least squares over three points: log 1, 2, 4 are evenly spaced, and the outer two say all.
  std::vector<double> mean;
  for (const json& study : j.at("studies"))
    mean.push_back(study.at("methods")[0].at("mean")[2].get<double>());
  EXPECT_NEAR(m.at("along")[0].at("exponent").at("value").get<double>(),
              std::log(mean[2] / mean[0]) / std::log(4), 1e-9);
  ASSERT_EQ(m.at("joint").size(), 2u);
  EXPECT_NEAR(m.at("joint")[0].at("exponent").at("value").get<double>(), 1, 0.05);  // uniform play: R ~ K
  const Result text = hardy_command("regret " + words + "--joint");
  EXPECT_NE(text.out.find("jointly H"), std::string::npos) << text.out;
  EXPECT_FALSE(run_json("--env mirror --episodes '64 128 256' --replicas 2").contains("sizes"));
}

// The blocks of the pages that begin with a command have its methods and its columns.
TEST(Regret, TheTablesOfThePagesAreThoseThatTheirCommandsPrint) {
  const fs::path root = test::sources();
  const std::string page = test::contents(root / "docs/adversarial.md");
  static const std::regex block("```text\n\\$ hardy (regret --config (examples/[a-z_]+\\.ini))\n([^`]*)```");
  int blocks = 0;
  for (std::sregex_iterator it(page.begin(), page.end(), block), end; it != end; ++it, ++blocks) {
    const std::string body = (*it)[3];
    const Result r =
        hardy_command("regret --config '" + (root / std::string((*it)[2])).string() +
                      "' --episodes '64 128 256' --replicas 8 --resamples 10 --cover-episodes 16");
    ASSERT_EQ(r.code, 0) << r.err;
    // What a line begins with, up to its figures.
    const auto words_of = [](const std::string& text, std::set<std::string>& words) {
      std::istringstream lines(text);
      static const std::regex first("^ {2}(\\S+(?: \\S+)*?) {2,}(?=\\S)");
      std::smatch found;
      for (std::string line; std::getline(lines, line);)
        if (std::regex_search(line, found, first) && found[1].str().find(" at K = ") == std::string::npos)
          words.insert(found[1]);
    };
    std::set<std::string> shown, printed;
    words_of(body, shown), words_of(r.out, printed);
    EXPECT_EQ(shown, printed) << (*it)[2];
    for (const char* column : {"95 of 100 below", "min eta Q", "tail index"})
      EXPECT_NE(body.find(column), std::string::npos) << (*it)[2] << ": run tools/regret_tables";
  }
  EXPECT_EQ(blocks, 6);
}

// A law is its value at every K: of mirror d = 2, H = 1, A = 3.
TEST(Regret, StepSizesMayBeLawsOfTheSizes) {
  const json j = run_json(
      "--env mirror --episodes '64 256' --method 'ftrl_log_barrier exp_weights:eta=K^(-1/2)' "
      "--eta '0.5*sqrt(log(A)/(d*K))/H^2' --gamma 'min(1, 8/K)' --beta 0 --resamples 10");
  const json& methods = j.at("studies")[0].at("methods");
  for (std::size_t i = 0; i < 2; ++i) {
    const double K = i == 0 ? 64 : 256;
    EXPECT_DOUBLE_EQ(methods[0].at("settings")[i].at("eta").get<double>(),
                     0.5 * std::sqrt(std::log(3.0) / (2 * K)));
    EXPECT_DOUBLE_EQ(methods[1].at("settings")[i].at("eta").get<double>(), 1 / std::sqrt(K));
    EXPECT_DOUBLE_EQ(methods[0].at("settings")[i].at("gamma").get<double>(), 8 / K);
  }
  const Result bad = hardy_command("regret --env mirror --episodes 64 --eta 'sqrt(K'");
  EXPECT_EQ(bad.code, 2);
  EXPECT_TRUE(one_line(bad.err)) << bad.err;
  EXPECT_NE(bad.err.find("--eta"), std::string::npos) << bad.err;
}

TEST(Regret, LiteralConstantsAreVacuousHereAndItSaysSo) {
  const Result r = hardy_command("regret --env mirror --episodes 64 --preset literal");
  EXPECT_EQ(r.code, 0) << r.err;
  EXPECT_NE(r.out.find("vacuous"), std::string::npos) << r.out;
}

// The empirical inverse keeps to its bound, its error halves when samples quadruple, and at equal samples
// resampling is several times worse.
TEST(RegretEstimators, ErrorsFallAsTheAnalysisSays) {
  const Result r = hardy_command("regret estimators --gammas 0.1 --multiples '40 160' --repeats 60 --json");
  ASSERT_EQ(r.code, 0) << r.err;
  const json errors = json::parse(r.out).at("errors");
  const auto mean = [&](std::size_t i, const char* key) {
    return errors[i].at(key).at("mean").get<double>();
  };
  EXPECT_NEAR(mean(0, "empirical") / mean(1, "empirical"), 2, 0.4);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_LT(mean(i, "empirical"), errors[i].at("empirical_bound").get<double>());
    EXPECT_GT(mean(i, "resampling_absolute"), 3 * mean(i, "empirical_absolute"));
  }
}

TEST(RegretEstimators, RefuseGammasOutsideTheirRange) {
  const Result r = hardy_command("regret estimators --gammas 1.5");
  EXPECT_EQ(r.code, 2);
  EXPECT_TRUE(one_line(r.err)) << r.err;
}

TEST(Regret, ALearnerThatLearnsNothingHasNoExponentAndThePageSaysWhy) {
  const test::Scratch dir;
  const std::string study = (dir / "study").string(), page = (dir / "r.html").string();
  const Result r = hardy_command(
      "regret --env mirror --losses switching:period=K/4 --episodes '1024 4096 16384 65536' --replicas 8 "
      "--resamples 100 --out " +
      study + " --method 'uniform exp_weights:preset=theory,label=learner'");
  ASSERT_EQ(r.code, 0) << r.err;
  EXPECT_NE(
      r.out.find("uniform  no exponent over all K: at K = 65536 it plays no better than the uniform policy"),
      std::string::npos)
      << r.out;
  const json methods = json::parse(test::contents(dir / "study/results.json")).at("studies")[0].at("methods");
  for (const char* key : {"exponent", "upper_half"}) EXPECT_TRUE(methods[0].at(key).at("value").is_null());
  EXPECT_GT(methods[1].at("exponent").at("value").get<double>(), 0.3) << r.out;
  EXPECT_LT(methods[1].at("exponent").at("value").get<double>(), 0.7);
  EXPECT_EQ(methods[1].at("exponent").at("none_because"), "");
  ASSERT_EQ(hardy_command("report " + study + " -o " + page).code, 0);
  EXPECT_NE(test::contents(page).find("No exponent is given where it would say nothing:"), std::string::npos);
  EXPECT_NE(test::contents(page).find("<li>uniform, all K: at K = 65536 it plays no better"),
            std::string::npos);
}

// O-REPS solves a problem in every episode: what it will take is measured, not guessed from its tables.
TEST(Regret, TheTimeThatIsSaidIsThatOfTheMethodThatRuns) {
  const std::string arguments = "regret --threads 1 --env riverswim --method ";
  const Result quick = hardy_command(arguments + "uniform --episodes 500");
  EXPECT_NE(quick.err.find("; a second or two in all"), std::string::npos) << quick.err;
  const json run = run_json("--threads 1 --env riverswim --method o_reps --episodes 300");
  const double expected = run.at("studies")[0].at("methods")[0].at("seconds").get<double>() / 300 * 100000;
  const Result stopped = hardy_command(arguments + "o_reps --episodes 100000", "timeout 1 ");
  EXPECT_EQ(stopped.code, 124);
  const std::size_t at = stopped.err.find("; about ");
  ASSERT_NE(at, std::string::npos) << stopped.err;
  int first = 0, second = 0, third = 0;
  const int read = std::sscanf(stopped.err.c_str() + at, "; about %d:%d:%d", &first, &second, &third);
  const double said = read == 3 ? 3600 * first + 60 * second + third : 60 * first + second;
  EXPECT_GT(said, expected / 4);  // other programs may run meanwhile
  EXPECT_LT(said, expected * 4);
}

// Each text and each key of the files that a study's page draws, as markup, and each key missing or of
// another kind.
void study_pages_hold(const std::string& arguments) {
  const test::Scratch dir;
  const std::string study = (dir / "study").string(), page = (dir / "r.html").string();
  ASSERT_EQ(hardy_command("regret " + arguments + " --out " + study).code, 0);
  const std::string bad = "<img src=x onerror=alert(1)>";
  const auto page_of = [&] { return hardy_command("report " + study + " -o " + page); };
  int lines = 0;
  for (const char* name : {"run.json", "results.json"}) {
    const fs::path file = fs::path(study) / name;
    const std::string whole = test::contents(file);
    const json flat = json::parse(whole).flatten();
    json texts = json::parse(whole);
    for (const auto& [pointer, value] : flat.items())
      if (value.is_string() && pointer != "/kind") texts[json::json_pointer(pointer)] = bad;
    test::put(file, texts.dump());
    ASSERT_EQ(page_of().code, 0) << name;
    EXPECT_EQ(test::contents(page).find("<img"), std::string::npos) << name;
    EXPECT_NE(test::contents(page).find("&lt;img"), std::string::npos) << name;

    std::set<std::string> tried;  // one of each kind of list
    for (const auto& [pointer, value] : flat.items()) {
      const json::json_pointer at(pointer);
      if (!tried.insert(std::regex_replace(pointer, std::regex("/[0-9]+(?=/|$)"), "/0")).second) continue;
      json j = json::parse(whole);
      j[at] = json::object({{"a", 1}});
      test::put(file, j.dump());
      const Result r = page_of();
      if (r.code == 0) continue;
      ++lines;
      EXPECT_EQ(r.code, 2) << pointer << ": " << r.err;
      EXPECT_TRUE(one_line(r.err)) << r.err;
      EXPECT_NE(r.err.find(file.string()), std::string::npos) << pointer << ": " << r.err;
      EXPECT_NE(r.err.find("would be right"), std::string::npos) << r.err;
    }
    test::put(file, whole);
  }
  EXPECT_GT(lines, 10);
}
TEST(RegretPages, DrawAnyTextAsTextAndRefuseOtherKindsByKey) {
  study_pages_hold("--env mirror --episodes '16 32 64' --replicas 2 --resamples 10 --curve 3");
  study_pages_hold("estimators --repeats 2 --gammas 0.1 --multiples '1 4'");
}

class RegretPage : public testing::TestWithParam<const char*> {};

TEST_P(RegretPage, IsWellFormedFetchesNothingAndFitsAnyWindow) {
  const test::Scratch dir;
  const std::string study = (dir / "study").string(), page = (dir / "r.html").string();
  ASSERT_EQ(hardy_command(std::string("regret ") + GetParam() + " --out " + study).code, 0);
  const Result r = hardy_command("report " + study + " -o " + page);
  ASSERT_EQ(r.code, 0) << r.err;
  const std::string check =
      "'" + test::python() + "' '" + (test::sources() / "tests/tools/python/report_check.py").string() + "' ";
  EXPECT_EQ(std::system((check + "parse " + page).c_str()), 0);
  for (const char* browser : {"chromium", "chromium-browser", "google-chrome"})
    if (std::system((std::string("command -v ") + browser + " >/dev/null").c_str()) == 0) {
      EXPECT_EQ(std::system((check + "browser " + page + " " + browser).c_str()), 0);
      return;
    }
  GTEST_SKIP() << "well-formed; there is no Chromium here to look at its width";
}
INSTANTIATE_TEST_SUITE_P(
    Studies, RegretPage,
    testing::Values(
        "--env mirror --losses switching:period=K/4 --episodes '64 128 256' --replicas 9 --resamples 100 "
        "--method 'ftrl_log_barrier exp_weights'",
        "--env lock --episodes 64", "estimators --repeats 4 --multiples '1 40'"));

TEST(RegretBench, MeasuresARateAndWhatTheMachineAllows) {
  const Result r = hardy_command("bench ftrl_log_barrier --replicas 3 --threads 2 --episodes 200 --json");
  ASSERT_EQ(r.code, 0) << r.err;
  const json j = json::parse(r.out);
  for (const char* key :
       {"replica_episodes_per_second", "replica_episodes_per_processor_second", "flop_per_episode",
        "dgemm_512_gflops", "read_bandwidth_gb_per_second", "share_of_allowed"})
    EXPECT_GT(j.at(key).get<double>(), 0) << key;
}

// The NumPy rival is a program of its own: it must play the same game, on other seeds and sizes too.
TEST(RegretPython, TheNumPyRivalPlaysTheSameGame) {
  const char* python = std::getenv("HARDY_PYTHON");
  if (!python) GTEST_SKIP() << "HARDY_PYTHON names no Python with NumPy; tools/test sets it";
  const fs::path rival = test::sources() / "tools/bench/rivals/adversarial_numpy.py";
  struct Size {
    int seed, H, S, A, d, K;
  };
  for (const Size z : {Size{20230131, 3, 4, 3, 3, 8}, Size{5, 2, 6, 4, 2, 3}, Size{11, 4, 3, 2, 5, 7}}) {
    const test::Scratch dir;
    const auto n = [](int x) { return std::to_string(x); };
    const std::string sizes = " --seed " + n(z.seed) + " --H " + n(z.H) + " --S " + n(z.S) + " --A " +
                              n(z.A) + " --d " + n(z.d) + " --K " + n(z.K);
    ASSERT_EQ(std::system((std::string(python) + " '" + rival.string() + "' --check --episodes 50" + sizes +
                           " > " + (dir / "out").string())
                              .c_str()),
              0);
    const double theirs = json::parse(test::contents(dir / "out")).at("learner_loss");
    const json ours = run_json("--env simplex:seed=" + n(z.seed) + ",H=" + n(z.H) + ",S=" + n(z.S) +
                               ",A=" + n(z.A) + ",d=" + n(z.d) + ",K=" + n(z.K) +
                               " --episodes 50 --eta 0.2 --gamma 0.05 --beta 0.02 --random splitmix64:7");
    EXPECT_NEAR(ours.at("studies")[0].at("methods")[0].at("replicas")[0].at("learner_loss").get<double>(),
                theirs, 1e-8);
  }
}

TEST(Example, OwnLossesRunsAndLearningBeatsTheUniformPolicy) {
  const test::Scratch dir;
  ASSERT_EQ(std::system((test::examples() + "/example_own_losses 2000 > " + (dir / "out").string()).c_str()),
            0);
  double barrier = 0, reduced = 0, uniform = 0;
  ASSERT_EQ(std::sscanf(test::contents(dir / "out").c_str(), "%*s regret %lf %*s regret %lf %*s regret %lf",
                        &barrier, &reduced, &uniform),
            3);
  EXPECT_GT(barrier, 0);
  EXPECT_LT(barrier, uniform);
  EXPECT_LT(reduced, uniform);
}

TEST(Example, OwnLossesInCAreCompiledAsTheySayAndLearnedAgainst) {
  const test::Scratch dir;
  const fs::path root = test::sources();
  fs::create_directories(dir / "include/hardy");
  fs::copy_file(root / "envs/plugin/losses.h", dir / "include/hardy/losses.h");
  const std::string file = (dir / "own_losses.so").string();
  ASSERT_EQ(std::system(("cc -O2 -Wall -Wextra -Werror -shared -fPIC -I'" + (dir / "include").string() +
                         "' '" + (root / "examples/own_losses.c").string() + "' -o '" + file + "'")
                            .c_str()),
            0);
  const json j =
      run_json("--env tabular:H=2,S=3,A=3 --losses plugin:file=" + file +
               ",reach=0.5 --episodes 2000 --replicas 2 --method 'ftrl_log_barrier:c_eta=10 uniform'");
  const json& methods = j.at("studies")[0].at("methods");
  EXPECT_LT(methods[0].at("mean")[0], methods[1].at("mean")[0]);
}

}  // namespace
}  // namespace hardy
