// A condition on named numbers, from text: "return > 1000 and not timed_out", "0.5 <= score < 80".
//
//   condition   comparisons and names of truth values, joined by and, or, not, parentheses
//   comparison  numbers and names with + - * /, between < <= > >= == != ; a chain holds where each link does
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace hardy::datasets {

class Expression {
 public:
  struct Name {
    std::string name;
    bool truth = false;  // 0 or 1, and a condition by itself
  };
  // Errors: names that are not known (the message lists those that are), what cannot be read, and a number
  // where a condition belongs. where: what errors name, "--filter".
  Expression(const std::string& text, const std::vector<Name>& names, const std::string& where);

  // values in the order of the names. A comparison with NaN does not hold, != apart.
  bool holds(std::span<const double> values) const;
  bool uses(std::size_t name) const;  // whether the text has the name at that place

 private:
  friend class ExpressionParser;
  enum class Op {
    kNumber,
    kName,
    kAdd,
    kSubtract,
    kMultiply,
    kDivide,
    kNegate,
    kLess,
    kLessEqual,
    kGreater,
    kGreaterEqual,
    kEqual,
    kUnequal,
    kAnd,
    kOr,
    kNot
  };
  struct Node {
    Op op;
    double number = 0;
    std::size_t left = 0, right = 0;  // nodes; left of a name: which
  };
  double value(std::size_t node, std::span<const double> values) const;

  std::vector<Node> nodes_;
  std::size_t root_ = 0;
};

}  // namespace hardy::datasets
