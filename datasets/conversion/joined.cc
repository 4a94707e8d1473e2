#include "datasets/conversion/joined.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <map>
#include <optional>
#include <set>

#include "datasets/attributes.h"
#include "datasets/corruption/corruption_record.h"
#include "datasets/pieces.h"
#include "datasets/task.h"
#include "engine/base/error.h"
#include "engine/base/json.h"

namespace hardy::datasets {
namespace {

using nlohmann::json;

bool is_flag(const std::string& key) { return key == "terminals" || key == "timeouts"; }

// What a file says about its task: an environment's id, and D4RL's family by its name.
struct Task {
  std::string id, family;
};
Task task_of(const Reader& reader) {
  Task task;
  const json attributes = reader.attributes();
  for (const char* key : {"env_spec", "env_id", "env_name", "env"}) {
    if (!attributes.contains(key) || !attributes.at(key).is_string()) continue;
    const std::string text = attributes.at(key).get<std::string>();
    const json spec = json::parse(text, nullptr, false);
    task.id = spec.is_object() && spec.contains("id") && spec.at("id").is_string()
                  ? spec.at("id").get<std::string>()
              : spec.is_object() ? ""
                                 : text;
    if (!task.id.empty()) break;
  }
  if (const auto scores = reference_scores(reader)) task.family = scores->family;
  return task;
}

void require_one_task(const std::vector<std::unique_ptr<Reader>>& inputs) {
  const Task first = task_of(*inputs[0]);
  for (const auto& reader : inputs) {
    const Task task = task_of(*reader);
    for (const auto& [mine, its] : {std::pair{task.id, first.id}, std::pair{task.family, first.family}}) {
      if (mine.empty() || its.empty()) continue;
      if (mine != its)
        throw Error("is of the task " + mine + ", " + inputs[0]->path() + " of " + its, reader->path(),
                    "merge files of one task; give a file another name where its name misleads");
      break;  // ids say more than names
    }
  }
}

class Joined final : public Reader {
 public:
  Joined(std::vector<std::unique_ptr<Reader>> inputs, const std::vector<KeptEpisode>& episodes,
         const JoinSettings& settings)
      : Reader(inputs[0]->path(), inputs[0]->format()), inputs_(std::move(inputs)), settings_(settings) {
    for (const auto& reader : inputs_)
      for (const std::string& n : reader->notes()) note((several() ? reader->path() + ": " : "") + n);
    require_one_task(inputs_);
    place(episodes);
    mark_ends(episodes);
    choose_columns(episodes);
    join_attributes();
  }

  json attributes() const override {
    json own = json::object();
    for (const Attribute& a : attributes_)
      if (a.object.empty()) own[a.name] = a.value;
    return own;
  }
  std::vector<Attribute> all_attributes() const override { return attributes_; }

 private:
  struct Part {
    std::size_t input;
    std::int64_t begin, end, row;  // rows of the input; where they are here
  };
  bool several() const { return inputs_.size() > 1; }
  std::string in(std::size_t i) const { return inputs_[i]->path(); }

  void place(const std::vector<KeptEpisode>& episodes) {
    for (const KeptEpisode& e : episodes) {
      if (!parts_.empty() && parts_.back().input == e.input && parts_.back().end == e.begin)
        parts_.back().end = e.end;
      else
        parts_.push_back({e.input, e.begin, e.end, rows_});
      rows_ += e.size();
    }
  }

  // The rows that must be timeouts here, and were none there.
  void mark_ends(const std::vector<KeptEpisode>& episodes) {
    std::vector<std::int64_t> of_limits;  // where a file without timeouts was cut by a number of steps
    std::int64_t row = 0;
    for (std::size_t i = 0; i < episodes.size(); ++i) {
      const KeptEpisode& e = episodes[i];
      row += e.size();
      const bool last = i + 1 == episodes.size();
      const bool goes_on = !last && episodes[i + 1].input == e.input && episodes[i + 1].begin == e.end;
      const bool flagged = e.terminated || (e.timed_out && inputs_[e.input]->find("timeouts"));
      if (flagged) continue;
      if (e.cut || !(last || goes_on))
        ends_.push_back(row - 1);
      else if (e.timed_out)
        of_limits.push_back(row - 1);
    }
    const bool any =
        std::any_of(inputs_.begin(), inputs_.end(), [](const auto& r) { return r->find("timeouts"); });
    if (!any && ends_.empty()) return;
    if (!any)
      note("timeouts were made: the file had none, and " + std::to_string(ends_.size()) +
           " episodes no longer end at what follows them");
    std::vector<std::int64_t> both;
    std::merge(ends_.begin(), ends_.end(), of_limits.begin(), of_limits.end(), std::back_inserter(both));
    ends_ = std::move(both);
    timeouts_ = true;
  }

