// The formulas of IQL and its relatives.
#include "algorithms/offline/formulas.h"
#include "cuda/ops/map.cuh"

namespace hardy::cuda {
namespace {

const RegisterMap<algorithms::Expectile, 1> expectile;
const RegisterMap<algorithms::BootstrapTarget, 3> bootstrap_target;
const RegisterMap<algorithms::Huber, 2> huber;
const RegisterMap<algorithms::HuberWithin, 3> huber_within;
const RegisterMap<algorithms::AdvantageWeight, 1> advantage_weight;
const RegisterMap<algorithms::CappedRatio, 1> capped_ratio;
const RegisterMap<algorithms::Gumbel, 2> gumbel;
const RegisterMap<algorithms::SparseValue, 2> sparse_value;
const RegisterMap<algorithms::SparseWeight, 1> sparse_weight;
const RegisterMap<algorithms::Exceeds, 2> exceeds;
const RegisterMap<algorithms::FollowQuantile, 2> follow_quantile;
const RegisterMap<algorithms::Magnitude, 1> magnitude;
const RegisterMap<algorithms::Root, 1> root;
const RegisterMap<algorithms::Uncertainty, 1> uncertainty;
const RegisterMap<algorithms::UniformOfNormal, 1> uniform_of_normal;

}  // namespace
}  // namespace hardy::cuda
