// Minari's HDF5 datasets, written: OUT/data/main_data.hdf5 and metadata.json, so that OUT is what Minari
// calls a dataset. Rows wait in temporary files beside OUT until the flags that cut them into episodes
// have come. An episode's T + 1 observations are its rows' observations and, at its end, the last row's
// next observation. Without next_observations a terminal row's successor is unknown and never used: the
// last observation stands there twice; a time-limited last row loses its step.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>

#include "datasets/formats/hdf5_writer.h"
#include "datasets/formats/minari.h"
#include "engine/base/error.h"
#include "engine/run/atomic_file.h"

namespace hardy::datasets {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

// A column's rows in an unnamed file.
class Spool {
 public:
  Spool(Column column, const fs::path& folder) : column_(std::move(column)) {
    std::string name = (folder / "spool-XXXXXX").string();
    file_ = ::mkostemp(name.data(), O_CLOEXEC);
    if (file_ < 0) throw Error(std::string("cannot be written (") + std::strerror(errno) + ")", name);
    ::unlink(name.c_str());
  }
  Spool(Spool&& o) noexcept
      : column_(std::move(o.column_)), file_(std::exchange(o.file_, -1)), bytes_(o.bytes_) {}
  Spool& operator=(Spool&&) = delete;
  ~Spool() {
    if (file_ >= 0) ::close(file_);
  }

  const Column& column() const { return column_; }
  std::int64_t rows() const {
    return static_cast<std::int64_t>(bytes_ / std::max<std::size_t>(column_.row_bytes(), 1));
  }

  void append(std::span<const std::byte> rows, const std::string& where) {
    while (!rows.empty()) {
      const ssize_t n = ::pwrite(file_, rows.data(), rows.size(), static_cast<off_t>(bytes_));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0)
        throw Error::failed_run(std::string("cannot be written (") + std::strerror(errno) + ")", where,
                                "is the disk full?");
      bytes_ += static_cast<std::uint64_t>(n);
      rows = rows.subspan(static_cast<std::size_t>(n));
    }
  }
  Array read(std::int64_t first, std::int64_t count) const {
    Array a;
    a.type = column_.type;
    a.shape = column_.shape;
    a.shape[0] = count;
    a.bytes.resize(static_cast<std::size_t>(count) * column_.row_bytes());
    for (std::size_t done = 0; done < a.bytes.size();) {
      const ssize_t n =
          ::pread(file_, a.bytes.data() + done, a.bytes.size() - done,
                  static_cast<off_t>(static_cast<std::size_t>(first) * column_.row_bytes() + done));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) throw Error::failed_run("cannot be read back", column_.key);
      done += static_cast<std::size_t>(n);
    }
    return a;
  }

 private:
  Column column_;
  int file_ = -1;
  std::uint64_t bytes_ = 0;
};

class MinariWriter : public Writer {
 public:
  MinariWriter(fs::path path, WriteSettings settings)
      : path_(std::move(path)), settings_(std::move(settings)), folder_(place_for(path_)) {
    std::error_code code;
    fs::create_directory(data(), code);
    if (code) throw Error("cannot be written (" + code.message() + ")", path_.string());
  }

  void declare(const Column& column) override {
    if (column.shape.empty() || column.type == ArrayType::kString) return;
    spools_.erase(column.key);
    spools_.emplace(column.key, Spool(column, data()));
  }
  void append(const std::string& key, std::span<const std::byte> rows) override {
    const auto found = spools_.find(key);
    if (found == spools_.end()) throw Error("was not declared", path_.string() + " /" + key);
    found->second.append(rows, path_.string() + " /" + key);
  }
  void put(const std::string& key, const Array& array) override {
    if (array.shape.empty() || array.type == ArrayType::kString) {
      note("/" + key + " is no row of an episode and is left out");
      return;
    }
    declare({key, array.type, array.shape});
    append(key, array.bytes);
  }
  void set_attributes(const json& attributes) override { attributes_ = attributes; }

