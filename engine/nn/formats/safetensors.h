// Tensors in a safetensors file, as other libraries read them:
//   u64 length of the header, little-endian | header (JSON, padded with blanks to 8 bytes) | elements, row by
//   row
// The header maps a name to {"dtype": "F32", "shape": [...], "data_offsets": [begin, end]}, and
// "__metadata__" to text by text.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace hardy::nn {

struct NamedTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  std::span<const float> elements;  // as many as the shape says; an Error otherwise
};

// The bytes of such a file, the tensors in the order that is given.
std::string safetensors(std::span<const NamedTensor> tensors,
                        const std::map<std::string, std::string>& metadata);

}  // namespace hardy::nn
