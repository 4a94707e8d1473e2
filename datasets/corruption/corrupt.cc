#include "datasets/corruption/corrupt.h"

#include <algorithm>
#include <cmath>

#include "datasets/attributes.h"
#include "datasets/corruption/corrupt_values.h"
#include "datasets/corruption/corruption_record.h"
#include "datasets/formats/utf8.h"
#include "datasets/pieces.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/base/version.h"
#include "engine/run/json_text.h"
#include "engine/run/sha256.h"

namespace hardy::datasets {
namespace {

// A column's rows, be they in the file or made: next_observations that the file lacks are the row that
// follows within the episode, or the row itself at an episode's end.
class Source {
 public:
  Source(Reader& reader, const std::string& key, const RowSet& starts)
      : reader_(reader), starts_(starts), made_(key == "next_observations" && !reader.find(key)) {
    column_ = reader.column(made_ ? "observations" : key);
    column_.key = key;
    if (column_.type != ArrayType::kF32 && column_.type != ArrayType::kF64)
      throw Error("is " + column_.describe() + "; corruption works on float32 and float64",
                  reader.path() + " /" + key);
  }
  const Column& column() const { return column_; }
  std::size_t width() const { return static_cast<std::size_t>(column_.row_elements()); }
  bool made() const { return made_; }

  Bytes bytes(std::int64_t first, std::int64_t rows) {
    const std::size_t row = column_.row_bytes();
    Bytes own(static_cast<std::size_t>(rows) * row);
    if (!made_) {
      reader_.read(reader_.column(column_.key), first, rows, own);
      return own;
    }
    const Column& observations = reader_.column("observations");
    const std::int64_t more = std::min<std::int64_t>(1, column_.rows() - first - rows);
    Bytes all(static_cast<std::size_t>(rows + more) * row);
    reader_.read(observations, first, rows + more, all);
    for (std::int64_t i = 0; i < rows; ++i) {
      const bool follows = i + 1 < rows + more && !starts_.has(first + i + 1);
      std::copy_n(all.data() + static_cast<std::size_t>(i + follows) * row, row,
                  own.data() + static_cast<std::size_t>(i) * row);
    }
    return own;
  }
  std::vector<double> doubles(std::int64_t first, std::int64_t rows) {
    const Bytes raw = bytes(first, rows);
    std::vector<double> x(static_cast<std::size_t>(rows) * width());
    load_doubles(column_.type, raw.data(), x.size(), x.data());
    return x;
  }

