// What `hardy data repair` is told in words, and Dataset.repair() of the Python package with it.
#pragma once

#include <string>

#include "algorithms/cleaning/cleaning.h"
#include "datasets/corruption/repair.h"
#include "engine/run/schema.h"

namespace hardy::algorithms {

struct RepairOptions {
  std::string continuity = "next";
  datasets::RepairSettings repair;
  bool models = false;
  CleaningSettings cleaning;

  void options(run::Schema& schema);
  // After the schema was parsed: repair's continuity. Errors: one was asked for beside the models, which
  // weigh both copies of a state themselves.
  void settle(const run::Schema& schema);
};

}  // namespace hardy::algorithms
