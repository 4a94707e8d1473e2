// The d4rl format: a flat HDF5 file whose arrays all have a row for each transition. Every variant since
// v0: gzip or not, truth values as an enumeration or as numbers, rewards of shape [N] or [N, 1], groups
// (infos/qpos, metadata/policy/...), scalars, text, float64 columns. d3rlpy's files of version 1 have
// episode_terminals, set at every episode's last row, instead of timeouts. MATLAB's files (a user block in
// front, dimensions in reverse order) are shown as MATLAB shows them.
#include <algorithm>
#include <cmath>
#include <functional>

#include "datasets/episodes.h"
#include "datasets/formats/hdf5_chunks.h"
#include "datasets/formats/hdf5_rows.h"
#include "datasets/formats/hdf5_writer.h"
#include "datasets/pieces.h"
#include "datasets/store.h"
#include "engine/base/json.h"

namespace hardy::datasets {
namespace {

constexpr double kMostExact = 9007199254740992;  // 2^53: float64 has every integer up to it

bool is_integer(ArrayType type) {
  return type == ArrayType::kI32 || type == ArrayType::kI64 || type == ArrayType::kU64 ||
         type == ArrayType::kU8;
}

class D4rlReader : public Reader, public Hdf5ChunkSource {
 public:
  D4rlReader(Probe& probe, const OpenSettings& settings)
      : Reader(probe.path().string(), "d4rl"),
        layout_(probe.hdf5(probe.path())),
        rows_(probe.path(), *layout_, settings.threads),
        reversed_(layout_->user_block > 0 && probe.starts_with("MATLAB")) {
    for (const Hdf5LeftOut& l : layout_->left_out) leave_out(l.key, l.problem, l.fix);
    std::vector<Column> columns;
    for (const Hdf5Dataset& d : layout_->datasets) {
      columns.push_back({d.key, d.type(), d.shape, d.stored_as});
      Column& c = columns.back();
      if (reversed_) std::reverse(c.shape.begin(), c.shape.end());
      if (d.key == "rewards" && is_integer(c.type)) {
        note("/rewards are " + std::string(name_of(c.type)) + " and are read as float64");
        const std::string stored = stored_name(c.type, c.stored_as);
        c.stored_as = std::make_shared<const StoredAs>(
            StoredAs{stored, ArrayType::kF64, c.stored_as ? c.stored_as->code : std::vector<std::uint8_t>()});
        c.type = ArrayType::kF64;
      }
      datasets_[d.key] = &d;
      tell(d);
    }
    if (reversed_)
      note("MATLAB wrote it: columns are shown as there, with the dimensions that h5py shows reversed");
    for (const auto& [place, problem] : layout_->lost_attributes)
      note("the attribute " + place + " is left out: it " + problem);
    set_columns(std::move(columns));
    if (const Column* ends = find("episode_terminals"); ends && !find("timeouts")) add_timeouts(*ends);
  }

  std::vector<Attribute> all_attributes() const override { return layout_->all_attributes; }

  nlohmann::json attributes() const override {
    return layout_->attributes.contains("") ? layout_->attributes.at("") : nlohmann::json::object();
  }

  const Hdf5Dataset* chunked(const Column& column) const override {
    const auto found = datasets_.find(column.key);
    if (reversed_ || found == datasets_.end()) return nullptr;
    const Hdf5Dataset& d = *found->second;
    // Chunks may be longer than a dataset that can grow; the copy cannot.
    const bool fits = !d.chunk.empty() && std::ranges::equal(d.chunk, d.shape, std::less_equal<>());
    return d.type() == column.type && fits && d.unwritten_chunks() == 0 ? &d : nullptr;
  }
  void read_chunks(const Hdf5Dataset& dataset, std::size_t first, std::span<Bytes> to) override {
    rows_.read_stored(dataset, first, to);
    require_unchanged();
  }

 private:
  // What reading a column loses, or finds missing.
  void tell(const Hdf5Dataset& d) {
    for (const std::string& n : d.notes) note("/" + d.key + " " + n);
    if (d.file >= 0) note("/" + d.key + " lies in " + layout_->other_files[static_cast<std::size_t>(d.file)]);
    if (const std::uint64_t missing = d.unwritten_chunks(); missing > 0)
      note("/" + d.key + " was never written" +
           (d.chunk.empty() ? ""
                            : " in " + std::to_string(missing) + " of its " + std::to_string(d.all_chunks()) +
                                  " chunks") +
           ": its fill value is read there");
  }

