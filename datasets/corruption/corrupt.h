// Corruption on purpose, as the offline literature does it (RIQL's released attack code) and as robots
// suffer it: noise or an attack on observations, actions, rewards or next observations of some of the
// rows, and the record that undoes it.
//
// Which rows (Pattern) and what happens to them (Mode) are chosen apart. docs/corruption.md has examples.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "datasets/formats/hdf5_file.h"
#include "datasets/store.h"
#include "datasets/transitions.h"

namespace hardy::datasets {

enum class Element { kObservations, kActions, kRewards, kDynamics };
std::string name_of(Element element);  // "observations", ...
// The singular is understood too; errors name the option that was given.
Element element_named(const std::string& name, const std::string& option = "--elements");
std::string column_of(Element element);      // the dataset's key: dynamics are next_observations
const std::vector<Element>& all_elements();  // in the order in which they are attacked

enum class Mode {
  kRandom,       // x + U(-scale, scale) std; a reward becomes 30 U(-scale, scale)
  kAdversarial,  // x + delta std, delta in [-scale, scale] chosen by an Adversary; a reward becomes -scale r
  kStuck,        // what the sensor last said before the attacked rows
  kDropped,      // 0
  kScaled,       // scale x
  kDelayed       // what the sensor said `delay` rows before, in the same episode
};
std::string name_of(Mode mode);
Mode mode_named(const std::string& name);
std::vector<std::string> mode_names();

enum class Pattern {
  kRows,     // each row by itself with probability `rate`
  kBlocks,   // each stretch of `block` rows with probability `rate`; block 0: one window of a share `rate`
  kEpisodes  // each episode with probability `rate`
};
std::string name_of(Pattern pattern);
Pattern pattern_named(const std::string& name);
std::vector<std::string> pattern_names();

struct CorruptionSettings {
  std::vector<Element> elements;
  double rate = 0.3;
  double scale = 1.0;  // the noise's range
  std::uint64_t seed = 0;
  // "numpy": one RandomState(seed) for all elements, each taking its mask and then its noise row by row:
  // the published masks and noise bit for bit. "philox": this engine's streams.
  std::string generator = "philox";
  Mode mode = Mode::kRandom;
  std::map<Element, Mode> modes = {};  // of elements that have another one
  Pattern pattern = Pattern::kRows;
  std::int64_t block = 100;
  bool shared_rows = false;                // one set of rows for all elements, not one for each
  bool trajectory = false;                 // an attacked state changes in both places: s_t and s'_{t-1}
  std::vector<std::int64_t> sensors = {};  // the dimensions that are touched; empty: all
  std::int64_t delay = 5;

  Mode mode_of(Element element) const;
};

// The rows of one attack, with what a critic needs to judge them.
struct AttackedRows {
  std::vector<std::int64_t> rows;
  std::vector<float> observations, actions, next_observations;  // [rows, width]
};
// Chooses perturbations that hurt. Implemented where critics live (algorithms/offline/gradient_attack.h).
class Adversary {
 public:
  virtual ~Adversary() = default;
  // delta [rows, width] in [-scale, scale]; the attacked value is x + delta std. std is 0 where a dimension
  // must stay. A row's result depends on the row alone.
  virtual void attack(Element element, const AttackedRows& rows, std::span<const double> std, double scale,
                      std::uint64_t seed, std::span<float> delta) = 0;
  virtual nlohmann::json describe() const = 0;  // for the record
};

// Corrupts a dataset by pieces, into `out` (a D4RL file's columns), and commits. next_observations are made
// where the file has none and they are attacked, or must keep what an attacked observation was: the
// following row within the episode, the row itself at the episode's end. The record goes under
// /hardy/corruption (datasets/corruption/corruption_record.h). Returns the manifest.
// Memory: an eighth of a byte a row and element, 24 bytes an episode, and pieces of 16,384 rows.
nlohmann::json corrupt(Reader& in, Writer& out, const CorruptionSettings& settings,
                       const std::string& input_sha256, Adversary* adversary = nullptr);
// What an undoing could not check, because the record says nothing of it: those of versions before columns
// and attributes were all on record.
struct Undone {
  std::int64_t columns = 0, attributes = 0;  // that are as the record says that they were
  std::vector<std::string> unchecked;        // keys of columns; "attributes"
};
// The input again, every array bit for bit and of its stored type, and every attribute, without the record.
// Errors: no record; columns or attributes that were changed, added or taken away since; a record that does
// not fit.
Undone undo(Reader& in, Writer& out);

// Refuses settings that exclude one another, before any work.
void check(const CorruptionSettings& settings);

// What was done to one column: which rows.
struct Change {
  Element element;
  std::vector<std::int64_t> rows;
};
// A set of transitions in memory, independent rows, random or adversarial rewards: what the published
// training pipeline does.
std::vector<Change> corrupt(Transitions& transitions, const CorruptionSettings& settings);

// The same for arrays in memory.
void corrupt(Arrays& arrays, const CorruptionSettings& settings, const std::string& input_name,
             const std::string& input_sha256);
void undo(Arrays& arrays, const std::string& path);
nlohmann::json corruption_manifest(const Arrays& arrays);  // or null

}  // namespace hardy::datasets
