#include "engine/ops/decode_attention.h"

#include <algorithm>

#include "engine/ops/attention.h"
#include "engine/ops/write_rows.h"
#include "tests/engine/ops/check.h"

namespace hardy::test {
namespace {

using ops::turned_room;

// Sequences that continue one of P prompts, decoded token by token; and each as a whole.
template <class T>
struct Sequences {
  std::int64_t S, P, H, G, d, longest_prompt, own;  // own: tokens that each row has of its own
  std::vector<std::int32_t> prompt, count;          // of each row; of each prompt

  DType type() const { return sizeof(T) == 8 ? DType::kF64 : DType::kF32; }
  std::int64_t length(std::int64_t s) const {
    return count[static_cast<std::size_t>(prompt[static_cast<std::size_t>(s)])] + own;
  }
  // Element i of the query, key or value at a position of row s: a prompt's are the same for all its rows.
  double at(int what, std::int64_t s, std::int64_t position, std::int64_t i) const {
    const std::int64_t p = prompt[static_cast<std::size_t>(s)], held = count[static_cast<std::size_t>(p)],
                       who = position < held ? p : 1000 + s;
    return Random(static_cast<std::uint64_t>(what), RandomStream::kUser)
                   .uniform64(static_cast<std::uint64_t>((who * 1000 + position) * 1000 + i)) *
               4 -
           2;
  }

  // y of the row's token `position`, [H, d], by the whole sequence.
  std::vector<T> whole(std::int64_t s, std::int64_t position) const {
    const std::int64_t n = length(s);
    Graph g;
    const Tensor q = g.input("q", type(), {1, 1, n, H, d}), k = g.input("k", type(), {1, 1, n, G, d}),
                 v = g.input("v", type(), {1, 1, n, G, d}), first = g.input("first", DType::kI32, {1, 1}),
                 last = g.input("last", DType::kI32, {1, 1});
    const Tensor y = ops::attention(g, q, k, v, first, last);
    Plan plan(g, {y});
    plan.data<std::int32_t>(last)[0] = static_cast<std::int32_t>(n);
    for (std::int64_t t = 0; t < n; ++t) {
      for (std::int64_t i = 0; i < H * d; ++i)
        plan.data<T>(q)[t * H * d + i] = static_cast<T>(at(1, s, t, i));
      for (std::int64_t i = 0; i < G * d; ++i) {
        plan.data<T>(k)[t * G * d + i] = static_cast<T>(at(2, s, t, i));
        plan.data<T>(v)[t * G * d + i] = static_cast<T>(at(3, s, t, i));
      }
    }
    ThreadTeam team(1);
    plan.run(team);
    const T* out = plan.data<T>(y) + position * H * d;
    return {out, out + H * d};
  }

