// Two formats in .npz files. numpy: D4RL's arrays by their names. ogbench: OGBench's, where the rows are
// states: a trajectory of T transitions has T + 1 rows, `terminals` marks the last of them, and that row's
// action leads nowhere. Each such row is left out; the row before it gets next_observations from it and is
// a timeout, for OGBench's trajectories end by their length. `masks`, where a file has them, are 0 where a
// task ended.
#include <algorithm>
#include <map>

#include "datasets/formats/npz.h"
#include "datasets/store.h"
#include "engine/base/error.h"
#include "engine/base/json.h"

namespace hardy::datasets {
namespace {

constexpr std::string_view kMark = "PK\3\4";

bool has_array(const NpzFile& file, const char* key) { return file.find(key) != nullptr; }

class NumpyReader : public Reader {
 public:
  explicit NumpyReader(const Probe& probe) : Reader(probe.path().string(), "numpy"), file_(probe.path()) {
    std::vector<Column> columns;
    for (const NpzArray& a : file_.arrays())
      columns.push_back({a.key, a.element.type, a.shape, stored_as(a.element)});
    for (const std::string& s : file_.skipped()) note(s);
    set_columns(std::move(columns));
  }

 private:
  void read_rows(const Column& column, std::int64_t first, std::int64_t rows, std::byte* to) override {
    if (cursors_.size() >= kMostCursors && !cursors_.contains(column.key)) cursors_.clear();
    std::unique_ptr<NpzCursor>& cursor = cursors_[column.key];
    if (!cursor) cursor = std::make_unique<NpzCursor>(file_, *file_.find(column.key));
    cursor->read(first, rows, to);
  }

  static constexpr std::size_t kMostCursors = 64;  // each holds an inflater's memory
  NpzFile file_;
  std::map<std::string, std::unique_ptr<NpzCursor>> cursors_;
};

class OgbenchReader : public Reader {
 public:
  explicit OgbenchReader(const Probe& probe) : Reader(probe.path().string(), "ogbench"), file_(probe.path()) {
    for (const char* key : {"observations", "actions", "terminals"})
      if (!has_array(file_, key))
        throw Error("has no '" + std::string(key) + "'", path(), "OGBench's files have");
    const NpzArray& terminals = *file_.find("terminals");
    if (terminals.shape.empty() || terminals.shape[0] == 0)
      throw Error("has no rows", path() + " /terminals");
    source_rows_ = terminals.shape[0];
    find_trajectories(terminals);

    std::vector<Column> columns;
    const auto add = [&](const std::string& key, const NpzArray& from, std::int64_t shift,
                         bool flag = false) {
      if (from.shape.empty() || from.shape[0] != source_rows_)
        throw Error("has " + std::to_string(from.shape.empty() ? 0 : from.shape[0]) +
                        " rows, terminals have " + std::to_string(source_rows_),
                    path() + " /" + from.key);
      Column c{key, flag ? ArrayType::kBool : from.element.type, from.shape,
               flag ? nullptr : stored_as(from.element)};
      c.shape[0] = rows_;
      columns.push_back(c);
      sources_[key] = {std::make_unique<NpzCursor>(file_, from), shift, from.element.type};
    };
    for (const NpzArray& a : file_.arrays()) {
      if (a.key == "terminals") continue;
      const bool core = a.key == "observations" || a.key == "actions" || a.key == "rewards";
      if (a.key == "masks")
        add("terminals", a, 0, true);
      else
        add(core ? a.key : "infos/" + a.key, a, 0);
    }
    add("next_observations", *file_.find("observations"), 1);
    if (!has_array(file_, "masks")) columns.push_back({"terminals", ArrayType::kBool, {rows_}});
    columns.push_back({"timeouts", ArrayType::kBool, {rows_}});
    note(std::to_string(trajectories_.size()) + " trajectories; " + std::to_string(source_rows_ - rows_) +
         " last states have no action and are no rows");
    for (const std::string& s : file_.skipped()) note(s);
    if (!has_array(file_, "rewards")) note("no rewards: OGBench's data is without a goal");
    set_columns(std::move(columns));
  }

 private:
  struct Trajectory {
    std::int64_t source, row, rows;  // its first state; its first transition, and how many
  };
  struct Source {
    std::unique_ptr<NpzCursor> cursor;
    std::int64_t shift;
    ArrayType type;
  };

