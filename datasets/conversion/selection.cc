#include "datasets/conversion/selection.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "datasets/conversion/expression.h"
#include "datasets/conversion/validity.h"
#include "datasets/pieces.h"
#include "datasets/task.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/base/random.h"
#include "engine/base/text.h"

namespace hardy::datasets {
namespace {

using nlohmann::json;

// The names in the order of their values.
enum Fact {
  kReturn,
  kScore,
  kLength,
  kMeanReward,
  kLeastReward,
  kMostReward,
  kTerminated,
  kTimedOut,
  kEpisode
};
struct Named {
  const char *name, *about;
  bool truth;
};
constexpr Named kNames[] = {
    {"return", "the sum of its rewards", false},
    {"score",
     "its return between a random policy's 0 and an expert's 100, where the file's name says a D4RL task",
     false},
    {"length", "its rows", false},
    {"mean_reward", "of its rows", false},
    {"min_reward", "of its rows", false},
    {"max_reward", "of its rows", false},
    {"terminated", "it ended at a terminal row", true},
    {"timed_out", "it ended at a time limit", true},
    {"episode", "its number in its file, from 0", false},
};

struct Candidate : KeptEpisode {
  double total = 0, least = std::numeric_limits<double>::infinity(),
         most = -std::numeric_limits<double>::infinity();
};

// "10%" or "50": the number and whether it is a share.
struct Amount {
  double number;
  std::string unit;
};
Amount amount(const std::string& text, const std::vector<std::string>& units, const std::string& key,
              const std::string& hint) {
  std::size_t end = 0;
  while (end < text.size() && (std::isdigit(static_cast<unsigned char>(text[end])) || text[end] == '.' ||
                               text[end] == 'e' || text[end] == '+'))
    ++end;
  // "5episodes": the e belongs to the word.
  while (end > 0 && !std::isdigit(static_cast<unsigned char>(text[end - 1]))) --end;
  std::string unit = text.substr(end);
  while (!unit.empty() && unit[0] == ' ') unit.erase(0, 1);
  const auto number = to_double(text.substr(0, end));
  if (!number || std::find(units.begin(), units.end(), unit) == units.end())
    throw Error("'" + text + "' cannot be read", key, hint);
  const bool whole = unit != "%";
  if (!(*number > 0) || (whole && *number != std::floor(*number)) || (!whole && *number > 100) ||
      *number > 1e15)
    throw Error("'" + text + "' is no amount", key, hint);
  return {*number, unit};
}
Amount best_of(const SelectionSettings& s) {
  return amount(s.best, {"", "%"}, "--best",
                "a share above 0% and up to 100%, or a number of episodes: 10%, 50");
}
Amount sample_of(const SelectionSettings& s) {
  return amount(s.sample, {"", "episodes", "rows"}, "--sample",
                "a number of episodes, or of rows that whole episodes shall reach: 100, 5000rows");
}
Expression filter_of(const SelectionSettings& s) {
  std::vector<Expression::Name> names;
  for (const Named& n : kNames) names.push_back({n.name, n.truth});
  return Expression(s.filter, names, "--filter");
}

std::int64_t rows_of(const std::vector<Candidate>& all) {
  return std::accumulate(all.begin(), all.end(), std::int64_t{0},
                         [](std::int64_t n, const Candidate& c) { return n + c.size(); });
}

std::string count(std::int64_t n, const char* what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

class Selector {
 public:
  Selector(const std::vector<std::unique_ptr<Reader>>& inputs, const SelectionSettings& settings)
      : inputs_(inputs), settings_(settings) {}

  Selection take() {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      const std::vector<EpisodeRows> episodes = episodes_of(*inputs_[i], settings_);
      result_.input_episodes.push_back(static_cast<std::int64_t>(episodes.size()));
      add(i, episodes);
    }
    note_invalid();
    if (!settings_.filter.empty() || !settings_.best.empty())
      for (std::size_t i = 0; i < inputs_.size(); ++i) add_rewards(i);
    if (!settings_.filter.empty()) filter();
    if (!settings_.best.empty()) best();
    if (!settings_.sample.empty()) sample();
    result_.episodes.assign(all_.begin(), all_.end());
    return std::move(result_);
  }

 private:
  void add(std::size_t input, const std::vector<EpisodeRows>& episodes) {
    Validity v;
    if (settings_.drop_invalid || settings_.skip_bad_episodes)
      v = look_for_invalid_rows(*inputs_[input], episodes, settings_.skip_bad_episodes);
    for (const auto& [key, n] : v.by_column) by_column_[key] += n;
    invalid_rows_ += static_cast<std::int64_t>(v.rows.size());
    unreadable_ += static_cast<std::int64_t>(v.unreadable.size());
    auto bad = v.rows.begin();
    for (std::size_t e = 0; e < episodes.size(); ++e) {
      Candidate c;
      static_cast<EpisodeRows&>(c) = episodes[e];
      c.input = input;
      c.number = static_cast<std::int64_t>(e);
      seen_episodes_ += 1;
      seen_rows_ += c.size();
      const auto after = std::lower_bound(bad, v.rows.end(), c.end);
      if (settings_.skip_bad_episodes) {
        if (after == bad && !std::binary_search(v.unreadable.begin(), v.unreadable.end(), e))
          all_.push_back(c);
      } else {
        cut(c, bad, after);
      }
      bad = after;
    }
  }

  // What lies between the invalid rows.
  void cut(const Candidate& whole, std::vector<std::int64_t>::const_iterator bad,
           std::vector<std::int64_t>::const_iterator end) {
    Candidate c = whole;
    for (; bad != end; ++bad) {
      c.end = *bad;
      c.terminated = c.timed_out = false;
      c.cut = true;
      if (c.size() > 0) all_.push_back(c);
      c = whole;
      c.begin = *bad + 1;
    }
    if (c.size() > 0) all_.push_back(c);
  }

  void note_invalid() {
    if (!settings_.drop_invalid && !settings_.skip_bad_episodes) return;
    std::string columns;
    for (const auto& [key, n] : by_column_)
      columns += (columns.empty() ? "" : ", ") + key + " " + std::to_string(n);
    json j =
        step(settings_.drop_invalid ? "--drop-invalid" : "--skip-bad-episodes", seen_episodes_, seen_rows_);
    j["invalid_rows"] = invalid_rows_;
    j["invalid_rows_by_column"] = by_column_;
    std::string& text = j["text"].get_ref<std::string&>();
    text += "; " + count(invalid_rows_, "invalid row") + (columns.empty() ? "" : " (" + columns + ")");
    if (settings_.skip_bad_episodes) {
      j["unreadable_episodes"] = unreadable_;
      text += ", " + count(unreadable_, "episode") + " that cannot be read";
    } else {
      std::set<std::pair<std::size_t, std::int64_t>> left;
      std::int64_t parts = 0;
      for (const Candidate& c : all_)
        if (!left.emplace(c.input, c.number).second) ++parts;
      const auto gone = seen_episodes_ - static_cast<std::int64_t>(left.size());
      j["episodes_gone"] = gone;
      j["cuts"] = parts;
      text += ", " + count(gone, "episode") + " gone whole, " + count(parts, "cut") +
              " within an episode, which is two from there on";
    }
    result_.steps.push_back(std::move(j));
    require_some("--drop-invalid or --skip-bad-episodes");
  }

  json step(const std::string& what, std::int64_t episodes, std::int64_t rows) const {
    const std::int64_t now = rows_of(all_);
    return {{"what", what},
            {"episodes_in", episodes},
            {"rows_in", rows},
            {"episodes", all_.size()},
            {"rows", now},
            {"text", what + ": " + std::to_string(all_.size()) + " of " + count(episodes, "episode") + ", " +
                         std::to_string(now) + " of " + count(rows, "row") + " kept"}};
  }

  void require_some(const std::string& what) const {
    if (!all_.empty()) return;
    throw Error("nothing is left", what,
                "'hardy data inspect' shows the returns, lengths and values that there are");
  }

  void add_rewards(std::size_t input) {
    Reader& reader = *inputs_[input];
    const Column& rewards = reader.column("rewards");
    if (rewards.row_elements() != 1 || rewards.type == ArrayType::kString)
      throw Error("is " + rewards.describe(), reader.where(rewards), "expected a number for each row");
    auto c = std::find_if(all_.begin(), all_.end(), [&](const Candidate& x) { return x.input == input; });
    const auto end = std::find_if(c, all_.end(), [&](const Candidate& x) { return x.input != input; });
    for (; c != end;) {  // episodes that lie near each other are read together
      auto last = c;
      while (last + 1 != end && (last + 1)->begin == last->end && (last + 1)->end - c->begin <= kPieceRows)
        ++last;
      for (std::int64_t at = c->begin; at < last->end; at += kPieceRows) {
        const std::int64_t n = std::min(kPieceRows, last->end - at);
        const std::vector<double> x = read_doubles(reader, rewards, at, n);
        for (auto e = c; e <= last; ++e)
          for (std::int64_t row = std::max(at, e->begin); row < std::min(at + n, e->end); ++row) {
            const double r = x[static_cast<std::size_t>(row - at)];
            e->total += r;
            e->least = std::min(e->least, r);
            e->most = std::max(e->most, r);
          }
      }
      c = last + 1;
    }
  }

  template <class Keep>
  void keep(const std::string& what, Keep&& kept) {
    const auto episodes = static_cast<std::int64_t>(all_.size());
    const std::int64_t rows = rows_of(all_);
    std::size_t at = 0;
    std::erase_if(all_, [&](const Candidate&) { return !kept(at++); });
    result_.steps.push_back(step(what, episodes, rows));
    require_some(what);
  }

  void filter() {
    const Expression expression = filter_of(settings_);
    std::vector<std::optional<ReferenceScores>> scores;
    for (const auto& reader : inputs_) {
      scores.push_back(reference_scores(*reader));
      if (!scores.back() && expression.uses(kScore))
        throw Error("names no task whose scores are known", reader->path(),
                    "use return in --filter, or give the file a name with its task in it, such as hopper");
    }
    keep("--filter '" + settings_.filter + "'", [&](std::size_t i) {
      const Candidate& c = all_[i];
      std::array<double, std::size(kNames)> x{};
      x[kReturn] = c.total;
      if (const auto& s = scores[c.input]) x[kScore] = 100 * (c.total - s->min) / (s->max - s->min);
      x[kLength] = static_cast<double>(c.size());
      x[kMeanReward] = c.total / x[kLength];
      x[kLeastReward] = c.least;
      x[kMostReward] = c.most;
      x[kTerminated] = c.terminated;
      x[kTimedOut] = c.timed_out;
      x[kEpisode] = static_cast<double>(c.number);
      return expression.holds(x);
    });
  }

  void best() {
    const Amount a = best_of(settings_);
    const double n = static_cast<double>(all_.size());
    // A hair below, so that 10 % of 50 are 5 and not 6 for a rounding.
    const double wanted = a.unit == "%" ? std::max(1.0, std::ceil(a.number / 100 * n - 1e-9)) : a.number;
    if (wanted > n)
      throw Error("there are " + count(static_cast<std::int64_t>(all_.size()), "episode"),
                  "--best " + settings_.best, "ask for fewer, or for a share");
    std::vector<std::size_t> order(all_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    for (const Candidate& c : all_)
      if (std::isnan(c.total))
        throw Error("episode " + std::to_string(c.number) + " has no return: a reward is NaN",
                    inputs_[c.input]->path(),
                    "leave such rows out with --drop-invalid, or such episodes with "
                    "--skip-bad-episodes");
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a1, std::size_t b1) { return all_[a1].total > all_[b1].total; });
    mark(order, static_cast<std::size_t>(wanted));
    keep("--best " + settings_.best, [&](std::size_t i) { return marked_[i]; });
  }

