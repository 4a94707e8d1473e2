#include "engine/nn/parameters.h"

#include <cstring>
#include <new>

namespace hardy::nn {

constexpr std::size_t kAlign = 64;

void ParameterStore::Free::operator()(float* p) const { ::operator delete (p, std::align_val_t{kAlign}); }

int ParameterStore::add(const std::string& name, const Shape& shape) {
  if (memory_) throw Error("parameters were already allocated", name);
  if (find(name) >= 0) throw Error("there is a parameter of this name already", name);
  if (shape.rank() < 1 || shape[0] != agents_)
    throw Error("a parameter's first axis is the agents", name + " " + shape.str());
  tensors_.push_back({name, shape, slab_});
  const std::size_t floats = kAlign / sizeof(float);
  slab_ += (static_cast<std::size_t>(shape.elements()) + floats - 1) / floats * floats;
  return size() - 1;
}

void ParameterStore::allocate() {
  if (memory_) throw Error("parameters were already allocated", "parameter store");
  const std::size_t bytes = 4 * slab_ * sizeof(float);
  memory_.reset(static_cast<float*>(::operator new (bytes + kAlign, std::align_val_t{kAlign})));
  std::memset(memory_.get(), 0, bytes);
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