  void commit() override {
    check();
    std::int64_t steps = 0;
    {
      Hdf5Writer out(data() / "main_data.hdf5",
                     {.gzip = settings_.gzip, .threads = settings_.threads, .growable = true});
      std::int64_t begin = 0;
      const std::int64_t rows = spools_.at("rewards").rows();
      constexpr std::int64_t kPiece = 65536;
      for (std::int64_t at = 0; at < rows; at += kPiece) {
        const std::int64_t n = std::min(kPiece, rows - at);
        const std::vector<float> terminals = flags("terminals", at, n), timeouts = flags("timeouts", at, n);
        for (std::int64_t i = 0; i < n; ++i) {
          const auto k = static_cast<std::size_t>(i);
          if (terminals[k] == 0 && timeouts[k] == 0 && at + i + 1 < rows) continue;
          steps += write_episode(out, begin, at + i + 1, terminals[k] != 0);
          begin = at + i + 1;
        }
      }
      if (episodes_ == 0)
        throw Error("has no episode with a step and the observation after it", path_.string());
      out.commit();
    }
    if (dropped_ > 0)
      note(std::to_string(dropped_) +
           " time-limited last rows are left out: the file has no next_observations");
    if (unlike_ > 0)
      note(std::to_string(unlike_) +
           " next observations differ from the observation of the row that follows, and are left out");
    write_metadata(steps);
    spools_.clear();
    folder_.commit();
  }

 private:
  static fs::path without_slash(const fs::path& path) {
    return path.has_filename() ? path : path.parent_path();
  }
  static fs::path place_for(const fs::path& path) {
    if (fs::exists(path) && !fs::exists(path / "data" / "metadata.json"))
      throw Error("exists, and is no Minari dataset", path.string(), "choose another name");
    return without_slash(path);
  }
  fs::path data() const { return folder_.temporary() / "data"; }

  void check() {
    const auto need = [&](const char* key) -> const Column& {
      const auto found = spools_.find(key);
      if (found == spools_.end())
        throw Error("has no '" + std::string(key) + "', which Minari's episodes have", path_.string());
      return found->second.column();
    };
    for (const char* key : {"observations", "actions", "rewards", "terminals"}) need(key);
    const std::int64_t rows = spools_.at("observations").rows();
    for (auto it = spools_.begin(); it != spools_.end();) {
      const Column& c = it->second.column();
      const bool core = c.key == "observations" || c.key == "next_observations" || c.key == "actions" ||
                        c.key == "rewards" || c.key == "terminals" || c.key == "timeouts";
      if (core && it->second.rows() != rows)
        throw Error(
            "has " + std::to_string(it->second.rows()) + " rows, observations have " + std::to_string(rows),
            path_.string() + " /" + c.key);
      if (!core && (!c.key.starts_with("infos/") || it->second.rows() != rows)) {
        note("/" + c.key + " is no row of an episode and is left out");
        it = spools_.erase(it);
      } else {
        ++it;
      }
    }
  }

  std::vector<float> flags(const char* key, std::int64_t first, std::int64_t n) const {
    const auto found = spools_.find(key);
    return found == spools_.end() ? std::vector<float>(static_cast<std::size_t>(n))
                                  : found->second.read(first, n).floats();
  }

  // Rows [begin, end); returns how many steps became part of the file.
  std::int64_t write_episode(Hdf5Writer& out, std::int64_t begin, std::int64_t end, bool terminal) {
    const auto next = spools_.find("next_observations");
    const bool has_next = next != spools_.end();
    std::int64_t steps = end - begin;
    if (!has_next && !terminal) {
      --steps;
      ++dropped_;
      if (steps == 0) return 0;
    }
    Array observations = spools_.at("observations").read(begin, end - begin);
    if (has_next) {
      const Array following = next->second.read(begin, end - begin);
      const std::size_t row = following.bytes.size() / static_cast<std::size_t>(end - begin);
      for (std::int64_t i = 0; i + 1 < end - begin; ++i) {
        const auto at = static_cast<std::size_t>(i) * row;
        unlike_ += std::memcmp(following.bytes.data() + at, observations.bytes.data() + at + row, row) != 0;
      }
      observations.bytes.insert(observations.bytes.end(),
                                following.bytes.end() - static_cast<std::ptrdiff_t>(row),
                                following.bytes.end());
      ++observations.shape[0];
    } else if (terminal) {
      const std::size_t row = observations.bytes.size() / static_cast<std::size_t>(end - begin);
      const Bytes last(observations.bytes.end() - static_cast<std::ptrdiff_t>(row), observations.bytes.end());
      observations.bytes.insert(observations.bytes.end(), last.begin(), last.end());
      ++observations.shape[0];
    }

    const std::string group = "episode_" + std::to_string(episodes_);
    out.attribute(group, "id", episodes_);
    out.attribute(group, "total_steps", steps);
    out.put(group + "/observations", observations);
    out.put(group + "/actions", spools_.at("actions").read(begin, steps));
    Array rewards = spools_.at("rewards").read(begin, steps);
    rewards.shape = {steps};
    out.put(group + "/rewards", rewards);
    out.put(group + "/terminations", truth("terminals", begin, steps));
    Array truncations = truth("timeouts", begin, steps);
    if (!terminal) truncations.bytes.back() = std::byte{1};
    out.put(group + "/truncations", truncations);
    for (const auto& [key, spool] : spools_)
      if (key.starts_with("infos/")) out.put(group + "/" + key, spool.read(begin, steps));
    ++episodes_;
    return steps;
  }

