#include "engine/nn/parameters.h"

#include <array>
#include <utility>

#include "engine/base/error.h"
#include "engine/base/memory.h"

namespace hardy::nn {
namespace {

constexpr std::array<const char*, 4> kRoles{"trainable", "target", "frozen", "shared"};

std::size_t in_whole_lines(const Shape& shape) {
  const std::size_t floats = kCacheLine / sizeof(float);
  return (static_cast<std::size_t>(shape.elements()) + floats - 1) / floats * floats;
}

}  // namespace

std::string name_of(Role role) { return kRoles[static_cast<std::size_t>(role)]; }

Role role_named(const std::string& name) {
  for (std::size_t i = 0; i < kRoles.size(); ++i)
    if (name == kRoles[i]) return static_cast<Role>(i);
  throw Error("there is no role '" + name + "' of parameters", "",
              "roles are trainable, target, frozen and shared");
}

int ParameterLayout::add(const std::string& name, const Shape& shape, Role role) {
  if (find(name) >= 0) throw Error("there is a parameter of this name already", name);
  if (shape.rank() < 1 || shape[0] != (role == Role::kShared ? 1 : agents_))
    throw Error("a parameter's first axis is the agents" +
                    std::string(role == Role::kShared ? ", 1 of one that they share" : ""),
                name + " " + shape.str());
  tensors_.push_back({name, shape, role, values_, trained_});
  values_ += in_whole_lines(shape);
  if (role == Role::kTrainable) trained_ += in_whole_lines(shape);
  return size() - 1;
}

int ParameterLayout::find(const std::string& name) const {
  for (std::size_t i = 0; i < tensors_.size(); ++i)
    if (tensors_[i].name == name) return static_cast<int>(i);
  return -1;
}

ParameterStore::ParameterStore(ParameterLayout layout) : layout_(std::move(layout)) {
  const std::uint64_t bytes =
      bytes_of({static_cast<std::int64_t>(layout_.all()), std::int64_t{sizeof(float)}});
  require_memory(
      bytes,
      "the store of parameters for " + std::to_string(agents()) + (agents() == 1 ? " agent" : " agents"), "",
      "train fewer agents at once, or smaller networks");
  memory_.reset(static_cast<float*>(allocate_zeroed(bytes)));
}

std::span<const float> ParameterStore::agent(int tensor, std::int64_t agent) const {
  const Shape& s = shape(tensor);
  const std::int64_t each = s.elements() / s[0];
  return {value(tensor) + (role(tensor) == Role::kShared ? 0 : agent * each), static_cast<std::size_t>(each)};
}

std::span<float> ParameterStore::agent(int tensor, std::int64_t agent) {
  const std::span<const float> x = std::as_const(*this).agent(tensor, agent);
  return {value(tensor) + (x.data() - value(tensor)), x.size()};
}

}  // namespace hardy::nn
