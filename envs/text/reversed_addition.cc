// Sums written from their last digit on, the way carries run: "407+96=" is answered by "305". The other style
// notes each digit with the carry that follows it: "3,1;0,1;5,0". Bands: the fewest digits, those between,
// the most.
#include <algorithm>
#include <cctype>
#include <optional>

#include "engine/base/error.h"
#include "engine/base/parameters.h"
#include "envs/text/text_task.h"

namespace hardy::envs {
namespace {

bool all_digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

class ReversedAddition final : public TextTask {
 public:
  explicit ReversedAddition(Parameters& p) : parts_(p, 3, 8, 1, 18) {}

  const std::string& alphabet() const override { return alphabet_; }
  std::size_t longest_prompt() const override { return 2 * static_cast<std::size_t>(parts_.most) + 2; }
  std::size_t longest_answer() const override { return 4 * static_cast<std::size_t>(parts_.most + 1) - 1; }
  const std::vector<std::string>& bands() const override { return bands_; }
  std::string wrong_rule() const override {
    return "the carry of two digits that make 15 or more is forgotten";
  }

  bool verify(std::string_view prompt, std::string_view answer) const override {
    const auto digits = digits_of(answer);
    return digits && *digits == add(parse(prompt), {}, nullptr).digits;
  }

  std::string demonstrate(std::string_view prompt, const Teacher& teacher, Draws& draws) const override {
    const Sum sum = add(parse(prompt), teacher, &draws);
    if (!teacher.other_style) return sum.digits;
    std::string answer;
    for (std::size_t i = 0; i < sum.digits.size(); ++i) {
      if (i > 0) answer += ';';
      answer += {sum.digits[i], ',', sum.carries[i]};
    }
    return answer;
  }

 protected:
  std::string draw(Draws& draws, int band) const override {
    const int digits = parts_.draw(draws, band);
    // One number has that many digits, the other at most.
    const auto number = [&](int n) {
      std::string text(1, static_cast<char>('0' + draws.integer(1, 9)));
      while (static_cast<int>(text.size()) < n) text += static_cast<char>('0' + draws.integer(0, 9));
      return text;
    };
    const std::string a = number(digits), b = number(draws.integer(1, digits));
    return a + "+" + b + "=";
  }

 private:
  struct Numbers {
    std::string_view a, b;
  };
  struct Sum {
    std::string digits, carries;  // the last digit first
  };

  static Numbers parse(std::string_view prompt) {
    const std::size_t plus = prompt.find('+');
    if (plus != std::string_view::npos && prompt.size() > plus + 2 && prompt.back() == '=')
      if (const Numbers n{prompt.substr(0, plus), prompt.substr(plus + 1, prompt.size() - plus - 2)};
          all_digits(n.a) && all_digits(n.b))
        return n;
    throw Error("is no sum", "prompt '" + std::string(prompt) + "'", "such as 407+96=");
  }

  // draws: of a teacher who slips; null: none does.
  static Sum add(const Numbers& n, const Teacher& teacher, Draws* draws) {
    Sum sum;
    const auto digit = [](std::string_view s, std::size_t i) {
      return i < s.size() ? s[s.size() - 1 - i] - '0' : 0;
    };
    int carry = 0;
    for (std::size_t i = 0; i < std::max(n.a.size(), n.b.size()) || carry > 0; ++i) {
      const int both = digit(n.a, i) + digit(n.b, i);
      int written = (both + carry) % 10;
      carry = (both + carry) / 10;
      if (teacher.wrong_rule && both >= 15) carry = 0;
      if (draws && draws->chance(teacher.slips)) written = (written + draws->integer(1, 9)) % 10;
      sum.digits += static_cast<char>('0' + written);
      sum.carries += static_cast<char>('0' + carry);
    }
    return sum;
  }

  static std::optional<std::string> digits_of(std::string_view answer) {
    std::string digits;
    if (answer.find(',') == std::string_view::npos) {
      digits = answer;
    } else {
      for (std::size_t at = 0; at < answer.size(); at += 4) {
        const std::string_view note = answer.substr(at, 4);
        if (note.size() < 3 || note[1] != ',' || (note.size() == 4 && note[3] != ';')) return std::nullopt;
        digits += note[0];
      }
    }
    if (!all_digits(digits)) return std::nullopt;
    return digits;
  }

  PartsByBand parts_;
  std::string alphabet_ = "0123456789+=,;";
  std::vector<std::string> bands_{"easy", "middle", "hard"};
};

const RegisterTextTask registration("reversed_addition",
                                    "sums written from the last digit on; keys least, most (digits)",
                                    [](Parameters& p) -> std::unique_ptr<TextTask> {
                                      return std::make_unique<ReversedAddition>(p);
                                    });

}  // namespace
}  // namespace hardy::envs