  static bool of_rows(const Column& c, std::int64_t rows) {
    return c.type != ArrayType::kString && !c.shape.empty() && c.rows() == rows && !is_record(c.key) &&
           !c.key.starts_with("metadata/");
  }

  // Without the selection, such a column is one of those that are taken whole.
  bool of_episodes(const std::string& key) const {
    return !settings_.unmoved && key.starts_with("metadata/episodes/");
  }

  void choose_columns(const std::vector<KeptEpisode>& episodes) {
    std::vector<std::int64_t> rows;
    for (const auto& reader : inputs_) rows.push_back(reader->column("observations").rows());
    std::vector<Column> columns;
    std::set<std::string> seen;
    bool recorded = false;
    for (std::size_t i = 0; i < inputs_.size(); ++i)
      for (const Column& c : inputs_[i]->columns()) {
        recorded = recorded || is_record(c.key);
        if (is_record(c.key) || !seen.insert(c.key).second) continue;
        if (c.key == "timeouts" || of_episodes(c.key)) continue;  // below
        if (of_rows(c, rows[i])) {
          if (const auto joined = of_all(c.key, rows)) columns.push_back(*joined);
        } else if (is_main_column(c.key)) {
          throw Error("is " + c.describe() + ", observations have " + std::to_string(rows[i]) + " rows",
                      inputs_[i]->where(c));
        } else {
          if (several()) note("/" + c.key + " has no row for each step and is that of " + in(i));
          whole_[c.key] = i;
          columns.push_back(c);
        }
      }
    if (timeouts_) {
      Column c{"timeouts", ArrayType::kBool, {rows_}};
      const auto typed = std::all_of(inputs_.begin(), inputs_.end(), [&](const auto& r) {
        const Column* t = r->find("timeouts");
        return t && t->type == inputs_[0]->find("timeouts")->type && t->shape.size() == 1;
      });
      if (typed) c.type = inputs_[0]->find("timeouts")->type;
      columns.push_back(c);
    }
    choose_episode_columns(episodes, columns);
    if (recorded)
      note(
          "the record of its corruption is left out: rows or values are no longer those that it tells of, so "
          "that OUT cannot be undone");
    set_columns(std::move(columns));
  }

  // The column as all inputs have it; nothing for a side column that they have not in one way.
  std::optional<Column> of_all(const std::string& key, const std::vector<std::int64_t>& rows) {
    std::optional<Column> all;
    std::size_t of = 0;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      const Column* c = inputs_[i]->find(key);
      const std::string has =
          std::string("has ") + (c ? "" : "no ") + "/" + key + (c ? ", " + c->describe() : "");
      if (!c || !of_rows(*c, rows[i])) {
        const std::size_t other = i ? 0 : 1;
        return misfit(key, has, i, inputs_[other]->find(key) ? in(other) + " has it" : "others have it",
                      "leave it out of all, or give it to all");
      }
      if (!all) {
        all = *c;
        of = i;
        continue;
      }
      const bool numbers = c->row_elements() == 1 && all->row_elements() == 1 && c->shape.size() <= 2 &&
                           all->shape.size() <= 2;  // [N] and [N, 1]
      if (numbers && c->shape.size() != all->shape.size()) all->shape.resize(1);
      if (!numbers &&
          !std::equal(c->shape.begin() + 1, c->shape.end(), all->shape.begin() + 1, all->shape.end()))
        return misfit(key, has, i, in(of) + " has " + all->describe(),
                      "merge files of one task and one shape");
      if (stored_name(c->type, c->stored_as) != stored_name(all->type, all->stored_as))
        all->stored_as = nullptr;
      if (c->type == all->type) continue;
      const auto is_float = [](ArrayType t) { return t == ArrayType::kF32 || t == ArrayType::kF64; };
      if (settings_.mixed_floats && is_float(c->type) && is_float(all->type)) {
        all->type = ArrayType::kF64;
        continue;
      }
      if (!is_flag(key))
        return misfit(key, has, i, in(of) + " has " + all->describe(),
                      c->type == ArrayType::kF64 || all->type == ArrayType::kF64
                          ? "give --float32"
                          : "bring them to one type first");
      all->type = ArrayType::kBool;
    }
    all->shape[0] = rows_;
    return all;
  }

