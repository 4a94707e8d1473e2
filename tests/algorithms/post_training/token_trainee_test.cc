#include "algorithms/post_training/token_trainee.h"

#include <gtest/gtest.h>

#include <bit>
#include <stdexcept>

#include "algorithms/learning/checkpoint.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "tests/algorithms/post_training/trainees.h"
#include "tests/engine/comm/thread_ranks.h"
#include "tests/engine/run/scratch.h"

namespace hardy::test {
namespace {

using algorithms::PostTrainingSettings;
using algorithms::TokenData;
using algorithms::TokenPolicy;
using algorithms::TokenTrainee;

TokenData chains(std::int64_t count = 12, double slips = 0.3, std::int64_t test = 4) {
  TokenData data;
  data.task = envs::make_text_task("chains:least=2,most=4");
  data.task_name = "chains:least=2,most=4";
  data.train =
      algorithms::draw_prompts(*data.task, 1, envs::Split::kTrain, {0, 1, 2}, count, {.slips = slips});
  data.test = algorithms::draw_prompts(*data.task, 1, envs::Split::kTest, {0, 1, 2}, test, {});
  data.characters = data.task->alphabet();
  data.longest_answer = 6;
  data.eval_samples = 2;
  return data;
}
nn::TransformerSpec tiny(const TokenData& data) {
  nn::TransformerSpec s;
  s.vocabulary = static_cast<std::int64_t>(data.characters.size()) + 1;
  s.width = 16, s.layers = 1, s.heads = 2, s.context = 16;
  return s;
}
PostTrainingSettings few(const std::string& method) {
  PostTrainingSettings s = algorithms::post_training_settings(method);
  s.prompts = 6, s.rollouts = 4;
  return s;
}
std::unique_ptr<TokenTrainee> make(const PostTrainingSettings& settings,
                                   const std::vector<TokenPolicy>& base = {},
                                   const TokenData& data = chains()) {
  return std::make_unique<TokenTrainee>(data, settings, tiny(data), std::vector<std::uint64_t>{3, 9}, 20,
                                        base);
}
TEST(TokenTrainee, HasTheSameBitsForAnyThreadsAndAfterResuming) {
  for (const char* method : {"hpt", "sft_then_grpo", "luffy"}) {
    SCOPED_TRACE(method);
    PostTrainingSettings s = few(method);
    s.switch_at = 0.1;
    if (s.when == algorithms::When::kGate) s.gate_kind = "running";  // it has a memory to be kept
    expect_same_bits_for_any_threads_and_after_resuming([&] { return make(s); }, 3);
  }
}

// What a step leaves, too: its gradient, its loss, its reports. Its batch is of more rows than one pass.
TEST(TokenTrainee, HasTheSameBitsForOneTwoAndSevenMicroBatches) {
  PostTrainingSettings s = few("srft");  // no answer's coefficient is 0
  s.prompts = 12;
  const auto left = [&](std::int64_t parts, int threads) {
    s.micro_batches = parts;
    const auto t = make(s);
    ThreadTeam team(threads);
    std::vector<std::vector<float>> all;
    for (int i = 0; i < 3; ++i) {
      t->step(team);
      all.push_back(gradients_of(t->learner().parameters()));
      all.push_back(values_of(t->learner().parameters()));
      for (const auto& [name, values] : t->learner().reports())
        all.emplace_back(values.begin(), values.end());
      for (const auto& [name, values] : t->own_reports()) all.emplace_back(values.begin(), values.end());
    }
    EXPECT_GT(t->own_reports().at("tokens")[0], 32 * 6);  // of 6 at most
    return all;
  };
  const auto whole = left(1, 2);
  for (const std::int64_t parts : {1, 2, 7, 12})
    for (const int threads : {1, 2}) EXPECT_EQ(left(parts, threads), whole) << parts << " on " << threads;
}

// The prompts of a step and the passes of its update are fewer than five ranks, or do not divide among three;
// what stands in a checkpoint, what is reported and the policies are those of one process on every rank, and
// a run of one process goes on in several.
TEST(TokenTrainee, HasTheSameBitsForAnyNumberOfRanks) {
  for (const char* method : {"srft", "hpt", "sft"}) {
    PostTrainingSettings s = few(method);
    s.prompts = 4;
    s.rollouts = 20;
    s.updates = 2;
    s.gate_kind = "running";
    const Scratch dir;
    const auto left = [&](comm::Ranks& ranks, const std::string& from) {
      const TokenData data = chains();
      TokenTrainee t(data, s, tiny(data), {3, 9}, 20, {}, ranks);
      ThreadTeam team(1);
      if (!from.empty())
        algorithms::restore(t, run::Archive::read(dir / from, "checkpoint", algorithms::kCheckpointFormat),
                            from);
      std::vector<std::uint64_t> reports;  // as bits: bands that a step has no prompts of have no number
      const auto keep = [&](const algorithms::ReportValues& all) {
        for (const auto& [name, values] : all)
          for (const double x : values) reports.push_back(std::bit_cast<std::uint64_t>(x));
      };
      for (int i = 0; i < 2; ++i) {
        t.step(team);
        keep(t.learner().reports());
        keep(t.own_reports());
      }
      const std::string name = (from + std::to_string(ranks.size())) + "_" + std::to_string(ranks.rank());
      run::ArchiveWriter file("checkpoint", algorithms::kCheckpointFormat);
      algorithms::save_learner(t.learner(), file);
      algorithms::save_bounds(t.policy().bounds(), file);
      t.gather_for_saving();
      t.save(file);
      file.write(dir / name);
      return std::pair(reports, contents(dir / name));
    };
    for (const std::string from : {"", "1_0"}) {
      const auto one = left(comm::alone(), from);
      for (const int size : {2, 3, 5})
        ThreadRanks::run(size, [&](comm::Ranks& own) {
          const auto each = left(own, from);
          EXPECT_EQ(each.first, one.first) << method << from << size;
          EXPECT_TRUE(each.second == one.second) << method << from << size;
        });
    }
  }
}

TEST(TokenTrainee, HptAtTheGatesEndsIsReinforcementOrImitationBitForBit) {
  PostTrainingSettings hpt = few("hpt"), rl = hpt, sft = hpt;
  rl.when = algorithms::When::kRollouts;
  sft.when = algorithms::When::kDemonstrations;
  hpt.gate = -1;
  EXPECT_EQ(after(*make(hpt), 4), after(*make(rl), 4));
  hpt.gate = 4;
  EXPECT_EQ(after(*make(hpt), 4), after(*make(sft), 4));
}

TEST(TokenTrainee, SamplesWhatItTrainsSoThatTheFirstRatioIsOne) {
  const auto t = make(few("grpo"));
  ThreadTeam team(2);
  for (int i = 0; i < 5; ++i) {
    t->step(team);
    const algorithms::ReportValues reports = t->own_reports();
    EXPECT_EQ(reports.at("log_prob_difference/max"), (std::vector<double>{0, 0}));
    EXPECT_EQ(reports.at("clip_share"), (std::vector<double>{0, 0}));
  }
}

TEST(TokenTrainee, SeveralUpdatesOfABatchMoveThePolicyAwayFromItsRollouts) {
  PostTrainingSettings s = few("hpt");
  s.updates = 3;
  s.learning_rate = 0.03;
  const auto t = make(s);
  after(*t, 4);
  EXPECT_EQ(t->learner().steps_done(), 12);
  EXPECT_EQ(t->steps_done(), 4);
}

TEST(TokenTrainee, NeverImitatesWhatTheVerifierRejects) {
  PostTrainingSettings s = few("sft");
  s.verify_demonstrations = true;
  const TokenData all = chains(40, 0.9);
  EXPECT_GT(all.train.rejected(), 50);
  const auto t = make(s, {}, all);
  ThreadTeam team(1);
  t->step(team);
  EXPECT_LT(t->own_reports().at("offline_share")[0], 0.6);
}

// A task whose verifier gives every answer the same verdict: right, wrong, or it throws.
class Verdict final : public envs::TextTask {
 public:
  enum Kind { kRight, kWrong, kThrows };
  explicit Verdict(Kind kind) : kind_(kind) {}
  const std::string& alphabet() const override { return chains_->alphabet(); }
  std::size_t longest_prompt() const override { return chains_->longest_prompt(); }
  std::size_t longest_answer() const override { return chains_->longest_answer(); }
  const std::vector<std::string>& bands() const override { return chains_->bands(); }
  std::string wrong_rule() const override { return ""; }
  bool verify(std::string_view, std::string_view) const override {
    if (kind_ == kThrows) throw std::runtime_error("no verdict");
    return kind_ == kRight;
  }
  std::string demonstrate(std::string_view, const envs::Teacher&, envs::Draws&) const override { return "1"; }

