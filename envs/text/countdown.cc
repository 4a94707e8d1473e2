// Countdown: reach the target with each number once and + - * /, whole numbers throughout: "3,7,8=29:" is
// answered by an expression, "3*7+8", or step by step, "3*7=21;21+8=29". Bands: three numbers; four, by + and
// - alone; four, with a product or a quotient in it.
#include <algorithm>
#include <cctype>
#include <optional>

#include "engine/base/error.h"
#include "engine/base/parameters.h"
#include "envs/text/text_task.h"

namespace hardy::envs {
namespace {

constexpr std::string_view kOperators = "+-*/";

// Nothing where a division leaves a remainder.
std::optional<long> apply(long a, char op, long b) {
  switch (op) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    default:
      return b != 0 && a % b == 0 ? std::optional<long>(a / b) : std::nullopt;
  }
}

struct Puzzle {
  std::vector<long> numbers;
  long target = 0;
};

std::optional<long> read_number(std::string_view text, std::size_t& at) {
  const std::size_t begin = at;
  const bool negative = at < text.size() && text[at] == '-';
  at += negative;
  long value = 0;
  for (; at < text.size() && std::isdigit(static_cast<unsigned char>(text[at])); ++at) {
    value = 10 * value + (text[at] - '0');
    if (value > 1000000) return std::nullopt;
  }
  if (at == begin + negative) return std::nullopt;
  return negative ? -value : value;
}

Puzzle parse(std::string_view prompt) {
  Puzzle p;
  std::size_t at = 0;
  bool right = true;
  while (right) {
    const auto n = read_number(prompt, at);
    right = n && at < prompt.size();
    if (!right) break;
    p.numbers.push_back(*n);
    if (prompt[at] == '=') break;
    right = prompt[at++] == ',';
  }
  if (right) {
    const auto target = read_number(prompt, ++at);
    right = target && p.numbers.size() >= 2 && prompt.substr(at) == ":";
    p.target = target.value_or(0);
  }
  if (!right) throw Error("is no countdown", "prompt '" + std::string(prompt) + "'", "such as 3,7,8=29:");
  return p;
}

// Takes one `value` out of the numbers at hand; false where there is none.
bool take(std::vector<long>& numbers, long value) {
  const auto at = std::find(numbers.begin(), numbers.end(), value);
  if (at == numbers.end()) return false;
  numbers.erase(at);
  return true;
}

// An expression of numbers, + - * / and brackets, by the usual precedence; its numbers are taken from `left`.
class Expression {
 public:
  Expression(std::string_view text, std::vector<long>& left) : text_(text), left_(left) {}
  std::optional<long> value() {
    const auto v = sum(0);
    return at_ == text_.size() ? v : std::nullopt;
  }

 private:
  static constexpr int kDeepest = 32;
  char next() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  std::optional<long> sum(int depth) {
    auto value = product(depth);
    while (value && (next() == '+' || next() == '-')) {
      const char op = text_[at_++];
      value = combine(*value, op, product(depth));
    }
    return value;
  }
  std::optional<long> product(int depth) {
    auto value = factor(depth);
    while (value && (next() == '*' || next() == '/')) {
      const char op = text_[at_++];
      value = combine(*value, op, factor(depth));
    }
    return value;
  }
  std::optional<long> factor(int depth) {
    if (next() == '(' && depth < kDeepest) {
      ++at_;
      const auto inside = sum(depth + 1);
      if (next() != ')') return std::nullopt;
      ++at_;
      return inside;
    }
    if (!std::isdigit(static_cast<unsigned char>(next()))) return std::nullopt;
    const auto number = read_number(text_, at_);
    return number && take(left_, *number) ? number : std::nullopt;
  }
  static std::optional<long> combine(long a, char op, std::optional<long> b) {
    const auto value = b ? apply(a, op, *b) : std::nullopt;
    return value && std::abs(*value) <= 1000000 ? value : std::nullopt;
  }

  std::string_view text_;
  std::vector<long>& left_;
  std::size_t at_ = 0;
};

struct Step {
  long a;
  char op;
  long b, result;
};

// The first solution in a fixed order: pairs of the numbers at hand from the left, operators as written
// above. simple: + and - alone. rule: how a step is computed.
template <class Rule>
bool solve(std::vector<long> numbers, long target, bool simple, const Rule& rule, std::vector<Step>& steps) {
  if (numbers.size() == 1) return numbers[0] == target;
  for (std::size_t i = 0; i < numbers.size(); ++i)
    for (std::size_t j = 0; j < numbers.size(); ++j) {
      if (i == j) continue;
      for (const char op : kOperators.substr(0, simple ? 2 : 4)) {
        if ((op == '+' || op == '*') && j < i) continue;  // the same the other way round
        const auto result = rule(numbers[i], op, numbers[j]);
        if (!result) continue;
        std::vector<long> rest;
        for (std::size_t k = 0; k < numbers.size(); ++k)
          if (k != i && k != j) rest.push_back(numbers[k]);
        rest.insert(rest.begin(), *result);
        steps.push_back({numbers[i], op, numbers[j], *result});
        if (solve(rest, target, simple, rule, steps)) return true;
        steps.pop_back();
      }
    }
  return false;
}

// The steps as one expression, brackets around every part but the whole.
std::string expression_of(const std::vector<Step>& steps) {
  std::vector<std::pair<long, std::string>> made;  // results that no later step has used yet
  const auto operand = [&](long value) {
    for (auto at = made.rbegin(); at != made.rend(); ++at)
      if (at->first == value) {
        std::string text = "(" + at->second + ")";
        made.erase(std::next(at).base());
        return text;
      }
    return std::to_string(value);
  };
  for (const Step& s : steps) {
    std::string text = operand(s.a);
    text += s.op;
    text += operand(s.b);
    made.emplace_back(s.result, std::move(text));
  }
  return made.back().second;
}

class Countdown final : public TextTask {
 public:
  explicit Countdown(Parameters& p) : largest_(static_cast<int>(p.integer("largest", 9, 2, 99))) {}

