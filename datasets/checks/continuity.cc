// Within an episode the next observation is the following row's observation. Where it is not, one of the two
// was changed, or the flags do not say where episodes end.
#include <algorithm>
#include <cmath>

#include "datasets/audit.h"
#include "datasets/checks/rows_before.h"

namespace hardy::datasets {
namespace {

class Continuity final : public Check {
 public:
  explicit Continuity(const AuditedFile& file) : file_(file), before_(file.observation_size) {}
  void see(const RowPiece& p) override {
    const std::size_t d = file_.observation_size;
    if (p.next_observations.empty() || p.terminals.empty()) return;
    for (std::size_t i = 0; i < static_cast<std::size_t>(p.rows); ++i) {
      if (const double* next = before_.get(p.next_observations, i))
        compare(p.first + static_cast<std::int64_t>(i) - 1, next, p.observations.data() + i * d);
      last_ends_ = p.terminals[i] != 0 || (!p.timeouts.empty() && p.timeouts[i] != 0);
    }
    before_.keep(p.next_observations);
  }
  std::vector<Finding> findings() override {
    std::vector<Finding> all;
    if (broken_.count)
      all.push_back({"", Severity::kWarning, "next_observations",
                     "rows inside an episode whose next observation is not the following row's observation",
                     file_.has_timeouts
                         ? "a copy was changed ('hardy data repair' can mend that), or an episode ends "
                           "there without a flag"
                         : "without timeouts: probably time limits",
                     broken_.count, broken_.first_rows});
    if (late_.count)
      all.push_back({"", Severity::kWarning, "timeouts",
                     "episodes that break off in the middle although a timeout stands a row before or after",
                     "the flags are out of step with the states: shift them", late_.count, late_.first_rows});
    if (running_on_.count && running_on_.count == ends_)
      all.push_back({"", Severity::kWarning, "timeouts", "every flagged end runs on into the following row",
                     "the flags are out of step with the states", running_on_.count, running_on_.first_rows});
    return all;
  }

 private:
  // next: of `row`; now: the observation of the row after it.
  void compare(std::int64_t row, const double* next, const double* now) {
    bool same = true;
    for (std::size_t k = 0; k < file_.observation_size && same; ++k) {
      const double x = next[k], y = now[k];
      same = x == y || (std::isnan(x) && std::isnan(y)) ||
             std::abs(x - y) <= 1e-6 * std::max({1.0, std::abs(x), std::abs(y)});
    }
    ends_ += last_ends_;
    // A break one row beside a flag is the flag's, not the states'.
    const bool break_here = !last_ends_ && !same;
    if (break_here && flag_runs_on_) late_.add(row);
    if (last_ends_ && same && break_before_) late_.add(row);
    if (break_here) broken_.add(row);
    if (last_ends_ && same) running_on_.add(row);
    flag_runs_on_ = last_ends_ && same;
    break_before_ = break_here;
  }

  AuditedFile file_;
  RowsBefore before_;
  bool last_ends_ = false, flag_runs_on_ = false, break_before_ = false;
  std::int64_t ends_ = 0;
  Tally broken_, late_, running_on_;
};

const RegisterCheck registration("continuity",
                                 "next observations that are not the following row's; timeouts out of step",
                                 [](const AuditedFile& f) -> std::unique_ptr<Check> {
                                   return std::make_unique<Continuity>(f);
                                 });

}  // namespace
}  // namespace hardy::datasets
