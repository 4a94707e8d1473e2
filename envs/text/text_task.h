// Tasks for token policies: prompts drawn from a seed, a verifier that says exactly whether an answer is
// right, and demonstrations whose faults are knobs.
//
//   const auto task = envs::make_text_task("chains:least=3,most=6");
//   const envs::Prompt p = task->prompt(seed, envs::Split::kTrain, band, index);   // "7+4*3-2="
//   task->verify(p.text, "131");                                                  // true: 11, 33, 31 mod 10
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/random.h"

namespace hardy {
class Parameters;
}

namespace hardy::envs {

// No text is a prompt of two splits: a hash of the text says which one it belongs to.
enum class Split { kTrain, kValidation, kTest };
Split split_named(const std::string& name);  // "train", "validation", "test"; an Error says these
std::string name_of(Split split);

struct Prompt {
  std::string text;
  int band = 0;  // of difficulty, 0 the easiest
};

// How a demonstration goes wrong, on purpose.
struct Teacher {
  double slips = 0;  // probability of each step to be replaced by a random other one; it is gone on from
  bool wrong_rule = false;   // the task's systematic mistake
  bool other_style = false;  // every step written out; the verifier takes both
};

// Numbers of one prompt, one after the other.
class Draws {
 public:
  Draws(std::uint64_t seed, std::uint64_t index) : random_(seed, kStream, index) {}
  int integer(int low, int high) {  // in [low, high]
    return low + static_cast<int>(random_.integer(next_++, static_cast<std::uint32_t>(high - low + 1)));
  }
  bool chance(double probability) { return random_.uniform(next_++) < static_cast<float>(probability); }

 private:
  static constexpr std::uint32_t kStream = 500;  // apart from all of engine/base/random.h
  Random random_;
  std::uint64_t next_ = 0;
};

// How many parts the prompts of the bands easy, middle and hard have: the fewest, a number between, the most.
struct PartsByBand {
  int least, most;

  // The keys "least" and "most", both in [low, high].
  PartsByBand(Parameters& keys, int fewest, int greatest, int low, int high);
  int draw(Draws& draws, int band) const;
};

class TextTask {
 public:
  virtual ~TextTask() = default;
  // All characters of prompts and answers; a policy's tokens are these and an end.
  virtual const std::string& alphabet() const = 0;
  virtual std::size_t longest_prompt() const = 0;
  virtual std::size_t longest_answer() const = 0;  // of a right demonstration, in either style
  virtual const std::vector<std::string>& bands() const = 0;
  // What `wrong_rule` does, in words.
  virtual std::string wrong_rule() const = 0;

  // The same for the same arguments; other indices draw anew (a text may come twice within a split).
  Prompt prompt(std::uint64_t seed, Split split, int band, std::uint64_t index) const;
  // Whether the answer is right; any text is an answer. An Error where the prompt is none of the task's.
  virtual bool verify(std::string_view prompt, std::string_view answer) const = 0;
  virtual std::string demonstrate(std::string_view prompt, const Teacher& teacher, Draws& draws) const = 0;

 protected:
  virtual std::string draw(Draws& draws, int band) const = 0;
};

// "chains", "reversed_addition", "countdown", with keys; an unknown name or key is an Error with the nearest.
std::unique_ptr<TextTask> make_text_task(const std::string& text);
std::vector<std::pair<std::string, std::string>> text_tasks();  // name, summary

struct RegisterTextTask {
  RegisterTextTask(const std::string& name, const std::string& summary,
                   std::unique_ptr<TextTask> (*make)(Parameters&));
};

}  // namespace hardy::envs