 private:
  Reader& reader_;
  const RowSet& starts_;
  bool made_;
  Column column_;
};

RowSet episode_starts(const std::vector<EpisodeRows>& episodes, std::int64_t rows) {
  RowSet starts(rows);
  for (const EpisodeRows& e : episodes) starts.add(e.begin);
  return starts;
}

std::vector<double> standard_deviations(Source& source, const CorruptionSettings& s,
                                        const std::string& path) {
  StandardDeviation deviation(source.width(),
                              s.generator == "numpy" && source.column().type == ArrayType::kF32);
  const std::int64_t rows = source.column().rows();
  for_pieces(rows, [&](std::int64_t first, std::int64_t n) { deviation.first(source.doubles(first, n)); });
  for_pieces(rows, [&](std::int64_t first, std::int64_t n) { deviation.second(source.doubles(first, n)); });
  for (const double d : deviation.result())
    if (!std::isfinite(d))
      throw Error("holds values that are not finite", path + " /" + source.column().key,
                  "see 'hardy data audit'");
  return deviation.result();
}

ElementAttack plan(Element element, Source& source, const CorruptionSettings& s, CorruptionDraws& draws,
                   const std::vector<EpisodeRows>& episodes, const std::string& path) {
  const std::size_t width = source.width();
  ElementAttack attack{element,
                       s.mode_of(element),
                       s.scale,
                       s.delay,
                       width,
                       std::vector<double>(width, 0),
                       std::vector<std::uint8_t>(width, s.sensors.empty()),
                       RowSet(),
                       {}};
  for (const std::int64_t k : s.sensors) {
    if (k < 0 || k >= static_cast<std::int64_t>(width))
      throw Error(name_of(element) + " have " + std::to_string(width) + " dimensions",
                  "--sensors " + std::to_string(k), "they are counted from 0");
    attack.touched[static_cast<std::size_t>(k)] = 1;
  }
  if (attack.needs_std()) attack.std = standard_deviations(source, s, path);
  for (std::size_t k = 0; k < width; ++k)
    if (!attack.touched[k]) attack.std[k] = 0;
  attack.rows = draws.choose(element, source.column().rows(), episodes);
  if (attack.draws_noise())
    attack.noise = draws.noise(element, attack.rows.count() * static_cast<std::int64_t>(width));
  return attack;
}

// One element on its way from the input to the output.
struct AttackedColumn {
  ElementAttack attack;
  Source source;
  run::Sha256 hash;
  std::string key(const char* part) const { return record_key(attack.element, part); }
};

// A list of rows, and what they held, go into the record as they come.
void record(Writer& out, const std::string& rows_key, const std::string& before_key,
            const std::vector<std::int64_t>& rows, std::int64_t first, std::size_t row_bytes,
            const Bytes& clean) {
  Bytes before;
  for (const std::int64_t row : rows) {
    const std::byte* at = clean.data() + static_cast<std::size_t>(row - first) * row_bytes;
    before.insert(before.end(), at, at + row_bytes);
  }
  out.append(rows_key, std::as_bytes(std::span(rows)));
  out.append(before_key, before);
}

void declare_record(Writer& out, const std::string& rows_key, const std::string& before_key,
                    const Column& column, std::int64_t count) {
  Column before = column;
  before.key = before_key;
  before.shape[0] = count;
  out.declare({rows_key, ArrayType::kI64, {count}});
  out.declare(before);
}

std::vector<float> gather(Source& source, std::int64_t first, std::int64_t n,
                          const std::vector<std::int64_t>& rows) {
  const std::vector<double> all = source.doubles(first, n);
  std::vector<float> some;
  for (const std::int64_t row : rows)
    for (std::size_t k = 0; k < source.width(); ++k)
      some.push_back(static_cast<float>(all[static_cast<std::size_t>(row - first) * source.width() + k]));
  return some;
}

// The next observations whose successor was attacked, in a file whose states change in both their copies.
class CopiedStates {
 public:
  CopiedStates(Reader& in, Writer& out, const RowSet& attacked, const RowSet& starts)
      : source_(in, "next_observations", starts), out_(out), attacked_(attacked), starts_(starts) {
    std::int64_t count = 0;
    for (std::int64_t row = 1; row < attacked.rows(); ++row) count += attacked.has(row) && !starts.has(row);
    Column changed = source_.column();
    changed.stored_as = nullptr;
    out.declare(changed);
    declare_record(out, rows_key_, before_key_, source_.column(), count);
  }
  // observations: the new rows [first, first + n).
  void follow(std::int64_t first, std::int64_t n, std::span<const double> observations) {
    const std::int64_t begin = std::max<std::int64_t>(first - 1, 0),
                       end = first + n == source_.column().rows() ? first + n : first + n - 1;
    const std::size_t row_bytes = source_.column().row_bytes();
    Bytes piece = source_.bytes(begin, end - begin);
    hash_.add(piece.data(), piece.size());
    const Bytes clean = piece;
    std::vector<std::int64_t> rows;
    for (std::int64_t row = begin; row < end && row + 1 < first + n; ++row) {
      if (!attacked_.has(row + 1) || starts_.has(row + 1)) continue;
      rows.push_back(row);
      store_doubles(source_.column().type,
                    observations.data() + static_cast<std::size_t>(row + 1 - first) * source_.width(),
                    source_.width(), piece.data() + static_cast<std::size_t>(row - begin) * row_bytes);
    }
    record(out_, rows_key_, before_key_, rows, begin, row_bytes, clean);
    out_.append(source_.column().key, piece);
  }
  std::string hash() { return hash_.hex(); }

 private:
  Source source_;
  Writer& out_;
  const RowSet &attacked_, &starts_;
  run::Sha256 hash_;
  const std::string rows_key_ = record_key(Element::kObservations, "copy_rows"),
                    before_key_ = record_key(Element::kObservations, "copy_before");
};

class Corruption {
 public:
  Corruption(Reader& in, Writer& out, const CorruptionSettings& s, Adversary* adversary)
      : in_(in),
        out_(out),
        s_(s),
        adversary_(adversary),
        rows_(in.column("observations").rows()),
        episodes_(find_episodes(in)),
        starts_(episode_starts(episodes_, rows_)) {}

