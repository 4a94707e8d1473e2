// Minari's HDF5 datasets, read. An episode of T steps is a group with T + 1 observations; its columns here
// are observations o[0..T-1] and next_observations o[1..T], so that nothing is lost. terminations and
// truncations become terminals and timeouts; an episode whose last step has neither gets a timeout, so
// that it still ends there. Dict and Tuple observations are concatenated, parts in alphabetical order, as
// Gymnasium orders them, or as OpenSettings::observation_parts says. infos, and whatever else lies in the
// episodes' groups, keep the entries that every episode has, one for each step.
#include "datasets/formats/minari.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include "datasets/formats/hdf5_layout.h"
#include "datasets/formats/hdf5_rows.h"
#include "datasets/formats/minari_episodes.h"
#include "datasets/formats/python_json.h"
#include "datasets/pieces.h"
#include "engine/base/error.h"
#include "engine/base/nearest.h"

namespace hardy::datasets {
namespace {

using nlohmann::json;

// A column's pieces in one episode: their keys there, and how many elements of a row each has.
struct Source {
  std::vector<std::string> keys;
  std::vector<std::int64_t> widths;
  std::int64_t shift = 0;
};

std::int64_t width_of(const Hdf5Dataset& d) {
  std::int64_t n = 1;
  for (std::size_t i = 1; i < d.shape.size(); ++i) n *= d.shape[i];
  return n;
}

// A Tuple's parts are _index_0, _index_1, ..., _index_10: in the order of their numbers.
bool part_before(const std::string& a, const std::string& b) {
  constexpr std::string_view kIndex = "/_index_";
  const std::size_t x = a.rfind(kIndex), y = b.rfind(kIndex);
  if (x != std::string::npos && x == y && a.compare(0, x, b, 0, y) == 0 && a.size() != b.size())
    return a.size() < b.size();
  return a < b;
}

class MinariReader : public Reader {
 public:
  MinariReader(Probe& probe, const OpenSettings& settings)
      : Reader(probe.path().string(), "minari"), place_(minari_place(probe.path())) {
    probe.watch(place_.metadata);
    metadata_ = read_minari_metadata(place_);
    if (!std::filesystem::exists(place_.hdf5))
      throw Error("does not exist", place_.hdf5.string(), "a Minari dataset has data/main_data.hdf5");
    layout_ = probe.hdf5(place_.hdf5);
    rows_ = std::make_unique<Hdf5Rows>(place_.hdf5, *layout_, settings.threads);
    complete_metadata();
    find_episodes();
    std::vector<Column> columns;
    columns.push_back(joined("observations", parts_of("observations", settings.observation_parts), 0));
    columns.push_back(joined("next_observations", sources_.at("observations").keys, 1));
    columns.push_back(joined("actions", parts_of("actions", {}), 0));
    columns.push_back(single("rewards", "rewards"));
    columns.push_back(single("terminals", "terminations"));
    columns.push_back(single("timeouts", "truncations"));
    add_others(columns);
    add_episode_metadata(columns);
    set_columns(std::move(columns));
  }

  json attributes() const override { return metadata_; }

 private:
  std::string where_in(const MinariEpisode& e, const std::string& key) const {
    return minari_where(place_, e, key);
  }

  // Files before Minari 0.5 have no metadata.json.
  void complete_metadata() {
    if (const auto root = layout_->attributes.find(""); root != layout_->attributes.end())
      for (const auto& [name, value] : root->items())
        if (!metadata_.contains(name)) metadata_[name] = value;
    for (const char* space : {"observation_space", "action_space"})
      if (metadata_.contains(space) && metadata_[space].is_string() &&
          metadata_.value("jpeg_encoding", json(true)) != json(false) &&
          has_images(parse_python_json(metadata_[space].get<std::string>())))
        throw Error("holds JPEG images, which are not understood", place_.hdf5.string() + " /" + space,
                    "write the dataset with jpeg_encoding=False");
  }

