#include "datasets/conversion/expression.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

#include "engine/base/error.h"
#include "engine/base/nearest.h"

namespace hardy::datasets {

// Recursive descent; every rule gives the node it made and whether that is a truth value.
class ExpressionParser {
 public:
  ExpressionParser(const std::string& text, const std::vector<Expression::Name>& names,
                   const std::string& where, Expression& to)
      : text_(text), names_(names), where_(where + " '" + text + "'"), to_(to) {}

  void parse() {
    const Part all = either();
    if (!rest().empty()) fail("cannot be read from '" + std::string(rest()) + "' on");
    to_.root_ = truth(all);
  }

 private:
  using Op = Expression::Op;
  struct Part {
    std::size_t node;
    bool truth;
    std::string text;
  };
  // Deep enough for every condition that a person writes, shallow enough for the stack.
  static constexpr int kDeepest = 200;

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(what, where_, "e.g. 'return > 1000 and length >= 50'; names: " + known());
  }
  std::string known() const {
    std::string all;
    for (const Expression::Name& n : names_) all += (all.empty() ? "" : ", ") + n.name;
    return all;
  }
  std::string_view rest() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
    return std::string_view(text_).substr(at_);
  }
  static bool in_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }
  bool take(std::string_view mark) {
    const std::string_view left = rest();
    if (!left.starts_with(mark)) return false;
    if (in_word(mark[0]) && left.size() > mark.size() && in_word(left[mark.size()])) return false;
    at_ += mark.size();
    return true;
  }
  std::size_t add(Op op, std::size_t left = 0, std::size_t right = 0, double number = 0) {
    if (to_.nodes_.size() == 1000) fail("is too long");
    to_.nodes_.push_back({op, number, left, right});
    return to_.nodes_.size() - 1;
  }
  std::size_t truth(const Part& p) const {
    if (!p.truth) fail("'" + p.text + "' is a number where a condition belongs");
    return p.node;
  }
  std::size_t number(const Part& p) const {
    if (p.truth) fail("'" + p.text + "' is a condition where a number belongs");
    return p.node;
  }
  // What a rule read, from where it began.
  Part part(std::size_t begin, std::size_t node, bool is_truth) const {
    std::string words = text_.substr(begin, at_ - begin);
    while (!words.empty() && words.back() == ' ') words.pop_back();
    return {node, is_truth, words};
  }
  std::size_t begin() { return text_.size() - rest().size(); }

  Part either() {
    const std::size_t from = begin();
    Part left = both();
    while (take("or") || take("||")) {
      const std::size_t a = truth(left), b = truth(both());
      left = part(from, add(Op::kOr, a, b), true);
    }
    return left;
  }
  Part both() {
    const std::size_t from = begin();
    Part left = denial();
    while (take("and") || take("&&")) {
      const std::size_t a = truth(left), b = truth(denial());
      left = part(from, add(Op::kAnd, a, b), true);
    }
    return left;
  }
  Part denial() {
    const std::size_t from = begin();
    if (!take("not") && (rest().starts_with("!=") || !take("!"))) return comparison();
    const Depth deeper(*this);
    return part(from, add(Op::kNot, truth(denial())), true);
  }
  std::optional<Op> comparing() {
    if (take("<=")) return Op::kLessEqual;
    if (take(">=")) return Op::kGreaterEqual;
    if (take("==")) return Op::kEqual;
    if (take("!=")) return Op::kUnequal;
    if (take("<")) return Op::kLess;
    if (take(">")) return Op::kGreater;
    if (rest().starts_with("=")) fail("'=' compares nothing: write ==");
    return std::nullopt;
  }
  Part comparison() {
    const std::size_t from = begin();
    Part left = sum();
    std::optional<std::size_t> all;
    while (const auto op = comparing()) {
      const Part right = sum();
      // Truth values compare with 0 and 1: terminated == 1.
      const std::size_t link = add(*op, left.node, right.node);
      all = all ? add(Op::kAnd, *all, link) : link;
      left = right;
    }
    return all ? part(from, *all, true) : left;
  }
  Part sum() {
    const std::size_t from = begin();
    Part left = product();
    for (;;) {
      const Op op = rest().starts_with("+") ? Op::kAdd : Op::kSubtract;
      if (!take("+") && !take("-")) return left;
      const std::size_t a = number(left), b = number(product());
      left = part(from, add(op, a, b), false);
    }
  }
  Part product() {
    const std::size_t from = begin();
    Part left = factor();
    for (;;) {
      const Op op = rest().starts_with("*") ? Op::kMultiply : Op::kDivide;
      if (!take("*") && !take("/")) return left;
      const std::size_t a = number(left), b = number(factor());
      left = part(from, add(op, a, b), false);
    }
  }
  Part factor() {
    const Depth deeper(*this);
    const std::size_t from = begin();
    if (take("-")) return part(from, add(Op::kNegate, number(factor())), false);
    if (take("(")) {
      const Part inner = either();
      if (!take(")")) fail("lacks a ')'");
      return part(from, inner.node, inner.truth);
    }
    const std::string_view left = rest();
    if (left.empty()) fail("ends too early");
    double x = 0;
    if (const auto [end, error] = std::from_chars(left.data(), left.data() + left.size(), x);
        error == std::errc() && !std::isalpha(static_cast<unsigned char>(left[0]))) {
      at_ += static_cast<std::size_t>(end - left.data());
      return part(from, add(Op::kNumber, 0, 0, x), false);
    }
    std::size_t length = 0;
    while (length < left.size() && in_word(left[length])) ++length;
    if (length == 0) fail("cannot be read from '" + std::string(left) + "' on");
    const std::string word(left.substr(0, length));
    for (std::size_t i = 0; i < names_.size(); ++i)
      if (names_[i].name == word) {
        at_ += length;
        return part(from, add(Op::kName, i), names_[i].truth);
      }
    std::vector<std::string> all;
    for (const Expression::Name& n : names_) all.push_back(n.name);
    const std::string meant = nearest(word, all);
    throw Error("there is no '" + word + "'", where_,
                (meant.empty() ? "" : "did you mean '" + meant + "'? ") + ("known: " + known()));
  }

  struct Depth {
    explicit Depth(ExpressionParser& p) : parser(p) {
      if (++parser.depth_ > kDeepest) parser.fail("is nested too deeply");
    }
    ~Depth() { --parser.depth_; }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;
    ExpressionParser& parser;
  };

  const std::string& text_;
  const std::vector<Expression::Name>& names_;
  std::string where_;
  Expression& to_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

