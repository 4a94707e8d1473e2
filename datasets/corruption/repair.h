// Repair of a corrupted dataset by what its own rows say.
//
// Continuity: within an episode s'_t and s_{t+1} are two copies of one state. Where they differ, one was
// changed. Which one is told by the file's record only in a test; here by which columns are said to be
// suspect:
//   next      s'_t <- s_{t+1}: exact where next observations alone were corrupted, one copy at a time
//   previous  s_{t+1} <- s'_t: likewise for observations
//   nearer    whichever of the two lies nearer to the middle of its neighbours s_t and s'_{t+1}
// The last rows of episodes have no second copy in the file: those that look unusual are flagged, not
// changed. This exploits that corruption of single tuples breaks a copy and not the state; a corruption of
// both copies
// (--copies trajectory) is invisible to it.
// Judgement: somebody who knows more (datasets/corruption/judgement.h) says which elements are wrong and what
// should stand there; continuity is then left to them.
// Clipping: values beyond `clip` robust standard deviations (datasets/robust.h) of their dimension's median
// are held there. Winsorising: rewards are held to their quantiles [p, 1 - p].
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "datasets/corruption/judgement.h"
#include "datasets/store.h"

namespace hardy::datasets {

enum class Continuity { kOff, kNext, kPrevious, kNearer };
Continuity continuity_named(const std::string& name);

struct RepairSettings {
  Continuity continuity = Continuity::kNext;
  double clip = 0;          // of observations and next observations; 0: not
  double clip_actions = 0;  // actions are held to [-clip_actions, clip_actions]; 0: not
  double winsorise = 0;     // p, of rewards; 0: not
};

// What was done, and how well it met the corruption that the file has on record: for each column, rows
// changed by the repair, and against the record's rows: hit, precision, recall, and of the rows hit how many
// are again what they were, bit for bit; the mean error of all elements before and after. With a judge, what
// it thought (measured() of judgement.h). The record is looked at for these figures alone. Memory: pieces of
// 16,384 rows, an eighth of a byte a row and column, and the record's columns by pieces.
nlohmann::json repair(Reader& in, Writer& out, const RepairSettings& settings, Judge* judge = nullptr);

}  // namespace hardy::datasets
