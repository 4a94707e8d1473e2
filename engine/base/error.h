// The one exception that the engine throws: what was wrong, where, and what would be right.
// The command line prints `message()` as one line and exits with `exit_code()`.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace hardy {

class Error : public std::runtime_error {
 public:
  enum class Kind { kBadInput = 2, kFailedRun = 1 };

  // what: what was wrong. where: file, dataset, row, key or value it concerns (may be empty).
  // fix: what would be right (may be empty).
  explicit Error(std::string what, std::string where = "", std::string fix = "", Kind kind = Kind::kBadInput)
      : std::runtime_error(compose(what, where, fix)),
        what_(std::move(what)),
        where_(std::move(where)),
        fix_(std::move(fix)),
        kind_(kind) {}

  static Error failed_run(std::string what, std::string where = "", std::string fix = "") {
    return Error(std::move(what), std::move(where), std::move(fix), Kind::kFailedRun);
  }

  std::string message() const { return std::runtime_error::what(); }  // "where: what (fix)"
  const std::string& problem() const { return what_; }
  const std::string& where() const { return where_; }
  const std::string& fix() const { return fix_; }
  int exit_code() const { return static_cast<int>(kind_); }

 private:
  static std::string compose(const std::string& what, const std::string& where, const std::string& fix) {
    std::string line = where.empty() ? what : where + ": " + what;
    return fix.empty() ? line : line + "; " + fix;
  }

  std::string what_, where_, fix_;
  Kind kind_;
};

}  // namespace hardy
