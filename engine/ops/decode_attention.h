// Attention of one new token a row, where many rows continue one prompt: its keys and values are held once
// for all of them and read for several rows at a time; each row's own follow them.
#pragma once

#include <cstdint>

#include "engine/graph/graph.h"

namespace hardy::ops {

// Keys are held turned, positions side by side ([..., d, positions]), so that the scores of a query are whole
// vectors. Their last axis has room for whole vectors of every machine: at least turned_room(positions).
inline std::int64_t turned_room(std::int64_t positions) { return (positions + 15) / 16 * 16; }

// What the S rows of each agent see. P prompts; U and W are turned_room of the longest prompt, and of the
// most tokens that a row has of its own.
struct DecodedRows {
  graph::Tensor prompt_keys, prompt_values;  // [A, P, G, d, U], [A, P, U, G, d]
  graph::Tensor prompt, count;               // i32 [A, S]: the row's prompt; i32 [A, P]: its positions, <= U
  graph::Tensor first, last;                 // i32 [A, S]: own tokens before this one; nobody is there unless
                                             // first < last
};
struct Decoded {
  graph::Tensor keys, y;  // the rows' own keys with the new one; [A, S, 1, H, d]
};

// softmax(q K^T / sqrt(d)) V, K and V the count positions of the row's prompt and then its own of places 0 to
// first. q [A, S, 1, H, d]; own keys [A, S, G, d, W], an input of the graph into which k [A, S, 1, G, d] is
// written in place, at place first; own values [A, S, W, G, d], which hold the new one (ops::write_rows).
// H a multiple of G. Rows where nobody is have y = 0.
//
// A row has the bits that ops::attention gives the last row of the whole sequence, whoever shares its prompt.
// No gradient passes.
Decoded decode_attention(graph::Graph& g, graph::Tensor keys, graph::Tensor values, graph::Tensor q,
                         graph::Tensor k, const DecodedRows& rows);

// Turns `count` rows [count][groups][d] of keys into [groups][d][room].
void turn_keys(const float* rows, std::int64_t count, std::int64_t groups, std::int64_t d, std::int64_t room,
               float* to);

}  // namespace hardy::ops