  // d3rlpy's ends of episodes that are no terminals.
  void add_timeouts(const Column& ends) {
    const Column* terminals = find("terminals");
    if (!terminals || ends.type == ArrayType::kString || terminals->type == ArrayType::kString ||
        ends.row_elements() != 1 || terminals->row_elements() != 1 || ends.rows() != terminals->rows()) {
      note("/episode_terminals is " + ends.describe() +
           " and ends no episodes: expected a number for each row");
      return;
    }
    note("timeouts are the rows of episode_terminals (d3rlpy) that are not terminal");
    std::vector<Column> columns = this->columns();
    columns.push_back({"timeouts", ArrayType::kBool, {ends.rows()}});
    set_columns(std::move(columns));
  }

  void read_rows(const Column& column, std::int64_t first, std::int64_t rows, std::byte* to) override {
    const auto found = datasets_.find(column.key);
    if (found == datasets_.end()) return read_timeouts(first, rows, to);
    const Hdf5Dataset& d = *found->second;
    if (d.type() == column.type) return read_stored(d, column, first, rows, to);
    const auto n = static_cast<std::size_t>(rows * column.row_elements());
    Bytes raw(n * size_of(d.type()));
    std::vector<double> x(n);
    read_stored(d, column, first, rows, raw.data());
    load_doubles(d.type(), raw.data(), n, x.data());
    for (std::size_t i = 0; i < n; ++i)
      if (std::abs(x[i]) >= kMostExact)
        throw Error("has an integer in row " +
                        std::to_string(first + static_cast<std::int64_t>(i) / column.row_elements()) +
                        " that float64 may not hold",
                    where(column), "store rewards as float64");
    store_doubles(column.type, x.data(), n, to);
  }

  void read_timeouts(std::int64_t first, std::int64_t rows, std::byte* to) {
    const std::vector<std::uint8_t> ends = read_flags(*this, column("episode_terminals"), first, rows),
                                    terminal = read_flags(*this, column("terminals"), first, rows);
    for (std::size_t i = 0; i < ends.size(); ++i) to[i] = std::byte{ends[i] && !terminal[i]};
  }

  void read_stored(const Hdf5Dataset& d, const Column& column, std::int64_t first, std::int64_t rows,
                   std::byte* to) {
    if (!reversed_ || d.shape.size() < 2) return rows_.read(d, first, rows, to);
    // The elements in reverse order of dimensions, kept: a row of them lies all over the file.
    const std::size_t size = size_of(d.type()), row = static_cast<std::size_t>(column.row_elements()) * size;
    Bytes& whole = turned_[&d];
    if (whole.empty()) whole = turned(d);
    std::copy_n(whole.begin() + first * static_cast<std::int64_t>(row), static_cast<std::size_t>(rows) * row,
                to);
  }

  Bytes turned(const Hdf5Dataset& d) {
    const std::size_t size = size_of(d.type()), n = static_cast<std::size_t>(d.elements());
    Bytes stored(n * size), whole(n * size);
    rows_.read(d, 0, d.shape[0], stored.data());
    for (std::size_t i = 0; i < n; ++i) {
      std::size_t rest = i, to = 0;
      for (std::size_t k = d.shape.size(); k-- > 0;) {  // the stored dimension that moves fastest comes last
        const auto side = static_cast<std::size_t>(d.shape[k]);
        to = to * side + rest % side;
        rest /= side;
      }
      std::copy_n(stored.begin() + static_cast<std::ptrdiff_t>(i * size), size,
                  whole.begin() + static_cast<std::ptrdiff_t>(to * size));
    }
    return whole;
  }

  std::vector<std::string> read_text(const Column& column) override { return datasets_.at(column.key)->text; }

  std::shared_ptr<const Hdf5Layout> layout_;
  Hdf5Rows rows_;
  std::map<std::string, const Hdf5Dataset*> datasets_;
  bool reversed_;
  std::map<const Hdf5Dataset*, Bytes> turned_;
};

const RegisterFormat kRegister({
    "d4rl",
    "one HDF5 file, a row for each transition",
    ".hdf5",
    [](Probe& probe) { return probe.is_hdf5() ? 1 : 0; },
    [](Probe& probe, const OpenSettings& s) -> std::unique_ptr<Reader> {
      return std::make_unique<D4rlReader>(probe, s);
    },
    [](const std::filesystem::path& path, const WriteSettings& s) -> std::unique_ptr<Writer> {
      return std::make_unique<Hdf5Writer>(
          path, Hdf5Writer::Settings{.gzip = s.gzip, .threads = s.threads, .keep = s.keep});
    },
});

}  // namespace
}  // namespace hardy::datasets
