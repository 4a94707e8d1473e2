// Terminals and timeouts: values that are no truth values, both set at once, none at all.
#include "datasets/audit.h"

namespace hardy::datasets {
namespace {

class Flags final : public Check {
 public:
  explicit Flags(const AuditedFile& file) : file_(file) {}
  void see(const RowPiece& p) override {
    for (std::size_t i = 0; i < p.terminals.size(); ++i) {
      const std::int64_t row = p.first + static_cast<std::int64_t>(i);
      const double terminal = p.terminals[i], timeout = p.timeouts.empty() ? 0 : p.timeouts[i];
      if ((terminal != 0 && terminal != 1) || (timeout != 0 && timeout != 1)) odd_.add(row);
      if (terminal != 0 && timeout != 0) both_.add(row);
      any_ += terminal != 0 || timeout != 0;
      terminals_ += terminal != 0;
    }
  }
  std::vector<Finding> findings() override {
    std::vector<Finding> all;
    if (odd_.count)
      all.push_back({"", Severity::kError, "terminals", "flags that are neither 0 nor 1",
                     "flags are truth values", odd_.count, odd_.first_rows});
    if (both_.count)
      all.push_back({"", Severity::kWarning, "timeouts", "rows that are terminal and timed out at once",
                     "loaders disagree: D4RL drops such rows, others let the terminal win", both_.count,
                     both_.first_rows});
    if (any_ == 0)
      all.push_back({"",
                     Severity::kWarning,
                     "terminals",
                     "no row ends an episode",
                     "the file is one trajectory to every loader, or its flags were lost",
                     1,
                     {}});
    else if (terminals_ == file_.rows)
      all.push_back({"",
                     Severity::kError,
                     "terminals",
                     "every row is terminal",
                     "are the flags inverted?",
                     file_.rows,
                     {}});
    if (!file_.has_timeouts && any_ != 0)
      all.push_back({"",
                     Severity::kNote,
                     "timeouts",
                     "the file has no timeouts",
                     "loaders cut episodes by counting steps; give them the environment's limit",
                     1,
                     {}});
    return all;
  }

 private:
  AuditedFile file_;
  Tally odd_, both_;
  std::int64_t any_ = 0, terminals_ = 0;
};

const RegisterCheck registration("flags", "both flags set, none set, flags that are no truth values",
                                 [](const AuditedFile& f) -> std::unique_ptr<Check> {
                                   return std::make_unique<Flags>(f);
                                 });

}  // namespace
}  // namespace hardy::datasets
