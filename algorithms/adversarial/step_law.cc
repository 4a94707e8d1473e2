#include "algorithms/adversarial/step_law.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "engine/base/error.h"
#include "engine/base/text.h"

namespace hardy::algorithms {
namespace {

constexpr int kDeepest = 100;  // parentheses within each other

// Reads and computes at once, by recursive descent:
//   sum = product { (+|-) product }      product = signed { (*|/) signed }
//   signed = { - } power                 power = atom [ ^ signed ]
class Reader {
 public:
  Reader(const std::string& text, const std::string& key, const Sizes& sizes, std::optional<double> gamma)
      : text_(text), key_(key), sizes_(sizes), gamma_(gamma) {}

  double all() {
    const double value = sum();
    if (here() != '\0') refuse("'" + text_.substr(at_, 20) + "' is left over", at_);
    return value;
  }

 private:
  [[noreturn]] void refuse(const std::string& what, std::size_t at) const {
    const std::string shown = text_.size() <= 60 ? text_ : text_.substr(0, 57) + "...";
    throw Error("in '" + shown + "' " + what + ", at character " + std::to_string(at + 1), key_,
                gamma_ ? "a law of K, d, H, A, S and gamma would be right, such as log(d*H*K)/gamma"
                       : "a law of K, d, H, A and S would be right, such as 0.5*sqrt(log(A)/(d*K))/H^2");
  }

  char here() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(char c) {
    if (here() != c) return false;
    ++at_;
    return true;
  }
  void require(char c) {
    if (!take(c)) refuse(std::string("'") + c + "' is missing", at_);
  }

  double sum() {
    if (++depth_ > kDeepest) refuse("parentheses stand too deep", at_);
    double value = product();
    for (;;) {
      if (take('+'))
        value += product();
      else if (take('-'))
        value -= product();
      else
        break;
    }
    --depth_;
    return value;
  }
  double product() {
    double value = signed_power();
    for (;;) {
      if (take('*'))
        value *= signed_power();
      else if (take('/'))
        value /= signed_power();
      else
        return value;
    }
  }
  double signed_power() {
    bool negative = false;
    while (take('-')) negative = !negative;
    double value = atom();
    if (take('^')) {
      if (++depth_ > kDeepest) refuse("powers stand too deep", at_);
      value = std::pow(value, signed_power());
      --depth_;
    }
    return negative ? -value : value;
  }
  double atom() {
    const char first = here();
    const std::size_t began = at_;
    if (take('(')) {
      const double value = sum();
      require(')');
      return value;
    }
    if (std::isdigit(static_cast<unsigned char>(first)) || first == '.') return number();
    if (!std::isalpha(static_cast<unsigned char>(first)))
      refuse(first == '\0' ? "a number is missing" : std::string("'") + first + "' is no number", began);
    std::string name;
    while (at_ < text_.size() && std::isalpha(static_cast<unsigned char>(text_[at_]))) name += text_[at_++];
    return take('(') ? function(name, began) : size(name, began);
  }
  double number() {
    const std::size_t began = at_;
    const auto digit = [&](std::size_t i) {
      return i < text_.size() && std::isdigit(static_cast<unsigned char>(text_[i]));
    };
    while (digit(at_) || (at_ < text_.size() && text_[at_] == '.')) ++at_;
    if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
      std::size_t exponent = at_ + 1;
      if (exponent < text_.size() && (text_[exponent] == '-' || text_[exponent] == '+')) ++exponent;
      if (digit(exponent))
        for (at_ = exponent; digit(at_);) ++at_;
    }
    const std::string word = text_.substr(began, at_ - began);
    const auto value = to_double(word);
    if (!value) refuse("'" + word + "' is no number", began);
    return *value;
  }
  double size(const std::string& name, std::size_t began) const {
    if (name == "K") return static_cast<double>(sizes_.K);
    if (name == "d") return sizes_.d;
    if (name == "H") return sizes_.H;
    if (name == "A") return sizes_.A;
    if (name == "S") return sizes_.S;
    if (gamma_ && name == "gamma") return *gamma_;
    refuse("'" + name + "' is no size (K, d, H, A, S" + (gamma_ ? ", gamma)" : ")"), began);
  }
  double function(const std::string& name, std::size_t began) {
    const double first = sum();
    double value = 0;
    if (name == "min" || name == "max") {
      require(',');
      const double second = sum();
      value = name == "min" ? std::min(first, second) : std::max(first, second);
    } else if (name == "sqrt") {
      value = std::sqrt(first);
    } else if (name == "log") {
      value = std::log(first);
    } else if (name == "exp") {
      value = std::exp(first);
    } else {
      refuse("'" + name + "' is no function (sqrt, log, exp, min, max)", began);
    }
    require(')');
    return value;
  }

  const std::string &text_, &key_;
  const Sizes& sizes_;
  const std::optional<double> gamma_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

StepLaw::StepLaw(const std::string& text, const std::string& key, bool of_gamma) : text_(text), key_(key) {
  const Sizes any{1024, 2, 2, 2, 2};
  Reader(text_, key_, any, of_gamma ? std::optional<double>(0.5) : std::nullopt).all();
}

double StepLaw::at(const Sizes& z, std::optional<double> gamma) const {
  const double value = Reader(text_, key_, z, gamma).all();
  if (!std::isfinite(value))
    throw Error("'" + text_ + "' is " + to_text(value) + " at K = " + std::to_string(z.K) + ", H = " +
                    std::to_string(z.H) + ", S = " + std::to_string(z.S) + ", A = " + std::to_string(z.A) +
                    ", d = " + std::to_string(z.d) + (gamma ? ", gamma = " + to_text(*gamma) : ""),
                key_, "a finite number would be right");
  return value;
}

}  // namespace hardy::algorithms