  nlohmann::json run(const std::string& input_sha256) {
    plan_columns();
    copy_the_rest();
    for_pieces(rows_, [&](std::int64_t first, std::int64_t n) { piece(first, n); });
    nlohmann::json m = manifest(input_sha256);
    out_.put(std::string(kCorruptionRecord) + "manifest", Array::text(run::json_text(m, -1)));
    std::vector<Attribute> attributes = in_.all_attributes();
    attributes.push_back({"", kCorruptionAttribute, false, run::json_text(m, -1)});
    out_.set_attributes(attributes);
    out_.commit();
    return m;
  }

 private:
  bool attacks(Element e) const { return std::ranges::find(s_.elements, e) != s_.elements.end(); }

  void plan_columns() {
    CorruptionDraws draws(s_);
    for (const Element e : all_elements()) {
      if (!attacks(e)) continue;
      Source source(in_, column_of(e), starts_);
      ElementAttack attack = plan(e, source, s_, draws, episodes_, in_.path());
      if (attack.needs_adversary() && !adversary_)
        throw Error("an adversary of " + name_of(e) + " needs a critic", "--mode adversarial",
                    "give --critic RUN_OR_CHECKPOINT");
      // Attacked values need not be values of the type that the file has.
      Column attacked = source.column();
      attacked.stored_as = nullptr;
      out_.declare(attacked);
      columns_.push_back({std::move(attack), std::move(source), {}});
      AttackedColumn& s = columns_.back();
      declare_record(out_, s.key("rows"), s.key("before"), s.source.column(), s.attack.rows.count());
    }
    const bool has_next = in_.find("next_observations");
    if (attacks(Element::kObservations) && s_.trajectory && has_next)
      copies_ = std::make_unique<CopiedStates>(in_, out_, columns_.front().attack.rows, starts_);
    makes_clean_ =
        attacks(Element::kObservations) && !s_.trajectory && !has_next && !attacks(Element::kDynamics);
  }

  void copy_the_rest() {
    for (const Column& c : in_.columns()) {
      const bool streamed =
          std::ranges::any_of(columns_,
                              [&](const AttackedColumn& s) { return s.source.column().key == c.key; }) ||
          (copies_ && c.key == "next_observations");
      if (streamed) continue;
      ColumnHash hash;
      if (c.type == ArrayType::kString || c.shape.empty()) {
        const Array whole = in_.read(c);
        hash.add(whole);
        out_.put(c.key, whole);
      } else {
        out_.declare(c);
        for_pieces(c.rows(), [&](std::int64_t first, std::int64_t n) {
          Bytes piece(static_cast<std::size_t>(n) * c.row_bytes());
          in_.read(c, first, n, piece);
          hash.add(piece);
          out_.append(c.key, piece);
        });
      }
      hashes_[c.key] = hash.hex();
    }
    if (!makes_clean_) return;
    Source next(in_, "next_observations", starts_);
    out_.declare(next.column());
    for_pieces(rows_, [&](std::int64_t first, std::int64_t n) {
      out_.append("next_observations", next.bytes(first, n));
    });
  }

  void piece(std::int64_t first, std::int64_t n) {
    for (AttackedColumn& s : columns_) {
      const Column& column = s.source.column();
      Bytes raw = s.source.bytes(first, n);
      s.hash.add(raw.data(), raw.size());
      const std::int64_t past = std::min(first, s.attack.history());
      const std::vector<double> clean = s.source.doubles(first - past, past + n);
      std::vector<double> out(clean.end() - n * static_cast<std::int64_t>(s.attack.width), clean.end());
      std::vector<std::int64_t> rows;
      for (std::int64_t row = first; row < first + n; ++row)
        if (s.attack.rows.has(row)) rows.push_back(row);
      s.attack.apply(first, clean, starts_, adversarial(s.attack, first, n, rows), out);
      record(out_, s.key("rows"), s.key("before"), rows, first, column.row_bytes(), raw);
      for (const std::int64_t row : rows) {
        const auto at = static_cast<std::size_t>(row - first);
        store_doubles(column.type, out.data() + at * s.attack.width, s.attack.width,
                      raw.data() + at * column.row_bytes());
      }
      out_.append(column.key, raw);
      if (copies_ && s.attack.element == Element::kObservations) copies_->follow(first, n, out);
    }
  }

