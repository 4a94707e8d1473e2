#include "datasets/formats/hdf5_types.h"

#include <algorithm>
#include <array>

namespace hardy::datasets {
namespace {

constexpr std::string_view kBigEndian = "big-endian ";

std::string bits_of(hid_t type) { return std::to_string(8 * H5Tget_size(type)); }

std::string big_endian(hid_t type) {
  return H5Tget_size(type) > 1 && H5Tget_order(type) == H5T_ORDER_BE ? std::string(kBigEndian) : "";
}

// The bits that count, where they are not all.
std::string narrowed(hid_t type) {
  const std::size_t precision = H5Tget_precision(type);
  const int offset = H5Tget_offset(type);
  if (precision == 8 * H5Tget_size(type) && offset == 0) return "";
  return " (" + std::to_string(precision) + " bits from bit " + std::to_string(offset) + ")";
}

std::string name_of_float(hid_t type) {
  std::string name = big_endian(type) + "float" + bits_of(type);
  if (const Hdf5Id standard = hdf5_type_named(name); standard.good() && H5Tequal(standard, type) > 0)
    return name;
  std::size_t sign = 0, exponent = 0, exponent_bits = 0, mantissa = 0, mantissa_bits = 0;
  H5Tget_fields(type, &sign, &exponent, &exponent_bits, &mantissa, &mantissa_bits);
  return name + " (exponent " + std::to_string(exponent_bits) + " bits from " + std::to_string(exponent) +
         " less " + std::to_string(H5Tget_ebias(type)) + ", mantissa " + std::to_string(mantissa_bits) +
         " bits from " + std::to_string(mantissa) + ", sign " + std::to_string(sign) + ")" + narrowed(type);
}

std::string name_of_text(hid_t type) {
  std::string name = "text";
  if (H5Tis_variable_str(type) <= 0) {
    constexpr std::array kPads{" ended by zero", "", " padded with spaces"};
    const int pad = H5Tget_strpad(type);
    name += "[" + std::to_string(H5Tget_size(type)) + "]" +
            (pad >= 0 && pad < 3 ? kPads[static_cast<std::size_t>(pad)] : " padded in another way");
  }
  return name + (H5Tget_cset(type) == H5T_CSET_ASCII ? " ASCII" : "");
}

std::string member_name(hid_t type, unsigned i) {
  char* raw = H5Tget_member_name(type, i);
  std::string name = raw ? raw : "?";
  H5free_memory(raw);
  return name;
}

std::string name_of_enum(hid_t type) {
  if (const Hdf5Id flag = hdf5_memory_type(ArrayType::kBool); H5Tequal(type, flag) > 0) return "bool";
  const Hdf5Id base(H5Tget_super(type), H5Tclose);
  std::string name = "enum of " + name_of_hdf5_type(base) + " {";
  const int n = H5Tget_nmembers(type);
  std::vector<std::byte> raw(std::max<std::size_t>(H5Tget_size(type), 8));
  for (int i = 0; i < n; ++i) {
    H5Tget_member_value(type, static_cast<unsigned>(i), raw.data());
    H5Tconvert(base, H5T_NATIVE_INT64, 1, raw.data(), nullptr, H5P_DEFAULT);
    std::int64_t value = 0;
    std::copy_n(raw.data(), sizeof value, reinterpret_cast<std::byte*>(&value));
    name += (i ? ", " : "") + member_name(type, static_cast<unsigned>(i)) + " = " + std::to_string(value);
  }
  return name + "}";
}

std::string name_of_compound(hid_t type) {
  std::string name = "{";
  for (int i = 0; i < H5Tget_nmembers(type); ++i) {
    const Hdf5Id member(H5Tget_member_type(type, static_cast<unsigned>(i)), H5Tclose);
    name += (i ? ", " : "") + member_name(type, static_cast<unsigned>(i)) + ": " + name_of_hdf5_type(member);
  }
  return name + "}";
}

// Whether values of the type are their bytes and nothing else.
bool is_its_bytes(hid_t type) {
  switch (H5Tget_class(type)) {
    case H5T_STRING:
      return H5Tis_variable_str(type) <= 0;
    case H5T_REFERENCE:
    case H5T_VLEN:
    case H5T_NO_CLASS:
      return false;
    case H5T_ARRAY:
      return is_its_bytes(Hdf5Id(H5Tget_super(type), H5Tclose));
    case H5T_COMPOUND:
      for (int i = 0; i < H5Tget_nmembers(type); ++i)
        if (!is_its_bytes(Hdf5Id(H5Tget_member_type(type, static_cast<unsigned>(i)), H5Tclose))) return false;
      return true;
    default:
      return true;
  }
}

}  // namespace

std::string name_of_hdf5_type(hid_t type) {
  const Hdf5Id base(H5Tget_super(type), H5Tclose);  // of enumerations, arrays and lists
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      return big_endian(type) + (H5Tget_sign(type) == H5T_SGN_NONE ? "uint" : "int") + bits_of(type) +
             narrowed(type);
    case H5T_FLOAT:
      return name_of_float(type);
    case H5T_STRING:
      return name_of_text(type);
    case H5T_ENUM:
      return name_of_enum(type);
    case H5T_BITFIELD:
      return big_endian(type) + "bitfield" + bits_of(type) + narrowed(type);
    case H5T_OPAQUE: {
      char* tag = H5Tget_tag(type);
      std::string name = "opaque[" + std::to_string(H5Tget_size(type)) + "] " + (tag ? tag : "");
      H5free_memory(tag);
      return name;
    }
    case H5T_COMPOUND:
      return name_of_compound(type);
    case H5T_ARRAY: {
      std::vector<hsize_t> dims(static_cast<std::size_t>(std::max(H5Tget_array_ndims(type), 0)));
      H5Tget_array_dims2(type, dims.data());
      std::string name = "[";
      for (std::size_t i = 0; i < dims.size(); ++i) name += (i ? ", " : "") + std::to_string(dims[i]);
      return name + "] of " + name_of_hdf5_type(base);
    }
    case H5T_VLEN:
      return "list of " + name_of_hdf5_type(base);
    case H5T_REFERENCE:
      return "reference";
    default:
      return "unknown type";
  }
}

