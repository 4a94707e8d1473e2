// Prompts with their demonstrations, drawn from a text task or read from a file of JSON lines, and what says
// whether an answer is right.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "envs/text/text_task.h"

namespace hardy::algorithms {

struct PromptRow {
  std::string prompt, demonstration;  // demonstration "": there is none
  std::string answer;                 // of a file without a task: the right one
  int band = 0;                       // among PromptSet::bands
  bool accepted = false;              // whether the verifier takes the demonstration
};

struct PromptSet {
  std::vector<PromptRow> rows;
  std::vector<std::string> bands = {"all"};
  std::int64_t rejected() const;  // demonstrations that the verifier does not take
};

// Says whether an answer to a row's prompt is right: 1, 0, or NaN where it cannot tell.
using Verifier = std::function<double(const PromptRow&, const std::string& answer)>;
// The task's; without one the row's `answer`, else its demonstration, to the letter. What throws gives NaN.
Verifier verifier_of(const std::shared_ptr<const envs::TextTask>& task);

// `count` prompts of each of the bands (numbers of the task's), with a teacher's demonstrations.
PromptSet draw_prompts(const envs::TextTask& task, std::uint64_t seed, envs::Split split,
                       const std::vector<int>& bands, std::int64_t count, const envs::Teacher& teacher);
// The demonstration of prompt `index` of a band: numbers of its own, so that prompts do not move with
// teachers.
std::string demonstration_of(const envs::TextTask& task, std::uint64_t seed, int band, std::uint64_t index,
                             const std::string& prompt, const envs::Teacher& teacher);
// {"prompt": ..., "demonstration": ..., "band": ..., "answer": ...} a line; all but the prompt may be
// missing. An Error that names the line: no JSON, no prompt, other types. task: for
// its bands' order and its verifier, or null.
PromptSet read_prompts(const std::string& path, const std::shared_ptr<const envs::TextTask>& task);

}  // namespace hardy::algorithms
