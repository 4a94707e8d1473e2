// Losses of one's own: a function in C (envs/plugin/losses.h, installed as hardy/losses.h) as a loss process.
#pragma once

#include <memory>

#include "engine/base/parameters.h"
#include "envs/linear_mdp/losses.h"

namespace hardy::envs {

// "plugin:file=./mine.so,seed=7" with the library's own keys. Its losses are tables [H][S][A], each looked at
// when it is asked for. Errors: a library or a table that is not what the header says, keys that it does not
// have, a function that answers the same question differently.
std::shared_ptr<const LossProcess> plugin_losses(Parameters& parameters, const LossContext& context);

}  // namespace hardy::envs
