// HDF5's types by name and as bytes, so that they can go from one file to another.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "datasets/formats/hdf5_handle.h"
#include "engine/base/json.h"

namespace hardy::datasets {

// "int16", "big-endian float32", "float16 (exponent 8, mantissa 7 bits)", "text", "text[8] ASCII",
// "bool", "enum of int8 {A = 0, B = 1}", "{x: float32, y: int16}", "[3] of int8", ...: two types that differ
// in anything that a reader sees have different names.
std::string name_of_hdf5_type(hid_t type);

// The type as bytes; empty for what means nothing outside its file: references, and lists of variable length
// (text of variable length excepted, where it is all there is).
std::vector<std::uint8_t> encode_hdf5_type(hid_t type);
Hdf5Id decode_hdf5_type(std::span<const std::uint8_t> code);  // not good() where the bytes are no type

// Into "stored_as" and "type_code", where a type is stored otherwise than any has it in memory.
void describe_stored_type(hid_t type, nlohmann::json& to);

// What the bytes of an element are as a number: an enumeration's integers, a bit field's unsigned ones; any
// other type itself.
Hdf5Id number_of_hdf5_type(hid_t type);

// A number's type by its name ("uint16", "big-endian float64"); not good() where it is none.
Hdf5Id hdf5_type_named(const std::string& name);

}  // namespace hardy::datasets
