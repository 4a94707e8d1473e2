// The parameters of all agents, each with the role that it plays, in contiguous memory: one slab for values,
// and, of those that descend alone, one for gradients and one for each of the optimiser's moments. Tensors
// follow one another, each [agents][elements of an agent].
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/base/aligned.h"
#include "engine/base/shape.h"

namespace hardy::nn {

enum class Role : std::uint8_t {
  kTrainable,  // descends: has a gradient and moments
  kTarget,     // follows another tensor
  kFrozen,     // stays as it was initialised or loaded
  kShared      // frozen, and one for all agents: its leading axis is 1
};
std::string name_of(Role role);  // "trainable", "target", "frozen", "shared"
Role role_named(const std::string& name);

// Names, shapes, roles, and where in the slabs a tensor lies.
class ParameterLayout {
 public:
  explicit ParameterLayout(std::int64_t agents) : agents_(agents) {}

  // shape[0] is the agents, 1 of a shared tensor; names are unique.
  int add(const std::string& name, const Shape& shape, Role role = Role::kTrainable);

  std::int64_t agents() const { return agents_; }
  int size() const { return static_cast<int>(tensors_.size()); }
  int find(const std::string& name) const;  // -1 if there is none
  const std::string& name(int tensor) const { return at(tensor).name; }
  const Shape& shape(int tensor) const { return at(tensor).shape; }
  Role role(int tensor) const { return at(tensor).role; }

  // In floats: the slab of values, that of gradients and each of moments; a tensor's place in them. Every
  // tensor begins on 64 bytes of its slab.
  std::size_t values() const { return values_; }
  std::size_t trained() const { return trained_; }
  std::size_t all() const { return values_ + 3 * trained_; }  // four slabs
  std::size_t place(int tensor) const { return at(tensor).place; }
  std::size_t trained_place(int tensor) const { return at(tensor).trained_place; }  // of a trainable one

 private:
  struct Tensor {
    std::string name;
    Shape shape;
    Role role;
    std::size_t place, trained_place;
  };
  const Tensor& at(int tensor) const { return tensors_[static_cast<std::size_t>(tensor)]; }

  std::int64_t agents_;
  std::vector<Tensor> tensors_;
  std::size_t values_ = 0, trained_ = 0;
};

class ParameterStore {
 public:
  explicit ParameterStore(ParameterLayout layout);  // all 0

  const ParameterLayout& layout() const { return layout_; }
  std::int64_t agents() const { return layout_.agents(); }
  int size() const { return layout_.size(); }
  int find(const std::string& name) const { return layout_.find(name); }
  const std::string& name(int tensor) const { return layout_.name(tensor); }
  const Shape& shape(int tensor) const { return layout_.shape(tensor); }
  Role role(int tensor) const { return layout_.role(tensor); }

  float* value(int tensor) { return memory_.get() + layout_.place(tensor); }
  const float* value(int tensor) const { return memory_.get() + layout_.place(tensor); }
  // Null of a tensor that is not trainable.
  float* gradient(int tensor) { return trained(0, tensor); }
  const float* gradient(int tensor) const { return trained(0, tensor); }
  float* first_moment(int tensor) { return trained(1, tensor); }
  const float* first_moment(int tensor) const { return trained(1, tensor); }
  float* second_moment(int tensor) { return trained(2, tensor); }
  const float* second_moment(int tensor) const { return trained(2, tensor); }
  // That agent's values; those of all agents, of a shared tensor.
  std::span<float> agent(int tensor, std::int64_t agent);
  std::span<const float> agent(int tensor, std::int64_t agent) const;

  // Whole slabs (the gaps between tensors stay 0), and all of them, which lie one behind the other.
  std::span<float> values() { return {memory_.get(), layout_.values()}; }
  std::span<const float> values() const { return {memory_.get(), layout_.values()}; }
  std::span<float> gradients() { return slab(0); }
  std::span<const float> gradients() const { return slab(0); }
  std::span<float> first_moments() { return slab(1); }
  std::span<const float> first_moments() const { return slab(1); }
  std::span<float> second_moments() { return slab(2); }
  std::span<const float> second_moments() const { return slab(2); }
  std::span<float> memory() { return {memory_.get(), layout_.all()}; }

 private:
  std::span<float> slab(std::size_t which) const {
    return {memory_.get() + layout_.values() + which * layout_.trained(), layout_.trained()};
  }
  float* trained(std::size_t which, int tensor) const {
    return role(tensor) == Role::kTrainable ? slab(which).data() + layout_.trained_place(tensor) : nullptr;
  }

  ParameterLayout layout_;
  AlignedMemory<float> memory_;
};

}  // namespace hardy::nn