  void find_episodes() {
    MinariEpisodes found = minari_episodes(
        *layout_, place_, metadata_, [&](std::string text) { note(std::move(text)); },
        [&](const Hdf5LeftOut& l) { leave_out(l.key, l.problem, l.fix); });
    episodes_ = std::move(found.all);
    total_ = found.rows;
  }

  // The datasets that make up observations or actions: the key itself, or all below it.
  std::vector<std::string> parts_of(const std::string& key, const std::vector<std::string>& wanted) const {
    std::vector<std::string> all, names;
    for (const auto& [name, d] : episodes_[0].parts)
      if (name == key || name.starts_with(key + "/")) all.push_back(name);
    std::sort(all.begin(), all.end(), part_before);
    if (all.empty()) throw Error("is missing", where_in(episodes_[0], key));
    if (wanted.empty()) return all;
    for (const std::string& name : all)
      if (name != key) names.push_back(name.substr(key.size() + 1));
    std::vector<std::string> chosen;
    for (const std::string& w : wanted) {
      if (std::find(names.begin(), names.end(), w) == names.end())
        throw Error("has no part '" + w + "'", where_in(episodes_[0], key),
                    names.empty() ? "its " + key + " have no parts" : suggestion(w, names));
      chosen.push_back(key + "/" + w);
    }
    return chosen;
  }

  // Checks one piece in every episode against the first one's shape.
  void check(const std::string& key, std::int64_t shift, bool or_more = false) const {
    const Hdf5Dataset& first = *episodes_[0].parts.at(key);
    for (const MinariEpisode& e : episodes_) {
      const auto found = e.parts.find(key);
      if (found == e.parts.end()) throw Error("is missing", where_in(e, key));
      const Hdf5Dataset& d = *found->second;
      const std::string is = describe(d.type(), d.shape);
      if (d.type() == ArrayType::kString)
        throw Error("is text, which is no number", where_in(e, key), "choose other parts");
      if (d.shape.empty()) throw Error("is " + is + ", no rows", where_in(e, key));
      const std::int64_t rows = d.shape[0], need = e.rows + shift;
      if (rows != need && !(or_more && rows == need + 1))
        throw Error(
            "has " + std::to_string(rows) + " rows where " + std::to_string(need) + " belong (" + is + ")",
            where_in(e, key));
      if (d.type() != first.type() ||
          !std::equal(d.shape.begin() + 1, d.shape.end(), first.shape.begin() + 1, first.shape.end()))
        throw Error("is " + is + ", in the first episode it is " + describe(first.type(), first.shape),
                    where_in(e, key));
    }
  }

  // How all episodes store a piece; null where they differ.
  StoredAsPtr stored_in_all(const std::string& key) const {
    const Hdf5Dataset& first = *episodes_[0].parts.at(key);
    for (const MinariEpisode& e : episodes_) {
      const Hdf5Dataset& d = *e.parts.at(key);
      if (stored_name(d.type(), d.stored_as) != stored_name(first.type(), first.stored_as)) return nullptr;
    }
    return first.stored_as;
  }

  Column joined(const std::string& key, const std::vector<std::string>& keys, std::int64_t shift) {
    Source s{keys, {}, shift};
    Column c{key, ArrayType::kF32, {total_}};
    std::int64_t width = 0;
    bool same = true, narrow = true;
    for (const std::string& k : keys) {
      check(k, key == "actions" ? 0 : 1);
      const Hdf5Dataset& d = *episodes_[0].parts.at(k);
      s.widths.push_back(width_of(d));
      width += s.widths.back();
      same = same && d.type() == episodes_[0].parts.at(keys[0])->type();
      narrow = narrow && d.type() != ArrayType::kF64 && d.type() != ArrayType::kI32 &&
               d.type() != ArrayType::kI64 && d.type() != ArrayType::kU64;
    }
    const Hdf5Dataset& first = *episodes_[0].parts.at(keys[0]);
    c.type = same ? first.type() : narrow ? ArrayType::kF32 : ArrayType::kF64;
    if (keys.size() == 1 && first.shape.size() > 1)
      c.shape.insert(c.shape.end(), first.shape.begin() + 1, first.shape.end());
    else
      c.shape.push_back(width);
    if (keys.size() > 1 && shift == 0) {
      std::string names;
      for (const std::string& k : keys) names += (names.empty() ? "" : ", ") + k;
      note(key + " are the parts " + names + ", one after the other");
    }
    if (keys.size() == 1) c.stored_as = stored_in_all(keys[0]);
    sources_[key] = std::move(s);
    return c;
  }

