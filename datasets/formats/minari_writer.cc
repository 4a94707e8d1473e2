// Minari's HDF5 datasets, written: OUT/data/main_data.hdf5 and metadata.json, so that OUT is what Minari
// calls a dataset. Rows wait in temporary files beside OUT until the flags that cut them into episodes
// have come. An episode's T + 1 observations are its rows' observations and, at its end, the last row's
// next observation. Without next_observations a terminal row's successor is unknown and never used: the
// last observation stands there twice; a time-limited last row loses its step.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>

#include "datasets/attributes.h"
#include "datasets/formats/hdf5_writer.h"
#include "datasets/formats/minari.h"
#include "datasets/formats/python_json.h"
#include "datasets/formats/spool.h"
#include "engine/base/error.h"
#include "engine/run/atomic_file.h"

namespace hardy::datasets {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

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
    if (key.starts_with(kEpisodeMetadata)) {
      about_episodes_[key] = array;
      return;
    }
    if (array.shape.empty() || array.type == ArrayType::kString) {
      note("/" + key + " is no row of an episode and is left out");
      return;
    }
    declare({key, array.type, array.shape});
    append(key, array.bytes);
  }
  using Writer::set_attributes;
  void set_attributes(const std::vector<Attribute>& attributes) override {
    std::int64_t others = 0;
    for (const Attribute& a : attributes) {
      if (!a.object.empty())
        ++others;
      else if (a.value.is_null() && !a.stored.is_null() && a.stored.at("space") != "null")
        note("the attribute " + a.name + " is left out: JSON has no word for " + describe(a));
      else
        attributes_[a.name] = a.value;
    }
    if (others > 0)
      note(std::to_string(others) + " attributes of columns and groups have no place and are left out");
  }

  void commit() override {
    check();
    std::int64_t steps = 0;
    {
      Hdf5Writer out(data() / "main_data.hdf5",
                     {.gzip = settings_.gzip, .threads = settings_.threads, .growable = true});
      std::int64_t begin = 0;
      check_episode_metadata();
      discrete_observations_ = is_discrete("observation_space");
      discrete_actions_ = is_discrete("action_space");
      each_episode([&](std::int64_t end, bool terminal) {
        steps += write_episode(out, begin, end, terminal);
        begin = end;
        ++given_;
      });
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

  static bool is_core(const std::string& key) {
    return key == "observations" || key == "next_observations" || key == "actions" || key == "rewards" ||
           key == "terminals" || key == "timeouts";
  }

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
      const bool core = is_core(c.key);
      if (core && it->second.rows() != rows)
        throw Error(
            "has " + std::to_string(it->second.rows()) + " rows, observations have " + std::to_string(rows),
            path_.string() + " /" + c.key);
      if (!core && c.key.starts_with(kEpisodeMetadata)) {
        about_episodes_[c.key] = it->second.read(0, it->second.rows());
        it = spools_.erase(it);
      } else if (!core && it->second.rows() != rows) {
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

  // body(end, terminal) for each episode of the rows, one after the other.
  template <class Body>
  void each_episode(Body&& body) const {
    const std::int64_t rows = spools_.at("rewards").rows();
    constexpr std::int64_t kPiece = 65536;
    for (std::int64_t at = 0; at < rows; at += kPiece) {
      const std::int64_t n = std::min(kPiece, rows - at);
      const std::vector<float> terminals = flags("terminals", at, n), timeouts = flags("timeouts", at, n);
      for (std::int64_t i = 0; i < n; ++i) {
        const auto k = static_cast<std::size_t>(i);
        if (terminals[k] != 0 || timeouts[k] != 0 || at + i + 1 == rows) body(at + i + 1, terminals[k] != 0);
      }
    }
  }

  // What the episodes say about themselves has a place where there is a row for each.
  void check_episode_metadata() {
    if (about_episodes_.empty()) return;
    std::int64_t episodes = 0;
    each_episode([&](std::int64_t, bool) { ++episodes; });
    std::erase_if(about_episodes_, [&](const auto& entry) {
      const auto& [key, array] = entry;
      const bool fits = array.shape.size() >= 1 && array.shape.size() <= 2 && array.rows() == episodes;
      if (!fits)
        note("/" + key + " is left out: it is " + array.describe() + ", there are " +
             std::to_string(episodes) + " episodes");
      return !fits;
    });
  }

  // One episode's own attributes; `given`: its number among those of the rows.
  void write_episode_metadata(Hdf5Writer& out, const std::string& group, std::int64_t given) const {
    for (const auto& [key, array] : about_episodes_) {
      const std::int64_t width = array.elements() / array.rows();
      json values = json::array();
      for (std::int64_t i = given * width; i < (given + 1) * width; ++i) values.push_back(element(array, i));
      out.attribute(group, key.substr(kEpisodeMetadata.size()), array.shape.size() == 1 ? values[0] : values);
    }
  }

  static json element(const Array& a, std::int64_t i) {
    switch (a.type) {
      case ArrayType::kF32:
        return a.as<float>()[i];
      case ArrayType::kF64:
        return a.as<double>()[i];
      case ArrayType::kI32:
        return a.as<std::int32_t>()[i];
      case ArrayType::kI64:
        return a.as<std::int64_t>()[i];
      case ArrayType::kU64:
        return a.as<std::uint64_t>()[i];
      case ArrayType::kU8:
        return a.as<std::uint8_t>()[i];
      case ArrayType::kBool:
        return a.as<std::uint8_t>()[i] != 0;
      case ArrayType::kString:
        break;
    }
    return a.strings[static_cast<std::size_t>(i)];
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
    write_episode_metadata(out, group, given_);
    Array actions = spools_.at("actions").read(begin, steps);
    if (discrete_observations_) observations.shape = {observations.rows()};
    if (discrete_actions_) actions.shape = {steps};
    out.put(group + "/observations", observations);
    out.put(group + "/actions", actions);
    Array rewards = spools_.at("rewards").read(begin, steps);
    rewards.shape = {steps};
    out.put(group + "/rewards", rewards);
    out.put(group + "/terminations", truth("terminals", begin, steps));
    Array truncations = truth("timeouts", begin, steps);
    if (!terminal) truncations.bytes.back() = std::byte{1};
    out.put(group + "/truncations", truncations);
    for (const auto& [key, spool] : spools_)
      if (!is_core(key)) out.put(group + "/" + key, spool.read(begin, steps));
    ++episodes_;
    return steps;
  }

  Array truth(const char* key, std::int64_t first, std::int64_t n) const {
    Array a = Array::of(ArrayType::kBool, {n});
    const std::vector<float> x = flags(key, first, n);
    std::transform(x.begin(), x.end(), a.bytes.begin(), [](float v) { return std::byte{v != 0}; });
    return a;
  }

  // The space that the source named, where its columns still are of it; else null.
  json given_space(const char* name) const {
    if (!attributes_.contains(name) || !attributes_.at(name).is_string()) return nullptr;
    const Column& c = spools_.at(std::string(name) == "action_space" ? "actions" : "observations").column();
    json parsed = parse_python_json(attributes_.at(name).get<std::string>());
    return is_of_space(parsed, {c.shape.begin() + 1, c.shape.end()}, dtype_of(c)) ? parsed : json();
  }
  bool is_discrete(const char* name) const {
    const json space = given_space(name);
    return space.is_object() && space.at("type") == "Discrete";
  }

  // NumPy's name of what the file has, whatever its byte order.
  static std::string dtype_of(const Column& c) {
    constexpr std::string_view kBigEndian = "big-endian ";
    const std::string name = stored_name(c.type, c.stored_as);
    return name.starts_with(kBigEndian) ? name.substr(kBigEndian.size()) : name;
  }

  // The least and the greatest number of a type, as JSON.
  static std::pair<const char*, const char*> bounds_of(const std::string& dtype) {
    struct Bounds {
      const char *dtype, *low, *high;
    };
    constexpr Bounds kAll[] = {{"bool", "0", "1"},
                               {"int8", "-128", "127"},
                               {"int16", "-32768", "32767"},
                               {"int32", "-2147483648", "2147483647"},
                               {"int64", "-9223372036854775808", "9223372036854775807"},
                               {"uint8", "0", "255"},
                               {"uint16", "0", "65535"},
                               {"uint32", "0", "4294967295"},
                               {"uint64", "0", "18446744073709551615"}};
    for (const Bounds& b : kAll)
      if (dtype == b.dtype) return {b.low, b.high};
    return {"-Infinity", "Infinity"};
  }

  // The space's text: the given one, else a Box without bounds.
  std::string space(const char* name, const std::string& key) const {
    const Column& c = spools_.at(key).column();
    const std::vector<std::int64_t> shape(c.shape.begin() + 1, c.shape.end());
    if (!given_space(name).is_null()) return attributes_.at(name).get<std::string>();
    const auto filled = [&](const auto& self, std::size_t k, const char* bound) -> std::string {
      if (k == shape.size()) return bound;
      std::string text = "[";
      for (std::int64_t i = 0; i < shape[k]; ++i) text += (i ? ", " : "") + self(self, k + 1, bound);
      return text + "]";
    };
    const auto [low, high] = bounds_of(dtype_of(c));
    return std::string(R"({"type": "Box", "dtype": ")") + dtype_of(c) + R"(", "shape": )" +
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
    for (const auto& [name, value] : attributes_.items()) {
      const bool list = name == "author" || name == "author_email";  // sets of names to Minari
      m[name] = list && value.is_string() ? json::array({value}) : value;
    }
    m["total_episodes"] = episodes_;
    m["total_steps"] = steps;
    m["data_format"] = "hdf5";
    m["jpeg_encoding"] = false;
    m["observation_space"] = space("observation_space", "observations");
    m["action_space"] = space("action_space", "actions");
    m["dataset_id"] = dataset_id();
    m["minari_version"] = "0.5.0";  // the layout's, read by all that follow
    m["dataset_size"] = std::round(static_cast<double>(fs::file_size(data() / "main_data.hdf5")) / 1e5) / 10;
    run::write_atomically(data() / "metadata.json", python_json_text(m, 2) + "\n");
  }

  fs::path path_;
  WriteSettings settings_;
  run::AtomicFolder folder_;
  std::map<std::string, Spool> spools_;
  json attributes_ = json::object();
  Arrays about_episodes_;
  bool discrete_observations_ = false, discrete_actions_ = false;     // numbers, not vectors of one
  std::int64_t episodes_ = 0, given_ = 0, dropped_ = 0, unlike_ = 0;  // written; of the rows; ...
};

}  // namespace

std::unique_ptr<Writer> create_minari(const fs::path& path, const WriteSettings& settings) {
  return std::make_unique<MinariWriter>(path, settings);
}

}  // namespace hardy::datasets
