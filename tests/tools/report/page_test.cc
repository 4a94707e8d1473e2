// Pages about runs that are written by hand: what is on one axis, what is marked, what is said.
#include "tools/report/page.h"

#include <gtest/gtest.h>

#include "engine/base/json.h"
#include "engine/run/metrics.h"
#include "engine/run/run_directory.h"
#include "tests/engine/run/scratch.h"
#include "tools/report/dataset_page.h"

namespace hardy::report {
namespace {

using nlohmann::json;
using test::Scratch;

json about(const std::string& method, const std::string& env) {
  return {{"method", method},
          {"env", env},
          {"agents", 2},
          {"dataset",
           {{"path", "d.hdf5"},
            {"rows", 100},
            {"sha256", "0123456789abcdef"},
            {"return", {{"mean", 12}, {"std", 1}}},
            {"score", {{"mean", 33.25}, {"max", 40}}}}}};
}

struct Written {
  json run = about("iql", "hopper");
  run::MetricValues train = {{"loss/q", {1, 2}}, {"value/q", {1, 2}}};
  run::MetricValues eval = {{"score/mean", {10, 12}}, {"return/mean", {110, 130}}, {"length/mean", {9, 9}}};
  bool evaluated = true, ended = true;
};

std::string write(const Scratch& dir, const std::string& name, const Written& w) {
  run::RunDirectory run = run::RunDirectory::create(dir / name);
  run.write_run(w.run);
  {
    run::MetricsLog log(run.path(), 2);
    for (const int step : {10, 20}) {
      log.write({"train", step, double(step), w.train});
      if (w.evaluated) log.write({"eval", step, double(step), w.eval});
    }
  }
  if (w.ended)
    run.write_summary({{"finished", true}, {"steps", 20}, {"seconds", 4}, {"agents", {{{"status", "ok"}}}}});
  return run.path().string();
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += what.size()) ++n;
  return n;
}

// The drawings whose title is that, each with what it draws.
std::vector<std::string> drawings(const std::string& page, const std::string& title) {
  std::vector<std::string> found;
  for (std::size_t at = 0; (at = page.find("<svg", at)) != std::string::npos; ++at) {
    const std::string svg = page.substr(at, page.find("</svg>", at) - at);
    if (svg.find("<title>" + title + "</title>") != std::string::npos) found.push_back(svg);
  }
  return found;
}

TEST(Page, RunsOfDifferentTasksShareNoAxisAndNoTitle) {
  const Scratch dir;
  Written pendulum;
  pendulum.run = about("iql", "pendulum");
  const std::string page =
      report::page(read_runs({write(dir, "a", {}), write(dir, "b", pendulum), write(dir, "c", {})}));
  EXPECT_NE(page.find("<h1>hopper, pendulum: 3 runs</h1>"), std::string::npos);
  EXPECT_NE(page.find("<th>task</th>"), std::string::npos);
  EXPECT_NE(page.find("<h2>Evaluation: hopper</h2>"), std::string::npos);
  EXPECT_NE(page.find("<h2>Evaluation: pendulum</h2>"), std::string::npos);
  const auto charts = drawings(page, "Normalised score over training");
  ASSERT_EQ(charts.size(), 4u);  // each for a screen and for a telephone
  EXPECT_EQ(count(charts[0], "<path class=\"line\""), 2u);
  EXPECT_EQ(count(charts[2], "<path class=\"line\""), 1u);
  for (const char* key : {"loss/q", "value/q"}) {
    const auto metrics = drawings(page, key);
    ASSERT_EQ(metrics.size(), 2u) << key;
    EXPECT_EQ(count(metrics[0], "<path class=\"line\""), 2u);
  }
}

TEST(Page, AScoreIsNotDrawnAgainAsAReturn) {
  const Scratch dir;
  Written without;
  without.eval = {{"score/mean", {std::nan(""), std::nan("")}}, {"return/mean", {110, 130}}};
  const std::string both = report::page(read_runs({write(dir, "a", {})})),
                    returns = report::page(read_runs({write(dir, "b", without)}));
  EXPECT_EQ(drawings(both, "Normalised score over training").size(), 2u);
  EXPECT_TRUE(drawings(both, "Episode return over training").empty());
  // 10 is 110 and 12 is 130: a point of score is 10 of return.
  EXPECT_NE(both.find("A score of 0 is a return of 10.0, one of 100 a return of 1010.0."), std::string::npos);
  EXPECT_TRUE(drawings(returns, "Normalised score over training").empty());
  EXPECT_EQ(drawings(returns, "Episode return over training").size(), 2u);
}

TEST(Page, TheDatasetsOwnScoreIsALineAndSaysWhereItsRewardsAreCorrupted) {
  const Scratch dir;
  Written corrupted;
  corrupted.run["dataset"]["corruption"] = {
      {"generator", "philox"}, {"seed", 1}, {"elements", {{{"element", "rewards"}}}}};
  const auto clean = drawings(report::page(read_runs({write(dir, "a", {}), write(dir, "b", {})})),
                              "Normalised score over training"),
             other = drawings(report::page(read_runs({write(dir, "c", corrupted)})),
                              "Normalised score over training");
  EXPECT_EQ(count(clean.at(0), "<line class=\"level\""), 1u);
  EXPECT_NE(clean.at(0).find(">the dataset&#39;s episodes</text>"), std::string::npos);
  EXPECT_NE(other.at(0).find(">the dataset&#39;s episodes, by corrupted rewards</text>"), std::string::npos);
}

TEST(Page, LossesOfDifferentKindsShareNoAxis) {
  const Scratch dir;
  Written huber, squared, iql;
  huber.run = squared.run = about("riql", "hopper");
  huber.run["notes"] = "Huber threshold d0: auto";
  squared.run["notes"] = "TD loss: squared error";
  const std::string page = report::page(read_runs(
      {write(dir, "a", huber), write(dir, "b", squared), write(dir, "c", iql), write(dir, "d", huber)}));
  const auto losses = drawings(page, "loss/q"), values = drawings(page, "value/q");
  ASSERT_EQ(losses.size(), 3u);
  EXPECT_EQ(count(losses[0], "<path class=\"line\""), 1u);  // iql
  EXPECT_EQ(count(losses[1], "<path class=\"line\""), 2u);  // riql, Huber
  EXPECT_NE(page.find("<figcaption>riql, TD loss: squared error</figcaption>"), std::string::npos);
  ASSERT_EQ(values.size(), 1u);
  EXPECT_EQ(count(values[0], "<path class=\"line\""), 4u);
}

TEST(Page, TheBestIsMarkedOnlyWhereIntervalsLieApart) {
  const Scratch dir;
  Written low, near, high, alone;
  low.eval["score/mean"] = {10, 12};   // 11 +- 1.41
  near.eval["score/mean"] = {13, 16};  // 14.5 +- 2.12: down to 12.4, where the first reaches
  high.eval["score/mean"] = {30, 31};
  alone.run["agents"] = 1;
  alone.eval["score/mean"] = {90, std::nan("")};
  const std::string a = write(dir, "a", low), b = write(dir, "b", near), c = write(dir, "c", high),
                    d = write(dir, "d", alone);
  const auto marked = [](const std::vector<std::string>& runs) { return clearly_best(read_runs(runs)); };
  EXPECT_EQ(marked({a, b}), (std::vector<bool>{false, false}));
  EXPECT_EQ(marked({a, b, c}), (std::vector<bool>{false, false, true}));
  EXPECT_EQ(marked({a, d}), (std::vector<bool>{false, false}));
  EXPECT_EQ(marked({c}), (std::vector<bool>{false}));
  const std::string overlap = report::page(read_runs({a, b})), apart = report::page(read_runs({a, c}));
  EXPECT_EQ(count(overlap, "<tr class=\"best\">"), 0u);
  EXPECT_NE(overlap.find("No run is marked as the best: intervals overlap."), std::string::npos);
  EXPECT_EQ(count(apart, "<tr class=\"best\">"), 1u);
  EXPECT_NE(apart.find("Marked: the best score of a task"), std::string::npos);
}

TEST(Page, EvaluationsAreOnlyAwaitedWhereSomeWillCome) {
  const Scratch dir;
  Written running, ended, none;
  running.evaluated = ended.evaluated = none.evaluated = false;
  running.ended = false;
  none.run["env"] = "";
  const auto says = [&](const std::string& name, const Written& w, const std::string& words) {
    return report::page(read_runs({write(dir, name, w)})).find(words) != std::string::npos;
  };
  EXPECT_TRUE(says("a", running, "No evaluations yet."));
  EXPECT_TRUE(says("b", ended, "The runs ended without an evaluation."));
  EXPECT_FALSE(says("c", ended, "No evaluations yet."));
  EXPECT_TRUE(says("d", none, "Nothing was evaluated: no environment was named (--env)."));
}

TEST(Page, TheTableForATerminalHasTheSameNumbers) {
  const Scratch dir;
  EXPECT_EQ(results_text(read_runs({write(dir, "long-name", {})})),
            "run        task    method       score    return\n"
            "long-name  hopper  iql     11.0 ± 1.4  120 ± 14\n");
}

constexpr const char* kMarkup = "<img src=x onerror=alert(1)>\"'&";

// Every text becomes markup; keys too, where the page draws what keys there are.
json hostile(const json& j) {
  if (j.is_string()) return kMarkup;
  json out = j;
  if (j.is_structured())
    for (auto& x : out) x = hostile(x);
  return out;
}

TEST(Page, NothingThatARunsFilesSayBecomesMarkup) {
  const Scratch dir;
  Written w;
  w.run = hostile(
      json::parse(R"({"method":"","env":"","command":"","notes":"","version":"","source":"","created":"",
    "agents":2,"settings":{"head":"","steps":""},"dataset":{"path":"","view":"","sha256":"","rows":10,
    "return":{"histogram":{"edges":[0,1],"counts":[3]}},
    "corruption":{"generator":"","seed":"","elements":[{"element":"","rate":0.5,"scale":1,"rows_changed":5}]}}})"));
  w.run["settings"][kMarkup] = kMarkup;
  w.train = {{kMarkup, {1, 2}}, {std::string("loss/") + kMarkup, {1, 2}}};
  const std::string folder = write(dir, "x", w);
  std::filesystem::rename(folder, dir / "<img onerror=1>");
  test::put(dir / "<img onerror=1>/summary.json",
            hostile(json{{"steps", 3}, {"agents", {{{"status", ""}}}}}).dump());
  const std::string page = report::page(read_runs({(dir / "<img onerror=1>").string()}));
  EXPECT_EQ(page.find("<img"), std::string::npos) << page.substr(page.find("<img"), 80);
  EXPECT_EQ(page.find("onerror=alert(1)>"), std::string::npos);
  EXPECT_GT(count(page, "&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;"), 20u);
}

TEST(Page, NothingThatADatasetSaysBecomesMarkup) {
  json summary = hostile(json::parse(R"({"path":"","rows":10,"score":{"family":""},"sha256":"","corruption":
    {"generator":"","seed":"","pattern":"","copies":"","elements":[{"element":"","mode":"","rows_changed":1,"scale":1}]}})"));
  const json dims = json::parse(R"([{"mean":1,"histogram":{"edges":[0,1],"counts":[2]}},{"not_finite":3}])");
  summary["columns"][kMarkup] = dims;
  summary["layout"][kMarkup] = kMarkup;
  summary["corrupted_share"][kMarkup] = {0.5};
  const json audit = hostile(json::parse(
      R"({"findings":[{"severity":"","column":"","text":"","advice":"","count":1,"first_rows":[""]}]})"));
  const std::string page = dataset_page(summary, audit);
  EXPECT_EQ(page.find("<img"), std::string::npos);
  EXPECT_GT(count(page, "&lt;img src=x onerror=alert(1)&gt;"), 15u);
}

// Takes every key of run.json and summary.json away, then makes it a list: a page, or one line that names
// file and key.
TEST(Page, AnyKeyThatIsMissingOrOfAnotherKindIsAClearLineOrAPage) {
  const Scratch dir;
  Written w;
  w.run["dataset"]["corruption"] = {
      {"generator", "g"}, {"seed", 1}, {"elements", {{{"element", "rewards"}, {"rate", 1}}}}};
  w.run["settings"] = {{"steps", "20"}};
  const std::string folder = write(dir, "a", w);
  int lines = 0;
  for (const char* name : {"run.json", "summary.json"}) {
    const std::filesystem::path file = std::filesystem::path(folder) / name;
    const std::string whole = test::contents(file);
    const json flat = json::parse(whole).flatten();
    for (const auto& [pointer, value] : flat.items())
      for (const bool gone : {true, false}) {
        json j = json::parse(whole);
        const json::json_pointer at(pointer);
        if (gone && j[at.parent_pointer()].is_object())
          j[at.parent_pointer()].erase(at.back());
        else
          j[at] = json::array({1});
        test::put(file, j.dump());
        const std::string line = test::error_of([&] { report::page(read_runs({folder})); });
        if (line.empty()) continue;
        ++lines;
        EXPECT_NE(line.find(file.string() + ": the key '"), std::string::npos) << pointer << ": " << line;
        EXPECT_NE(line.find("would be right"), std::string::npos) << line;
      }
    test::put(file, whole);
  }
  EXPECT_GT(lines, 15);
}

}  // namespace
}  // namespace hardy::report
