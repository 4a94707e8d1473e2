#include "datasets/corruption/repair.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "datasets/attributes.h"
#include "datasets/corruption/corruption_patch.h"
#include "datasets/corruption/corruption_record.h"
#include "datasets/episodes.h"
#include "datasets/pieces.h"
#include "datasets/robust.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/base/nearest.h"
#include "engine/base/version.h"

namespace hardy::datasets {
namespace {

constexpr std::array kContinuities{"off", "next", "previous", "nearer"};
// An episode's last next observation is flagged where a dimension moves this many usual steps (8 deviations,
// were steps normal).
constexpr double kUnusualStep = 12;

// What the repair did to one column, and how that meets the record.
struct Outcome {
  const Column* column = nullptr;
  RowSet changed, recorded;
  std::vector<Patch> truth;  // lays the clean rows over a piece
  std::int64_t restored = 0;
  double error_before = 0, error_after = 0;  // sums of |x - clean| over all elements
};

class Repair {
 public:
  Repair(Reader& in, Writer& out, const RepairSettings& s, Judge* judge)
      : in_(in),
        out_(out),
        s_(s),
        judge_(judge),
        rows_(in.column("observations").rows()),
        manifest_(corruption_manifest(in)),
        ends_(rows_),
        flagged_(rows_) {
    for (const EpisodeRows& e : find_episodes(in)) ends_.add(e.end - 1);
    for (const char* key : {"observations", "next_observations", "actions", "rewards"})
      if (const Column* c = in.find(key))
        outcomes_[key] = {c, RowSet(rows_), changed_rows(in, key, rows_), patches_of(in, manifest_, *c)};
    if (s_.continuity != Continuity::kOff && !outcomes_.count("next_observations"))
      throw Error("has no next_observations, so each state is there once", in.path(),
                  "give --continuity off");
    require_fractions();
    prepare_scales();
    if (judge) judgements_ = judge->judge(in);
  }

  nlohmann::json run() {
    for (const Column& c : in_.columns())
      if (!is_record(c.key) && !c.key.starts_with(kRepairs) && !c.key.starts_with(kScores))
        declare_or_copy(c);
    for_pieces(rows_, [&](std::int64_t first, std::int64_t n) { piece(first, n); });
    put_flags();
    put_judgements();
    nlohmann::json r = result();
    out_.put(std::string(kRepairs) + "report", Array::text(r.dump()));
    std::vector<Attribute> attributes = in_.all_attributes();
    erase_attribute(attributes, "", kCorruptionAttribute);
    out_.set_attributes(attributes);
    out_.commit();
    return r;
  }

 private:
  struct Hold {  // [low, high] of a dimension
    double low = -INFINITY, high = INFINITY;
  };

  // Whether the settings may change the column's values.
  bool mends(const std::string& key) const {
    if (judge_) return true;
    if (key == "actions") return s_.clip_actions > 0;
    if (key == "rewards") return s_.winsorise > 0;
    const Continuity other = key == "observations" ? Continuity::kPrevious : Continuity::kNext;
    return s_.clip > 0 || s_.continuity == other || s_.continuity == Continuity::kNearer;
  }
  void require_fractions() const {
    for (const auto& [key, o] : outcomes_)
      if (mends(key) && o.column->type != ArrayType::kF32 && o.column->type != ArrayType::kF64)
        throw Error("is " + o.column->describe() + "; repair works on float32 and float64",
                    in_.where(*o.column), "write the column as float32 first");
  }

