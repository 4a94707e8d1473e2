#include "envs/text/text_task.h"

#include "engine/base/error.h"
#include "engine/base/parameters.h"
#include "engine/base/registry.h"

namespace hardy::envs {
namespace {

struct Entry {
  std::string summary;
  std::unique_ptr<TextTask> (*make)(Parameters&);
};
Registry<Entry>& tasks() {
  static Registry<Entry> all("text task", "--task");
  return all;
}

// FNV-1a, mixed: of 16 buckets 12 are for training, 2 for validation, 2 for tests.
Split split_of(std::string_view text) {
  std::uint64_t h = 14695981039346656037u;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 1099511628211u;
  const std::uint64_t bucket = SplitMix64(h).bits() >> 60;
  return bucket < 12 ? Split::kTrain : bucket < 14 ? Split::kValidation : Split::kTest;
}

}  // namespace

Split split_named(const std::string& name) {
  for (const Split s : {Split::kTrain, Split::kValidation, Split::kTest})
    if (name == name_of(s)) return s;
  throw Error("there is no split '" + name + "'", "--split", "train, validation or test");
}

std::string name_of(Split split) {
  return split == Split::kTrain ? "train" : split == Split::kValidation ? "validation" : "test";
}

PartsByBand::PartsByBand(Parameters& keys, int fewest, int greatest, int low, int high)
    : least(static_cast<int>(keys.integer("least", fewest, low, high))),
      most(static_cast<int>(keys.integer("most", greatest, low, high))) {
  if (least > most)
    throw Error("is more than most = " + std::to_string(most), "least = " + std::to_string(least));
}

int PartsByBand::draw(Draws& draws, int band) const {
  if (band == 0) return least;
  if (band == 2 || most - least < 2) return most;
  return draws.integer(least + 1, most - 1);
}

Prompt TextTask::prompt(std::uint64_t seed, Split split, int band, std::uint64_t index) const {
  if (band < 0 || static_cast<std::size_t>(band) >= bands().size())
    throw Error("there is no band " + std::to_string(band), "--band",
                "from 0 to " + std::to_string(bands().size() - 1));
  // A band that has no text of a split would be drawn from for ever.
  constexpr int kTries = 100000;
  Draws draws(seed, index);
  for (int i = 0; i < kTries; ++i)
    if (std::string text = draw(draws, band); split_of(text) == split) return {std::move(text), band};
  throw Error("has no prompt of the " + name_of(split) + " split",
              "band " + bands()[static_cast<std::size_t>(band)], "widen the task's ranges");
}

std::unique_ptr<TextTask> make_text_task(const std::string& text) {
  Parameters parameters(text);
  auto task = tasks().get(parameters.name()).make(parameters);
  parameters.finish();
  return task;
}

std::vector<std::pair<std::string, std::string>> text_tasks() {
  std::vector<std::pair<std::string, std::string>> all;
  for (const auto& [name, entry] : tasks()) all.emplace_back(name, entry.summary);
  return all;
}

RegisterTextTask::RegisterTextTask(const std::string& name, const std::string& summary,
                                   std::unique_ptr<TextTask> (*make)(Parameters&)) {
  tasks().add(name, {summary, make});
}

}  // namespace hardy::envs
