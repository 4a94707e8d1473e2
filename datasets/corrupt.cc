#include "datasets/corrupt.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/base/error.h"
#include "engine/base/mt19937.h"
#include "engine/base/nearest.h"
#include "engine/base/random.h"
#include "engine/base/version.h"

namespace hardy::datasets {
namespace {

constexpr std::array kOrder{Element::kObservations, Element::kActions, Element::kRewards, Element::kDynamics};
constexpr const char* kRecord = "hardy/corruption/";

// Population standard deviation of each dimension, as NumPy computes it on a float32 column: float64
// sums of this implementation's own order (NumPy's float32 pairwise sums differ in the last digits,
// so that the published noise is reproduced as drawn, and its product with std to rounding).
std::vector<double> standard_deviations(std::span<const float> column, int width) {
  const auto d = static_cast<std::size_t>(width);
  const std::size_t rows = column.size() / d;
  const auto n = static_cast<double>(rows);
  std::vector<double> mean(d, 0), square(d, 0);
  for (std::size_t i = 0; i < column.size(); ++i) mean[i % d] += column[i];
  for (double& m : mean) m /= n;
  for (std::size_t i = 0; i < column.size(); ++i) square[i % d] += (column[i] - mean[i % d]) * (column[i] - mean[i % d]);
  for (double& s : square) s = std::sqrt(s / n);
  return square;
}

// Draws of one element: mask(i) for the rows in order, then noise(k) for the attacked elements in order.
class Draws {
 public:
  Draws(const CorruptionSettings& s, Element element)
      : numpy_(s.generator == "numpy"), state_(static_cast<std::uint32_t>(s.seed)),
        mask_(s.seed, Stream::kCorruptMask, static_cast<std::uint64_t>(element)),
        noise_(s.seed, Stream::kCorruptNoise, static_cast<std::uint64_t>(element)) {}
  double mask(std::uint64_t i) { return numpy_ ? state_.random_sample() : mask_.uniform64(i); }
  double noise(std::uint64_t k, double range) {
    return numpy_ ? state_.uniform(-range, range) : -range + 2 * range * noise_.uniform64(k);
  }