  void find_trajectories(const NpzArray& terminals) {
    NpzCursor cursor(file_, terminals);
    constexpr std::int64_t kPiece = 65536;
    Bytes raw(static_cast<std::size_t>(kPiece) * size_of(terminals.element.type));
    std::vector<float> flags(static_cast<std::size_t>(kPiece));
    if (terminals.shape.size() > 2 || (terminals.shape.size() == 2 && terminals.shape[1] != 1))
      throw Error("is " + describe(terminals.element.type, terminals.shape), path() + " /terminals",
                  "expected [N]");
    std::int64_t begin = 0;
    const auto close = [&](std::int64_t last_state) {
      if (last_state > begin) trajectories_.push_back({begin, rows_, last_state - begin});
      rows_ += std::max<std::int64_t>(last_state - begin, 0);
      begin = last_state + 1;
    };
    for (std::int64_t at = 0; at < source_rows_; at += kPiece) {
      const std::int64_t n = std::min(kPiece, source_rows_ - at);
      cursor.read(at, n, raw.data());
      to_floats(terminals.element.type, raw.data(), static_cast<std::size_t>(n), flags.data());
      for (std::int64_t i = 0; i < n; ++i)
        if (flags[static_cast<std::size_t>(i)] != 0) close(at + i);
    }
    if (begin < source_rows_) close(source_rows_ - 1);  // a last trajectory that nothing marks
    if (rows_ == 0) throw Error("gives no transition: every row ends a trajectory", path() + " /terminals");
  }

  void read_rows(const Column& column, std::int64_t first, std::int64_t rows, std::byte* to) override {
    const std::size_t row = column.row_bytes();
    const auto source = sources_.find(column.key);
    auto t = std::upper_bound(trajectories_.begin(), trajectories_.end(), first,
                              [](std::int64_t r, const Trajectory& x) { return r < x.row; }) -
             1;
    for (; rows > 0; ++t) {
      const std::int64_t skip = first - t->row, n = std::min(rows, t->rows - skip);
      if (source == sources_.end()) {  // flags that the rows' places give
        std::fill_n(to, n, std::byte{0});
        if (column.key == "timeouts" && skip + n == t->rows) to[n - 1] = std::byte{1};
      } else {
        read_source(source->second, column, t->source + skip + source->second.shift, n, to);
      }
      first += n;
      rows -= n;
      to += static_cast<std::size_t>(n) * row;
    }
  }

  static void read_source(Source& source, const Column& column, std::int64_t first, std::int64_t rows,
                          std::byte* to) {
    if (column.key != "terminals") return source.cursor->read(first, rows, to);
    const auto n = static_cast<std::size_t>(rows * column.row_elements());
    Bytes raw(n * size_of(source.type));
    std::vector<float> masks(n);
    source.cursor->read(first, rows, raw.data());
    to_floats(source.type, raw.data(), n, masks.data());
    std::transform(masks.begin(), masks.end(), to, [](float m) { return std::byte{m == 0}; });
  }

  NpzFile file_;
  std::int64_t source_rows_ = 0, rows_ = 0;
  std::vector<Trajectory> trajectories_;
  std::map<std::string, Source> sources_;
};

// OGBench's files have neither rewards nor next observations, and their terminals are no D4RL's.
bool looks_like_ogbench(const Probe& probe) {
  const NpzFile file(probe.path());
  return has_array(file, "observations") && has_array(file, "actions") && has_array(file, "terminals") &&
         !has_array(file, "next_observations") && !has_array(file, "timeouts") &&
         (!has_array(file, "rewards") || has_array(file, "masks"));
}

const RegisterFormat kNumpy({
    "numpy",
    "a .npz file, D4RL's arrays by their names (read only)",
    "",
    [](Probe& probe) { return probe.starts_with(kMark) ? 1 : 0; },
    [](Probe& probe, const OpenSettings&) -> std::unique_ptr<Reader> {
      return std::make_unique<NumpyReader>(probe);
    },
    nullptr,
});

const RegisterFormat kOgbench({
    "ogbench",
    "OGBench's .npz file, a row for each state (read only)",
    "",
    [](Probe& probe) { return probe.starts_with(kMark) && looks_like_ogbench(probe) ? 2 : 0; },
    [](Probe& probe, const OpenSettings&) -> std::unique_ptr<Reader> {
      return std::make_unique<OgbenchReader>(probe);
    },
    nullptr,
});

}  // namespace
}  // namespace hardy::datasets
