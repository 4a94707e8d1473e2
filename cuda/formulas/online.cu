// Soft actor-critic's formulas.
#include "algorithms/online/formulas.h"
#include "cuda/ops/map.cuh"

namespace hardy::cuda {
namespace {

const RegisterMap<algorithms::SoftTarget, 5> soft_target;
const RegisterMap<algorithms::ActorLoss, 3> actor_loss;
const RegisterMap<algorithms::TemperatureLoss, 2> temperature_loss;

}  // namespace
}  // namespace hardy::cuda