 protected:
  std::string draw(envs::Draws&, int) const override { return "1+1="; }

 private:
  Kind kind_;
  std::unique_ptr<envs::TextTask> chains_ = envs::make_text_task("chains:least=2,most=4");
};

// What the last of three steps reports of one agent, by a verifier of that kind.
algorithms::ReportValues judged(const std::string& method, Verdict::Kind kind, int rollouts = 4) {
  PostTrainingSettings s = few(method);
  s.rollouts = rollouts;
  TokenData data = chains();
  data.task = std::make_shared<Verdict>(kind);
  const auto t = make(s, {}, data);
  ThreadTeam team(2);
  for (int i = 0; i < 3; ++i) t->step(team);
  return t->own_reports();
}

TEST(TokenTrainee, AnAnswerWhoseVerifierThrowsCountsNowhereAndIsCounted) {
  const algorithms::ReportValues grpo = judged("grpo", Verdict::kThrows),
                                 hpt = judged("hpt", Verdict::kThrows);
  const double ended = 24 * (1 - grpo.at("truncated_share")[0]);
  EXPECT_GT(ended, 3);
  EXPECT_NEAR(grpo.at("verifier_failures")[0], ended, 1e-9);  // a truncated answer is not asked about
  EXPECT_EQ(grpo.at("tokens")[0], 0);
  EXPECT_EQ(grpo.at("gradient_norm")[0], 0);
  EXPECT_EQ(hpt.at("offline_share")[0], 1);  // nothing was solved
  EXPECT_GT(hpt.at("gradient_norm")[0], 0);
}

TEST(TokenTrainee, ATruncatedAnswerIsAFailureOrCountsNowhere) {
  PostTrainingSettings s = few("grpo");
  TokenData data = chains();
  data.task = std::make_shared<Verdict>(Verdict::kRight);
  data.longest_answer = 3;
  const auto seen = [&](bool counts) {
    s.count_truncated = counts;
    const auto t = make(s, {}, data);
    ThreadTeam team(1);
    t->step(team);
    return t->own_reports();
  };
  const algorithms::ReportValues failures = seen(true), nowhere = seen(false);
  EXPECT_GT(failures.at("truncated_share")[0], 0.2);
  EXPECT_LT(failures.at("truncated_share")[0], 1);
  EXPECT_GT(failures.at("tokens")[0], 0);  // right ones against those that were cut off
  EXPECT_EQ(nowhere.at("tokens")[0], 0);   // all that count are right
  for (const auto& reports : {failures, nowhere}) EXPECT_EQ(reports.at("verifier_failures")[0], 0);
}

TEST(TokenTrainee, BatchesThatAllFailOrAreAllSolvedReinforceNothing) {
  const algorithms::ReportValues failed = judged("grpo", Verdict::kWrong),
                                 hpt = judged("hpt", Verdict::kWrong);
  EXPECT_EQ(failed.at("tokens")[0], 0);
  EXPECT_EQ(failed.at("gradient_norm")[0], 0);
  EXPECT_EQ(hpt.at("offline_share")[0], 1);
  // A single answer has no other to be compared with; what was solved is not imitated.
  const algorithms::ReportValues alone = judged("grpo", Verdict::kRight, 1),
                                 solved = judged("hpt", Verdict::kRight, 1);
  EXPECT_EQ(alone.at("gradient_norm")[0], 0);
  for (const auto& one : {alone, solved})
    EXPECT_NEAR(one.at("train_solve/mean")[0], 1 - one.at("truncated_share")[0], 1e-12);
  EXPECT_NEAR(solved.at("offline_share")[0], solved.at("truncated_share")[0], 1e-12);
}

TEST(TokenTrainee, IsPulledTowardsWhatItBeganWith) {
  PostTrainingSettings s = few("mix");
  s.learning_rate = 0.01;
  const auto free = make(s);
  s.divergence = "k2";
  s.divergence_weight = 30;
  const auto held = make(s);
  const std::vector<float> start = values_of(free->learner().parameters());
  const auto moved = [&](TokenTrainee& t) {
    after(t, 12);
    double square = 0;
    const auto &p = t.learner().parameters(), &q = free->learner().parameters();
    for (int i = 0; i < q.size(); ++i) {
      const auto x = p.agent(p.find(q.name(i)), 0);
      for (std::size_t k = 0; k < x.size(); ++k) {
        const double d = static_cast<double>(x[k]) -
                         static_cast<double>(
                             start[static_cast<std::size_t>(q.agent(i, 0).data() - q.values().data()) + k]);
        square += d * d;
      }
    }
    return square;
  };
  EXPECT_LT(moved(*held), moved(*free));
}

TEST(TokenTrainee, GoesOnFromABaseAndItsFileReadsBack) {
  const Scratch dir;
  const auto base = make(few("sft"));
  after(*base, 2);
  base->write_policy_of(1, dir / "one.policy", nlohmann::json::object());
  const std::vector<TokenPolicy> read = algorithms::read_token_policies(dir / "one.policy");
  ASSERT_EQ(read.size(), 1u);
  EXPECT_EQ(read[0].task, "chains:least=2,most=4");
  const auto next = make(few("hpt"), read);
  const auto &p = next->learner().parameters(), &q = base->learner().parameters();
  for (int i = 0; i < q.size(); ++i)
    for (const std::int64_t agent : {0, 1}) {
      const auto x = p.agent(i, agent), y = q.agent(i, 1);
      EXPECT_TRUE(std::equal(x.begin(), x.end(), y.begin(), y.end())) << q.name(i);
    }
  EXPECT_THROW(algorithms::read_token_policies(dir / "none.policy"), Error);
}

TEST(TokenTrainee, RefusesWhatDoesNotFit) {
  TokenData data = chains();
  nn::TransformerSpec spec = tiny(data);
  const auto refuses = [&](const TokenData& d, const nn::TransformerSpec& s, const PostTrainingSettings& p,
                           const char* part) {
    try {
      TokenTrainee t(d, p, s, {1}, 10, {});
      ADD_FAILURE() << part;
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
    }
  };
  spec.context = 8;
  refuses(data, spec, few("hpt"), "do not fit");
  spec = tiny(data);
  PostTrainingSettings many = few("hpt");
  many.prompts = 1000;
  refuses(data, spec, many, "fewer than a step takes");
  data.train.rows[0].prompt = "7+x=";
  refuses(data, spec, few("hpt"), "no token for");
  data = chains();
  data.train.rows[0].demonstration = "12345678";
  refuses(data, spec, few("hpt"), "longer than the longest answer");
}

// One of 4,096 answers is right, and one demonstration says which: rollouts alone never meet it.
TEST(TokenTrainee, HptFindsTheOneRewardedOfFourThousandAnswersAndRolloutsAloneDoNot) {
  TokenData data;
  for (int i = 0; i < 64; ++i) data.characters += static_cast<char>('!' + i);
  data.train.rows = {{"!", "AB", "AB", 0, true}};
  data.test = data.train;
  data.longest_answer = 3;
  data.eval_samples = 64;
  const auto solved = [&](const std::string& method, double& offline) {
    PostTrainingSettings s = algorithms::post_training_settings(method);
    s.prompts = 1, s.rollouts = 8;
    s.learning_rate = 0.01;
    TokenTrainee t(data, s,
                   [&] {
                     nn::TransformerSpec spec = tiny(data);
                     spec.context = 8;
                     return spec;
                   }(),
                   {5}, 150, {});
    ThreadTeam team(1);
    for (int i = 0; i < 150; ++i) t.step(team);
    offline = t.own_reports().at("offline_share")[0];
    return t.evaluate(team).at("solve/mean")[0];
  };
  double offline = 1;
  EXPECT_GT(solved("hpt", offline), 0.9);
  EXPECT_EQ(offline, 0);
  EXPECT_LT(solved("dr_grpo", offline), 0.02);
}

}  // namespace
}  // namespace hardy::test
