// What a file says about itself and about its columns and groups, beside its columns.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/json.h"

namespace hardy::datasets {

struct Attribute {
  std::string object;  // the column's or group's key; "": of the file
  std::string name;
  bool of_column = false;
  // Numbers, truth values, text, lists of them; null where JSON has no word for it.
  nlohmann::json value;
  // Type, shape and bytes as the file has them (datasets/formats/hdf5_attributes.h): what a file of the same
  // format gets. null: the value says all.
  nlohmann::json stored = nullptr;
};

// The value as a file keeps it that knows numbers, truth values, text and lists of one of these: all else
// becomes JSON text.
nlohmann::json kept_value(const nlohmann::json& value);

// Whether a file that keeps both would say the same: as stored where both are, else by their kept values.
bool same_attribute(const Attribute& a, const Attribute& b);

// One attribute in a line: "float32 [3] [1.0, 2.0, 3.0]".
std::string describe(const Attribute& attribute);

// SHA-256 of all of them, in whatever order; `stored`: of how they are stored too, where all have that.
std::string attributes_sha256(std::vector<Attribute> attributes, bool stored);
bool all_stored(const std::vector<Attribute>& attributes);

void erase_attribute(std::vector<Attribute>& attributes, std::string_view object, std::string_view name);

}  // namespace hardy::datasets
