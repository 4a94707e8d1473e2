// NaN and infinities, and numbers so large that float32 training breaks on them.
#include <algorithm>
#include <cmath>

#include "datasets/audit.h"

namespace hardy::datasets {
namespace {

constexpr double kHuge = 1e10;

class Finite final : public Check {
 public:
  void see(const RowPiece& p) override {
    look(p, p.observations, columns_[0]);
    look(p, p.next_observations, columns_[1]);
    look(p, p.actions, columns_[2]);
    look(p, p.rewards, columns_[3]);
    look(p, p.terminals, columns_[4]);
    look(p, p.timeouts, columns_[5]);
  }
  std::vector<Finding> findings() override {
    std::vector<Finding> all;
    for (const Part& c : columns_) {
      if (c.bad.count)
        all.push_back({"", Severity::kError, c.name, "rows with NaN or an infinity",
                       "'hardy data convert --drop-invalid' leaves them out", c.bad.count, c.bad.first_rows});
      if (c.huge.count)
        all.push_back({"", Severity::kWarning, c.name, "rows with values beyond 1e10 that are finite",
                       "a simulator that blew up? 'hardy data repair --clip' holds states to a range",
                       c.huge.count, c.huge.first_rows});
    }
    return all;
  }

 private:
  struct Part {
    const char* name;
    Tally bad = {}, huge = {};
  };
  // Whether nothing is to be found, at the speed of memory: NaN and infinities compare as beyond the bound.
  static bool harmless(const std::vector<double>& x) {
    bool beyond[8] = {};
    std::size_t i = 0;
    for (; i + 8 <= x.size(); i += 8)
      for (std::size_t k = 0; k < 8; ++k) beyond[k] |= !(std::abs(x[i + k]) <= kHuge);
    for (; i < x.size(); ++i) beyond[0] |= !(std::abs(x[i]) <= kHuge);
    return std::none_of(beyond, beyond + 8, [](bool b) { return b; });
  }
  static void look(const RowPiece& p, const std::vector<double>& x, Part& part) {
    if (harmless(x)) return;
    const std::size_t width = x.size() / static_cast<std::size_t>(p.rows);
    for (std::size_t row = 0; width && row < static_cast<std::size_t>(p.rows); ++row) {
      bool bad = false, huge = false;
      for (std::size_t k = row * width; k < (row + 1) * width; ++k) {
        bad |= !std::isfinite(x[k]);
        huge |= std::isfinite(x[k]) && std::abs(x[k]) > kHuge;
      }
      if (bad) part.bad.add(p.first + static_cast<std::int64_t>(row));
      if (huge) part.huge.add(p.first + static_cast<std::int64_t>(row));
    }
  }
  Part columns_[6] = {{"observations"}, {"next_observations"}, {"actions"},
                      {"rewards"},      {"terminals"},         {"timeouts"}};
};

const RegisterCheck registration("finite", "NaN, infinities and huge values",
                                 [](const AuditedFile&) -> std::unique_ptr<Check> {
                                   return std::make_unique<Finite>();
                                 });

}  // namespace
}  // namespace hardy::datasets