 private:
  bool numpy_;
  NumpyRandomState state_;
  Random mask_, noise_;
};

int width_of(const Array& a) { return a.shape.size() == 2 ? static_cast<int>(a.shape[1]) : 1; }

// The file's next observations, made from the rows that follow; the last row keeps its own.
Array following_rows(const Array& observations) {
  Array next = observations;
  const std::size_t row = observations.bytes.size() / static_cast<std::size_t>(observations.rows());
  if (observations.rows() > 1) std::copy(observations.bytes.begin() + static_cast<std::ptrdiff_t>(row), observations.bytes.end(), next.bytes.begin());
  return next;
}

}  // namespace

std::string name_of(Element element) {
  switch (element) {
    case Element::kObservations: return "observations";
    case Element::kActions: return "actions";
    case Element::kRewards: return "rewards";
    case Element::kDynamics: return "dynamics";
  }
  return "?";
}

std::string column_of(Element element) { return element == Element::kDynamics ? "next_observations" : name_of(element); }

Element element_named(const std::string& name) {
  std::vector<std::string> names;
  for (const Element e : kOrder) {
    if (name == name_of(e) || name + "s" == name_of(e)) return e;
    names.push_back(name_of(e));
  }
  throw Error("there is no element '" + name + "'", "--elements", suggestion(name, names));
}

Change corrupt_column(Element element, std::span<float> column, int width, const CorruptionSettings& s) {
  const auto d = static_cast<std::size_t>(width);
  const auto rows = static_cast<std::int64_t>(column.size() / d);
  const std::vector<double> std = standard_deviations(column, width);
  Draws draws(s, element);
  Change change{element, {}, {}};
  for (std::int64_t i = 0; i < rows; ++i)
    if (draws.mask(static_cast<std::uint64_t>(i)) < s.rate) change.rows.push_back(i);
  std::uint64_t k = 0;
  for (const std::int64_t row : change.rows)
    for (std::size_t j = 0; j < d; ++j) {
      float& x = column[static_cast<std::size_t>(row) * d + j];
      change.before.push_back(x);
      const double noise = draws.noise(k++, element == Element::kRewards ? 30 * s.scale : s.scale);
      x = static_cast<float>(element == Element::kRewards ? noise : x + noise * std[j]);
    }
  return change;
}

std::vector<Change> corrupt(Transitions& t, const CorruptionSettings& s) {
  std::vector<Change> changes;
  for (const Element e : kOrder) {
    if (std::find(s.elements.begin(), s.elements.end(), e) == s.elements.end()) continue;
    switch (e) {
      case Element::kObservations: changes.push_back(corrupt_column(e, t.observations, t.observation_size, s)); break;
      case Element::kActions: changes.push_back(corrupt_column(e, t.actions, t.action_size, s)); break;
      case Element::kRewards: changes.push_back(corrupt_column(e, t.rewards, 1, s)); break;
      case Element::kDynamics: changes.push_back(corrupt_column(e, t.next_observations, t.observation_size, s)); break;
    }
  }
  return changes;
}

void corrupt(Arrays& arrays, const CorruptionSettings& s, const std::string& input_name, const std::string& input_sha256) {
  check_d4rl(arrays, input_name);
  if (!corruption_manifest(arrays).is_null())
    throw Error("is corrupted already", input_name, "undo that first, or start from the clean file");
  if (s.elements.empty()) throw Error("no element is named", "--elements", "e.g. --elements dynamics");
  nlohmann::json elements = nlohmann::json::array();
  for (const Element e : kOrder) {
    if (std::find(s.elements.begin(), s.elements.end(), e) == s.elements.end()) continue;
    const bool made = e == Element::kDynamics && !arrays.count("next_observations");
    if (made) arrays["next_observations"] = following_rows(arrays.at("observations"));
    Array& column = arrays.at(column_of(e));
    if (column.type != ArrayType::kF32)
      throw Error("is " + column.describe() + "; corruption works on float32", input_name + " /" + column_of(e));
    const Change change = corrupt_column(e, {column.as<float>(), static_cast<std::size_t>(column.elements())}, width_of(column), s);
    const std::string key = kRecord + name_of(e);
    Array rows = Array::of(ArrayType::kI64, {static_cast<std::int64_t>(change.rows.size())});
    std::copy(change.rows.begin(), change.rows.end(), rows.as<std::int64_t>());
    Array before = Array::of(ArrayType::kF32, {static_cast<std::int64_t>(change.rows.size()), width_of(column)});
    std::copy(change.before.begin(), change.before.end(), before.as<float>());
    arrays[key + "/rows"] = std::move(rows);
    arrays[key + "/before"] = std::move(before);
    elements.push_back({{"element", name_of(e)}, {"rate", s.rate}, {"scale", s.scale}, {"rows_changed", change.rows.size()}, {"column_made", made}});
  }
  Array manifest;
  manifest.type = ArrayType::kString;
  manifest.strings = {nlohmann::json{{"generator", s.generator}, {"seed", s.seed}, {"elements", elements}, {"input", input_name},
                                     {"input_sha256", input_sha256}, {"version", version()}}.dump()};
  arrays[std::string(kRecord) + "manifest"] = std::move(manifest);
}

void undo(Arrays& arrays, const std::string& path) {
  const nlohmann::json manifest = corruption_manifest(arrays);
  if (manifest.is_null()) throw Error("has no record of a corruption to undo", path);
  for (const auto& e : manifest.at("elements")) {
    const Element element = element_named(e.at("element"));
    const std::string key = kRecord + name_of(element);
    if (e.at("column_made").get<bool>()) {
      arrays.erase(column_of(element));
      continue;
    }
    if (!arrays.count(key + "/rows") || !arrays.count(key + "/before") || !arrays.count(column_of(element)))
      throw Error("lacks a part of its record", path + " /" + key);
    const Array &rows = arrays.at(key + "/rows"), &before = arrays.at(key + "/before");
    Array& column = arrays.at(column_of(element));
    const auto width = static_cast<std::size_t>(width_of(column));
    if (before.elements() != rows.elements() * static_cast<std::int64_t>(width)) throw Error("has a record that does not fit its columns", path + " /" + key);
    for (std::int64_t i = 0; i < rows.elements(); ++i) {
      const std::int64_t row = rows.as<std::int64_t>()[i];
      if (row < 0 || row >= column.rows()) throw Error("has a record that names row " + std::to_string(row), path + " /" + key);
      std::copy_n(before.as<float>() + static_cast<std::size_t>(i) * width, width, column.as<float>() + static_cast<std::size_t>(row) * width);
    }
  }
  std::erase_if(arrays, [](const auto& entry) { return entry.first.starts_with(kRecord); });
}

nlohmann::json corruption_manifest(const Arrays& arrays) {
  const auto found = arrays.find(std::string(kRecord) + "manifest");
  if (found == arrays.end() || found->second.strings.empty()) return nullptr;
  return nlohmann::json::parse(found->second.strings[0], nullptr, false);
}

}  // namespace hardy::datasets