  const std::string& alphabet() const override { return alphabet_; }
  std::size_t longest_prompt() const override { return 4 * 3 + 6; }
  std::size_t longest_answer() const override { return 3 * 20; }
  const std::vector<std::string>& bands() const override { return bands_; }
  std::string wrong_rule() const override { return "a difference is taken for its size, whatever its sign"; }

  bool verify(std::string_view prompt, std::string_view answer) const override {
    Puzzle p = parse(prompt);
    if (answer.find('=') == std::string_view::npos) {
      const auto value = Expression(answer, p.numbers).value();
      return value && *value == p.target && p.numbers.empty();
    }
    for (std::size_t at = 0; at < answer.size();) {
      const std::size_t end = std::min(answer.find(';', at), answer.size());
      const auto s = step_of(answer.substr(at, end - at));
      if (!s || !take(p.numbers, s->a) || !take(p.numbers, s->b) || apply(s->a, s->op, s->b) != s->result)
        return false;
      p.numbers.push_back(s->result);
      at = end + 1;
    }
    return p.numbers == std::vector<long>{p.target};
  }

  std::string demonstrate(std::string_view prompt, const Teacher& teacher, Draws& draws) const override {
    const Puzzle p = parse(prompt);
    const auto rule = [&](long a, char op, long b) {
      const auto value = apply(a, op, b);
      return value && teacher.wrong_rule && op == '-' ? std::optional<long>(std::abs(*value)) : value;
    };
    std::vector<Step> steps;
    if (!solve(p.numbers, p.target, true, rule, steps) && !solve(p.numbers, p.target, false, rule, steps))
      throw Error("has no solution", "prompt '" + std::string(prompt) + "'");
    std::string answer = teacher.other_style ? "" : expression_of(steps);
    if (teacher.other_style)
      for (const Step& s : steps)
        answer += (answer.empty() ? "" : ";") + std::to_string(s.a) + s.op + std::to_string(s.b) + "=" +
                  std::to_string(s.result);
    for (std::size_t i = 1; i < answer.size(); ++i)  // a sign in front of a number is no operator
      if (kOperators.find(answer[i]) != std::string_view::npos && answer[i - 1] != '=' &&
          kOperators.find(answer[i - 1]) == std::string_view::npos && draws.chance(teacher.slips))
        answer[i] =
            kOperators[(kOperators.find(answer[i]) + static_cast<std::size_t>(draws.integer(1, 3))) % 4];
    return answer;
  }

 protected:
  std::string draw(Draws& draws, int band) const override {
    constexpr long kLargestTarget = 99;
    for (;;) {
      std::vector<long> numbers;
      for (int i = 0; i < (band == 0 ? 3 : 4); ++i) numbers.push_back(draws.integer(1, largest_));
      // A random way through gives the target; the band says which operators a solution needs.
      std::vector<long> left = numbers;
      while (left.size() > 1) {
        const char op = kOperators[static_cast<std::size_t>(draws.integer(0, band == 1 ? 1 : 3))];
        const auto i = static_cast<std::size_t>(draws.integer(0, static_cast<int>(left.size()) - 1));
        const long a = left[i];
        left.erase(left.begin() + static_cast<std::ptrdiff_t>(i));
        const auto j = static_cast<std::size_t>(draws.integer(0, static_cast<int>(left.size()) - 1));
        const auto value = apply(a, op, left[j]);
        if (!value) {
          left.clear();
          break;
        }
        left[j] = *value;
      }
      if (left.empty() || left[0] < 1 || left[0] > kLargestTarget) continue;
      std::vector<Step> steps;
      const auto rule = [](long a, char op, long b) { return apply(a, op, b); };
      if (band == 2 && solve(numbers, left[0], true, rule, steps)) continue;
      std::string text;
      for (const long n : numbers) text += (text.empty() ? "" : ",") + std::to_string(n);
      return text + "=" + std::to_string(left[0]) + ":";
    }
  }

 private:
  static std::optional<Step> step_of(std::string_view text) {
    std::size_t at = 0;
    const auto a = read_number(text, at);
    if (!a || at >= text.size() || kOperators.find(text[at]) == std::string_view::npos) return std::nullopt;
    const char op = text[at++];
    const auto b = read_number(text, at);
    if (!b || at >= text.size() || text[at++] != '=') return std::nullopt;
    const auto result = read_number(text, at);
    if (!result || at != text.size()) return std::nullopt;
    return Step{*a, op, *b, *result};
  }

  int largest_;
  std::string alphabet_ = "0123456789+-*/(),=:;";
  std::vector<std::string> bands_{"easy", "middle", "hard"};
};

const RegisterTextTask registration("countdown", "a target from three or four numbers; key largest (number)",
                                    [](Parameters& p) -> std::unique_ptr<TextTask> {
                                      return std::make_unique<Countdown>(p);
                                    });

}  // namespace
}  // namespace hardy::envs