  // y [S, H, d] of each row's own token number `own - 1`, all before it decoded. `gone`: rows where nobody
  // is.
  std::vector<T> decoded(int threads, const std::vector<std::int64_t>& gone = {}) const {
    const std::int64_t U = turned_room(longest_prompt), W = turned_room(own);
    Graph g;
    const Tensor keys = g.input("keys", type(), {1, S, G, d, W}),
                 values = g.input("values", type(), {1, S, W, G, d}),
                 q = g.input("q", type(), {1, S, 1, H, d}), k = g.input("k", type(), {1, S, 1, G, d}),
                 v = g.input("v", type(), {1, S, 1, G, d});
    const ops::DecodedRows rows{
        g.input("prompt_keys", type(), {1, P, G, d, U}), g.input("prompt_values", type(), {1, P, U, G, d}),
        g.input("prompt", DType::kI32, {1, S}),          g.input("count", DType::kI32, {1, P}),
        g.input("first", DType::kI32, {1, S}),           g.input("last", DType::kI32, {1, S})};
    const Tensor y =
        ops::decode_attention(g, keys, ops::write_rows(g, values, v, rows.first, rows.last), q, k, rows).y;
    Plan plan(g, {y});
    // What nobody wrote is never seen.
    for (const auto& [t, n] : {std::pair{keys, S * G * d * W},
                               {values, S * G * d * W},
                               {rows.prompt_keys, P * G * d * U},
                               {rows.prompt_values, P * G * d * U}})
      std::fill_n(plan.data<T>(t), n, static_cast<T>(NAN));
    std::copy(prompt.begin(), prompt.end(), plan.data<std::int32_t>(rows.prompt));
    std::copy(count.begin(), count.end(), plan.data<std::int32_t>(rows.count));
    for (std::int64_t s = 0; s < S; ++s) {
      const std::int64_t p = prompt[static_cast<std::size_t>(s)];
      for (std::int64_t t = 0; t < count[static_cast<std::size_t>(p)]; ++t)
        for (std::int64_t i = 0; i < G * d; ++i) {
          plan.data<T>(rows.prompt_keys)[(p * G * d + i) * U + t] = static_cast<T>(at(2, s, t, i));
          plan.data<T>(rows.prompt_values)[(p * U + t) * G * d + i] = static_cast<T>(at(3, s, t, i));
        }
    }
    ThreadTeam team(threads);
    for (std::int64_t t = 0; t < own; ++t) {
      for (std::int64_t s = 0; s < S; ++s) {
        const std::int64_t position = length(s) - own + t;
        for (std::int64_t i = 0; i < H * d; ++i)
          plan.data<T>(q)[s * H * d + i] = static_cast<T>(at(1, s, position, i));
        for (std::int64_t i = 0; i < G * d; ++i) {
          plan.data<T>(k)[s * G * d + i] = static_cast<T>(at(2, s, position, i));
          plan.data<T>(v)[s * G * d + i] = static_cast<T>(at(3, s, position, i));
        }
        const bool there = std::ranges::find(gone, s) == gone.end();
        plan.data<std::int32_t>(rows.first)[s] = static_cast<std::int32_t>(t);
        plan.data<std::int32_t>(rows.last)[s] = static_cast<std::int32_t>(there ? t + 1 : 0);
      }
      plan.run(team);
    }
    const T* out = plan.data<T>(y);
    return {out, out + S * H * d};
  }
};

// Rows of a prompt side by side, fewer and more than a tile has, a prompt of nothing; heads in groups; widths
// in whole vectors and in parts of one; more keys than a vector has.
template <class T>
void expect_the_bits_of_whole_sequences() {
  for (const std::int64_t d : {2, 8, 24, 40, 64})
    for (const std::int64_t own : {1, 5, 17, 35}) {
      Sequences<T> x{20, 3, 4, 2, d, 33, own, {}, {33, 0, 7}};
      x.prompt.assign(20, 0);
      std::fill(x.prompt.begin() + 13, x.prompt.end(), 1);
      x.prompt[14] = 2;
      x.prompt[19] = 0;
      const std::vector<T> y = x.decoded(2);
      for (const std::int64_t s : {0, 11, 12, 13, 14, 15, 19}) {
        const std::vector<T> wanted = x.whole(s, x.length(s) - 1);
        EXPECT_TRUE(std::equal(wanted.begin(), wanted.end(), y.begin() + s * 4 * d))
            << "row " << s << " of d " << d << " after " << own;
      }
    }
}
TEST(DecodeAttention, HasTheBitsOfTheWholeSequence) {
  expect_the_bits_of_whole_sequences<float>();
  expect_the_bits_of_whole_sequences<double>();
}

TEST(DecodeAttention, ARowsBitsDoNotDependOnTheRowsBesideItAndWhereNobodyIsTheyAreZero) {
  Sequences<float> x{24, 2, 2, 1, 12, 9, 6, {}, {9, 4}};
  for (std::int32_t s = 0; s < 24; ++s) x.prompt.push_back(s / 12);
  const std::vector<float> all = x.decoded(1);
  const std::vector<std::int64_t> gone{0, 3, 4, 11, 13, 23};
  const std::vector<float> some = x.decoded(3, gone);
  for (std::int64_t s = 0; s < 24; ++s)
    for (std::int64_t i = s * 24; i < (s + 1) * 24; ++i)
      EXPECT_EQ(some[static_cast<std::size_t>(i)],
                std::ranges::find(gone, s) != gone.end() ? 0 : all[static_cast<std::size_t>(i)])
          << s;
}

TEST(DecodeAttention, RefusesShapesThatDoNotFit) {
  Graph g;
  const auto f = [&](const char* name, const Shape& s) { return g.input(name, DType::kF32, s); };
  const auto n = [&](const char* name, std::int64_t each) { return g.input(name, DType::kI32, {1, each}); };
  const Tensor keys = f("keys", {1, 3, 1, 4, 16}), q = f("q", {1, 3, 1, 2, 4}), k = f("k", {1, 3, 1, 1, 4});
  ops::DecodedRows rows{f("prompt_keys", {1, 2, 1, 4, 16}),
                        f("prompt_values", {1, 2, 16, 1, 4}),
                        n("prompt", 3),
                        n("count", 2),
                        n("first", 3),
                        n("last", 3)};
  expect_shape_error(
      [&] {
        ops::decode_attention(g, keys, f("values", {1, 3, 17, 1, 4}), q, k, rows);
      },
      {"op decode_attention", "whole 16s"});
  const Tensor values = f("right", {1, 3, 16, 1, 4});
  rows.count = n("three", 3);
  expect_shape_error([&] { ops::decode_attention(g, keys, values, q, k, rows); }, {"[A, P] once"});
}

}  // namespace
}  // namespace hardy::test