  std::vector<float> adversarial(const ElementAttack& attack, std::int64_t first, std::int64_t n,
                                 const std::vector<std::int64_t>& rows) {
    if (!attack.needs_adversary() || rows.empty()) return {};
    Source observations(in_, "observations", starts_), actions(in_, "actions", starts_),
        next(in_, "next_observations", starts_);
    std::vector<float> delta(rows.size() * attack.width);
    adversary_->attack(attack.element,
                       {rows, gather(observations, first, n, rows), gather(actions, first, n, rows),
                        gather(next, first, n, rows)},
                       attack.std, attack.scale, s_.seed, delta);
    return delta;
  }

  nlohmann::json manifest(const std::string& input_sha256) {
    nlohmann::json elements = nlohmann::json::array(), columns = nlohmann::json::object(),
                   made = nlohmann::json::array(), types = nlohmann::json::object();
    for (const auto& [key, hash] : hashes_) columns[as_utf8(key)] = hash;
    for (const Column& c : in_.columns()) types[as_utf8(c.key)] = described_as_stored(c);
    const std::vector<Attribute> attributes = in_.all_attributes();
    bool critic = false;
    for (AttackedColumn& s : columns_) {
      elements.push_back({{"element", name_of(s.attack.element)},
                          {"mode", name_of(s.attack.mode)},
                          {"rate", s_.rate},
                          {"scale", s_.scale},
                          {"rows_changed", s.attack.rows.count()}});
      if (s.attack.mode == Mode::kDelayed) elements.back()["delay"] = s_.delay;
      critic = critic || s.attack.needs_adversary();
      if (s.source.made())
        made.push_back(s.source.column().key);
      else
        columns[s.source.column().key] = s.hash.hex();
    }
    if (copies_) columns["next_observations"] = copies_->hash();
    if (makes_clean_) made.push_back("next_observations");
    nlohmann::json m{{"generator", s_.generator},
                     {"seed", s_.seed},
                     {"pattern", name_of(s_.pattern)},
                     {"rows_shared", s_.shared_rows},
                     {"copies", s_.trajectory ? "trajectory" : "tuple"},
                     {"sensors", s_.sensors.empty() ? nlohmann::json("all") : nlohmann::json(s_.sensors)},
                     {"elements", elements},
                     {"columns_made", made},
                     {"column_sha256", columns},
                     {"column_types", types},
                     {"attributes", attributes.size()},
                     {"attributes_sha256", attributes_sha256(attributes, false)},
                     {"input", in_.path()},
                     {"input_sha256", input_sha256},
                     {"rows", rows_},
                     {"version", version()}};
    if (all_stored(attributes)) m["stored_attributes_sha256"] = attributes_sha256(attributes, true);
    if (s_.pattern == Pattern::kBlocks) m["block"] = s_.block;
    if (critic) m["critic"] = adversary_->describe();
    return m;
  }

  Reader& in_;
  Writer& out_;
  const CorruptionSettings& s_;
  Adversary* adversary_;
  std::int64_t rows_;
  std::vector<EpisodeRows> episodes_;
  RowSet starts_;
  std::vector<AttackedColumn> columns_;
  std::unique_ptr<CopiedStates> copies_;
  std::map<std::string, std::string> hashes_;  // of the columns that are copied
  bool makes_clean_ = false;
};

// The manifest goes there, and --undo takes it away.
void require_free_attribute(Reader& in) {
  for (const Attribute& a : in.all_attributes())
    if (a.object.empty() && a.name == kCorruptionAttribute)
      throw Error("stands where the manifest of this corruption goes",
                  in.path() + " @" + kCorruptionAttribute,
                  "remove or rename the attribute, or start from the clean file");
}

}  // namespace

nlohmann::json corrupt(Reader& in, Writer& out, const CorruptionSettings& settings,
                       const std::string& input_sha256, Adversary* adversary) {
  check(settings);
  check_d4rl(in, Rewards::kWherePresent);
  if (!corruption_manifest(in).is_null())
    throw Error("is corrupted already", in.path(), "undo that first, or start from the clean file");
  require_free_attribute(in);
  return Corruption(in, out, settings, adversary).run(input_sha256);
}

}  // namespace hardy::datasets
