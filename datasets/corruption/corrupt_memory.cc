// Corruption of what is in memory: arrays as a file's, and transitions as the published pipeline has them.
#include <algorithm>

#include "datasets/corruption/corrupt_values.h"
#include "datasets/corruption/corruption_record.h"
#include "datasets/memory.h"
#include "datasets/memory_writer.h"
#include "engine/base/error.h"
#include "engine/base/json.h"

namespace hardy::datasets {
void corrupt(Arrays& arrays, const CorruptionSettings& settings, const std::string& input_name,
             const std::string& input_sha256) {
  MemoryReader in(arrays, input_name);
  MemoryWriter out;
  corrupt(in, out, settings, input_sha256);
  arrays = out.take();
}

void undo(Arrays& arrays, const std::string& path) {
  MemoryReader in(arrays, path);
  MemoryWriter out;
  undo(in, out);
  arrays = out.take();
}

nlohmann::json corruption_manifest(const Arrays& arrays) {
  MemoryReader in(arrays, "memory");
  return corruption_manifest(in);
}

std::vector<Change> corrupt(Transitions& t, const CorruptionSettings& s) {
  check(s);
  CorruptionDraws draws(s);
  std::vector<Change> changes;
  for (const Element e : all_elements()) {
    if (std::ranges::find(s.elements, e) == s.elements.end()) continue;
    const Mode mode = s.mode_of(e);
    if ((mode != Mode::kRandom && (mode != Mode::kAdversarial || e != Element::kRewards)) || s.trajectory ||
        s.pattern != Pattern::kRows)
      throw Error("in memory, rows are attacked at random and independently, rewards adversarially too",
                  name_of(e) + ", mode " + name_of(mode), "write a file with 'hardy data corrupt'");
    std::vector<float>& column = e == Element::kObservations ? t.observations
                                 : e == Element::kActions    ? t.actions
                                 : e == Element::kRewards    ? t.rewards
                                                             : t.next_observations;
    const std::size_t width = column.size() / static_cast<std::size_t>(t.rows);
    const std::vector<double> clean(column.begin(), column.end());
    StandardDeviation deviation(width, s.generator == "numpy");
    deviation.first(clean);
    deviation.second(clean);
    ElementAttack attack{e,
                         mode,
                         s.scale,
                         0,
                         width,
                         deviation.result(),
                         std::vector<std::uint8_t>(width, 1),
                         draws.choose(e, t.rows, {}),
                         {}};
    if (attack.draws_noise())
      attack.noise = draws.noise(e, attack.rows.count() * static_cast<std::int64_t>(width));
    std::vector<double> out = clean;
    attack.apply(0, clean, RowSet(t.rows), {}, out);
    std::ranges::transform(out, column.begin(), [](double x) { return static_cast<float>(x); });
    changes.push_back({e, {}});
    for (std::int64_t row = 0; row < t.rows; ++row)
      if (attack.rows.has(row)) changes.back().rows.push_back(row);
  }
  return changes;
}

}  // namespace hardy::datasets
