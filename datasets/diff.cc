#include "datasets/diff.h"

#include <cmath>
#include <cstring>
#include <map>

#include "datasets/attributes.h"
#include "datasets/pieces.h"
#include "engine/base/json.h"

namespace hardy::datasets {
namespace {

constexpr std::size_t kFirst = 5;

// Adds what differs in rows [first, first + n) of both.
void compare_piece(Reader& a, Reader& b, const Column& ca, const Column& cb, std::int64_t first,
                   std::int64_t n, ColumnDifference& d) {
  const auto width = static_cast<std::size_t>(ca.row_elements());
  const bool same_type = ca.type == cb.type;
  Bytes raw_a(static_cast<std::size_t>(n) * ca.row_bytes()),
      raw_b(static_cast<std::size_t>(n) * cb.row_bytes());
  a.read(ca, first, n, raw_a);
  b.read(cb, first, n, raw_b);
  if (same_type && raw_a == raw_b) return;
  std::vector<double> x(static_cast<std::size_t>(n) * width), y(x.size());
  load_doubles(ca.type, raw_a.data(), x.size(), x.data());
  load_doubles(cb.type, raw_b.data(), y.size(), y.data());
  const std::size_t size = size_of(ca.type);
  for (std::size_t row = 0; row < static_cast<std::size_t>(n); ++row) {
    std::int64_t changed = 0;
    for (std::size_t i = row * width; i < (row + 1) * width; ++i) {
      if (same_type ? std::memcmp(&raw_a[i * size], &raw_b[i * size], size) == 0 : x[i] == y[i]) continue;
      ++changed;
      const double by = std::abs(x[i] - y[i]);
      if (std::isfinite(by)) {
        d.largest = std::max(d.largest, by);
        d.mean += by;
      } else {
        ++d.not_finite;
      }
    }
    if (!changed) continue;
    d.elements_changed += changed;
    ++d.rows_changed;
    if (d.first_rows.size() < kFirst) d.first_rows.push_back(first + static_cast<std::int64_t>(row));
  }
}

ColumnDifference compare(Reader& a, Reader& b, const Column& ca, const Column& cb) {
  ColumnDifference d{ca.key, "", ca.describe() + (ca.type == cb.type ? "" : " and " + cb.describe())};
  if (ca.shape != cb.shape || (ca.type == ArrayType::kString) != (cb.type == ArrayType::kString)) {
    d.kind = "shape";
    d.text = ca.describe() + " and " + cb.describe();
  } else if (ca.type == ArrayType::kString) {
    if (a.read(ca).strings != b.read(cb).strings) d.kind = "text";
  } else {
    for_pieces(ca.rows(),
               [&](std::int64_t first, std::int64_t n) { compare_piece(a, b, ca, cb, first, n, d); });
    if (d.rows_changed) d.kind = "values";
    const std::int64_t finite = d.elements_changed - d.not_finite;
    d.mean = finite ? d.mean / static_cast<double>(finite) : 0;
  }
  return d;
}

void compare_attributes(const Reader& a, const Reader& b, Difference& all) {
  using Place = std::pair<std::string, std::string>;
  std::map<Place, const Attribute*> of_b;
  const std::vector<Attribute> first = a.all_attributes(), second = b.all_attributes();
  for (const Attribute& x : second) of_b[{x.object, x.name}] = &x;
  const auto add = [&](const Attribute& x, const char* kind, const std::string& text) {
    all.columns.push_back({x.object + (x.object.empty() ? "@" : " @") + x.name, kind, text});
  };
  for (const Attribute& x : first) {
    const auto found = of_b.find({x.object, x.name});
    if (found == of_b.end()) {
      add(x, "only in A", describe(x));
      continue;
    }
    ++all.attributes_compared;
    if (!same_attribute(x, *found->second))
      add(x, "attribute", describe(x) + " and " + describe(*found->second));
    of_b.erase(found);
  }
  for (const auto& [place, x] : of_b) add(*x, "only in B", describe(*x));
}

}  // namespace

Difference diff(Reader& a, Reader& b) {
  Difference all;
  for (const Column& c : a.columns()) {
    const Column* other = b.find(c.key);
    if (!other) {
      all.columns.push_back({c.key, "only in A", c.describe()});
      continue;
    }
    ++all.columns_compared;
    if (const std::string x = stored_name(c.type, c.stored_as),
        y = stored_name(other->type, other->stored_as);
        x != y)
      all.columns.push_back({c.key, "type", x + " and " + y});
    if (ColumnDifference d = compare(a, b, c, *other); !d.kind.empty()) all.columns.push_back(std::move(d));
  }
  for (const Column& c : b.columns())
    if (!a.find(c.key)) all.columns.push_back({c.key, "only in B", c.describe()});
  compare_attributes(a, b, all);
  return all;
}

nlohmann::json to_json(const Difference& difference) {
  nlohmann::json columns = nlohmann::json::array();
  for (const ColumnDifference& d : difference.columns)
    columns.push_back({{"column", d.column},
                       {"kind", d.kind},
                       {"text", d.text},
                       {"rows_changed", d.rows_changed},
                       {"elements_changed", d.elements_changed},
                       {"largest", d.largest},
                       {"mean", d.mean},
                       {"not_finite", d.not_finite},
                       {"first_rows", d.first_rows}});
  return {{"same", difference.columns.empty()},
          {"columns_compared", difference.columns_compared},
          {"attributes_compared", difference.attributes_compared},
          {"differences", columns}};
}

}  // namespace hardy::datasets
