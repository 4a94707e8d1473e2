#include "engine/graph/graph.h"

namespace hardy::graph {

Tensor Graph::add_value(ValueInfo info) {
  values_.push_back(std::move(info));
  return Tensor{static_cast<std::int32_t>(values_.size() - 1)};
}

Tensor Graph::input(const std::string& name, DType type, const Shape& shape) {
  return add_value({name, type, shape, Source::kInput, -1, {}});
}

Tensor Graph::shared_input(const std::string& name, DType type, const Shape& shape) {
  return add_value({name, type, shape, Source::kInput, -1, {}, true});
}

Graph Graph::of_one_agent(std::span<const char> apart) const {
  Graph g = *this;
  for (std::size_t v = 0; v < values_.size(); ++v)
    if (apart[v]) g.values_[v].shape[0] = 1;
  return g;
}

Tensor Graph::parameter(const std::string& name, DType type, const Shape& shape) {
  return add_value({name, type, shape, Source::kParameter, -1, {}});
}

Tensor Graph::scalar(DType type, double value) {
  ValueInfo info{"", type, Shape{1}, Source::kConstant, -1, std::vector<std::byte>(size_of(type))};
  const auto store = [&](auto x) { std::memcpy(info.data.data(), &x, sizeof x); };
  switch (type) {
    case DType::kF32:
      store(static_cast<float>(value));
      break;
    case DType::kF64:
      store(value);
      break;
    case DType::kI32:
      store(static_cast<std::int32_t>(value));
      break;
    case DType::kBool:
      store(static_cast<std::uint8_t>(value != 0));
      break;
  }
  return add_value(std::move(info));
}

Tensor Graph::behind(Tensor t, bool writes) const {
  for (std::int32_t n = info(t).producer; n >= 0; n = info(t).producer) {
    const Node& node = nodes_[static_cast<std::size_t>(n)];
    if (!node.op->alias && !(writes && node.op->writes && node.outputs[0] == t)) break;
    t = node.inputs[0];
  }
  return t;
}

const Node* Graph::writer_over(Tensor t, std::span<const Node> nodes) const {
  for (const Node& node : nodes)
    if (node.op->writes && contents_of(node.inputs[0]) == contents_of(t)) return &node;
  return nullptr;
}

void Graph::check_write(const Op& op, std::span<const Tensor> inputs) const {
  const Tensor place = memory_of(inputs[0]);
  const Source source = info(place).source;
  if ((source != Source::kInput && source != Source::kParameter) || info(place).shared)
    shape_error(op.name, "writes in place, to inputs and parameters of the graph that agents do not share",
                inputs);
  if (writer_over(inputs[0], nodes_))
    shape_error(op.name, "this state of the input is written over already: write to what that gave", inputs);
  for (Tensor t : inputs.subspan(1))
    if (memory_of(t) == place) shape_error(op.name, "would read the memory that it writes to", inputs);
}

std::vector<Tensor> Graph::apply(const Op& op, std::span<const Tensor> inputs,
                                 std::span<const std::pair<DType, Shape>> outputs, const void* attributes,
                                 std::size_t attribute_bytes) {
  for (Tensor t : inputs)
    if (t.id < 0 || index(t) >= values_.size())
      throw Error("an operand is not a value of this graph", std::string("op ") + op.name);
  if (op.writes) check_write(op, inputs);
  Node node{&op, {inputs.begin(), inputs.end()}, {}, {}};
  if (attribute_bytes) {
    const auto* bytes = static_cast<const std::byte*>(attributes);
    node.attributes.assign(bytes, bytes + attribute_bytes);
  }
  const auto producer = static_cast<std::int32_t>(nodes_.size());
  for (const auto& [type, shape] : outputs)
    node.outputs.push_back(add_value({"", type, shape, Source::kComputed, producer, {}}));
  nodes_.push_back(std::move(node));
  return nodes_.back().outputs;
}

std::string Graph::describe(Tensor t) const {
  if (!t) return "nothing";
  const ValueInfo& v = info(t);
  switch (v.source) {
    case Source::kInput:
      return "input " + v.name;
    case Source::kParameter:
      return "parameter " + v.name;
    case Source::kConstant:
      return "constant";
    case Source::kComputed:
      break;
  }
  const std::string op = nodes_[static_cast<std::size_t>(v.producer)].op->name;
  return v.name.empty() ? op : op + " (" + v.name + ")";
}

void Graph::shape_error(const char* op, const std::string& what, std::span<const Tensor> operands) const {
  std::string text = what + "; operands:";
  for (Tensor t : operands)
    text += " " + describe(t) + " " + (t ? std::string(name_of(type(t))) + shape(t).str() : "") + ",";
  text.pop_back();
  throw Error(text, std::string("op ") + op);
}

}  // namespace hardy::graph
