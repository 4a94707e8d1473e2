// Actions outside [-1, 1], which D4RL's tasks and squashed policies expect, and exactly at the bounds.
#include <algorithm>
#include <cmath>

#include "datasets/audit.h"

namespace hardy::datasets {
namespace {

class Actions final : public Check {
 public:
  explicit Actions(const AuditedFile& file) : width_(file.action_size) {}
  void see(const RowPiece& p) override {
    for (std::size_t i = 0; width_ && i < p.actions.size(); i += width_) {
      double most = 0;
      for (std::size_t k = i; k < i + width_; ++k) most = std::max(most, std::abs(p.actions[k]));
      const std::int64_t row = p.first + static_cast<std::int64_t>(i / width_);
      if (most > 1 + 1e-6) outside_.add(row);
      if (most == 1) at_bound_.add(row);
      largest_ = std::max(largest_, most);
    }
  }
  std::vector<Finding> findings() override {
    std::vector<Finding> all;
    if (outside_.count)
      all.push_back({"", Severity::kWarning, "actions",
                     "rows with actions outside [-1, 1]; the largest is " + std::to_string(largest_),
                     "a policy that ends in tanh cannot imitate them: clip or rescale", outside_.count,
                     outside_.first_rows});
    if (at_bound_.count)
      all.push_back({"", Severity::kNote, "actions", "rows with actions at exactly -1 or 1",
                     "log-probabilities through atanh are infinite there: clip to 1 - 1e-5 for such methods",
                     at_bound_.count, at_bound_.first_rows});
    return all;
  }

 private:
  std::size_t width_;
  Tally outside_, at_bound_;
  double largest_ = 0;
};

const RegisterCheck registration("actions", "actions outside [-1, 1], or exactly at the bounds",
                                 [](const AuditedFile& f) -> std::unique_ptr<Check> {
                                   return std::make_unique<Actions>(f);
                                 });

}  // namespace
}  // namespace hardy::datasets
