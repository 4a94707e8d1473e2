// Chains of +, - and x on one digit, worked through from the left, modulo 10: "7+4*3-2=" is answered by its
// running values, "131". An answer is right where the last two are (a guess of one digit would be right one
// time in ten), of a chain of two operands where its one value is. Bands: the fewest operands, those between,
// the most.
#include <array>
#include <cctype>
#include <optional>

#include "engine/base/error.h"
#include "engine/base/parameters.h"
#include "envs/text/text_task.h"

namespace hardy::envs {
namespace {

constexpr std::string_view kOperators = "+-*";

struct Step {
  char op;
  int operand;
};
struct Chain {
  int start;
  std::vector<Step> steps;
};

int apply(int value, const Step& s) {
  const int result = s.op == '+' ? value + s.operand : s.op == '-' ? value - s.operand : value * s.operand;
  return ((result % 10) + 10) % 10;
}

class Chains final : public TextTask {
 public:
  explicit Chains(Parameters& p) : parts_(p, 3, 6, 2, 20) {}

  const std::string& alphabet() const override { return alphabet_; }
  std::size_t longest_prompt() const override { return 2 * static_cast<std::size_t>(parts_.most); }
  std::size_t longest_answer() const override { return 6 * static_cast<std::size_t>(parts_.most - 1) - 1; }
  const std::vector<std::string>& bands() const override { return bands_; }
  std::string wrong_rule() const override { return "a product by 5 or more is taken by one less"; }

  bool verify(std::string_view prompt, std::string_view answer) const override {
    const Chain chain = parse(prompt);
    const std::optional<std::string> values = values_of(answer);
    if (!values || values->size() != chain.steps.size()) return false;
    std::string right;
    int value = chain.start;
    for (const Step& s : chain.steps) right += static_cast<char>('0' + (value = apply(value, s)));
    const std::size_t last = std::min<std::size_t>(2, right.size());
    return std::string_view(*values).substr(right.size() - last) ==
           std::string_view(right).substr(right.size() - last);
  }

  std::string demonstrate(std::string_view prompt, const Teacher& teacher, Draws& draws) const override {
    const Chain chain = parse(prompt);
    std::string answer;
    int value = chain.start;
    for (Step s : chain.steps) {
      const int before = value;
      const Step shown = s;
      if (teacher.wrong_rule && s.op == '*' && s.operand >= 5) --s.operand;
      value = apply(value, s);
      if (draws.chance(teacher.slips)) value = (value + draws.integer(1, 9)) % 10;
      if (teacher.other_style) {
        if (!answer.empty()) answer += ';';
        answer += {static_cast<char>('0' + before), shown.op, static_cast<char>('0' + shown.operand), '='};
      }
      answer += static_cast<char>('0' + value);
    }
    return answer;
  }

 protected:
  std::string draw(Draws& draws, int band) const override {
    const int operands = parts_.draw(draws, band);
    std::string text(1, static_cast<char>('0' + draws.integer(0, 9)));
    for (int i = 1; i < operands; ++i) {
      text += kOperators[static_cast<std::size_t>(draws.integer(0, 2))];
      text += static_cast<char>('0' + draws.integer(0, 9));
    }
    return text + "=";
  }

 private:
  static Chain parse(std::string_view prompt) {
    const auto digit = [&](std::size_t i) {
      return std::isdigit(static_cast<unsigned char>(prompt[i])) != 0;
    };
    bool right = prompt.size() >= 4 && prompt.size() % 2 == 0 && prompt.back() == '=' && digit(0);
    Chain chain{right ? prompt[0] - '0' : 0, {}};
    for (std::size_t i = 1; right && i + 1 < prompt.size(); i += 2) {
      right = kOperators.find(prompt[i]) != std::string_view::npos && digit(i + 1);
      chain.steps.push_back({prompt[i], prompt[i + 1] - '0'});
    }
    if (!right) throw Error("is no chain", "prompt '" + std::string(prompt) + "'", "such as 7+4*3-2=");
    return chain;
  }

  // The running values of either style.
  static std::optional<std::string> values_of(std::string_view answer) {
    std::string values;
    if (answer.find('=') == std::string_view::npos) {
      values = answer;
    } else {
      for (std::size_t at = 0; at < answer.size();) {
        const std::size_t end = std::min(answer.find(';', at), answer.size());
        const std::string_view step = answer.substr(at, end - at);
        if (step.size() != 5 || step[3] != '=') return std::nullopt;
        values += step[4];
        at = end + 1;
      }
    }
    for (const char c : values)
      if (!std::isdigit(static_cast<unsigned char>(c))) return std::nullopt;
    return values;
  }

  PartsByBand parts_;
  std::string alphabet_ = "0123456789+-*=;";
  std::vector<std::string> bands_{"easy", "middle", "hard"};
};

const RegisterTextTask registration("chains",
                                    "running values of +, - and x modulo 10; keys least, most (operands)",
                                    [](Parameters& p) -> std::unique_ptr<TextTask> {
                                      return std::make_unique<Chains>(p);
                                    });

}  // namespace
}  // namespace hardy::envs
