// One dataset file made from another, or from several, of any format, by pieces: memory does not grow with
// the files (16 bytes an episode apart, and 8 a row that is dropped).
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "datasets/conversion/selection.h"
#include "datasets/store.h"

namespace hardy::datasets {

// Copies every column and what the reader's attributes say, and commits.
void copy_dataset(Reader& reader, Writer& writer);

struct ConversionSettings {
  std::map<std::string, std::string> names = {};  // KEY: the column of every input that is shown as KEY
  bool float32 = false;
  SelectionSettings select = {};
  bool changes_values() const { return !names.empty() || float32 || select.any(); }
};

// The inputs as one dataset, as the settings ask, copied to the writer and committed. What one input alone is
// copied without any settings stays as it is, the record of a corruption included; all else leaves such a
// record out, and says in the attribute "hardy_converted" what was done.
//
// Returns "rows", "episodes" (null where the flags that end them are missing), "inputs" (path, format, rows,
// episodes), "steps" (Selection::steps) and "notes". Errors: no observations in an input, and what renamed(),
// select() and joined() refuse; nothing is written then.
nlohmann::json convert(std::vector<std::unique_ptr<Reader>> inputs, Writer& writer,
                       const ConversionSettings& settings = {});

}  // namespace hardy::datasets