  Array truth(const char* key, std::int64_t first, std::int64_t n) const {
    Array a = Array::of(ArrayType::kBool, {n});
    const std::vector<float> x = flags(key, first, n);
    std::transform(x.begin(), x.end(), a.bytes.begin(), [](float v) { return std::byte{v != 0}; });
    return a;
  }

  // The space that the source named, where its columns still are of it; else one without bounds.
  std::string space(const char* name, const std::string& key) const {
    const Column& c = spools_.at(key).column();
    const std::vector<std::int64_t> shape(c.shape.begin() + 1, c.shape.end());
    if (attributes_.contains(name) && attributes_[name].is_string()) {
      std::string given = attributes_[name].get<std::string>();
      const json parsed = parse_python_json(given);
      if (parsed.is_object() && parsed.value("type", json()) == "Box" &&
          parsed.value("shape", json()) == json(shape) &&
          parsed.value("dtype", json()) == json(name_of(c.type)))
        return given;
    }
    const auto filled = [&](const auto& self, std::size_t k, const char* bound) -> std::string {
      if (k == shape.size()) return bound;
      std::string text = "[";
      for (std::int64_t i = 0; i < shape[k]; ++i) text += (i ? ", " : "") + self(self, k + 1, bound);
      return text + "]";
    };
    const bool bytes = c.type == ArrayType::kU8, positive = bytes || c.type == ArrayType::kU64;
    const bool integer = c.type == ArrayType::kI32 || c.type == ArrayType::kI64;
    const char* low = positive ? "0" : integer ? "-2147483648" : "-Infinity";
    const char* high = bytes      ? "255"
                       : positive ? "18446744073709551615"
                       : integer  ? "2147483647"
                                  : "Infinity";
    return std::string(R"({"type": "Box", "dtype": ")") + name_of(c.type) + R"(", "shape": )" +
           json(shape).dump() + R"(, "low": )" + filled(filled, 0, low) + R"(, "high": )" +
           filled(filled, 0, high) + "}";
  }

  // OUT's place below Minari's root, where it lies there; else its name.
  std::string dataset_id() const {
    const char* chosen = std::getenv("MINARI_DATASETS_PATH");
    const char* home = std::getenv("HOME");
    const fs::path root = chosen ? fs::path(chosen) : fs::path(home ? home : "") / ".minari/datasets";
    const fs::path out = fs::weakly_canonical(without_slash(path_)),
                   inside = out.lexically_relative(fs::weakly_canonical(root));
    return inside.empty() || *inside.begin() == ".." ? out.filename().string() : inside.string();
  }

  void write_metadata(std::int64_t steps) const {
    json m = json::object();
    for (const auto& [name, value] : attributes_.items())
      if (value.is_primitive() || value.is_array()) m[name] = value;
    m["total_episodes"] = episodes_;
    m["total_steps"] = steps;
    m["data_format"] = "hdf5";
    m["jpeg_encoding"] = false;
    m["observation_space"] = space("observation_space", "observations");
    m["action_space"] = space("action_space", "actions");
    m["dataset_id"] = dataset_id();
    m["minari_version"] = "0.5.0";  // the layout's, read by all that follow
    m["dataset_size"] = std::round(static_cast<double>(fs::file_size(data() / "main_data.hdf5")) / 1e5) / 10;
    run::write_atomically(data() / "metadata.json", m.dump(2) + "\n");
  }

  fs::path path_;
  WriteSettings settings_;
  run::AtomicFolder folder_;
  std::map<std::string, Spool> spools_;
  json attributes_ = json::object();
  std::int64_t episodes_ = 0, dropped_ = 0, unlike_ = 0;
};

}  // namespace

std::unique_ptr<Writer> create_minari(const fs::path& path, const WriteSettings& settings) {
  return std::make_unique<MinariWriter>(path, settings);
}

}  // namespace hardy::datasets
