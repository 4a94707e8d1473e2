// The parameters of all agents, in contiguous memory: one slab for values, one for gradients, one for
// each of the optimiser's moments. Tensors follow one another, each [agents][elements of an agent].
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/base/aligned.h"
#include "engine/base/shape.h"

namespace hardy::nn {

class ParameterStore {
 public:
  explicit ParameterStore(std::int64_t agents) : agents_(agents) {}

  int add(const std::string& name, const Shape& shape);  // shape[0] is the agents; names are unique
  void allocate();                                       // zeroed; no tensor can be added afterwards

  std::int64_t agents() const { return agents_; }
  int size() const { return static_cast<int>(tensors_.size()); }
  int find(const std::string& name) const;  // -1 if there is none
  const std::string& name(int tensor) const { return at(tensor).name; }
  const Shape& shape(int tensor) const { return at(tensor).shape; }

  float* value(int tensor) const { return slab(0) + at(tensor).offset; }
  float* gradient(int tensor) const { return slab(1) + at(tensor).offset; }
  float* first_moment(int tensor) const { return slab(2) + at(tensor).offset; }
  float* second_moment(int tensor) const { return slab(3) + at(tensor).offset; }
  std::span<float> agent(int tensor, std::int64_t agent) const;  // that agent's values

  // Whole slabs (each begins, as every tensor does, on 64 bytes; the gaps between tensors stay 0), for
  // checkpoints.
  std::span<float> values() const { return {slab(0), slab_}; }
  std::span<float> gradients() const { return {slab(1), slab_}; }
  std::span<float> first_moments() const { return {slab(2), slab_}; }
  std::span<float> second_moments() const { return {slab(3), slab_}; }

 private:
  struct Tensor {
    std::string name;
    Shape shape;
    std::size_t offset;
  };
  const Tensor& at(int tensor) const { return tensors_[static_cast<std::size_t>(tensor)]; }
  float* slab(std::size_t which) const { return memory_.get() + which * slab_; }

  std::int64_t agents_;
  std::vector<Tensor> tensors_;
  std::size_t slab_ = 0;  // floats in one slab
  AlignedMemory<float> memory_;
};

}  // namespace hardy::nn