  void sample() {
    const Amount a = sample_of(settings_);
    const Random random(settings_.seed, RandomStream::kShuffle);
    std::vector<std::pair<double, std::size_t>> drawn(all_.size());
    for (std::size_t i = 0; i < drawn.size(); ++i) drawn[i] = {random.uniform64(i), i};
    std::sort(drawn.begin(), drawn.end());
    std::vector<std::size_t> order;
    for (const auto& d : drawn) order.push_back(d.second);
    const double there =
        a.unit == "rows" ? static_cast<double>(rows_of(all_)) : static_cast<double>(all_.size());
    if (a.number > there)
      throw Error(
          "there are " + count(static_cast<std::int64_t>(there), a.unit == "rows" ? "row" : "episode"),
          "--sample " + settings_.sample, "ask for fewer");
    std::size_t wanted = static_cast<std::size_t>(a.number);
    if (a.unit == "rows") {
      std::int64_t rows = 0;
      for (wanted = 0; static_cast<double>(rows) < a.number; ++wanted) rows += all_[order[wanted]].size();
    }
    mark(order, wanted);
    keep("--sample " + settings_.sample + " (seed " + std::to_string(settings_.seed) + ")",
         [&](std::size_t i) { return marked_[i]; });
  }

  void mark(const std::vector<std::size_t>& order, std::size_t first) {
    marked_.assign(all_.size(), false);
    for (std::size_t i = 0; i < first; ++i) marked_[order[i]] = true;
  }

