// Rows that occur twice: a file joined with itself, a replay written twice. Told by a 64-bit hash of the
// whole transition; memory: 16 bytes a row for up to 2^24 rows, beyond them a share of the hash space. A
// robot at rest says the same again and again, and states of a finite set come again by themselves: neither
// is looked at.
#include <algorithm>
#include <cstring>
#include <vector>

#include "datasets/audit.h"
#include "datasets/checks/motion.h"
#include "datasets/checks/rows_before.h"

namespace hardy::datasets {
namespace {

constexpr std::int64_t kMostKept = std::int64_t{1} << 24;

std::uint64_t mix(std::uint64_t h, double x) {
  std::uint64_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  h = (h ^ bits) * 0x9E3779B97F4A7C15u;
  return h ^ (h >> 29);
}

class Duplicates final : public Check {
 public:
  explicit Duplicates(const AuditedFile& file)
      : file_(file), motion_(file.observations.steps), before_(file.observation_size) {
    while (file.rows >> share_ > kMostKept) ++share_;
  }
  void see(const RowPiece& p) override {
    if (file_.observations.few_values) return;
    for (std::size_t i = 0; i < static_cast<std::size_t>(p.rows); ++i) {
      const double* now = p.observations.data() + i * file_.observation_size;
      if (!motion_.moves(before_.get(p.observations, i), now)) continue;
      std::uint64_t h = 0;
      for (std::size_t k = 0; k < file_.observation_size; ++k) h = mix(h, now[k]);
      if (!p.actions.empty())
        for (std::size_t k = 0; k < file_.action_size; ++k) h = mix(h, p.actions[i * file_.action_size + k]);
      if (!p.rewards.empty()) h = mix(h, p.rewards[i]);
      if (share_ && h >> (64 - share_)) continue;
      seen_.push_back({h, p.first + static_cast<std::int64_t>(i)});
    }
    before_.keep(p.observations);
  }
  std::vector<Finding> findings() override {
    std::ranges::sort(seen_);
    std::vector<std::int64_t> rows;
    for (std::size_t i = 1; i < seen_.size(); ++i)
      if (seen_[i].first == seen_[i - 1].first) rows.push_back(seen_[i].second);
    std::ranges::sort(rows);
    if (rows.empty()) return {};
    const auto count = static_cast<std::int64_t>(rows.size());
    rows.resize(std::min(rows.size(), kFirstRows));
    return {{"", Severity::kWarning, "",
             share_ ? "rows that repeat an earlier observation, action and reward, in a sample of 1 row in " +
                          std::to_string(1 << share_)
                    : "rows that repeat an earlier observation, action and reward",
             "was the file joined with itself? repeated rows weigh double", count, rows}};
  }

 private:
  AuditedFile file_;
  Motion motion_;
  RowsBefore before_;
  int share_ = 0;  // of the hash space: 2^-share
  std::vector<std::pair<std::uint64_t, std::int64_t>> seen_;
};

const RegisterCheck registration("duplicates", "rows that occur twice",
                                 [](const AuditedFile& f) -> std::unique_ptr<Check> {
                                   return std::make_unique<Duplicates>(f);
                                 });

}  // namespace
}  // namespace hardy::datasets