Expression::Expression(const std::string& text, const std::vector<Name>& names, const std::string& where) {
  ExpressionParser(text, names, where, *this).parse();
}

bool Expression::holds(std::span<const double> values) const { return value(root_, values) != 0; }

bool Expression::uses(std::size_t name) const {
  return std::ranges::any_of(nodes_, [&](const Node& n) { return n.op == Op::kName && n.left == name; });
}

double Expression::value(std::size_t at, std::span<const double> values) const {
  const Node& n = nodes_[at];
  const auto left = [&] { return value(n.left, values); };
  const auto right = [&] { return value(n.right, values); };
  switch (n.op) {
    case Op::kNumber:
      return n.number;
    case Op::kName:
      return values[n.left];
    case Op::kAdd:
      return left() + right();
    case Op::kSubtract:
      return left() - right();
    case Op::kMultiply:
      return left() * right();
    case Op::kDivide:
      return left() / right();
    case Op::kNegate:
      return -left();
    case Op::kLess:
      return left() < right();
    case Op::kLessEqual:
      return left() <= right();
    case Op::kGreater:
      return left() > right();
    case Op::kGreaterEqual:
      return left() >= right();
    case Op::kEqual:
      return left() == right();
    case Op::kUnequal:
      return left() != right();
    case Op::kAnd:
      return left() != 0 && right() != 0;
    case Op::kOr:
      return left() != 0 || right() != 0;
    case Op::kNot:
      return left() == 0;
  }
  return 0;
}

}  // namespace hardy::datasets