  std::optional<Column> misfit(const std::string& key, const std::string& has, std::size_t i,
                               const std::string& others, const std::string& fix) {
    if (is_main_column(key)) throw Error(has + "; " + others, in(i), fix);
    note("/" + key + " is left out: " + in(i) + " " + has + "; " + others);
    return std::nullopt;
  }

  // What all inputs say of themselves alike, as far as it is still true.
  void join_attributes() {
    const auto stale = [&](const Attribute& a) {
      if (is_record(a.object + "/") || (a.of_column && !find(a.object))) return true;
      if (!a.object.empty()) return false;
      return a.name == "hardy_corruption" ||
             (!settings_.unmoved &&
              (a.name == "total_episodes" || a.name == "total_steps" || a.name == "dataset_size"));
    };
    attributes_ = inputs_[0]->all_attributes();
    std::erase_if(attributes_, stale);
    std::string differ;
    for (std::size_t i = 1; i < inputs_.size(); ++i) {
      const std::vector<Attribute> its = inputs_[i]->all_attributes();
      std::erase_if(attributes_, [&](const Attribute& a) {
        const bool same = std::any_of(its.begin(), its.end(), [&](const Attribute& b) {
          return a.object == b.object && a.name == b.name && same_attribute(a, b);
        });
        if (!same)
          differ += (differ.empty() ? "" : ", ") + (a.object.empty() ? "" : a.object + " @") + a.name;
        return !same;
      });
    }
    if (!differ.empty()) note("attributes that differ from file to file are left out: " + differ);
  }

  // Columns with a row for each episode of their file (Minari's metadata/episodes/...), chosen as those are.
  void choose_episode_columns(const std::vector<KeptEpisode>& episodes, std::vector<Column>& columns) {
    std::set<std::string> keys;
    for (const auto& reader : inputs_)
      for (const Column& c : reader->columns())
        if (of_episodes(c.key)) keys.insert(c.key);
    for (const std::string& key : keys) {
      const auto left_out = [&](const std::string& why) { note("/" + key + " is left out: " + why); };
      if (std::any_of(episodes.begin(), episodes.end(), [](const KeptEpisode& e) { return e.cut; })) {
        left_out("episodes were cut in two");
        continue;
      }
      std::vector<Array> all;
      std::int64_t most = 0;
      for (const auto& reader : inputs_)
        if (const Column* c = reader->find(key); c && c->type != ArrayType::kString && !c->shape.empty())
          all.push_back(reader->read(*c));
      const auto alike = [&](const Array& a) {
        return a.type == all[0].type &&
               std::equal(a.shape.begin() + 1, a.shape.end(), all[0].shape.begin() + 1, all[0].shape.end());
      };
      if (all.size() < inputs_.size() || !std::all_of(all.begin(), all.end(), alike)) {
        left_out("it is text, or not in all files alike");
        continue;
      }
      Array chosen = Array::of(all[0].type, all[0].shape);
      chosen.shape[0] = static_cast<std::int64_t>(episodes.size());
      chosen.bytes.clear();
      for (const KeptEpisode& e : episodes) {
        const Array& a = all[e.input];
        most = std::max(most, e.number - a.rows() + 1);
        if (most > 0) break;
        const std::size_t row = a.bytes.size() / static_cast<std::size_t>(a.rows());
        const auto at =
            a.bytes.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(e.number) * row);
        chosen.bytes.insert(chosen.bytes.end(), at, at + static_cast<std::ptrdiff_t>(row));
      }
      if (most > 0) {
        left_out("it has fewer rows than its file has episodes");
        continue;
      }
      columns.push_back({key, chosen.type, chosen.shape});
      by_episode_[key] = std::move(chosen);
    }
  }

  std::vector<std::string> read_text(const Column& column) override {
    Reader& reader = *inputs_[whole_.at(column.key)];
    return reader.read(reader.column(column.key)).strings;
  }

