// Shapes and element types of tensors: row-major, at most six axes, the agent axis first.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

#include "engine/base/error.h"

namespace hardy {

enum class DType : std::uint8_t { kF32, kF64, kI32, kBool };

constexpr std::size_t size_of(DType type) {
  switch (type) {
    case DType::kF32:
      return 4;
    case DType::kF64:
      return 8;
    case DType::kI32:
      return 4;
    case DType::kBool:
      return 1;
  }
  return 0;
}

constexpr const char* name_of(DType type) {
  switch (type) {
    case DType::kF32:
      return "f32";
    case DType::kF64:
      return "f64";
    case DType::kI32:
      return "i32";
    case DType::kBool:
      return "bool";
  }
  return "?";
}

class Shape {
 public:
  static constexpr int kMaxRank = 6;

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> dims)
      : Shape(std::span<const std::int64_t>(dims.begin(), dims.size())) {}
  explicit Shape(std::span<const std::int64_t> dims) {
    for (std::int64_t d : dims) push_back(d);
  }

  int rank() const { return rank_; }
  std::int64_t operator[](int axis) const { return dims_[static_cast<std::size_t>(axis)]; }
  std::int64_t& operator[](int axis) { return dims_[static_cast<std::size_t>(axis)]; }
  std::int64_t back() const { return dims_[static_cast<std::size_t>(rank_ - 1)]; }
  void push_back(std::int64_t d) {
    if (rank_ == kMaxRank) throw Error("a shape has at most 6 axes", "shape " + str());
    if (d < 0)
      throw Error("a shape's axis cannot be negative",
                  "axis " + std::to_string(rank_) + " = " + std::to_string(d));
    dims_[static_cast<std::size_t>(rank_++)] = d;
  }

  std::int64_t elements() const { return product(0, rank_); }
  std::int64_t product(int begin, int end) const {  // of the axes [begin, end)
    std::int64_t n = 1;
    for (int i = begin; i < end; ++i) n *= dims_[static_cast<std::size_t>(i)];
    return n;
  }

  bool operator==(const Shape& other) const {
    if (rank_ != other.rank_) return false;
    for (int i = 0; i < rank_; ++i)
      if ((*this)[i] != other[i]) return false;
    return true;
  }

  std::string str() const {  // "[2, 256, 17]"
    std::string s = "[";
    for (int i = 0; i < rank_; ++i) s += (i ? ", " : "") + std::to_string((*this)[i]);
    return s + "]";
  }

 private:
  std::array<std::int64_t, kMaxRank> dims_{};
  int rank_ = 0;
};

}  // namespace hardy
