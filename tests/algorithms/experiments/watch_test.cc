// A program of one's own around the library's long work: it hears through an observer, stops by a token, and
// neither its output nor its signals are touched.
#include <gtest/gtest.h>

#include <csignal>

#include "algorithms/acting/collect.h"
#include "algorithms/experiments/estimator_study.h"
#include "algorithms/experiments/regret_run.h"
#include "algorithms/experiments/training_job.h"
#include "engine/base/json.h"
#include "tests/engine/run/scratch.h"

namespace hardy::algorithms {
namespace {

// Counts, wants progress at every third step, and asks for a stop at one of them.
class Counting : public run::Observer {
 public:
  explicit Counting(std::int64_t stop_at = -1) : stop_at_(stop_at) {}
  void began(const std::string& title, std::int64_t total, std::int64_t first) override {
    titles.push_back(title);
    totals.push_back(total);
    firsts.push_back(first);
  }
  bool wants_progress(std::int64_t done) override {
    last_step = done;
    ++asked;
    if (done == stop_at_) source.request_stop();
    return done % 3 == 0;
  }
  void progress(std::int64_t done, run::KeyFigures) override {
    EXPECT_EQ(done % 3, 0);
    ++shown;
  }
  void metrics(const run::MetricsRecord& r) override { records.push_back(r); }
  void stopped(std::int64_t done) override { stops.push_back(done); }
  run::Watch watch() { return {source.token(), this}; }

  StopSource source;
  std::vector<std::string> titles;
  std::vector<std::int64_t> totals, firsts, stops;
  std::vector<run::MetricsRecord> records;
  std::int64_t last_step = -1;
  int asked = 0, shown = 0;

 private:
  std::int64_t stop_at_;
};

// What the process does at each signal.
std::vector<std::pair<void (*)(int), int>> handlers() {
  std::vector<std::pair<void (*)(int), int>> all;
  for (int number = 1; number < 32; ++number) {
    struct sigaction action = {};
    sigaction(number, nullptr, &action);
    all.emplace_back(action.sa_handler, action.sa_flags);
  }
  return all;
}

struct Trained {
  bool finished;
  std::string printed;
  bool same_handlers;
};
Trained train_in_pendulum(const test::Scratch& dir, bool resumed, const run::Watch& watch) {
  const auto job = make_training_job("sac");
  job->schema().parse({"--env", "pendulum", "--steps", "40", "--start-steps", "5", "--batch-size", "8",
                       "--hidden", "8", "--threads", "1", "--log-every", "10", "--eval-episodes", "1"});
  nlohmann::json about;
  const auto trainee = job->prepare(about);
  run::RunDirectory folder =
      resumed ? run::RunDirectory::open(dir / "run") : run::RunDirectory::create(dir / "run");
  folder.write_run({{"method", "sac"}});
  const auto before = handlers();
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const bool finished =
      train(*trainee, job->settings(), {folder, "a title", job->environment(), nlohmann::json::object()},
            resumed, watch);
  const std::string printed = testing::internal::GetCapturedStdout() + testing::internal::GetCapturedStderr();
  const auto after = handlers();
  return {finished, printed, after == before};
}

TEST(Watch, ATrainingIsHeardAndStoppedFromOutsideAndTouchesNeitherOutputNorSignals) {
  const test::Scratch dir;
  Counting first(25);
  const Trained stopped = train_in_pendulum(dir, false, first.watch());
  EXPECT_FALSE(stopped.finished);
  EXPECT_EQ(stopped.printed, "");
  EXPECT_TRUE(stopped.same_handlers);
  EXPECT_EQ(first.titles, std::vector<std::string>{"a title"});
  EXPECT_EQ(first.totals, std::vector<std::int64_t>{40});
  EXPECT_EQ(first.firsts, std::vector<std::int64_t>{0});
  EXPECT_EQ(first.asked, 25);
  EXPECT_EQ(first.shown, 8);
  EXPECT_EQ(first.stops, std::vector<std::int64_t>{25});

  Counting second;  // goes on where the first was stopped, to the end
  const Trained rest = train_in_pendulum(dir, true, second.watch());
  EXPECT_TRUE(rest.finished);
  EXPECT_EQ(rest.printed, "");
  EXPECT_EQ(second.firsts, std::vector<std::int64_t>{25});
  EXPECT_EQ(second.asked, 15);
  EXPECT_TRUE(second.stops.empty());

  // Together they heard what the folder's log holds.
  std::vector<run::MetricsRecord> heard = first.records;
  heard.insert(heard.end(), second.records.begin(), second.records.end());
  const auto logged = run::read_metrics(dir / "run" / "metrics.jsonl");
  ASSERT_EQ(heard.size(), logged.size());
  EXPECT_GE(heard.size(), 4u + 10u);  // a record every 10 steps that learned, an evaluation every 4
  for (std::size_t i = 0; i < heard.size(); ++i) {
    EXPECT_EQ(heard[i].kind, logged[i].kind);
    EXPECT_EQ(heard[i].step, logged[i].step);
  }
}

TEST(Watch, RegretEstimatesAndCollectionAreHeardAndStopped) {
  ThreadTeam team(1);
  RegretConfig config;
  config.instance = envs::make_instance("simplex:seed=1,H=2,S=3,A=2,d=2", "", 50);
  config.episodes = 50;
  Counting whole, part(20);
  EXPECT_EQ(run_regret(config, team, whole.watch()).replicas.size(), 1u);
  EXPECT_EQ(whole.asked, 50);
  EXPECT_EQ(whole.totals, std::vector<std::int64_t>{50});
  EXPECT_THROW(run_regret(config, team, part.watch()), Stopped);
  EXPECT_EQ(part.last_step, 20);

  Counting estimates(3);
  EXPECT_THROW(estimator_errors(*config.instance.mdp, {.layer = 1, .repeats = 5}, estimates.watch()),
               Stopped);
  EXPECT_EQ(estimates.last_step, 3);

  Counting waves, none(0);
  EXPECT_EQ(
      collect("pendulum", behaviour("pendulum", "random", 30), 1, 1, waves.watch()).at("rewards").shape[0],
      30);
  EXPECT_EQ(waves.totals, std::vector<std::int64_t>{30});
  EXPECT_THROW(collect("pendulum", behaviour("pendulum", "random", 300 * 32), 1, 1, none.watch()), Stopped);
}

}  // namespace
}  // namespace hardy::algorithms