  Column single(const std::string& key, const std::string& in_episode) {
    check(in_episode, 0);
    const Hdf5Dataset& d = *episodes_[0].parts.at(in_episode);
    if (width_of(d) != 1)
      throw Error("is " + describe(d.type(), d.shape), where_in(episodes_[0], in_episode), "expected [T]");
    sources_[key] = {{in_episode}, {1}, 0};
    return {key, d.type(), {total_}, stored_in_all(in_episode)};
  }

  // infos, and what else every episode has an entry of for each step; Minari's infos have one more at the
  // end.
  void add_others(std::vector<Column>& columns) {
    std::set<std::string> names;
    for (const MinariEpisode& e : episodes_)
      for (const auto& [key, d] : e.parts) names.insert(key);
    bool longer = false;
    for (const std::string& key : names) {
      const std::string top = key.substr(0, key.find('/'));
      if (top == "observations" || top == "actions" || key == "rewards" || key == "terminations" ||
          key == "truncations")
        continue;
      try {
        if (!episodes_[0].parts.contains(key)) throw Error("is missing", where_in(episodes_[0], key));
        if (std::ranges::any_of(columns, [&](const Column& c) { return c.key == key; }))
          throw Error("has the name of a column that is made of others", where_in(episodes_[0], key));
        check(key, 0, true);
      } catch (const Error& e) {
        note(key + " is left out: " + e.problem() + " (" + e.where() + ")");
        continue;
      }
      const Hdf5Dataset& d = *episodes_[0].parts.at(key);
      longer = longer || d.shape[0] > episodes_[0].rows;
      Column c{key, d.type(), d.shape, stored_in_all(key)};
      c.shape[0] = total_;
      columns.push_back(c);
      sources_[key] = {{key}, {width_of(d)}, 0};
    }
    if (longer) note("infos have an entry for each step; the one after an episode's last step is left out");
  }

  void add_episode_metadata(std::vector<Column>& columns) {
    note_lost_attributes();
    std::vector<json> all;
    for (const MinariEpisode& e : episodes_)
      all.push_back(layout_->attributes.value("episode_" + std::to_string(e.number), json::object()));
    std::vector<std::string> notes;
    about_episodes_ = episode_metadata(all, notes);
    for (std::string& line : notes) note(std::move(line));
    for (const auto& [key, array] : about_episodes_) columns.push_back({key, array.type, array.shape});
  }

  // Attributes that no column and no metadata shows.
  void note_lost_attributes() {
    std::int64_t inside = 0;
    for (const Attribute& a : layout_->all_attributes)
      inside += a.object.find('/') != std::string::npos || a.of_column;
    for (const auto& [place, problem] : layout_->lost_attributes)
      note("the attribute " + place + " is left out: it " + problem);
    if (inside > 0)
      note(std::to_string(inside) + " attributes of arrays and groups inside of episodes are left out");
  }

  std::vector<std::string> read_text(const Column& column) override {
    return about_episodes_.at(column.key).strings;
  }