  const std::vector<std::unique_ptr<Reader>>& inputs_;
  const SelectionSettings& settings_;
  Selection result_;
  std::vector<Candidate> all_;
  std::vector<bool> marked_;
  std::map<std::string, std::int64_t> by_column_;
  std::int64_t invalid_rows_ = 0, unreadable_ = 0, seen_episodes_ = 0, seen_rows_ = 0;
};

}  // namespace

std::vector<EpisodeRows> episodes_of(Reader& reader, const SelectionSettings& settings) {
  if (settings.time_limit > 0 || reader.find("timeouts")) return find_episodes(reader, settings.time_limit);
  return find_episodes(reader, time_limit_of(reader).steps);
}

std::vector<std::pair<std::string, std::string>> episode_names() {
  std::vector<std::pair<std::string, std::string>> all;
  for (const Named& n : kNames) all.emplace_back(n.name, n.about);
  return all;
}

void check(const SelectionSettings& settings) {
  if (!settings.filter.empty()) filter_of(settings);
  if (!settings.best.empty()) best_of(settings);
  if (!settings.sample.empty()) sample_of(settings);
  if (settings.drop_invalid && settings.skip_bad_episodes)
    throw Error("leave nothing for each other to do", "--drop-invalid and --skip-bad-episodes",
                "the first drops invalid rows and keeps the rest of their episodes, the second drops such "
                "episodes whole: give one of them");
}

Selection select(const std::vector<std::unique_ptr<Reader>>& inputs, const SelectionSettings& settings) {
  check(settings);
  return Selector(inputs, settings).take();
}

}  // namespace hardy::datasets