std::vector<std::uint8_t> encode_hdf5_type(hid_t type) {
  if (!is_its_bytes(type) && H5Tis_variable_str(type) <= 0) return {};
  const Hdf5Id own(H5Tcopy(type), H5Tclose);  // no name in its file
  std::size_t bytes = 0;
  if (!own.good() || H5Tencode(own, nullptr, &bytes) < 0) return {};
  std::vector<std::uint8_t> code(bytes);
  if (H5Tencode(own, code.data(), &bytes) < 0) return {};
  return code;
}

Hdf5Id decode_hdf5_type(std::span<const std::uint8_t> code) {
  return {code.empty() ? hid_t{-1} : H5Tdecode(code.data()), H5Tclose};
}

Hdf5Id number_of_hdf5_type(hid_t type) {
  if (H5Tget_class(type) == H5T_ENUM) return {H5Tget_super(type), H5Tclose};
  if (H5Tget_class(type) != H5T_BITFIELD) return {H5Tcopy(type), H5Tclose};
  Hdf5Id number(H5Tcopy(H5T_STD_U64LE), H5Tclose);
  H5Tset_size(number, H5Tget_size(type));
  H5Tset_precision(number, H5Tget_precision(type));
  H5Tset_offset(number, static_cast<std::size_t>(H5Tget_offset(type)));
  if (H5Tget_size(type) > 1) H5Tset_order(number, H5Tget_order(type));
  return number;
}

void describe_stored_type(hid_t type, nlohmann::json& to) {
  constexpr std::array kInMemory{"float32", "float64", "int32", "int64", "uint64", "uint8", "bool", "text"};
  const std::string name = name_of_hdf5_type(type);
  if (std::ranges::find(kInMemory, name) != kInMemory.end()) return;
  to["stored_as"] = name;
  to["type_code"] = nlohmann::json::binary(encode_hdf5_type(type));
}

Hdf5Id hdf5_type_named(const std::string& name) {
  const bool swapped = name.starts_with(kBigEndian);
  const std::string plain = swapped ? name.substr(kBigEndian.size()) : name;
  struct Known {
    const char* name;
    hid_t type;
  };
  const std::array<Known, 10> known{{{"int8", H5T_STD_I8LE},
                                     {"int16", H5T_STD_I16LE},
                                     {"int32", H5T_STD_I32LE},
                                     {"int64", H5T_STD_I64LE},
                                     {"uint8", H5T_STD_U8LE},
                                     {"uint16", H5T_STD_U16LE},
                                     {"uint32", H5T_STD_U32LE},
                                     {"uint64", H5T_STD_U64LE},
                                     {"float32", H5T_IEEE_F32LE},
                                     {"float64", H5T_IEEE_F64LE}}};
  hid_t found = -1;
  for (const Known& k : known)
    if (plain == k.name) found = H5Tcopy(k.type);
  if (plain == "float16") {  // IEEE's, which HDF5 1.10 has no name for
    found = H5Tcopy(H5T_IEEE_F32LE);
    H5Tset_fields(found, 15, 10, 5, 0, 10);
    H5Tset_size(found, 2);
    H5Tset_ebias(found, 15);
  }
  if (found >= 0 && swapped) H5Tset_order(found, H5T_ORDER_BE);
  return {found, H5Tclose};
}

}  // namespace hardy::datasets
