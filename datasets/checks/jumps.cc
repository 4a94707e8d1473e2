// States that jump although no flag ends the episode there: the robot teleports, because flags are missing or
// out of step (antmaze-v0), or because rows were corrupted.
#include <cmath>
#include <limits>

#include "datasets/audit.h"
#include "datasets/checks/rows_before.h"

namespace hardy::datasets {
namespace {

// A jump is this many times the usual step, in the dimension where it is largest: clean hopper data reach 26.
// A reset that lands near where the episode ended is not told from a step.
constexpr double kFar = 28;

class Jumps final : public Check {
 public:
  explicit Jumps(const AuditedFile& file) : rows_(file.rows), before_(file.observation_size) {
    for (const double step : file.observations.steps)
      far_.push_back(step > 0 ? kFar * step : std::numeric_limits<double>::infinity());
  }
  void see(const RowPiece& p) override {
    const std::size_t d = far_.size();
    if (p.terminals.empty()) return;
    for (std::size_t i = 0; i < static_cast<std::size_t>(p.rows); ++i) {
      const double* now = p.observations.data() + i * d;
      if (const double* last = before_.get(p.observations, i)) {
        bool far = false;
        for (std::size_t k = 0; k < d; ++k) far |= std::abs(now[k] - last[k]) > far_[k];
        if (far && !ended_)
          for (std::size_t k = 0; k < d; ++k)
            if (const double times = std::abs(now[k] - last[k]) / far_[k]; times > most_) most_ = times;
        const std::int64_t row = p.first + static_cast<std::int64_t>(i) - 1;
        if (far && !ended_) jumps_.add(row);
        if ((far && !ended_ && flag_before_) || (ended_ && !far && jump_before_)) out_of_step_.add(row);
        flag_before_ = ended_ && !far;
        jump_before_ = far && !ended_;
      }
      ended_ = p.terminals[i] != 0 || (!p.timeouts.empty() && p.timeouts[i] != 0);
    }
    before_.keep(p.observations);
  }
  std::vector<Finding> findings() override {
    std::vector<Finding> all;
    if (jumps_.count) {
      const Severity severity = severity_of_far_rows(jumps_.count, rows_, most_, 1);
      all.push_back(
          {"", severity, "observations",
           "rows whose successor is more than 28 usual steps away although no flag ends the episode",
           severity == Severity::kNote ? kRare : "flags are missing, or rows were corrupted", jumps_.count,
           jumps_.first_rows});
    }
    if (out_of_step_.count)
      all.push_back({"", Severity::kWarning, "timeouts",
                     "jumps one row before or after the flag that should mark them",
                     "the flags are out of step with the states: shift them", out_of_step_.count,
                     out_of_step_.first_rows});
    return all;
  }

 private:
  std::int64_t rows_;
  RowsBefore before_;
  std::vector<double> far_;  // by dimension
  double most_ = 0;          // how often that the largest jump was
  bool ended_ = false, flag_before_ = false, jump_before_ = false;
  Tally jumps_, out_of_step_;
};

const RegisterCheck registration("jumps",
                                 "states that jump inside an episode; flags that stand a row beside the jump",
                                 [](const AuditedFile& f) -> std::unique_ptr<Check> {
                                   return std::make_unique<Jumps>(f);
                                 });

}  // namespace
}  // namespace hardy::datasets
