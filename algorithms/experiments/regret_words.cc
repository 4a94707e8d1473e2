#include "algorithms/experiments/regret_words.h"

#include <algorithm>
#include <optional>

#include "engine/base/error.h"
#include "engine/base/parameters.h"
#include "engine/base/text.h"
#include "engine/device/backends.h"

namespace hardy::algorithms {
namespace {

std::vector<std::string> words_of(const std::string& text) { return split(text, ' '); }

std::optional<StepLaw> law_of(const std::string& text, const std::string& key) {
  if (text.empty()) return std::nullopt;
  return StepLaw(text, "--" + key);
}

std::vector<MethodChoice> methods_of(const RegretOptions& options) {
  std::vector<MethodChoice> methods;
  for (const std::string& word : words_of(options.method)) methods.push_back(parse_method(word, options));
  return methods;
}

}  // namespace

void RegretOptions::options(run::Schema& schema) {
  schema.section("what is played")
      .option("env", &env, "environments, e.g. simplex:seed=1,H=3,S=4,A=3,d=3, or files; separated by blanks")
      .option("losses", &losses,
              "the loss process, e.g. switching:period=K/4; default: the environment's own")
      .option("episodes", &episodes, "K, or several: '1024 4096', 2^10..2^17")
      .option(
          "evaluation", &evaluation,
          "exact: values and the best fixed policy by enumeration; simulator: the same regret of learners "
          "that have a simulator and nothing else, every call counted; sampled: such learners where "
          "states cannot be listed, the losses of played trajectories",
          {"exact", "simulator", "sampled"})
      .option("strict", &strict, "refuse instances that are no linear MDPs (farther than 1e-6 from one)")
      .option("memory", &memory_gb, "GB that a sampled run's touched states may take", 0.001, 1e6)
      .section("who plays")
      .option("method", &method,
              "methods separated by blanks, each with settings of its own if need be: "
              "exp_weights:c_eta=20,gamma=0.01")
      .option("preset", &preset, "unit scalings, the analysis' own constants, or eta, beta, gamma as given",
              {"theory", "literal", "explicit"})
      .option("c-eta", &c_eta, "times the preset's eta", 0)
      .option("c-beta", &c_beta, "times the preset's beta", 0)
      .option("c-gamma", &c_gamma, "times the preset's gamma", 0)
      .option("eta", &eta,
              "step size of FTRL instead of the preset's: a number, or a law such as "
              "0.5*sqrt(log(A)/(d*K))/H^2")
      .option("beta", &beta, "scale of the bonus instead of the preset's, likewise")
      .option("gamma", &gamma, "of the regularised inverse instead of the preset's, likewise, in (0, 1]")
      .option(
          "covariance", &covariance,
          "exact, empirical, empirical:M=100, mgr:M=10,N=100; M, N and the compensator's m may be laws as "
          "above, of gamma too (empirical:M=log(d*H*K)/gamma), or the word paper; exact stands for "
          "empirical where a simulator is all there is")
      .section("replicas")
      .option("replicas", &replicas, "of each run, seed, seed + 1, ...", 1, 1000000)
      .option("seed", &seed, "of the first replica", 0)
      .option(
          "shard", &shard,
          "this study is a part of a larger one (a grid's cell): the seeds at a K follow from K itself and "
          "not from its place among --episodes, and the uniform policy is played at any number of K")
      .option("random", &random, "philox, or splitmix64:SEED, one sequence a replica")
      .option("threads", &threads, "threads", 1, 1024)
      .option("device", &device,
              "cpu, cuda (the first GPU) or cuda:N, which plays all replicas of a run side by side; `hardy "
              "devices` lists them, docs/gpu.md says what stays on the CPU")
      .section("policy cover of the simulator-free learner (0: its own, docs/adversarial.md)")
      .option("delta-e", &delta_e, "share of exploring episodes; a law like --eta, as the next three")
      .option("alpha", &alpha,
              "a state is known where phi' L^-1 phi is at most this; 0: what the cover achieves")
      .option("epoch", &epoch, "episodes of an epoch")
      .option("cover-episodes", &cover_episodes, "spent on finding the cover")
      .option("cover-rounds", &cover_rounds, "of the cover, a policy each", 1, 100000)
      .option("cover-bonus", &cover_bonus, "width that the cover's planner adds", 0)
      .option("cover-oracle", &cover_oracle, "compute the cover from the known transitions")
      .section("report")
      .option("curve", &curve, "points of the curve over episodes", 2, 10000)
      .option("trajectories", &trajectories, "of the first episodes to be shown", 0, 1000)
      .option("resamples", &resamples, "of the bootstrap", 10, 1000000)
      .option("joint", &joint,
              "fit the exponents of all sizes that vary (K, d, H, A, S) at once, over all environments")
      .option("title", &title, "of the page");
}

std::vector<std::int64_t> parse_episodes(const std::string& text) {
  const auto one = [&](const std::string& word) {
    const std::size_t power = word.find('^');
    const auto base = to_integer(word.substr(0, power));
    const auto exponent =
        power == std::string::npos ? std::optional<std::int64_t>(1) : to_integer(word.substr(power + 1));
    double value = 1;
    for (std::int64_t i = 0; base && exponent && i < std::min<std::int64_t>(*exponent, 64); ++i)
      value *= static_cast<double>(*base);
    if (!base || !exponent || !(value >= 1) || value > 1e12)
      throw Error("'" + word + "' is no number of episodes", "--episodes",
                  "give numbers from 1 to 1e12 separated by blanks, or 2^10..2^17");
    return static_cast<std::int64_t>(value);
  };
  std::vector<std::int64_t> all;
  for (const std::string& word : words_of(text)) {
    const std::size_t dots = word.find("..");
    if (dots == std::string::npos) {
      all.push_back(one(word));
      continue;
    }
    const std::int64_t last = one(word.substr(dots + 2));
    for (std::int64_t k = one(word.substr(0, dots)); k <= last; k *= 2) all.push_back(k);
  }
  if (all.empty()) throw Error("no number of episodes", "--episodes", "e.g. --episodes 4096");
  if (!std::is_sorted(all.begin(), all.end()) || std::adjacent_find(all.begin(), all.end()) != all.end())
    throw Error("the numbers of episodes do not rise", "--episodes", "give each once, the smallest first");
  return all;
}

MethodChoice parse_method(const std::string& text, const RegretOptions& o) {
  Parameters given(text);
  MethodChoice m;
  m.method = regret_method(given.name()).name;
  m.settings.preset = given.word("preset", o.preset);
  constexpr double most = 1e12;
  m.settings.c_eta = given.number("c_eta", o.c_eta, 0, most);
  m.settings.c_beta = given.number("c_beta", o.c_beta, 0, most);
  m.settings.c_gamma = given.number("c_gamma", o.c_gamma, 0, most);
  m.eta = law_of(given.word("eta", o.eta), "eta");
  m.beta = law_of(given.word("beta", o.beta), "beta");
  m.gamma = law_of(given.word("gamma", o.gamma), "gamma");
  const std::string covariance = given.word("covariance", o.covariance);
  std::string parts;
  for (const char* key : {"M", "N", "m", "reuse"})
    if (const std::string value = given.word(key, ""); !value.empty())
      parts += (parts.empty() ? ":" : ",") + std::string(key) + "=" + value;
  for (const RegretKey& key : regret_method(m.method).keys)
    if (const std::string law = given.word(key.name, ""); !law.empty())
      m.keys.emplace(key.name, StepLaw(law, m.method + ":" + key.name));
  m.label = given.word("label", "");
  if (m.label.empty()) m.label = text;
  std::replace(m.label.begin(), m.label.end(), '+', ' ');
  given.finish();
  if (m.settings.preset == "explicit") {
    if (!m.eta || !m.beta || !m.gamma)
      throw Error("the preset 'explicit' needs all three step sizes", text, "give --eta, --beta and --gamma");
  }
  m.covariance = parse_covariance(covariance + parts);
  return m;
}

RegretStudySettings study_settings(const RegretOptions& o) {
  RegretStudySettings s;
  s.envs = words_of(o.env);
  s.losses = o.losses;
  s.episodes = parse_episodes(o.episodes);
  s.methods = methods_of(o);
  s.replicas = o.replicas;
  s.seed = o.seed;
  s.threads = o.threads;
  s.random = parse_random(o.random);
  s.cover = {StepLaw(o.delta_e, "--delta-e"),
             StepLaw(o.alpha, "--alpha"),
             StepLaw(o.epoch, "--epoch"),
             StepLaw(o.cover_episodes, "--cover-episodes"),
             {}};
  s.cover.settings.oracle = o.cover_oracle;
  s.cover.settings.rounds = o.cover_rounds;
  s.cover.settings.bonus = o.cover_bonus;
  s.curve_points = static_cast<int>(o.curve);
  s.keep_trajectories = static_cast<int>(o.trajectories);
  s.resamples = static_cast<int>(o.resamples);
  s.strict = o.strict;
  s.joint = o.joint;
  s.simulator = o.evaluation == "simulator";
  s.shard = o.shard;
  s.title = o.title;
  s.device = device::open_chosen_device(o.device, {});
  return s;
}

SampledStudySettings sampled_settings(const RegretOptions& o) {
  if (o.device != "cpu")
    throw Error("sampled runs are played on the CPU alone", "--device " + o.device, "leave out --device");
  SampledStudySettings s;
  s.envs = words_of(o.env);
  s.losses = o.losses;
  s.methods = methods_of(o);
  s.episodes = parse_episodes(o.episodes);
  s.replicas = o.replicas;
  s.seed = o.seed;
  s.threads = o.threads;
  s.random = parse_random(o.random);
  s.curve_points = static_cast<int>(o.curve);
  s.memory_bytes = o.memory_gb * 1e9;
  return s;
}

}  // namespace hardy::algorithms
