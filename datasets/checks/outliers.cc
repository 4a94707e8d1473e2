// Values far outside what their dimension usually holds, by a robust z-score (datasets/robust.h).
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "datasets/audit.h"

namespace hardy::datasets {
namespace {

// Clean hopper data reach 9, rewards under the benchmark's noise 21.
constexpr double kFar = 15;

class Outliers final : public Check {
 public:
  explicit Outliers(const AuditedFile& file)
      : rows_(file.rows),
        parts_{Part("observations", file.observations.scales, 0),
               Part("next_observations", file.observations.scales, 0),
               // Within the bounds an action is a choice, be it a rare one.
               Part("actions", file.actions.scales, 1), Part("rewards", file.rewards.scales, 0)} {}
  void see(const RowPiece& p) override {
    look(p, p.observations, parts_[0]);
    look(p, p.next_observations, parts_[1]);
    look(p, p.actions, parts_[2]);
    look(p, p.rewards, parts_[3]);
  }
  std::vector<Finding> findings() override {
    std::vector<Finding> all;
    for (const Part& part : parts_) {
      if (!part.tally.count) continue;
      char text[160];
      std::snprintf(text, sizeof text, "rows with outliers: a robust z-score above %.0f, at most %.3g", kFar,
                    part.most);
      const Severity severity = severity_of_far_rows(part.tally.count, rows_, part.most, kFar);
      all.push_back({"", severity, part.key, text,
                     severity == Severity::kNote
                         ? kRare
                         : "sensor faults or corruption? 'hardy data repair' can clip them",
                     part.tally.count, part.tally.first_rows});
    }
    return all;
  }

 private:
  struct Part {
    // free: values up to that size are no outliers; 0: none is free.
    Part(const char* name, const std::vector<RobustScale>& of, double free) : key(name), scales(of) {
      for (const RobustScale& s : scales) {
        const double room = s.deviation > 0 ? kFar * s.deviation : std::numeric_limits<double>::infinity();
        low.push_back(free > 0 ? std::min(s.median - room, -free) : s.median - room);
        high.push_back(free > 0 ? std::max(s.median + room, free) : s.median + room);
      }
    }
    const char* key;
    std::vector<RobustScale> scales;
    std::vector<double> low = {}, high = {};
    Tally tally = {};
    double most = 0;
  };
  static void look(const RowPiece& p, const std::vector<double>& x, Part& part) {
    const std::size_t width = part.scales.size();
    for (std::size_t i = 0; width && i + width <= x.size(); i += width) {
      bool beyond = false;
      for (std::size_t k = 0; k < width; ++k) beyond |= x[i + k] < part.low[k] || x[i + k] > part.high[k];
      if (!beyond) continue;
      double z = 0;
      for (std::size_t k = 0; k < width; ++k)
        if (std::isfinite(x[i + k]) && (x[i + k] < part.low[k] || x[i + k] > part.high[k]))
          z = std::max(z, part.scales[k].z(x[i + k]));
      if (z > kFar) part.tally.add(p.first + static_cast<std::int64_t>(i / width));
      part.most = std::max(part.most, z);
    }
  }
  std::int64_t rows_;
  std::vector<Part> parts_;
};

const RegisterCheck registration("outliers", "values far outside their dimension's bulk",
                                 [](const AuditedFile& f) -> std::unique_ptr<Check> {
                                   return std::make_unique<Outliers>(f);
                                 });

}  // namespace
}  // namespace hardy::datasets
