#include "datasets/reference_scores.h"

#include <cctype>
#include <string_view>

namespace hardy::datasets {
namespace {

struct Family {
  std::string_view name;
  double min, max;
};
// D4RL's reference returns (infos.py of its 2024 revision).
constexpr Family kFamilies[] = {
    {"halfcheetah", -280.178953, 12135.0},
    {"hopper", -20.272305, 3234.3},
    {"walker2d", 1.629008, 4592.3},
    {"ant", -325.6, 3879.7},
    {"antmaze", 0.0, 1.0},
    {"kitchen", 0.0, 4.0},
    {"pen", 96.262799, 3076.8331017826877},
    {"hammer", -274.856578, 12794.134825156867},
    {"door", -56.512833, 2880.5693087298737},
    {"relocate", -6.425911, 4233.877797728884},
    {"maze2d-open", 0.01, 20.66},
    {"maze2d-umaze", 23.85, 161.86},
    {"maze2d-medium", 13.13, 277.39},
    {"maze2d-large", 6.7, 273.99},
    {"maze2d-open-dense", 11.17817, 27.166538620695782},
    {"maze2d-umaze-dense", 68.537689, 193.66285642381482},
    {"maze2d-medium-dense", 44.264742, 297.4552547777125},
    {"maze2d-large-dense", 30.569041, 303.4857382709002},
    {"minigrid-fourrooms", 0.01442, 2.89685},
    {"flow-ring", -165.22, 24.42},
    {"flow-merge", 118.67993, 330.03179},
    {"carla-lane", -0.8503839912088142, 1023.5784385429523},
    {"carla-town", -114.81579500772153, 2440.1772022247314},
    {"bullet-halfcheetah", -1275.766996, 2381.6725},
    {"bullet-hopper", 20.058972, 1441.8059623430963},
    {"bullet-ant", 373.705955, 2650.495},
    {"bullet-walker2d", 16.523877, 1623.6476303317536},
    {"bullet-maze2d-open", 8.75, 64.15},
    {"bullet-maze2d-umaze", 32.46, 153.99},
    {"bullet-maze2d-medium", 14.87, 238.05},
    {"bullet-maze2d-large", 1.82, 285.92},
};

struct Limit {
  std::string_view name;
  int steps;
};
// max_episode_steps as D4RL registers its environments.
constexpr Limit kLimits[] = {
    {"halfcheetah", 1000}, {"hopper", 1000},       {"walker2d", 1000},    {"ant", 1000},
    {"antmaze", 1000},     {"antmaze-umaze", 700}, {"kitchen", 280},      {"pen", 100},
    {"hammer", 200},       {"door", 200},          {"relocate", 200},     {"maze2d-open", 150},
    {"maze2d-umaze", 300}, {"maze2d-medium", 600}, {"maze2d-large", 800}, {"minigrid-fourrooms", 50},
    {"flow-ring", 500},    {"flow-merge", 750},    {"carla-lane", 250},   {"carla-town", 1000},
};

bool letter(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

bool stands_in(std::string_view word, std::string_view text) {
  for (std::size_t at = 0; (at = text.find(word, at)) != std::string_view::npos; ++at) {
    const std::size_t end = at + word.size();
    if ((at == 0 || !letter(text[at - 1])) && (end == text.size() || !letter(text[end]))) return true;
  }
  return false;
}

// The entry of the longest name that stands in `name`, or null.
template <class Entry, std::size_t n>
const Entry* longest(const Entry (&entries)[n], const std::string& name) {
  std::string text = name;
  for (char& c : text)
    if (c == '_' || c == '/') c = '-';
  const Entry* best = nullptr;
  for (const Entry& e : entries)
    if (stands_in(e.name, text) && (!best || e.name.size() > best->name.size())) best = &e;
  return best;
}

}  // namespace

std::optional<ReferenceScores> reference_scores(const std::string& name) {
  const Family* family = longest(kFamilies, name);
  if (!family) return std::nullopt;
  return ReferenceScores{std::string(family->name), family->min, family->max};
}

std::optional<int> task_time_limit(const std::string& name) {
  const Limit* limit = longest(kLimits, name);
  if (!limit) return std::nullopt;
  return limit->steps;
}

}  // namespace hardy::datasets
