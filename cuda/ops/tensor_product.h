// f32 products on the tensor cores with f32's accuracy: each operand is the sum of two TF32 numbers, and
// three of their four products are added up ("3xTF32").
#pragma once

#include <cstdint>
#include <optional>

#include "cuda/ops/product.h"
#include "engine/base/error.h"

namespace hardy::cuda {

// What the device lacks for it, or this build, whose code for older GPUs runs on newer ones and traps there;
// nothing where it can be done.
std::optional<Error> lack_of_tensor_cores(int device);

// Whether the tensor cores are to do it: f32, with at least 32 in m, n and k. Smaller ones,
// as of first layers, would fill tiles with zeros: cuBLASLt's, in f32. That follows from a product's own
// sizes alone, not from how many there are.
bool suits_tensor_cores(const Product& product);

// Puts the product with all of its epilogue into the stream, one launch; any sizes and any alignment of f32
// serve, matrices of fewer than 2^31 elements. A result's bits depend on its row of op(A), its column of
// op(B) and k.
void multiply_on_tensor_cores(const Product& product, device::Stream& stream);

// How large the tiles of C are that blocks have: the largest of which there are enough for a device of so
// many multiprocessors. No bits depend on it.
enum class TileSize { kLarge, kMiddle, kSmall };
TileSize tile_size(const Product& product, std::int64_t multiprocessors);
void multiply_in_tiles(TileSize size, const Product& product, device::Stream& stream);

}  // namespace hardy::cuda
