// Values far outside what their dimension usually holds, by a robust z-score: |x - median| / (1.4826 MAD).
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "datasets/audit.h"
#include "datasets/robust.h"

namespace hardy::datasets {
namespace {

// Clean hopper data reach 9, rewards under the benchmark's noise 21.
constexpr double kFar = 15;

class Outliers final : public Check {
 public:
  explicit Outliers(const AuditedFile& file) {
    for (const char* key : {"observations", "next_observations", "actions", "rewards"}) {
      Part part{key, {}, {}, 0};
      const Column* column = file.reader.find(key);
      if (column && column->type != ArrayType::kString && column->rows() == file.rows &&
          !column->shape.empty())
        for (const auto& dimension : sorted_sample(file.reader, *column))
          part.scales.push_back(robust_scale(dimension));
      parts_.push_back(std::move(part));
    }
  }
  void see(const AuditPiece& p) override {
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
      all.push_back({"", Severity::kWarning, part.key, text,
                     "sensor faults or corruption? 'hardy data repair' can clip them", part.tally.count,
                     part.tally.first_rows});
    }
    return all;
  }

 private:
  struct Part {
    const char* key;
    std::vector<RobustScale> scales;
    Tally tally;
    double most;
  };
  static void look(const AuditPiece& p, const std::vector<double>& x, Part& part) {
    const std::size_t width = part.scales.size();
    for (std::size_t i = 0; width && i + width <= x.size(); i += width) {
      double z = 0;
      for (std::size_t k = 0; k < width; ++k)
        if (std::isfinite(x[i + k])) z = std::max(z, part.scales[k].z(x[i + k]));
      if (z > kFar) part.tally.add(p.first + static_cast<std::int64_t>(i / width));
      part.most = std::max(part.most, z);
    }
  }
  std::vector<Part> parts_;
};

const RegisterCheck registration("outliers", "values far outside their dimension's bulk",
                                 [](const AuditedFile& f) -> std::unique_ptr<Check> {
                                   return std::make_unique<Outliers>(f);
                                 });

}  // namespace
}  // namespace hardy::datasets
