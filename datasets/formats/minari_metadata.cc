// What Minari's datasets say about themselves: metadata.json, spaces, and the attributes of episodes.
#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>

#include "datasets/formats/minari.h"
#include "datasets/formats/python_json.h"
#include "engine/base/error.h"

namespace hardy::datasets {
namespace {

using nlohmann::json;

template <class T>
void store(const json& value, Array& to) {
  for (const json& v : value.is_array() ? value : json::array({value})) {
    const T x = v.get<T>();
    const auto* bytes = reinterpret_cast<const std::byte*>(&x);
    to.bytes.insert(to.bytes.end(), bytes, bytes + sizeof x);
  }
}

// The type that holds all the values of an attribute; kString also for what there is no type for.
ArrayType type_of(const std::vector<const json*>& values) {
  std::vector<json> parts;
  for (const json* v : values)
    for (const json& part : v->is_array() ? *v : json::array({*v})) parts.push_back(part);
  const auto all = [&](auto is) { return std::ranges::all_of(parts, is); };
  if (all([](const json& v) { return v.is_boolean(); })) return ArrayType::kBool;
  if (all([](const json& v) { return v.is_number_integer(); }))
    return all([](const json& v) { return !v.is_number_unsigned() || v.get<std::uint64_t>() >> 63 == 0; })
               ? ArrayType::kI64
               : ArrayType::kU64;
  if (all([](const json& v) { return v.is_number(); })) return ArrayType::kF64;
  return ArrayType::kString;
}

// One attribute of all episodes as a column; false where they are of different kinds.
bool gather(const std::vector<const json*>& values, Array& to) {
  to.type = type_of(values);
  to.shape = {static_cast<std::int64_t>(values.size())};
  if (values[0]->is_array()) to.shape.push_back(static_cast<std::int64_t>(values[0]->size()));
  for (const json* v : values) {
    if (v->is_array() != values[0]->is_array() || (v->is_array() && v->size() != values[0]->size()))
      return false;
    switch (to.type) {
      case ArrayType::kBool:
        store<bool>(*v, to);
        break;
      case ArrayType::kI64:
        store<std::int64_t>(*v, to);
        break;
      case ArrayType::kU64:
        store<std::uint64_t>(*v, to);
        break;
      case ArrayType::kF64:
        store<double>(*v, to);
        break;
      default:
        if (!v->is_string()) return false;
        to.strings.push_back(v->get<std::string>());
    }
  }
  return true;
}

}  // namespace

MinariPlace minari_place(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) return {path, path.parent_path() / "metadata.json"};
  const bool outside =
      !std::filesystem::exists(path / "main_data.hdf5") && !std::filesystem::exists(path / "metadata.json");
  const std::filesystem::path data = outside ? path / "data" : path;
  return {data / "main_data.hdf5", data / "metadata.json"};
}

json read_minari_metadata(const MinariPlace& place) {
  json metadata = json::object();
  if (std::filesystem::exists(place.metadata)) {
    std::ifstream file(place.metadata);
    metadata = parse_python_json({std::istreambuf_iterator<char>(file), {}});
    if (!metadata.is_object())
      throw Error("is no JSON object", place.metadata.string(), "the dataset is damaged");
  }
  if (metadata.value("data_format", json("hdf5")) != json("hdf5"))
    throw Error(
        "is in the format " + metadata["data_format"].dump(-1, ' ', true, json::error_handler_t::replace),
        place.metadata.string(), "only Minari's hdf5 format is read; write it anew with data_format='hdf5'");
  return metadata;
}

Arrays episode_metadata(const std::vector<json>& episodes, std::vector<std::string>& notes) {
  std::set<std::string> names;
  for (const json& e : episodes)
    for (const auto& [name, value] : e.items())
      if (name != "id" && name != "total_steps") names.insert(name);
  Arrays columns;
  for (const std::string& name : names) {
    std::vector<const json*> values;
    for (const json& e : episodes)
      if (e.contains(name)) values.push_back(&e.at(name));
    Array column;
    if (values.size() < episodes.size())
      notes.push_back("the episodes' attribute " + name + " is left out: " + std::to_string(values.size()) +
                      " of " + std::to_string(episodes.size()) + " have it");
    else if (!gather(values, column))
      notes.push_back("the episodes' attribute " + name + " is left out: it is not of one type and shape");
    else
      columns[std::string(kEpisodeMetadata) + name] = std::move(column);
  }
  return columns;
}

namespace {

// What an object says under a name, where that is a word; else nothing.
std::string word(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace

bool is_of_space(const json& space, const std::vector<std::int64_t>& shape, const std::string& dtype) {
  if (!space.is_object()) return false;
  const std::string type = word(space, "type");
  if (type == "MultiBinary") {
    const json n = space.value("n", json());
    return dtype == "int8" && (n.is_array() ? n : json::array({n})) == json(shape);
  }
  if (word(space, "dtype") != dtype) return false;
  if (type == "Discrete") return shape.empty() || (shape.size() == 1 && shape[0] == 1);
  if (type == "MultiDiscrete") {
    const json nvec = space.value("nvec", json::array());
    return shape.size() == 1 && nvec.size() == static_cast<std::size_t>(shape[0]);
  }
  return type == "Box" && space.value("shape", json()) == json(shape);
}

bool has_images(const json& space) {
  if (space.is_array()) return std::any_of(space.begin(), space.end(), has_images);
  if (!space.is_object()) return false;
  if (space.contains("subspaces"))
    return std::any_of(space["subspaces"].begin(), space["subspaces"].end(), has_images);
  const json shape = space.value("shape", json::array());
  return word(space, "type") == "Box" && word(space, "dtype") == "uint8" &&
         (shape.size() == 2 || shape.size() == 3) && shape[0].is_number() && shape[0] >= 32 && shape[1] >= 32;
}

}  // namespace hardy::datasets
