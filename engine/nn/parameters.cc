#include "engine/nn/parameters.h"

#include "engine/base/memory.h"

namespace hardy::nn {

int ParameterStore::add(const std::string& name, const Shape& shape) {
  if (memory_) throw Error("parameters were already allocated", name);
  if (find(name) >= 0) throw Error("there is a parameter of this name already", name);
  if (shape.rank() < 1 || shape[0] != agents_)
    throw Error("a parameter's first axis is the agents", name + " " + shape.str());
  tensors_.push_back({name, shape, slab_});
  const std::size_t floats = kCacheLine / sizeof(float);
  slab_ += (static_cast<std::size_t>(shape.elements()) + floats - 1) / floats * floats;
  return size() - 1;
}

void ParameterStore::allocate() {
  if (memory_) throw Error("parameters were already allocated", "parameter store");
  const std::uint64_t bytes = bytes_of({4, static_cast<std::int64_t>(slab_), std::int64_t{sizeof(float)}});
  require_memory(
      bytes, "a table of parameters for " + std::to_string(agents_) + (agents_ == 1 ? " agent" : " agents"),
      "", "train fewer agents at once, or smaller networks");
  memory_.reset(static_cast<float*>(allocate_zeroed(bytes)));
}

int ParameterStore::find(const std::string& name) const {
  for (std::size_t i = 0; i < tensors_.size(); ++i)
    if (tensors_[i].name == name) return static_cast<int>(i);
  return -1;
}

std::span<float> ParameterStore::agent(int tensor, std::int64_t agent) const {
  const std::int64_t each = shape(tensor).elements() / agents_;
  return {value(tensor) + agent * each, static_cast<std::size_t>(each)};
}

}  // namespace hardy::nn
