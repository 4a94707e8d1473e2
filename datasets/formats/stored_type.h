// Elements as files store them, and as this engine keeps them.
#pragma once

#include <cstddef>

#include "datasets/array.h"

namespace hardy::datasets {

struct StoredType {
  ArrayType type = ArrayType::kF32;  // in memory
  char kind = 'f';                   // 'f' float, 'i' signed, 'u' unsigned, 'b' truth value, 's' text
  std::size_t size = 4;  // bytes of a stored element: 2, 4, 8 of a float; 1, 2, 4, 8 of an integer
  bool big_endian = false;

  // Whether the stored bytes are not those in memory.
  bool needs_conversion() const {
    return big_endian || size != size_of(type) || kind == 'b' || (kind == 'u' && size > 1);
  }
};

// The type that a number of this kind and size has in memory; false where there is none. Integers get the
// type that holds all their values (64 unsigned bits excepted).
bool stored_number(char kind, std::size_t size, bool big_endian, StoredType& type);

// `count` stored elements as elements of stored.type. `to` may be `from` where the sizes are equal.
void convert_elements(const StoredType& stored, const std::byte* from, std::size_t count, std::byte* to);

}  // namespace hardy::datasets
