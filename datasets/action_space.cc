#include "datasets/action_space.h"

#include <cmath>

#include "datasets/formats/python_json.h"
#include "engine/base/json.h"

namespace hardy::datasets {
namespace {

using nlohmann::json;

// The type of the first part that is a choice; "" where none is.
std::string choice_in(const json& space) {
  if (space.is_object()) {
    std::string type = space.contains("type") && space["type"].is_string() ? space["type"] : json("");
    if (type == "Discrete" || type == "MultiDiscrete" || type == "MultiBinary") return type;
  }
  if (space.is_structured())
    for (const json& part : space)
      if (std::string found = choice_in(part); !found.empty()) return found;
  return "";
}

// Numbers of a list of lists in order; false where one is none (Minari's infinities).
bool flatten(const json& bound, std::vector<float>& to) {
  if (bound.is_number()) {
    to.push_back(bound.get<float>());
    return std::isfinite(to.back());
  }
  if (!bound.is_array()) return false;
  for (const json& part : bound)
    if (!flatten(part, to)) return false;
  return true;
}

}  // namespace

ActionSpace action_space(const Reader& reader) {
  const Column& actions = reader.column("actions");
  ActionSpace space;
  const json attributes = reader.attributes();
  json said;
  if (attributes.contains("action_space") && attributes["action_space"].is_string())
    said = parse_python_json(attributes["action_space"].get<std::string>());
  const std::string choice = choice_in(said);
  switch (actions.type) {
    case ArrayType::kF32:
    case ArrayType::kF64:
    case ArrayType::kString:
      break;
    default:
      space.discrete = true;
      space.evidence = actions.describe();
  }
  if (!choice.empty()) {
    space.discrete = true;
    space.evidence = choice + " by the file's action_space";
  }
  if (space.discrete || !said.is_object() || said.value("type", json()) != "Box") return space;
  std::vector<float> low, high;
  if (!flatten(said.value("low", json()), low) || !flatten(said.value("high", json()), high)) return space;
  if (low.size() != static_cast<std::size_t>(actions.row_elements()) || low.size() != high.size())
    return space;
  for (std::size_t k = 0; k < low.size(); ++k)
    if (!(low[k] < high[k])) return space;
  space.low = std::move(low);
  space.high = std::move(high);
  return space;
}

}  // namespace hardy::datasets
