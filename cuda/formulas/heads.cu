// The formulas of the heads (engine/nn/heads.h).
#include "cuda/ops/map.cuh"
#include "engine/nn/formulas.h"

namespace hardy::cuda {
namespace {

const RegisterMap<nn::Reparameterise, 3> reparameterise;
const RegisterMap<nn::NormalLogDensity, 3> normal_log_density;
const RegisterMap<nn::SquashedLogDensity, 3> squashed_log_density;
const RegisterMap<nn::SquashedActionLogDensity, 3> squashed_action_log_density;
const RegisterMap<nn::Squash, 1> squash;

}  // namespace
}  // namespace hardy::cuda
