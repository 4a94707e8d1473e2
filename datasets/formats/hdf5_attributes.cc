#include "datasets/formats/hdf5_attributes.h"

#include <algorithm>
#include <cstring>

#include "datasets/formats/hdf5_types.h"
#include "datasets/formats/utf8.h"

namespace hardy::datasets {
namespace {

using nlohmann::json;
using Binary = std::vector<std::uint8_t>;

constexpr std::size_t kMostBytes = 64000;  // what HDF5 writes into any object, less what it needs itself

// A flat list as nested ones, row by row.
json nested(const json& flat, const std::vector<hsize_t>& shape, std::size_t axis, std::size_t& at) {
  if (axis == shape.size()) return flat[at++];
  json list = json::array();
  for (hsize_t i = 0; i < shape[axis]; ++i) list.push_back(nested(flat, shape, axis + 1, at));
  return list;
}

template <class T>
json numbers(hid_t from, hid_t to, std::size_t count, const Binary& data, std::size_t size) {
  Binary raw(count * std::max(size, sizeof(T)));
  std::copy(data.begin(), data.end(), raw.begin());
  json values = json::array();
  if (H5Tconvert(from, to, count, raw.data(), nullptr, H5P_DEFAULT) < 0) return values;
  std::vector<T> x(count);
  if (count > 0) std::memcpy(x.data(), raw.data(), count * sizeof(T));
  for (const T v : x) values.push_back(v);
  return values;
}

std::string text_of(const Binary& bytes) { return as_utf8(std::string(bytes.begin(), bytes.end())); }

// What people read in the elements; null where JSON has no word for them.
json values_of(hid_t type, std::size_t count, const Binary& data) {
  const std::size_t size = H5Tget_size(type);
  switch (H5Tget_class(type)) {
    case H5T_FLOAT:
      return numbers<double>(type, H5T_NATIVE_DOUBLE, count, data, size);
    case H5T_INTEGER:
      return H5Tget_sign(type) == H5T_SGN_NONE
                 ? numbers<std::uint64_t>(type, H5T_NATIVE_UINT64, count, data, size)
                 : numbers<std::int64_t>(type, H5T_NATIVE_INT64, count, data, size);
    case H5T_ENUM: {
      const Hdf5Id base(H5Tget_super(type), H5Tclose);
      json values = numbers<std::int64_t>(base, H5T_NATIVE_INT64, count, data, size);
      if (name_of_hdf5_type(type) == "bool")
        for (json& v : values) v = v != 0;
      return values;
    }
    case H5T_STRING: {
      json values = json::array();
      const bool spaces = H5Tget_strpad(type) == H5T_STR_SPACEPAD;
      for (std::size_t i = 0; i < count; ++i) {
        Binary one(data.begin() + static_cast<std::ptrdiff_t>(i * size),
                   data.begin() + static_cast<std::ptrdiff_t>((i + 1) * size));
        one.erase(std::find(one.begin(), one.end(), 0), one.end());
        while (spaces && !one.empty() && one.back() == ' ') one.pop_back();
        values.push_back(text_of(one));
      }
      return values;
    }
    default:
      return nullptr;
  }
}

// Text of variable length: its bytes, or null for none at all.
bool read_texts(hid_t attribute, hid_t type, hid_t space, std::size_t count, json& stored, json& values) {
  std::vector<char*> pointers(count, nullptr);
  if (H5Aread(attribute, type, pointers.data()) < 0) return false;
  stored["texts"] = json::array();
  for (const char* t : pointers) {
    const Binary bytes = t ? Binary(t, t + std::strlen(t)) : Binary();
    stored["texts"].push_back(t ? json::binary(bytes) : json());
    values.push_back(text_of(bytes));
  }
  if (count > 0) H5Dvlen_reclaim(type, space, H5P_DEFAULT, pointers.data());
  return true;
}

json attribute_of(hid_t object, const std::string& name) {
  json found{{"name", name}, {"value", nullptr}, {"stored", nullptr}};
  const auto problem = [&](const std::string& text) {
    found["problem"] = text;
    return found;
  };
  const Hdf5Id a(H5Aopen(object, name.c_str(), H5P_DEFAULT), H5Aclose);
  if (!a.good()) return problem("cannot be read");
  const Hdf5Id space(H5Aget_space(a), H5Sclose), type(H5Aget_type(a), H5Tclose);
  const bool none = H5Sget_simple_extent_type(space) == H5S_NULL;
  const hssize_t n = none ? 0 : H5Sget_simple_extent_npoints(space);
  const std::size_t size = H5Tget_size(type);
  if (n < 0 || size == 0) return problem("is damaged");
  const auto count = static_cast<std::size_t>(n);
  if (count > kMostBytes || count * size > kMostBytes) return problem("is larger than 64 KiB");
  std::vector<hsize_t> shape(static_cast<std::size_t>(std::max(H5Sget_simple_extent_ndims(space), 0)));
  if (!shape.empty()) H5Sget_simple_extent_dims(space, shape.data(), nullptr);
  const Binary code = encode_hdf5_type(type);
  if (code.empty()) return problem("is of the type '" + name_of_hdf5_type(type) + "'");
  json stored{{"type", name_of_hdf5_type(type)},
              {"code", json::binary(code)},
              {"space", none            ? "null"
                        : shape.empty() ? "scalar"
                                        : "simple"},
              {"shape", shape}};
  json values = json::array();
  if (H5Tis_variable_str(type) > 0) {
    if (!read_texts(a, type, space, count, stored, values)) return problem("cannot be read");
  } else {
    Binary data(count * size);
    if (count > 0 && H5Aread(a, type, data.data()) < 0) return problem("cannot be read");
    values = none ? json() : values_of(type, count, data);
    stored["data"] = json::binary(std::move(data));
  }
  found["stored"] = std::move(stored);
  if (none || (values.empty() && count > 0)) return found;
  std::size_t at = 0;
  found["value"] = values.is_null() ? values : nested(values, shape, 0, at);
  return found;
}

herr_t collect(hid_t, const char* name, const H5A_info_t*, void* names) {
  static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

// An attribute of this type and space, and `data` as its content.
bool write(hid_t object, const std::string& name, hid_t type, hid_t space, const void* data) {
  const Hdf5Id a(H5Acreate2(object, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  if (!a.good()) return false;
  const bool nothing =
      H5Sget_simple_extent_type(space) == H5S_NULL || H5Sget_simple_extent_npoints(space) == 0;
  if (nothing || H5Awrite(a, type, data) >= 0) return true;
  H5Adelete(object, name.c_str());
  return false;
}

bool write_stored(hid_t object, const std::string& name, const json& stored) {
  const Hdf5Id type = decode_hdf5_type(stored.at("code").get_binary());
  if (!type.good()) return false;
  const auto shape = stored.at("shape").get<std::vector<hsize_t>>();
  const std::string kind = stored.at("space");
  const Hdf5Id space(kind == "null" ? H5Screate(H5S_NULL)
                     : kind == "scalar"
                         ? H5Screate(H5S_SCALAR)
                         : H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr),
                     H5Sclose);
  if (!space.good()) return false;
  const auto count = static_cast<std::size_t>(kind == "null" ? 0 : H5Sget_simple_extent_npoints(space));
  if (stored.contains("texts")) {
    std::vector<std::string> texts;
    std::vector<const char*> pointers;
    for (const json& t : stored.at("texts")) {
      const Binary bytes = t.is_null() ? Binary() : Binary(t.get_binary());
      texts.emplace_back(bytes.begin(), bytes.end());
    }
    for (std::size_t i = 0; i < texts.size(); ++i)
      pointers.push_back(stored.at("texts")[i].is_null() ? nullptr : texts[i].c_str());
    return pointers.size() == count && write(object, name, type, space, pointers.data());
  }
  const auto& data = stored.at("data").get_binary();
  return data.size() == count * H5Tget_size(type) && write(object, name, type, space, data.data());
}

template <class T>
bool write_list(hid_t object, const std::string& name, hid_t type, hid_t space, const json& list) {
  std::vector<T> x;
  for (const json& v : list) x.push_back(v.get<T>());
  return write(object, name, type, space, x.data());
}

bool write_value(hid_t object, const std::string& name, const json& value) {
  const json kept = kept_value(value), list = kept.is_array() ? kept : json::array({kept});
  const hsize_t n = list.size();
  const Hdf5Id space(kept.is_null()    ? H5Screate(H5S_NULL)
                     : kept.is_array() ? H5Screate_simple(1, &n, nullptr)
                                       : H5Screate(H5S_SCALAR),
                     H5Sclose);
  const auto all = [&](auto is) { return !list.empty() && std::ranges::all_of(list, is); };
  if (all([](const json& v) { return v.is_string(); })) {
    std::vector<const char*> pointers;
    for (const json& v : list) pointers.push_back(v.get_ref<const std::string&>().c_str());
    return write(object, name, hdf5_memory_type(ArrayType::kString), space, pointers.data());
  }
  if (all([](const json& v) { return v.is_boolean(); }))
    return write_list<std::uint8_t>(object, name, hdf5_memory_type(ArrayType::kBool), space, list);
  if (all([](const json& v) { return v.is_number_integer(); })) {
    const bool large = std::ranges::any_of(
        list, [](const json& v) { return v.is_number_unsigned() && v.get<std::uint64_t>() >> 63; });
    return large ? write_list<std::uint64_t>(object, name, H5T_NATIVE_UINT64, space, list)
                 : write_list<std::int64_t>(object, name, H5T_NATIVE_INT64, space, list);
  }
  if (kept.is_null()) return write(object, name, H5T_NATIVE_DOUBLE, space, nullptr);
  return write_list<double>(object, name, H5T_NATIVE_DOUBLE, space, list);
}

}  // namespace

json read_hdf5_attributes(hid_t object) {
  std::vector<std::string> names;
  H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, collect, &names);
  std::ranges::sort(names);
  json all = json::array();
  for (const std::string& name : names) all.push_back(attribute_of(object, name));
  return all;
}

bool write_hdf5_attribute(hid_t object, const Attribute& attribute) {
  return attribute.stored.is_null() ? write_value(object, attribute.name, attribute.value)
                                    : write_stored(object, attribute.name, attribute.stored);
}

}  // namespace hardy::datasets
