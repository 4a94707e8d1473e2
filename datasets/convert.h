// One dataset file made from another, of any format, by pieces: memory does not grow with the file.
#pragma once

#include "datasets/store.h"

namespace hardy::datasets {

// Copies every column and what the reader's attributes say, and commits.
void copy_dataset(Reader& reader, Writer& writer);

}  // namespace hardy::datasets