  void prepare_scales() {
    const SampledRows sampled = sampled_rows(in_, rows_);
    if (s_.clip > 0 || s_.continuity != Continuity::kOff) {
      const Usual states = usual_of(in_, in_.column("observations"), sampled);
      for (const RobustScale& scale : states.scales) {
        const double room = s_.clip * scale.deviation;
        const Hold hold = room > 0 ? Hold{scale.median - room, scale.median + room} : Hold{};
        if (s_.clip > 0) holds_["observations"].push_back(hold);
        if (s_.clip > 0 && in_.find("next_observations")) holds_["next_observations"].push_back(hold);
      }
      steps_ = states.steps;
    }
    if (s_.clip_actions > 0)
      holds_["actions"].assign(static_cast<std::size_t>(in_.column("actions").row_elements()),
                               Hold{-s_.clip_actions, s_.clip_actions});
    if (s_.winsorise > 0) {
      const std::vector<double> rewards = sample(in_, in_.column("rewards"), sampled)[0];
      holds_["rewards"] = {Hold{quantile(rewards, s_.winsorise), quantile(rewards, 1 - s_.winsorise)}};
    }
  }

  void declare_or_copy(const Column& c) {
    if (outcomes_.count(c.key)) {  // mended values need not be values of the type that the file has
      Column mended = c;
      mended.stored_as = nullptr;
      return out_.declare(mended);
    }
    if (c.type == ArrayType::kString || c.shape.empty()) return out_.put(c.key, in_.read(c));
    out_.declare(c);
    for_pieces(c.rows(), [&](std::int64_t first, std::int64_t n) {
      Bytes piece(static_cast<std::size_t>(n) * c.row_bytes());
      in_.read(c, first, n, piece);
      out_.append(c.key, piece);
    });
  }

  void piece(std::int64_t first, std::int64_t n) {
    std::map<std::string, std::vector<double>> values;
    std::map<std::string, Bytes> raw;
    for (const auto& [key, o] : outcomes_) {
      Bytes& bytes = raw[key];
      bytes.resize(static_cast<std::size_t>(n) * o.column->row_bytes());
      in_.read(*o.column, first, n, bytes);
      values[key].resize(static_cast<std::size_t>(n * o.column->row_elements()));
      load_doubles(o.column->type, bytes.data(), values[key].size(), values[key].data());
    }
    if (s_.continuity != Continuity::kOff)
      mend(first, n, values.at("observations"), values.at("next_observations"));
    for (const auto& [key, j] : judgements_) replace(first, n, key, j, values.at(key));
    for (const auto& [key, holds] : holds_) clip(first, key, holds, values.at(key));
    for (auto& [key, o] : outcomes_) {
      Bytes clean = raw[key], now = raw[key];
      for (Patch& p : o.truth) p.apply(first, n, clean.data());
      const auto width = static_cast<std::size_t>(o.column->row_elements());
      const std::size_t row_bytes = o.column->row_bytes();
      for (std::int64_t row = first; row < first + n; ++row) {
        if (!o.changed.has(row)) continue;
        const auto at = static_cast<std::size_t>(row - first);
        store_doubles(o.column->type, values[key].data() + at * width, width, now.data() + at * row_bytes);
        o.restored +=
            o.recorded.has(row) && std::equal(now.begin() + static_cast<std::ptrdiff_t>(at * row_bytes),
                                              now.begin() + static_cast<std::ptrdiff_t>((at + 1) * row_bytes),
                                              clean.begin() + static_cast<std::ptrdiff_t>(at * row_bytes));
      }
      if (!o.truth.empty()) {
        std::vector<double> was(values[key].size()), is(was), right(was);
        load_doubles(o.column->type, raw[key].data(), was.size(), was.data());
        load_doubles(o.column->type, now.data(), is.size(), is.data());
        load_doubles(o.column->type, clean.data(), right.size(), right.data());
        for (std::size_t i = 0; i < was.size(); ++i) {
          o.error_before += std::abs(was[i] - right[i]);
          o.error_after += std::abs(is[i] - right[i]);
        }
      }
      out_.append(key, now);
    }
  }

  void replace(std::int64_t first, std::int64_t n, const std::string& key, const Judgement& j,
               std::vector<double>& values) {
    const auto width = static_cast<std::size_t>(outcomes_.at(key).column->row_elements());
    for (std::int64_t row = first; row < first + n; ++row) {
      if (!j.replaced.has(row)) continue;
      std::copy_n(
          j.values.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(row) * width), width,
          values.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(row - first) * width));
      outcomes_.at(key).changed.add(row);
    }
  }

