#include "algorithms/learning/program.h"

#include <algorithm>

namespace hardy::algorithms {
namespace {

std::uint64_t hash_of(const std::string& name) {
  std::uint64_t h = 1469598103934665603u;  // FNV-1a
  for (const char c : name) h = (h ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return h;
}

void initialise(const nn::TensorSpec& spec, std::uint64_t seed, std::span<float> all) {
  const std::int64_t members = std::max<std::int64_t>(spec.members, 1);
  const std::size_t each = all.size() / static_cast<std::size_t>(members);
  for (std::int64_t m = 0; m < members; ++m) {
    const Random draws(seed, RandomStream::kInit, hash_of(spec.name) + static_cast<std::uint64_t>(m));
    nn::initialise(all.subspan(static_cast<std::size_t>(m) * each, each), spec.fan_in, spec.fan_out,
                   spec.start, draws);
  }
}

}  // namespace

nn::ParameterStore initial_parameters(const Program& program) {
  nn::ParameterStore store(program.layout);
  for (int t = 0; t < store.size(); ++t) {
    const nn::TensorSpec& spec = program.specs[static_cast<std::size_t>(t)];
    if (store.role(t) == nn::Role::kTarget) continue;
    if (store.role(t) == nn::Role::kShared) {
      initialise(spec, 0, store.agent(t, 0));
      continue;
    }
    for (std::int64_t a = 0; a < program.agents(); ++a)
      initialise(spec, program.seeds[static_cast<std::size_t>(a)], store.agent(t, a));
  }
  for (const auto& [from, to] : program.targets)
    std::copy_n(store.value(from), store.shape(from).elements(), store.value(to));
  return store;
}

}  // namespace hardy::algorithms