  void read_rows(const Column& column, std::int64_t first, std::int64_t rows, std::byte* to) override {
    const std::size_t row = column.row_bytes();
    if (const auto held = about_episodes_.find(column.key); held != about_episodes_.end()) {
      std::memcpy(to, held->second.bytes.data() + static_cast<std::size_t>(first) * row,
                  static_cast<std::size_t>(rows) * row);
      return;
    }
    const Source& source = sources_.at(column.key);
    auto e = std::upper_bound(episodes_.begin(), episodes_.end(), first,
                              [](std::int64_t r, const MinariEpisode& x) { return r < x.row; }) -
             1;
    for (; rows > 0; ++e) {
      const std::int64_t skip = first - e->row, n = std::min(rows, e->rows - skip);
      if (source.keys.size() == 1)
        rows_->read(*e->parts.at(source.keys[0]), skip + source.shift, n, to);
      else
        read_parts(*e, source, column, skip + source.shift, n, to);
      if (column.key == "timeouts" && skip + n == e->rows)
        close_episode(*e, column, to + (n - 1) * static_cast<std::ptrdiff_t>(row));
      first += n;
      rows -= n;
      to += static_cast<std::size_t>(n) * row;
    }
  }

  void read_parts(const MinariEpisode& e, const Source& source, const Column& column, std::int64_t first,
                  std::int64_t rows, std::byte* to) {
    const std::size_t size = size_of(column.type), row = column.row_bytes();
    std::size_t offset = 0;
    Bytes part;
    std::vector<float> floats;
    for (std::size_t i = 0; i < source.keys.size(); ++i) {
      const Hdf5Dataset& d = *e.parts.at(source.keys[i]);
      const auto width = static_cast<std::size_t>(source.widths[i]),
                 n = width * static_cast<std::size_t>(rows);
      part.resize(n * size_of(d.type()));
      rows_->read(d, first, rows, part.data());
      if (d.type() != column.type) part = promoted(d.type(), column.type, part, n);
      for (std::size_t r = 0; r < static_cast<std::size_t>(rows); ++r)
        std::copy_n(part.data() + r * width * size, width * size, to + r * row + offset);
      offset += width * size;
    }
  }

  // Numbers of mixed types become float32 where that holds them all, else float64.
  static Bytes promoted(ArrayType from, ArrayType to, const Bytes& part, std::size_t n) {
    Bytes wide(n * size_of(to));
    if (to == ArrayType::kF32) {
      to_floats(from, part.data(), n, reinterpret_cast<float*>(wide.data()));
      return wide;
    }
    load_doubles(from, part.data(), n, reinterpret_cast<double*>(wide.data()));
    return wide;
  }

  // The last row of an episode that neither flag ends. `flag`: its timeout, read already.
  void close_episode(const MinariEpisode& e, const Column& column, std::byte* flag) {
    const Hdf5Dataset& d = *e.parts.at("terminations");
    Bytes terminal(size_of(d.type()));
    double ended = 0, given = 0;
    rows_->read(d, e.rows - 1, 1, terminal.data());
    load_doubles(d.type(), terminal.data(), 1, &ended);
    load_doubles(column.type, flag, 1, &given);
    if (ended != 0 || given != 0) return;
    if (column.type == ArrayType::kF32 || column.type == ArrayType::kF64) {
      const double one = 1;
      store_doubles(column.type, &one, 1, flag);
    } else {
      *flag = std::byte{1};  // the lowest byte of an integer
    }
  }

  MinariPlace place_;
  std::shared_ptr<const Hdf5Layout> layout_;
  std::unique_ptr<Hdf5Rows> rows_;
  json metadata_;
  std::vector<MinariEpisode> episodes_;
  std::int64_t total_ = 0;
  std::map<std::string, Source> sources_;
  Arrays about_episodes_;
};

int recognise(Probe& probe) {
  const MinariPlace place = minari_place(probe.path());
  if (probe.is_folder())
    return std::filesystem::exists(place.hdf5) || std::filesystem::exists(place.metadata);
  if (!probe.is_hdf5()) return 0;
  return has_minari_episodes(*probe.hdf5(probe.path())) ? 2 : 0;
}

const RegisterFormat kRegister({
    "minari",
    "Minari's folder of HDF5 and JSON, a group for each episode",
    "",
    recognise,
    [](Probe& probe, const OpenSettings& s) -> std::unique_ptr<Reader> {
      return std::make_unique<MinariReader>(probe, s);
    },
    create_minari,
});

}  // namespace

}  // namespace hardy::datasets
