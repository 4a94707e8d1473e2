#include "algorithms/learning/executor.h"

#include <set>

namespace hardy::algorithms {

TrainingState::TrainingState(const Program& program)
    : parameters(initial_parameters(program)),
      active(program.seeds.size(), 1),
      stop_reason(program.seeds.size()) {
  for (const auto& [name, start] : program.values) values[name].assign(program.seeds.size(), start);
}

void StepWords::set(std::int64_t step, std::int64_t pass) {
  const auto t = static_cast<std::uint64_t>(step);
  words[0] = static_cast<std::int32_t>(static_cast<std::uint32_t>(t));
  words[1] = static_cast<std::int32_t>(static_cast<std::uint32_t>(t >> 32));
  words[2] = static_cast<std::int32_t>(pass);
}

std::vector<std::int32_t> seed_words(std::span<const std::uint64_t> seeds) {
  std::vector<std::int32_t> words;
  for (const std::uint64_t s : seeds) {
    words.push_back(static_cast<std::int32_t>(static_cast<std::uint32_t>(s)));
    words.push_back(static_cast<std::int32_t>(static_cast<std::uint32_t>(s >> 32)));
  }
  return words;
}

std::size_t value_bytes(const UpdateProgram& update, Tensor value) {
  const graph::ValueInfo& info = update.graph.info(value);
  return static_cast<std::size_t>(info.shape.elements()) * size_of(info.type);
}

std::vector<Binding> bindings_of(const UpdateProgram& update, TrainingState& state,
                                 std::vector<std::int32_t>& seeds) {
  std::vector<Binding> all;
  const auto add = [&](Tensor value, void* memory) {
    all.push_back({value, memory, value_bytes(update, value)});
  };
  add(update.seeds, seeds.data());
  for (const auto& [index, value] : update.parameters) add(value, state.parameters.value(index));
  for (const UpdateProgram::Gradient& g : update.gradients) add(g.value, state.parameters.gradient(g.tensor));
  for (const UpdateProgram::State& s : update.states) add(s.now, state.values.at(s.name).data());
  return all;
}

std::vector<nn::Segment> segments_of(const UpdateProgram& update, nn::ParameterStore& store) {
  std::vector<nn::Segment> all;
  for (const UpdateProgram::Segment& s : update.segments) {
    const bool stays =
        update.groups[static_cast<std::size_t>(s.group)].rule == nn::GroupSettings::Rule::kStay;
    const Shape& shape = store.shape(s.tensor);
    nn::Segment segment{.value = store.value(s.tensor),
                        .target = s.target < 0 ? nullptr : store.value(s.target),
                        .agents = shape[0],
                        .elements_per_agent = shape.elements() / shape[0],
                        .group = s.group};
    if (!stays) {
      segment.gradient = store.gradient(s.tensor);
      segment.first_moment = store.first_moment(s.tensor);
      segment.second_moment = store.second_moment(s.tensor);
    }
    all.push_back(segment);
  }
  return all;
}

std::vector<nn::Accumulated> accumulated_by(const UpdateProgram& update, const graph::Plan& plan) {
  std::set<const void*> taken;  // what inputs alone say is not summed, and nothing is twice
  for (const auto& [index, value] : update.parameters) taken.insert(plan.raw(value));
  for (const UpdateProgram::State& s : update.states) taken.insert(plan.raw(s.now));
  for (const UpdateProgram::Table& t : update.tables) taken.insert(plan.raw(t.value));
  std::vector<nn::Accumulated> all;
  for (const Tensor output : update.outputs)
    if (float* at = plan.data<float>(output); taken.insert(at).second)
      all.push_back({at, update.graph.shape(output).elements()});
  return all;
}

std::string stop_reason(const std::string& loss, bool finite, std::uint64_t step, const std::string& op) {
  return (finite ? "a gradient of loss " : "loss ") + loss + " is not finite at step " +
         std::to_string(step) + ", first in " +
         (!op.empty() ? op
          : finite    ? "the gradient itself"
                      : "the loss itself");
}

}  // namespace hardy::algorithms
