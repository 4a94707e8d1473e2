// In a file without next observations, states that jump although no flag ends the episode there: the robot
// teleports, because flags are missing or out of step (antmaze-v0).
#include <algorithm>
#include <cmath>

#include "datasets/audit.h"
#include "datasets/pieces.h"
#include "datasets/robust.h"

namespace hardy::datasets {
namespace {

// A jump is this many times the usual step, in the dimension where it is largest. A reset that lands near
// where the episode ended is not told from a step.
constexpr double kFar = 30;

class Jumps final : public Check {
 public:
  explicit Jumps(const AuditedFile& file) : file_(file) {
    if (file.has_next) return;
    const Column& column = file.reader.column("observations");
    const std::size_t d = file.observation_size;
    const std::int64_t n = std::min<std::int64_t>(file.rows, kPieceRows);
    const std::vector<double> x = read_doubles(file.reader, column, 0, n);
    for (std::size_t k = 0; k < d; ++k) {
      std::vector<double> steps;
      for (std::size_t i = k + d; i < x.size(); i += d)
        if (std::isfinite(x[i] - x[i - d])) steps.push_back(std::abs(x[i] - x[i - d]));
      std::ranges::sort(steps);
      usual_.push_back(steps.empty() ? 0 : quantile(steps, 0.5));
    }
  }
  void see(const AuditPiece& p) override {
    const std::size_t d = file_.observation_size;
    if (usual_.empty() || p.terminals.empty()) return;
    for (std::size_t i = 0; i < static_cast<std::size_t>(p.rows); ++i) {
      const double* now = p.observations.data() + i * d;
      if (!last_.empty()) {
        double most = 0;
        for (std::size_t k = 0; k < d; ++k)
          if (usual_[k] > 0) most = std::max(most, std::abs(now[k] - last_[k]) / usual_[k]);
        const std::int64_t row = p.first + static_cast<std::int64_t>(i) - 1;
        const bool far = most > kFar;
        if (far && !ended_) jumps_.add(row);
        if ((far && !ended_ && flag_before_) || (ended_ && !far && jump_before_)) out_of_step_.add(row);
        flag_before_ = ended_ && !far;
        jump_before_ = far && !ended_;
      }
      last_.assign(now, now + d);
      ended_ = p.terminals[i] != 0 || (!p.timeouts.empty() && p.timeouts[i] != 0);
    }
  }
  std::vector<Finding> findings() override {
    std::vector<Finding> all;
    if (jumps_.count)
      all.push_back(
          {"", Severity::kWarning, "observations",
           "rows whose successor is more than 30 usual steps away although no flag ends the episode",
           "flags are missing, or rows were corrupted", jumps_.count, jumps_.first_rows});
    if (out_of_step_.count)
      all.push_back({"", Severity::kWarning, "timeouts",
                     "jumps one row before or after the flag that should mark them",
                     "the flags are out of step with the states: shift them", out_of_step_.count,
                     out_of_step_.first_rows});
    return all;
  }

 private:
  AuditedFile file_;
  std::vector<double> usual_, last_;
  bool ended_ = false, flag_before_ = false, jump_before_ = false;
  Tally jumps_, out_of_step_;
};

const RegisterCheck registration(
    "jumps", "states that jump inside an episode, where the file has no next observations",
    [](const AuditedFile& f) -> std::unique_ptr<Check> { return std::make_unique<Jumps>(f); });

}  // namespace
}  // namespace hardy::datasets
