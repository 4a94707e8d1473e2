// Attention and its gradients on the device (cuda/ops/attention.cu, attention_gradient.cu,
// decode_attention.cu) against the CPU, at sizes that leave tiles partly empty; and the bits of a row,
// whatever lies beside it.
#include "engine/ops/attention.h"

#include <algorithm>

#include "engine/ops/decode_attention.h"
#include "engine/ops/rotary.h"
#include "tests/cuda/device/devices.h"

namespace hardy::test {
namespace {

constexpr DType kFloats[] = {DType::kF32, DType::kF64};
constexpr double kSum = 4e-6;  // sums in another order: sqrt(n) of them
std::string text(std::int64_t n, DType type) { return "size " + std::to_string(n) + " " + name_of(type); }

// Sequences of one agent; what nobody is to look at holds NaN.
struct Sequences {
  std::int64_t S, T, U, H, G, d;
  std::vector<std::int32_t> first, last;
  std::vector<std::int64_t> who = {};  // whose numbers a sequence has; left out: each its own
  std::int64_t nan_from = 1 << 20;     // rows and keys that hold NaN although they are there

  std::int64_t real(std::int64_t s) const {
    const auto i = static_cast<std::size_t>(s);
    return std::clamp<std::int64_t>(std::min<std::int64_t>(last[i], U) - first[i], 0, T);
  }
  std::int64_t keys(std::int64_t s) const {
    return real(s) > 0 ? first[static_cast<std::size_t>(s)] + real(s) : 0;
  }
  // An operand [1, S, rows, heads, d], `there` rows of each sequence.
  Tensor operand(Case& c, DType type, std::int64_t rows, std::int64_t heads,
                 const std::function<std::int64_t(std::int64_t)>& there) const {
    const Random random(c.operands.size() + 17, RandomStream::kUser);
    return c.operand(type, {1, S, rows, heads, d}, [&](std::int64_t i) {
      const std::int64_t s = i / (d * heads * rows), row = i / (d * heads) % rows;
      if (row >= there(s) || row >= nan_from) return std::nan("");
      const std::int64_t owner = who.empty() ? s : who[static_cast<std::size_t>(s)];
      return random.normal(static_cast<std::uint64_t>((owner * 1000 + row) * 1000 + i % (d * heads)));
    });
  }
  // y, dq, dk, dv
  Case attention(DType type, bool gradients = true) const {
    Case c;
    const auto rows = [this](std::int64_t s) { return real(s); };
    const auto seen = [this](std::int64_t s) { return keys(s); };
    const Tensor q = operand(c, type, T, H, rows), k = operand(c, type, U, G, seen),
                 v = operand(c, type, U, G, seen), w = operand(c, type, T, H, rows);
    const auto numbers = [&](const std::vector<std::int32_t>& of) {
      return c.operand(DType::kI32, {1, S}, [&](std::int64_t i) { return of[static_cast<std::size_t>(i)]; });
    };
    const Tensor starts = numbers(first), ends = numbers(last);
    const Tensor y = ops::attention(c.g, q, k, v, starts, ends);
    c.outputs.push_back(y);
    if (gradients)
      for (const Tensor t :
           graph::differentiate(c.g, ops::sum_per_agent(c.g, ops::multiply(c.g, y, w)), std::vector{q, k, v}))
        c.outputs.push_back(t);
    return c;
  }
  // Whether all bits of `rows` that belong to no row before the padding, or to no key that is seen, are 0.
  void expect_zero_padding(const std::vector<std::vector<std::byte>>& results) const {
    for (std::size_t i = 0; i < results.size(); ++i) {
      const bool of_keys = i >= 2;
      const std::int64_t rows = of_keys ? U : T,
                         bytes = std::ssize(results[i]) / (S * rows);  // of a row
      for (std::int64_t s = 0; s < S; ++s)
        for (std::int64_t at = (s * rows + (of_keys ? keys(s) : real(s))) * bytes;
             at < (s + 1) * rows * bytes; ++at)
          ASSERT_EQ(results[i][static_cast<std::size_t>(at)], std::byte{0})
              << "output " << i << ", sequence " << s << ", row " << at / bytes % rows;
    }
  }
};

// Each size in whole tiles and in parts; several heads to a group, several groups; elements in packs and one
// by one, in one tile of columns and in two. The last sequence is all padding.
TEST(DeviceAttention, GradientsOfEverySizeAreTheCpusAndPaddingThatHoldsNaNIsZero) {
  struct Size {
    std::int64_t T, d, H, G;
    bool both, ptx;  // f64 as well; from PTX as well
  };
  for (const Size& n : {Size{1, 128, 2, 1, true, true},
                        {31, 17, 2, 1, true, true},
                        {33, 1, 3, 3, true, true},
                        {60, 128, 1, 1, false, false},
                        {65, 64, 2, 1, false, false},
                        {130, 130, 1, 1, false, false}}) {
    const auto all = static_cast<std::int32_t>(n.T);
    const Sequences x{3, n.T, n.T, n.H, n.G, n.d, {0, 0, 0}, {all, all / 3, 0}};
    for (const DType type : kFloats) {
      if (type == DType::kF64 && !n.both) continue;
      const Case c = x.attention(type);
      compare(c, 4 * kSum * std::sqrt(static_cast<double>(std::max(n.T, n.d))),
              text(n.T, type) + " d " + std::to_string(n.d), n.ptx && has_ptx());
      if (n.T < 130) x.expect_zero_padding(run_on_device(c));
    }
  }
}

// Rows of which some see one panel of keys and others two, and some are behind the last key.
TEST(DeviceAttention, RowsAfterACacheAreTheCpus) {
  const Sequences x{3, 40, 200, 2, 1, 6, {100, 170, 7}, {138, 300, 9}};
  for (const DType type : kFloats) {
    const Case c = x.attention(type);
    compare(c, 4 * kSum * std::sqrt(200.0), std::string("after a cache ") + name_of(type), false);
    x.expect_zero_padding(run_on_device(c));
  }
}

// The rows [0, rows) of sequence 0 of each output.
std::vector<std::vector<std::byte>> rows_of(const Sequences& x, std::int64_t rows,
                                            const std::vector<std::vector<std::byte>>& results) {
  std::vector<std::vector<std::byte>> some;
  for (std::size_t i = 0; i < results.size(); ++i)
    some.emplace_back(results[i].begin(),
                      results[i].begin() + std::ssize(results[i]) / (x.S * (i >= 2 ? x.U : x.T)) * rows);
  return some;
}
TEST(DeviceAttention, ASequencesBitsDependNeitherOnItsPaddingNorOnThoseBesideIt) {
  for (const DType type : kFloats)
    for (const std::int64_t d : {8, 5}) {
      if (type == DType::kF64 && d == 8) continue;
      const Sequences alone{1, 70, 70, 2, 1, d, {0}, {70}, {0}},
          beside{2, 131, 131, 2, 1, d, {0, 0}, {70, 131}, {0, 1}};
      EXPECT_EQ(rows_of(alone, 70, run_on_device(alone.attention(type))),
                rows_of(beside, 70, run_on_device(beside.attention(type))));
    }
}
TEST(DeviceAttention, ALaterTokensNumbersReachNoEarlierRow) {
  for (const DType type : kFloats)
    for (const std::int64_t nan_from : {1, 17, 66}) {
      Sequences x{1, 70, 70, 1, 1, 6, {0}, {70}};
      const auto clean = run_on_device(x.attention(type, false));
      x.nan_from = nan_from;
      EXPECT_EQ(rows_of(x, nan_from, run_on_device(x.attention(type, false))), rows_of(x, nan_from, clean));
    }
}

// Rows of 140 tokens, a prompt of 100 for those behind it: each decoded by itself, and the sequence as a
// whole.
void expect_the_bits_of_the_whole_sequence(DType type) {
  constexpr std::int64_t n = 140, H = 2, G = 1, d = 10, held = 100;
  constexpr std::int64_t kPositions[] = {0, 31, 32, 99, 100, 127, 128, 139};
  constexpr std::int64_t S = std::size(kPositions), U = 112, W = 112;
  const auto value = [](std::uint64_t what, std::int64_t position, std::int64_t i) {
    return Random(what, RandomStream::kUser).normal(static_cast<std::uint64_t>(position * 1000 + i));
  };
  const auto whole = [&](Case& c, std::uint64_t what, std::int64_t heads) {
    return c.operand(type, {1, 1, n, heads, d},
                     [&](std::int64_t i) { return value(what, i / (heads * d), i % (heads * d)); });
  };
  Case c;
  const Tensor q = whole(c, 1, H), k = whole(c, 2, G), v = whole(c, 3, G);
  c.outputs = {ops::attention(c.g, q, k, v, c.constants({1, 1}, 0), c.constants({1, 1}, n))};

  const auto prompt = [&](std::int64_t s) { return kPositions[s] < held ? 1 : 0; };  // prompt 1 has no tokens
  const auto own = [&](std::int64_t s) { return kPositions[s] - (prompt(s) ? 0 : held); };
  const auto row = [&](std::uint64_t what, std::int64_t heads) {
    return c.operand(type, {1, S, 1, heads, d}, [&](std::int64_t i) {
      return value(what, kPositions[i / (heads * d)], i % (heads * d));
    });
  };
  c.operand(type, {1, S, G, d, W}, [&](std::int64_t i) {
    const std::int64_t s = i / (G * d * W), place = i % W;
    return place < own(s) ? value(2, kPositions[s] - own(s) + place, i / W % (G * d)) : std::nan("");
  });
  const Tensor keys = c.operands.back() = c.g.input("keys", type, {1, S, G, d, W});  // written to
  const Tensor values = c.operand(type, {1, S, W, G, d}, [&](std::int64_t i) {
    const std::int64_t s = i / (G * d * W), place = i / (G * d) % W;
    return place <= own(s) ? value(3, kPositions[s] - own(s) + place, i % (G * d)) : std::nan("");
  });
  const Tensor row_q = row(1, H), row_k = row(2, G);
  const auto numbers = [&](const Shape& shape, auto&& of) { return c.operand(DType::kI32, shape, of); };
  const ops::DecodedRows rows{c.operand(type, {1, 2, G, d, U},
                                        [&](std::int64_t i) {
                                          return i / (G * d * U) == 0 && i % U < held
                                                     ? value(2, i % U, i / U % (G * d))
                                                     : std::nan("");
                                        }),
                              c.operand(type, {1, 2, U, G, d},
                                        [&](std::int64_t i) {
                                          const std::int64_t place = i / (G * d);
                                          return place < held ? value(3, place, i % (G * d)) : std::nan("");
                                        }),
                              numbers({1, S}, prompt),
                              numbers({1, 2}, [&](std::int64_t p) { return p == 0 ? held : 0; }),
                              numbers({1, S}, own),
                              numbers({1, S}, [&](std::int64_t s) { return own(s) + 1; })};
  c.outputs.push_back(ops::decode_attention(c.g, keys, values, row_q, row_k, rows).y);

  const auto expect_equal = [&](const char* from) {
    const auto results = run_on_device(c);
    const std::int64_t bytes = H * d * static_cast<std::int64_t>(size_of(type));
    for (std::int64_t s = 0; s < S; ++s)
      EXPECT_TRUE(std::equal(results[1].begin() + s * bytes, results[1].begin() + (s + 1) * bytes,
                             results[0].begin() + kPositions[s] * bytes))
          << name_of(type) << " " << from << ", position " << kPositions[s];
  };
  expect_equal("of the host's build");
  if (!has_ptx()) return;
  const FromPtx from_ptx;
  expect_equal("from PTX");
}
TEST(DeviceAttention, OneTokenARowHasTheBitsOfTheWholeSequence) {
  for (const DType type : kFloats) expect_the_bits_of_the_whole_sequence(type);
}

// Lengths and positions drawn, so that some rows are padding.
TEST(DeviceAttention, OfRotaryPositionsAndItsGradientsAreTheCpus) {
  for (const DType type : kFloats)
    for (const std::int64_t n : {1, 31, 129}) {  // keys in one block of threads and in two
      Case c;
      const Tensor q = c.normal(type, {2, 1, n, 2, 4}), k = c.normal(type, {2, 1, n, 1, 4}),
                   v = c.normal(type, {2, 1, n, 1, 4});
      const Tensor first = c.integers({2, 1}, 1),
                   last = c.integers({2, 1}, static_cast<std::uint32_t>(n + 1));
      c.value_and_gradients(
          ops::attention(c.g, ops::rotary(c.g, q, first), ops::rotary(c.g, k, first), v, first, last));
      compare(c, 4 * kSum * std::sqrt(n), "attention " + text(n, type));
      Case one;  // a token over a cache
      const Tensor at = one.integers({2, 1}, static_cast<std::uint32_t>(n));
      const Tensor row = one.normal(type, {2, 1, 1, 3, 5}), keys = one.normal(type, {2, 1, n, 3, 5}),
                   values = one.normal(type, {2, 1, n, 3, 5});
      one.outputs = {
          ops::attention(one.g, row, keys, values, at, one.constants({2, 1}, static_cast<std::int32_t>(n)))};
      compare(one, 4 * kSum * std::sqrt(n), "decoding " + text(n, type));
    }
}

// Rows of two agents after a prompt each, some with nobody there; keys in one block of threads and in two.
TEST(DeviceAttention, OneTokenARowAfterAPromptThatRowsShare) {
  for (const DType type : kFloats)
    for (const std::int64_t prompt : {1, 130})
      for (const std::int64_t own : {1, 20}) {
        Case c;
        const std::int64_t U = ops::turned_room(prompt), W = ops::turned_room(own);
        c.normal(type, {2, 5, 2, 3, W});
        const Tensor keys = c.operands.back() = c.g.input("keys", type, {2, 5, 2, 3, W});  // written to
        const Tensor values = c.normal(type, {2, 5, W, 2, 3}), q = c.normal(type, {2, 5, 1, 4, 3}),
                     k = c.normal(type, {2, 5, 1, 2, 3});
        const ops::DecodedRows rows{c.normal(type, {2, 3, 2, 3, U}),
                                    c.normal(type, {2, 3, U, 2, 3}),
                                    c.integers({2, 5}, 3),
                                    c.integers({2, 3}, static_cast<std::uint32_t>(prompt + 1)),
                                    c.integers({2, 5}, static_cast<std::uint32_t>(own)),
                                    c.integers({2, 5}, static_cast<std::uint32_t>(own + 2))};
        const ops::Decoded y = ops::decode_attention(c.g, keys, values, q, k, rows);
        c.outputs = {ops::affine(c.g, y.keys, 2), y.y};
        compare(c, 4 * kSum * std::sqrt(static_cast<double>(prompt + own)),
                "decoding " + text(prompt, type) + " and " + std::to_string(own));
      }
}

}  // namespace
}  // namespace hardy::test
