// What somebody who knows more than a file's rows say thinks of every element of it: how surely each is
// wrong, and what should stand there. `repair` writes by it and measures it; it is made where models live
// (algorithms/cleaning/cleaning.h).
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "datasets/corruption/corrupt_plan.h"
#include "datasets/store.h"

namespace hardy::datasets {

// Of one column.
struct Judgement {
  std::vector<float> wrong;   // the probability that the row's element is wrong [rows]
  RowSet replaced, doubtful;  // doubtful: neither left alone for right nor replaced
  std::vector<float> values;  // what stands in replaced rows, in the column's units [rows, width]
};

class Judge {
 public:
  virtual ~Judge() = default;
  // By column: observations, actions, rewards, next_observations, as far as the file has them. Looks at none
  // of the columns under hardy/.
  virtual std::map<std::string, Judgement> judge(Reader& in) = 0;
  virtual nlohmann::json describe() const = 0;  // for the report; after judge()
};

// What a judged file keeps beside its columns:
//   hardy/scores/<column>            float32 [rows]: Judgement::wrong, of what IN held
//   hardy/repair/replaced/<column>   int64 [n], ascending
//   hardy/repair/doubtful/<column>   likewise
inline constexpr const char* kScores = "hardy/scores/";
inline constexpr const char* kRepairs = "hardy/repair/";

// How far the probabilities go, and, where `recorded` says what is wrong (else null), how right they are:
//   expected_wrong       the sum of the probabilities
//   replaced, doubtful   rows; expected_hits: the sum of the replaced rows' probabilities
//   calibration          rows by tenths of probability, their mean probability, and the recorded share
//   auc                  how often a recorded row has a higher score than another one, ties counting half
nlohmann::json measured(const Judgement& judgement, const RowSet* recorded);

}  // namespace hardy::datasets
