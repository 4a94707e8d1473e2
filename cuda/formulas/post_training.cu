// The unified estimator's coefficients.
#include "algorithms/post_training/formulas.h"
#include "cuda/ops/map.cuh"

namespace hardy::cuda {
namespace {

const RegisterMap<algorithms::TokenCoefficient, 4> token_coefficient;
const RegisterMap<algorithms::DivergenceCoefficient, 2> divergence_coefficient;

}  // namespace
}  // namespace hardy::cuda
