// The one exception that the engine throws: what was wrong, where, and what would be right.
// The command line prints `message()` as one line and exits with `exit_code()`.
#pragma once

#include <stdexcept>
#include <string>

namespace hardy {

class Error : public std::runtime_error {
 public:
  enum class Kind { kBadInput = 2, kFailedRun = 1 };

  // what: what was wrong. where: file, dataset, row, key or value it concerns (may be empty).
  // fix: what would be right (may be empty).
  explicit Error(std::string what, std::string where = "", std::string fix = "", Kind kind = Kind::kBadInput);
  ~Error() override;

  static Error failed_run(std::string what, std::string where = "", std::string fix = "");

  std::string message() const { return std::runtime_error::what(); }  // "where: what (fix)"
  const std::string& problem() const { return what_; }
  const std::string& where() const { return where_; }
  const std::string& fix() const { return fix_; }
  int exit_code() const { return static_cast<int>(kind_); }

 private:
  std::string what_, where_, fix_;
  Kind kind_;
};

}  // namespace hardy
