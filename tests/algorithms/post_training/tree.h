// A tree small enough to enumerate: 3 tokens, the last one ends a sequence, at most 3 of them; a tabular
// policy with a row of logits for each of the 7 prefixes; 15 sequences, of which two succeed.
#pragma once

#include <array>
#include <cmath>
#include <vector>

namespace hardy::test {

using Sequence = std::vector<int>;
using Logits = std::array<std::array<double, 3>, 7>;

inline constexpr int kEnd = 2;
inline constexpr std::size_t kLongest = 3;

inline constexpr Logits kTheta{{{0.001, 0.299, -0.274},
                                {-0.891, -0.455, -0.992},
                                {0.06, 1.34, -0.492},
                                {-0.62, 0.49, 0.357},
                                {0.105, -0.93, -0.029},
                                {0.695, -1.344, -0.458},
                                {-1.901, -1.29, -1.842}}};
inline constexpr Logits kOld{{{-0.081, -0.145, -0.179},
                              {-0.836, -0.52, -1.873},
                              {-0.129, 1.323, -0.452},
                              {-1.156, 0.323, 0.015},
                              {-0.178, -0.559, -0.312},
                              {0.684, -1.034, -0.662},
                              {-1.94, -1.251, -1.82}}};
inline constexpr Logits kReference{{{-0.612, 0.337, 0.405},
                                    {-1.665, -0.025, -0.932},
                                    {-0.261, 2.34, -0.111},
                                    {-1.22, 0.527, 0.645},
                                    {0.011, -0.589, -0.062},
                                    {1.029, -0.625, -0.796},
                                    {-1.799, -1.522, -1.778}}};

// Prefixes in the order (), (0), (1), (0,0), (0,1), (1,0), (1,1).
inline std::size_t state_after(const Sequence& s, std::size_t tokens) {
  if (tokens == 0) return 0;
  if (tokens == 1) return static_cast<std::size_t>(1 + s[0]);
  return static_cast<std::size_t>(3 + 2 * s[0] + s[1]);
}

inline double log_prob(const Logits& logits, std::size_t state, int token) {
  double sum = 0;
  for (const double z : logits[state]) sum += std::exp(z);
  return logits[state][static_cast<std::size_t>(token)] - std::log(sum);
}
inline double log_prob(const Logits& logits, const Sequence& s) {
  double sum = 0;
  for (std::size_t t = 0; t < s.size(); ++t) sum += log_prob(logits, state_after(s, t), s[t]);
  return sum;
}

inline bool succeeds(const Sequence& s) { return s == Sequence{0, 1, kEnd} || s == Sequence{1, kEnd}; }

inline std::vector<Sequence> all_sequences() {
  std::vector<Sequence> all;
  const auto grow = [&](const auto& self, const Sequence& prefix) -> void {
    for (int token = 0; token < 3; ++token) {
      Sequence s = prefix;
      s.push_back(token);
      if (token == kEnd || s.size() == kLongest)
        all.push_back(s);
      else
        self(self, s);
    }
  };
  grow(grow, {});
  return all;
}

// sum_t weight grad log pi(a_t) by the logits, added to g.
inline void add_score(const Logits& logits, const Sequence& s, double weight, Logits& g) {
  for (std::size_t t = 0; t < s.size(); ++t) {
    const std::size_t state = state_after(s, t);
    for (int token = 0; token < 3; ++token)
      g[state][static_cast<std::size_t>(token)] +=
          weight * ((token == s[t] ? 1 : 0) - std::exp(log_prob(logits, state, token)));
  }
}

inline double largest_difference(const Logits& a, const Logits& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t j = 0; j < 3; ++j) largest = std::max(largest, std::abs(a[i][j] - b[i][j]));
  return largest;
}

}  // namespace hardy::test
