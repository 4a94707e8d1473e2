// Elements as files store them, and as this engine keeps them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "datasets/array.h"

namespace hardy::datasets {

// Where the bits of a number lie that is stored in none of the machine's own types. Positions count from the
// lowest bit of the element, whatever its byte order.
struct NumberBits {
  int offset = 0, precision = 0;        // the bits that count
  int sign = 0;                         // of a float, as all that follow
  int exponent = 0, exponent_bits = 0;  // all ones: infinities and NaN; zero: no leading 1
  int mantissa = 0, mantissa_bits = 0;  // behind a leading 1 that is not stored
  std::int64_t bias = 0;                // (-1)^sign 2^(exponent - bias) 1.mantissa
  bool operator==(const NumberBits&) const = default;
};

struct StoredType {
  ArrayType type = ArrayType::kF32;  // in memory
  char kind = 'f';                   // 'f' float, 'i' signed, 'u' unsigned, 'b' truth value, 's' text
  std::size_t size = 4;  // bytes of a stored element: 2, 4, 8 of a float; 1, 2, 4, 8 of an integer
  bool big_endian = false;
  bool own_bits = false;  // laid out as `bits` says, in 1 to 8 bytes; otherwise as the machine's own
  NumberBits bits = {};

  // Whether the stored bytes are not those in memory.
  bool needs_conversion() const {
    return own_bits || big_endian || size != size_of(type) || kind == 'b' ||
           (kind == 'u' && type != ArrayType::kU8 && type != ArrayType::kU64);
  }
};

// The type that a number of this kind and size has in memory; false where there is none. Integers get the
// smallest type that holds all their values.
bool stored_number(char kind, std::size_t size, bool big_endian, StoredType& type);

// The same of a number laid out by `bits`, size 1 to 8 bytes: a machine's own type where it is one. False
// where no type in memory holds all its values, or the bits make no number.
bool stored_number(char kind, std::size_t size, bool big_endian, const NumberBits& bits, StoredType& type);
// What a column says of such a type: null where the stored elements are those in memory.
StoredAsPtr stored_as(const StoredType& type);

// `count` stored elements as elements of stored.type. `to` may be `from` where the sizes are equal.
void convert_elements(const StoredType& stored, const std::byte* from, std::size_t count, std::byte* to);

}  // namespace hardy::datasets
