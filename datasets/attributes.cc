#include "datasets/attributes.h"

#include <algorithm>
#include <tuple>

#include "datasets/formats/python_json.h"
#include "engine/run/sha256.h"

namespace hardy::datasets {
namespace {

using nlohmann::json;

constexpr std::size_t kMostElements = 4000;  // of a list that HDF5 keeps as one: 64 KiB of pointers to texts

// How it is stored, without the bytes that encode its type: they may differ for equal types.
json without_code(json stored) {
  stored.erase("code");
  return stored;
}

}  // namespace

json kept_value(const json& value) {
  const auto all = [&](auto is) { return std::ranges::all_of(value, is); };
  if (value.is_primitive()) return value;
  if (value.is_array() && value.size() <= kMostElements) {
    if (all([](const json& v) { return v.is_string(); }) ||
        all([](const json& v) { return v.is_boolean(); }) ||
        all([](const json& v) { return v.is_number_integer(); }))
      return value;
    if (all([](const json& v) { return v.is_number(); })) return value.get<std::vector<double>>();
  }
  return python_json_text(value, -1);
}

bool same_attribute(const Attribute& a, const Attribute& b) {
  if (!a.stored.is_null() && !b.stored.is_null()) return without_code(a.stored) == without_code(b.stored);
  // As text: a NaN is equal to none, but its name is.
  return python_json_text(kept_value(a.value), -1) == python_json_text(kept_value(b.value), -1);
}

std::string describe(const Attribute& attribute) {
  constexpr std::size_t kMost = 60;
  std::string text = attribute.value.is_null() ? "" : python_json_text(attribute.value, -1);
  if (text.size() > kMost) {
    std::size_t end = kMost;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // no half character
    text = text.substr(0, end) + "...";
  }
  if (!attribute.stored.is_object()) return text;
  std::string shape;
  for (const json& n : attribute.stored.at("shape")) shape += (shape.empty() ? "" : ", ") + n.dump();
  return attribute.stored.at("type").get<std::string>() + (shape.empty() ? "" : " [" + shape + "]") +
         (text.empty() ? "" : " " + text);
}

std::string attributes_sha256(std::vector<Attribute> attributes, bool stored) {
  std::ranges::sort(attributes, [](const Attribute& a, const Attribute& b) {
    return std::tie(a.object, a.name) < std::tie(b.object, b.name);
  });
  run::Sha256 hash;
  for (const Attribute& a : attributes) {
    json all{a.object, a.name, python_json_text(kept_value(a.value), -1)};
    if (stored) all.push_back(without_code(a.stored));
    const auto bytes = json::to_cbor(all);
    hash.add(bytes.data(), bytes.size());
  }
  return hash.hex();
}

bool all_stored(const std::vector<Attribute>& attributes) {
  return std::ranges::none_of(attributes, [](const Attribute& a) { return a.stored.is_null(); });
}

void erase_attribute(std::vector<Attribute>& attributes, std::string_view object, std::string_view name) {
  std::erase_if(attributes, [&](const Attribute& a) { return a.object == object && a.name == name; });
}

}  // namespace hardy::datasets