  // Both copies of each state in the piece's rows, and the pairs that reach over its edges.
  void mend(std::int64_t first, std::int64_t n, std::vector<double>& observations,
            std::vector<double>& next) {
    const auto d = static_cast<std::size_t>(in_.column("observations").row_elements());
    const std::int64_t begin = std::max<std::int64_t>(first - 1, 0), end = std::min(rows_, first + n + 1);
    const std::vector<double> s = read_doubles(in_, in_.column("observations"), begin, end - begin),
                              s_next = read_doubles(in_, in_.column("next_observations"), begin, end - begin);
    const auto in_piece = [&](std::int64_t row) { return row >= first && row < first + n; };
    for (std::int64_t t = begin; t < end; ++t) {
      const double* x = s_next.data() + static_cast<std::size_t>(t - begin) * d;
      if (ends_.has(t)) {
        if (in_piece(t) && unusual(s.data() + static_cast<std::size_t>(t - begin) * d, x)) flagged_.add(t);
        continue;
      }
      if (t + 1 >= end) continue;
      const double* y = s.data() + static_cast<std::size_t>(t + 1 - begin) * d;
      if (std::equal(x, x + d, y)) continue;  // the states agree
      const bool to_next = s_.continuity == Continuity::kNext || (s_.continuity == Continuity::kNearer &&
                                                                  second_is_nearer(s, s_next, t - begin, d));
      const std::int64_t row = to_next ? t : t + 1;
      if (!in_piece(row)) continue;
      std::copy_n(to_next ? y : x, d,
                  (to_next ? next : observations).data() + static_cast<std::size_t>(row - first) * d);
      outcomes_.at(to_next ? "next_observations" : "observations").changed.add(row);
    }
  }

  bool unusual(const double* now, const double* then) const {
    for (std::size_t k = 0; k < steps_.size(); ++k)
      if (!std::isfinite(then[k]) || (steps_[k] > 0 && std::abs(then[k] - now[k]) > kUnusualStep * steps_[k]))
        return true;
    return false;
  }

  // Whether s_{t+1} lies nearer than s'_t to the middle of s_t and s'_{t+1}, in usual steps.
  bool second_is_nearer(const std::vector<double>& s, const std::vector<double>& s_next, std::int64_t t,
                        std::size_t d) const {
    const auto at = static_cast<std::size_t>(t) * d;
    double first = 0, second = 0;
    for (std::size_t k = 0; k < d; ++k) {
      const double unit = steps_[k] > 0 ? steps_[k] : 1;
      const double middle = 0.5 * (s[at + k] + s_next[at + d + k]);
      first += std::min(1e6, std::abs(s_next[at + k] - middle) / unit);
      second += std::min(1e6, std::abs(s[at + d + k] - middle) / unit);
    }
    return second < first;
  }

