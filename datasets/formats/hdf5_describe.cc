#include "datasets/formats/hdf5_describe.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "datasets/formats/hdf5_layout.h"
#include "datasets/formats/hdf5_types.h"

namespace hardy::datasets {
namespace {

using nlohmann::json;

json binary(const void* data, std::size_t bytes) {
  const auto* p = static_cast<const std::uint8_t*>(data);
  return json::binary(std::vector<std::uint8_t>(p, p + bytes));
}

// What its class is called, with an article.
std::string class_of(hid_t type) {
  switch (H5Tget_class(type)) {
    case H5T_COMPOUND:
      return "compound (a record of fields)";
    case H5T_REFERENCE:
      return "a reference to other objects";
    case H5T_VLEN:
      return "of rows of varying lengths";
    case H5T_OPAQUE:
      return "opaque (bytes without a meaning)";
    case H5T_ARRAY:
      return "of elements that are arrays themselves";
    case H5T_TIME:
      return "a time";
    default:
      return "of a class that is not understood";
  }
}

// The members of an enumeration; false where they are no integers of 64 bits.
bool members_of(hid_t type, std::map<std::string, std::int64_t>& members) {
  const Hdf5Id base(H5Tget_super(type), H5Tclose);
  const int n = H5Tget_nmembers(type);
  const std::size_t size = H5Tget_size(type);
  if (n < 0 || size > 8) return false;
  for (unsigned i = 0; i < static_cast<unsigned>(n); ++i) {
    char* name = H5Tget_member_name(type, i);
    std::int64_t value = 0;
    if (!name) return false;
    const bool known = H5Tget_member_value(type, i, &value) >= 0 &&
                       H5Tconvert(base, H5T_NATIVE_INT64, 1, &value, nullptr, H5P_DEFAULT) >= 0;
    if (known) members[name] = value;
    H5free_memory(name);
    if (!known) return false;
  }
  return true;
}

NumberBits bits_of(hid_t type, bool is_float) {
  NumberBits b;
  b.offset = H5Tget_offset(type);
  b.precision = static_cast<int>(H5Tget_precision(type));
  if (!is_float) return b;
  std::size_t sign = 0, exponent = 0, exponent_bits = 0, mantissa = 0, mantissa_bits = 0;
  H5Tget_fields(type, &sign, &exponent, &exponent_bits, &mantissa, &mantissa_bits);
  b.sign = static_cast<int>(sign);
  b.exponent = static_cast<int>(exponent);
  b.exponent_bits = static_cast<int>(exponent_bits);
  b.mantissa = static_cast<int>(mantissa);
  b.mantissa_bits = static_cast<int>(mantissa_bits);
  b.bias = static_cast<std::int64_t>(H5Tget_ebias(type));
  return b;
}

// Fills "kind", "size", "big_endian" and "bits" of a number or a text.
void describe_type(hid_t type, json& d) {
  const std::string fix = "numbers, truth values and text are read";
  const H5T_class_t what = H5Tget_class(type);
  const std::size_t size = H5Tget_size(type);
  d["size"] = size;
  d["big_endian"] = false;
  if (what == H5T_STRING) {
    d["kind"] = static_cast<int>('s');
    return;
  }
  Hdf5Id number(H5Tcopy(type), H5Tclose);
  char kind = 'i';
  if (what == H5T_ENUM) {
    std::map<std::string, std::int64_t> members;
    if (!members_of(type, members)) throw Error("is an enumeration that is not understood", "", fix);
    number = Hdf5Id(H5Tget_super(type), H5Tclose);
    if (members == std::map<std::string, std::int64_t>{{"FALSE", 0}, {"TRUE", 1}} && size == 1)
      kind = 'b';
    else
      d["notes"].push_back("is an enumeration: its numbers are read, the names of its " +
                           std::to_string(members.size()) + " members are not");
  }
  const H5T_class_t base = H5Tget_class(number);
  if (base == H5T_FLOAT)
    kind = 'f';
  else if (base == H5T_BITFIELD ||
           (base == H5T_INTEGER && kind != 'b' && H5Tget_sign(number) == H5T_SGN_NONE))
    kind = 'u';
  else if (base != H5T_INTEGER)
    throw Error("is " + class_of(number), "", fix);
  const H5T_order_t order = H5Tget_order(number);
  const std::string bits =
      std::to_string(H5Tget_precision(number)) + " bits in " + std::to_string(size) + " bytes";
  if (order != H5T_ORDER_LE && order != H5T_ORDER_BE && order != H5T_ORDER_NONE)
    throw Error("is of a byte order that is not understood (VAX)", "", "store it as little or big endian");
  if (kind == 'f' && H5Tget_norm(number) != H5T_NORM_IMPLIED)
    throw Error("is a float of " + bits + " whose leading digit is stored (long double?)", "",
                "store it as float32 or float64");
  d["kind"] = static_cast<int>(kind);
  d["big_endian"] = order == H5T_ORDER_BE;
  if (kind == 'b') return;
  const NumberBits b = bits_of(number, kind == 'f');
  StoredType known;
  if (!stored_number(kind, size, false, b, known))
    throw Error("is " + std::string(kind == 'f' ? "a float" : "an integer") + " of " + bits +
                    ", which no type in memory holds exactly",
                "", kind == 'f' ? "store it as float32 or float64" : "store it as int64");
  if (known.own_bits)
    d["bits"] = {b.offset,        b.precision, b.sign,          b.exponent,
                 b.exponent_bits, b.mantissa,  b.mantissa_bits, b.bias};
}

// Fills "filters" and "gzip".
void describe_filters(hid_t creation, json& d) {
  d["filters"] = json::array();
  const int n = H5Pget_nfilters(creation);
  for (int i = 0; i < n; ++i) {
    unsigned flags = 0, config = 0, value = 0;
    std::size_t values = 1;
    const int filter =
        H5Pget_filter2(creation, static_cast<unsigned>(i), &flags, &values, &value, 0, nullptr, &config);
    d["filters"].push_back(filter);
    if (filter == H5Z_FILTER_DEFLATE && values > 0) d["gzip"] = std::min(value, 9U);
  }
}

// What H5Dget_chunk_info leaves out of a chunk's place in a file with a user block: libraries before 1.14.3
// or so do not add its size. Found out with a file in memory.
std::uint64_t forgotten_base(hid_t dataset) {
  const Hdf5Id file(H5Iget_file_id(dataset), H5Fclose), creation(H5Fget_create_plist(file), H5Pclose);
  hsize_t block = 0;
  if (H5Pget_userblock(creation, &block) < 0 || block == 0) return 0;
  static const bool forgets = [] {
    constexpr hsize_t kBlock = 1 << 20;
    const Hdf5Id fc(H5Pcreate(H5P_FILE_CREATE), H5Pclose), fa(H5Pcreate(H5P_FILE_ACCESS), H5Pclose),
        dc(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    H5Pset_userblock(fc, kBlock);
    H5Pset_fapl_core(fa, 1 << 16, 0);
    const hsize_t one = 1;
    H5Pset_chunk(dc, 1, &one);
    const Hdf5Id trial(H5Fcreate("trial", H5F_ACC_TRUNC, fc, fa), H5Fclose),
        space(H5Screate_simple(1, &one, nullptr), H5Sclose),
        data(H5Dcreate2(trial, "x", H5T_NATIVE_INT8, space, H5P_DEFAULT, dc, H5P_DEFAULT), H5Dclose);
    const std::int8_t value = 1;
    H5Dwrite(data, H5T_NATIVE_INT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, &value);
    hsize_t at = 0, bytes = 0;
    unsigned skipped = 0;
    haddr_t place = HADDR_UNDEF;
    H5Dget_chunk_info(data, space, 0, &at, &skipped, &place, &bytes);
    return place < kBlock;
  }();
  return forgets ? block : 0;
}

std::vector<Hdf5Chunk> chunks_of(hid_t dataset, hid_t space, const std::vector<hsize_t>& dims,
                                 const std::vector<hsize_t>& chunk) {
  const Error damaged("has a damaged index", "", "download or copy the file again");
  hsize_t n = 0;
  if (H5Dget_num_chunks(dataset, space, &n) < 0) throw damaged;
  const std::uint64_t base = forgotten_base(dataset);
  std::vector<Hdf5Chunk> all;
  std::vector<hsize_t> at(dims.size());
  for (hsize_t i = 0; i < n; ++i) {
    unsigned skipped = 0;
    haddr_t offset = HADDR_UNDEF;
    hsize_t bytes = 0;
    if (H5Dget_chunk_info(dataset, space, i, at.data(), &skipped, &offset, &bytes) < 0) throw damaged;
    std::uint64_t cell = 0;
    bool inside = true;
    for (std::size_t k = 0; k < dims.size(); ++k) {
      const hsize_t cells = chunk[k] ? (dims[k] + chunk[k] - 1) / chunk[k] : 0;
      inside = inside && at[k] < dims[k];
      if (inside) cell = cell * cells + at[k] / chunk[k];
    }
    if (inside) all.push_back({cell, offset + base, bytes, skipped});
  }
  return all;
}

}  // namespace

json describe_hdf5_dataset(hid_t dataset) {
  const Hdf5Id space(H5Dget_space(dataset), H5Sclose), type(H5Dget_type(dataset), H5Tclose);
  const Hdf5Id creation(H5Dget_create_plist(dataset), H5Pclose);
  json d = json::object();
  if (H5Sget_simple_extent_type(space) == H5S_NULL)
    throw Error("is empty: it has a type and no elements (h5py.Empty)", "", "give it a shape");
  describe_type(type, d);
  describe_stored_type(type, d);
  const int rank = H5Sget_simple_extent_ndims(space);
  if (rank < 0 || rank > 8)
    throw Error("has " + std::to_string(rank) + " dimensions", "", "8 at most are read");
  std::vector<hsize_t> dims(static_cast<std::size_t>(rank)), chunk;
  H5Sget_simple_extent_dims(space, dims.data(), nullptr);
  d["shape"] = dims;
  const std::size_t size = d.at("size");
  const auto n = static_cast<std::size_t>(std::max<hssize_t>(H5Sget_simple_extent_npoints(space), 0));
  if (d.at("kind") == static_cast<int>('s')) {
    d["text"] = read_hdf5_text(type, space, n, [&](hid_t memory, void* to) {
      return H5Dread(dataset, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, to);
    });
    return d;
  }
  std::vector<std::uint8_t> fill(size, 0);
  if (H5Pget_fill_value(creation, type, fill.data()) < 0) std::fill(fill.begin(), fill.end(), 0);
  d["fill"] = json::binary(fill);
  std::vector<Hdf5Chunk> places;
  switch (H5Pget_layout(creation)) {
    case H5D_COMPACT: {
      std::vector<std::uint8_t> bytes(n * size);
      if (n && H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()) < 0)
        throw Error("cannot be read", "", "the file is damaged");
      d["stored"] = json::binary(bytes);
      break;
    }
    case H5D_CONTIGUOUS:
      if (H5Pget_external_count(creation) > 0)
        throw Error("keeps its data in another file without a layout (external storage), which is not read",
                    "", "h5repack copies them into one");
      if (const haddr_t at = H5Dget_offset(dataset); at != HADDR_UNDEF)
        places.push_back({0, at, H5Dget_storage_size(dataset), 0});
      break;
    case H5D_CHUNKED:
      chunk.resize(dims.size());
      H5Pget_chunk(creation, rank, chunk.data());
      describe_filters(creation, d);
      places = chunks_of(dataset, space, dims, chunk);
      break;
    default:
      throw Error("is a virtual dataset, which is not followed", "", "store its data themselves");
  }
  d["chunk"] = chunk;
  d["chunks"] = binary(places.data(), places.size() * sizeof(Hdf5Chunk));
  return d;
}

}  // namespace hardy::datasets
