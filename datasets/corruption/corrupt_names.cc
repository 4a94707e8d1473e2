// How elements, modes and patterns are called, and which settings go together.
#include <algorithm>
#include <array>

#include "datasets/corruption/corrupt.h"
#include "engine/base/error.h"
#include "engine/base/nearest.h"

namespace hardy::datasets {
namespace {

constexpr std::array kElements{"observations", "actions", "rewards", "dynamics"};
constexpr std::array kModes{"random", "adversarial", "stuck", "dropped", "scaled", "delayed"};
constexpr std::array kPatterns{"rows", "blocks", "episodes"};

template <class Names>
int index_of(const Names& names, const std::string& name, const char* what, const std::string& option) {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (name == names[i]) return static_cast<int>(i);
  throw Error(std::string("there is no ") + what + " '" + name + "'", option,
              suggestion(name, {names.begin(), names.end()}));
}

}  // namespace

std::string name_of(Element element) { return kElements[static_cast<std::size_t>(element)]; }
std::string name_of(Mode mode) { return kModes[static_cast<std::size_t>(mode)]; }
std::string name_of(Pattern pattern) { return kPatterns[static_cast<std::size_t>(pattern)]; }
std::vector<std::string> mode_names() { return {kModes.begin(), kModes.end()}; }
std::vector<std::string> pattern_names() { return {kPatterns.begin(), kPatterns.end()}; }
Mode mode_named(const std::string& name) {
  return static_cast<Mode>(index_of(kModes, name, "mode", "--mode"));
}
Pattern pattern_named(const std::string& name) {
  return static_cast<Pattern>(index_of(kPatterns, name, "pattern", "--pattern"));
}

std::string column_of(Element element) {
  return element == Element::kDynamics ? "next_observations" : name_of(element);
}

const std::vector<Element>& all_elements() {
  static const std::vector<Element> order{Element::kObservations, Element::kActions, Element::kRewards,
                                          Element::kDynamics};
  return order;
}

Element element_named(const std::string& name, const std::string& option) {
  for (const Element e : all_elements())
    if (name + "s" == name_of(e)) return e;
  if (name.starts_with("next_obs") || name == "next_states")  // the column by which the dynamics show
    throw Error("'" + name + "' is no element", option, "its element is called dynamics");
  return static_cast<Element>(index_of(kElements, name, "element", option));
}

Mode CorruptionSettings::mode_of(Element element) const {
  const auto own = modes.find(element);
  return own == modes.end() ? mode : own->second;
}

void check(const CorruptionSettings& s) {
  if (s.elements.empty()) throw Error("no element is named", "--elements", "e.g. --elements dynamics");
  if (!(s.rate >= 0 && s.rate <= 1)) throw Error("the rate must lie in [0, 1]", "--rate");
  if (!(s.scale >= 0)) throw Error("the scale must not be negative", "--scale");
  if (s.generator == "numpy" && s.seed > 0xffffffffULL)
    throw Error("NumPy's seeds end at 4294967295", "--seed " + std::to_string(s.seed));
  for (const Element e : s.elements) {
    if (s.trajectory && e == Element::kDynamics)
      throw Error(
          "a state has one value where both its copies change, so dynamics are no element of their own",
          "--copies trajectory", "name observations, or use --copies tuple");
    if (s.mode_of(e) == Mode::kScaled && s.scale == 1)
      throw Error("a factor of 1 changes nothing", "--mode scaled", "give --scale, e.g. --scale 2");
    if (s.mode_of(e) == Mode::kDelayed && s.delay < 1)
      throw Error("a delay is at least one row", "--delay " + std::to_string(s.delay));
  }
}

}  // namespace hardy::datasets