  void clip(std::int64_t first, const std::string& key, const std::vector<Hold>& holds,
            std::vector<double>& values) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const Hold& h = holds[i % holds.size()];
      const double held = std::clamp(values[i], h.low, h.high);
      if (held == values[i] || std::isnan(values[i])) continue;
      values[i] = held;
      outcomes_.at(key).changed.add(first + static_cast<std::int64_t>(i / holds.size()));
    }
  }

  void put_rows(const std::string& key, const RowSet& set) {
    Array rows = Array::of(ArrayType::kI64, {set.count()});
    std::int64_t at = 0;
    for (std::int64_t row = 0; row < rows_; ++row)
      if (set.has(row)) rows.as<std::int64_t>()[at++] = row;
    out_.put(kRepairs + key, rows);
  }

  void put_flags() {
    if (s_.continuity != Continuity::kOff) put_rows("flagged", flagged_);
  }

  void put_judgements() {
    for (const auto& [key, j] : judgements_) {
      Array scores = Array::of(ArrayType::kF32, {rows_});
      std::ranges::copy(j.wrong, scores.as<float>());
      out_.put(kScores + key, scores);
      put_rows("replaced/" + key, j.replaced);
      put_rows("doubtful/" + key, j.doubtful);
    }
  }

  // changed against recorded, over the rows that `in` holds for.
  template <class In>
  static nlohmann::json measured(const RowSet& changed, const RowSet& recorded, In&& in) {
    std::int64_t c = 0, r = 0, hit = 0;
    for (std::int64_t row = 0; row < changed.rows(); ++row) {
      if (!in(row)) continue;
      c += changed.has(row);
      r += recorded.has(row);
      hit += changed.has(row) && recorded.has(row);
    }
    nlohmann::json m{{"changed", c}, {"recorded", r}, {"hit", hit}};
    if (c) m["precision"] = static_cast<double>(hit) / static_cast<double>(c);
    if (r) m["recall"] = static_cast<double>(hit) / static_cast<double>(r);
    return m;
  }

  nlohmann::json result() {
    nlohmann::json columns = nlohmann::json::object();
    for (auto& [key, o] : outcomes_) {
      nlohmann::json m = measured(o.changed, o.recorded, [](std::int64_t) { return true; });
      m["restored_exactly"] = o.restored;
      if (!o.truth.empty()) {
        const double elements = static_cast<double>(rows_) * static_cast<double>(o.column->row_elements());
        m["error"] = {{"before", o.error_before / elements}, {"after", o.error_after / elements}};
      }
      if (const auto j = judgements_.find(key); j != judgements_.end())
        m["judged"] = datasets::measured(j->second, manifest_.is_null() ? nullptr : &o.recorded);
      if (key == "next_observations")
        m["with_successor"] =
            measured(o.changed, o.recorded, [&](std::int64_t row) { return !ends_.has(row); });
      if (key == "observations")
        m["with_predecessor"] =
            measured(o.changed, o.recorded, [&](std::int64_t row) { return row > 0 && !ends_.has(row - 1); });
      columns[key] = m;
    }
    nlohmann::json r{{"rows", rows_},
                     {"known_corruption", !manifest_.is_null()},
                     {"continuity", kContinuities[static_cast<std::size_t>(s_.continuity)]},
                     {"clip", s_.clip},
                     {"clip_actions", s_.clip_actions},
                     {"winsorise", s_.winsorise},
                     {"columns", columns},
                     {"version", version()}};
    if (judge_) r["models"] = judge_->describe();
    if (s_.continuity != Continuity::kOff) {
      RowSet truth(rows_);
      if (const auto next = outcomes_.find("next_observations"); next != outcomes_.end())
        truth = next->second.recorded;
      r["unchecked_ends"] = ends_.count();
      r["flagged"] = measured(flagged_, truth, [&](std::int64_t row) { return ends_.has(row); });
    }
    return r;
  }

  Reader& in_;
  Writer& out_;
  const RepairSettings& s_;
  Judge* judge_;
  std::int64_t rows_;
  nlohmann::json manifest_;
  RowSet ends_, flagged_;
  std::map<std::string, Outcome> outcomes_;
  std::map<std::string, std::vector<Hold>> holds_;
  std::map<std::string, Judgement> judgements_;
  std::vector<double> steps_;  // usual ones, by dimension
};

}  // namespace

Continuity continuity_named(const std::string& name) {
  for (std::size_t i = 0; i < kContinuities.size(); ++i)
    if (name == kContinuities[i]) return static_cast<Continuity>(i);
  throw Error("there is no continuity '" + name + "'", "--continuity",
              suggestion(name, {kContinuities.begin(), kContinuities.end()}));
}

nlohmann::json repair(Reader& in, Writer& out, const RepairSettings& settings, Judge* judge) {
  check_d4rl(in, Rewards::kWherePresent);
  return Repair(in, out, settings, judge).run();
}

}  // namespace hardy::datasets