  void read_rows(const Column& column, std::int64_t first, std::int64_t rows, std::byte* to) override {
    const std::size_t row = column.row_bytes();
    if (const auto at = whole_.find(column.key); at != whole_.end()) {
      Reader& reader = *inputs_[at->second];
      return reader.read(reader.column(column.key), first, rows, {to, static_cast<std::size_t>(rows) * row});
    }
    if (const auto at = by_episode_.find(column.key); at != by_episode_.end()) {
      std::memcpy(to, at->second.bytes.data() + static_cast<std::size_t>(first) * row,
                  static_cast<std::size_t>(rows) * row);
      return;
    }
    const std::int64_t end = first + rows;
    PartAt part = std::upper_bound(parts_.cbegin(), parts_.cend(), first,
                                   [](std::int64_t r, const Part& p) { return r < p.row; }) -
                  1;
    while (part != parts_.cend() && part->row < end) {
      const auto last = together(part, first, end);
      read_parts(column, part, last, first, end, to);
      part = last;
    }
    if (column.key == "timeouts") {
      const auto set = std::lower_bound(ends_.begin(), ends_.end(), first);
      for (auto e = set; e != ends_.end() && *e < end; ++e)
        set_flag(column.type, to + static_cast<std::size_t>(*e - first) * row);
    }
  }

  using PartAt = std::vector<Part>::const_iterator;
  static std::int64_t begin_in(const Part& p, std::int64_t first) {
    return p.begin + std::max<std::int64_t>(first - p.row, 0);
  }
  static std::int64_t end_in(const Part& p, std::int64_t end) {
    return std::min(p.end, p.begin + (end - p.row));
  }

  // Parts that are read in one go, because little lies between them: a chunk of the file is decoded once.
  PartAt together(PartAt part, std::int64_t first, std::int64_t end) const {
    constexpr std::int64_t kBetween = 1024;
    PartAt last = part + 1;
    if (settings_.careful) return last;
    std::int64_t needed = end_in(*part, end) - begin_in(*part, first);
    while (last != parts_.end() && last->input == part->input && last->row < end) {
      needed += end_in(*last, end) - last->begin;
      if (end_in(*last, end) - begin_in(*part, first) > 2 * needed + kBetween) break;
      ++last;
    }
    return last;
  }

  void read_parts(const Column& column, PartAt part, PartAt last, std::int64_t first, std::int64_t end,
                  std::byte* to) {
    Reader& reader = *inputs_[part->input];
    const Column* source = reader.find(column.key);
    const std::size_t row = column.row_bytes();
    const std::int64_t from = begin_in(*part, first), until = end_in(*(last - 1), end);
    Bytes read(static_cast<std::size_t>(until - from) * row);
    if (!source) {
      std::fill(read.begin(), read.end(), std::byte{0});  // timeouts of a file that has none
    } else if (source->type == column.type) {
      reader.read(*source, from, until - from, read);
    } else if (column.type == ArrayType::kF64) {
      const std::vector<double> x = read_doubles(reader, *source, from, until - from);
      std::memcpy(read.data(), x.data(), read.size());
    } else {  // flags
      const std::vector<std::uint8_t> x = read_flags(reader, *source, from, until - from);
      std::transform(x.begin(), x.end(), read.begin(), [](std::uint8_t v) { return std::byte{v}; });
    }
    for (; part != last; ++part) {
      const std::int64_t begin = begin_in(*part, first), n = end_in(*part, end) - begin;
      if (n > 0 && row > 0)
        std::memcpy(to + static_cast<std::size_t>(part->row + begin - part->begin - first) * row,
                    read.data() + static_cast<std::size_t>(begin - from) * row,
                    static_cast<std::size_t>(n) * row);
    }
  }

  static void set_flag(ArrayType type, std::byte* flag) {
    if (type == ArrayType::kF32 || type == ArrayType::kF64) {
      const double one = 1;
      return store_doubles(type, &one, 1, flag);
    }
    std::memset(flag, 0, size_of(type));
    *flag = std::byte{1};  // integers, little-endian
  }

  std::vector<std::unique_ptr<Reader>> inputs_;
  JoinSettings settings_;
  bool timeouts_ = false;
  std::vector<Part> parts_;
  std::vector<std::int64_t> ends_;
  std::int64_t rows_ = 0;
  std::map<std::string, std::size_t> whole_;  // columns without a row for each step, and whose they are
  std::vector<Attribute> attributes_;
  std::map<std::string, Array> by_episode_;  // columns with a row for each episode, as they are here
};

}  // namespace

std::unique_ptr<Reader> joined(std::vector<std::unique_ptr<Reader>> inputs,
                               const std::vector<KeptEpisode>& episodes, const JoinSettings& settings) {
  return std::make_unique<Joined>(std::move(inputs), episodes, settings);
}

}  // namespace hardy::datasets
