// Dimensions that never change: dead sensors, padding. Normalising divides by their deviation.
#include <string>

#include "datasets/audit.h"

namespace hardy::datasets {
namespace {

class Constant final : public Check {
 public:
  void see(const RowPiece& p) override {
    look(p, p.observations, observations_);
    look(p, p.actions, actions_);
    look(p, p.rewards, rewards_);
  }
  std::vector<Finding> findings() override {
    std::vector<Finding> all;
    report(all, "observations", observations_,
           "a dead sensor or padding; a loader that divides by the deviation must add to it");
    report(all, "actions", actions_, "an actuator that was never used");
    report(all, "rewards", rewards_, "nothing can be learnt from rewards that never change");
    return all;
  }

 private:
  struct Part {
    std::vector<double> first;
    std::vector<std::size_t> same;  // dimensions that have not changed so far
    std::int64_t rows = 0;
  };
  static void look(const RowPiece& p, const std::vector<double>& x, Part& part) {
    const std::size_t width = x.size() / static_cast<std::size_t>(p.rows);
    if (part.rows == 0) {
      part.first.assign(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(width));
      for (std::size_t k = 0; k < width; ++k) part.same.push_back(k);
    }
    part.rows += p.rows;
    std::erase_if(part.same, [&](std::size_t k) {
      for (std::size_t i = k; i < x.size(); i += width)
        if (x[i] != part.first[k]) return true;
      return false;
    });
  }
  static void report(std::vector<Finding>& all, const char* column, const Part& part, const char* advice) {
    std::string dimensions;
    const auto count = static_cast<std::int64_t>(part.same.size());
    for (const std::size_t k : part.same) dimensions += (dimensions.empty() ? "" : ", ") + std::to_string(k);
    if (count && part.rows > 1)
      all.push_back(
          {"", Severity::kWarning, column, "dimensions that never change: " + dimensions, advice, count, {}});
  }
  Part observations_, actions_, rewards_;
};

const RegisterCheck registration("constant", "dimensions that never change",
                                 [](const AuditedFile&) -> std::unique_ptr<Check> {
                                   return std::make_unique<Constant>();
                                 });

}  // namespace
}  // namespace hardy::datasets
