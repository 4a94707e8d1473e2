#include "datasets/convert.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "datasets/attributes.h"
#include "datasets/conversion/derived.h"
#include "datasets/conversion/joined.h"
#include "datasets/corruption/corruption_record.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/run/json_text.h"

namespace hardy::datasets {
namespace {

using nlohmann::json;

constexpr const char* kDone = "hardy_converted";

// What was done, as an attribute of what came out.
class Described final : public DerivedReader {
 public:
  Described(std::unique_ptr<Reader> reader, json done)
      : DerivedReader(std::move(reader)), done_(std::move(done)) {
    set_columns(inner().columns());
  }
  json attributes() const override {
    json all = inner().attributes();
    all[kDone] = run::json_text(done_, -1);
    return all;
  }
  std::vector<Attribute> all_attributes() const override {
    std::vector<Attribute> all = inner().all_attributes();
    erase_attribute(all, "", kDone);
    all.push_back({"", kDone, false, run::json_text(done_, -1)});
    return all;
  }

 private:
  json done_;
};

json describe(const std::vector<std::unique_ptr<Reader>>& inputs, const ConversionSettings& settings) {
  json done{{"inputs", json::array()}};
  for (const auto& reader : inputs) {
    json one{{"name", std::filesystem::path(reader->path()).filename().string()},
             {"format", reader->format()}};
    if (const json manifest = corruption_manifest(*reader); !manifest.is_null()) one["corruption"] = manifest;
    const json attributes = reader->attributes();
    if (const auto before = attributes.find(kDone); before != attributes.end() && before->is_string())
      one["converted"] = json::parse(before->get<std::string>(), nullptr, false);
    done["inputs"].push_back(std::move(one));
  }
  if (!settings.names.empty()) done["map"] = settings.names;
  if (settings.float32) done["float32"] = true;
  return done;
}

void require_observations(const Reader& reader) {
  const Column* c = reader.find("observations");
  if (c && c->type != ArrayType::kString && !c->shape.empty()) return;
  std::string keys, first;
  for (const Column& other : reader.columns()) {
    if (first.empty() && other.shape.size() >= 2) first = other.key;
    if (keys.size() < 300) keys += (keys.empty() ? "" : ", ") + other.key;
  }
  throw Error(c ? "has observations that are " + c->describe() : "has no 'observations'", reader.path(),
              (keys.empty() ? "the file is empty" : "it has: " + keys) +
                  (first.empty() ? "" : "; say which one they are: --map observations=" + first));
}

std::vector<KeptEpisode> all_episodes(const std::vector<std::unique_ptr<Reader>>& inputs,
                                      const SelectionSettings& settings, std::vector<std::int64_t>& counts) {
  std::vector<KeptEpisode> all;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto episodes = episodes_of(*inputs[i], settings);
    counts.push_back(static_cast<std::int64_t>(episodes.size()));
    for (const EpisodeRows& e : episodes)
      all.push_back({e, i, static_cast<std::int64_t>(&e - episodes.data())});
  }
  return all;
}

}  // namespace

void copy_dataset(Reader& reader, Writer& writer) {
  constexpr std::size_t kPieceBytes = 8 << 20;
  Bytes piece;
  for (const Column& c : reader.columns()) {
    if (c.type == ArrayType::kString || c.shape.empty()) {
      writer.put(c.key, reader.read(c));
      continue;
    }
    if (writer.copy_stored(reader, c)) continue;
    writer.declare(c);
    const std::size_t row = std::max<std::size_t>(c.row_bytes(), 1);
    const auto rows = static_cast<std::int64_t>(std::max<std::size_t>(kPieceBytes / row, 1));
    for (std::int64_t at = 0; at < c.rows(); at += rows) {
      const std::int64_t n = std::min(rows, c.rows() - at);
      piece.resize(static_cast<std::size_t>(n) * c.row_bytes());
      reader.read(c, at, n, piece);
      writer.append(c.key, piece);
    }
  }
  writer.set_attributes(reader.all_attributes());
  writer.commit();
}

json convert(std::vector<std::unique_ptr<Reader>> inputs, Writer& writer,
             const ConversionSettings& settings) {
  check(settings.select);
  json report{{"inputs", json::array()}, {"steps", json::array()}, {"notes", json::array()}};
  const bool as_is = inputs.size() == 1 && !settings.changes_values();
  json done = as_is ? json() : describe(inputs, settings);
  for (auto& reader : inputs) {
    reader = renamed(std::move(reader), settings.names);
    require_observations(*reader);
    report["inputs"].push_back({{"path", reader->path()},
                                {"format", reader->format()},
                                {"rows", reader->column("observations").rows()},
                                {"episodes", nullptr}});
  }

  std::unique_ptr<Reader> whole;
  std::vector<std::int64_t> counts;
  if (as_is) {
    whole = std::move(inputs[0]);
    if (const Column* c = whole->find("terminals");
        c && c->row_elements() == 1 && c->type != ArrayType::kString)
      counts.push_back(static_cast<std::int64_t>(episodes_of(*whole, settings.select).size()));
  } else {
    // Rows are chosen before they are narrowed: a value that float32 cannot hold is an invalid one.
    Selection selection;
    const bool needs_rows = settings.select.any() || inputs.size() > 1;
    if (settings.select.any()) {
      selection = select(inputs, settings.select);
      counts = selection.input_episodes;
    } else if (needs_rows) {
      selection.episodes = all_episodes(inputs, settings.select, counts);
    } else {
      selection.episodes.push_back({{0, inputs[0]->column("observations").rows(), false, false}});
    }
    report["steps"] = selection.steps;
    done["steps"] = json::array();
    for (const json& step : selection.steps) done["steps"].push_back(step.at("text"));
    whole = joined(std::move(inputs), selection.episodes,
                   {.careful = settings.select.skip_bad_episodes,
                    .mixed_floats = settings.float32,
                    .unmoved = !needs_rows});
    if (settings.float32) whole = as_float32(std::move(whole));
    whole = std::make_unique<Described>(std::move(whole), std::move(done));
    report["episodes"] = needs_rows ? json(selection.episodes.size()) : json();
  }
  for (std::size_t i = 0; i < counts.size(); ++i) report["inputs"][i]["episodes"] = counts[i];
  if (as_is) report["episodes"] = counts.empty() ? json() : json(counts[0]);
  copy_dataset(*whole, writer);
  report["rows"] = whole->column("observations").rows();
  for (const std::string& n : whole->notes()) report["notes"].push_back(n);
  for (const std::string& n : writer.notes()) report["notes"].push_back(n);
  return report;
}

}  // namespace hardy::datasets
