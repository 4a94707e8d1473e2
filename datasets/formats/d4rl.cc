// The d4rl format: a flat HDF5 file whose arrays all have a row for each transition. Every variant since
// v0: gzip or not, truth values as an enumeration or as floats, rewards of shape [N] or [N, 1], groups
// (infos/qpos, metadata/policy/...), scalars, text, float64 columns.
#include <nlohmann/json.hpp>

#include "datasets/formats/hdf5_layout.h"
#include "datasets/formats/hdf5_rows.h"
#include "datasets/formats/hdf5_writer.h"
#include "datasets/store.h"

namespace hardy::datasets {
namespace {

constexpr std::string_view kMark = "\x89HDF\r\n\x1a\n";

class D4rlReader : public Reader {
 public:
  D4rlReader(Probe& probe, const OpenSettings& settings)
      : Reader(probe.path().string(), "d4rl"),
        layout_(probe.hdf5(probe.path())),
        rows_(probe.path(), settings.threads) {
    std::vector<Column> columns;
    for (const Hdf5Dataset& d : layout_->datasets) {
      columns.push_back({d.key, d.type(), d.shape});
      datasets_[d.key] = &d;
    }
    set_columns(std::move(columns));
  }

  nlohmann::json attributes() const override {
    return layout_->attributes.contains("") ? layout_->attributes.at("") : nlohmann::json::object();
  }

 private:
  void read_rows(const Column& column, std::int64_t first, std::int64_t rows, std::byte* to) override {
    rows_.read(*datasets_.at(column.key), first, rows, to);
  }
  std::vector<std::string> read_text(const Column& column) override { return datasets_.at(column.key)->text; }

  std::shared_ptr<const Hdf5Layout> layout_;
  Hdf5Rows rows_;
  std::map<std::string, const Hdf5Dataset*> datasets_;
};

const RegisterFormat kRegister({
    "d4rl",
    "one HDF5 file, a row for each transition",
    ".hdf5",
    [](Probe& probe) { return probe.starts_with(kMark) ? 1 : 0; },
    [](Probe& probe, const OpenSettings& s) -> std::unique_ptr<Reader> {
      return std::make_unique<D4rlReader>(probe, s);
    },
    [](const std::filesystem::path& path, const WriteSettings& s) -> std::unique_ptr<Writer> {
      return std::make_unique<Hdf5Writer>(path, Hdf5Writer::Settings{.gzip = s.gzip, .threads = s.threads});
    },
});

}  // namespace
}  // namespace hardy::datasets
