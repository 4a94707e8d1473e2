// The formulas of the everyday pointwise ops (engine/ops/arithmetic.h), compiled for every device from here.
#pragma once

#include <vector>

#include "engine/base/dual.h"
#include "engine/graph/op.h"

namespace hardy::ops {

struct Add {
  static constexpr const char* kName = "add";
  template <class S>
  constexpr S operator()(S a, S b) const {
    return a + b;
  }
  static std::vector<graph::Tensor> gradient(graph::Graph& g, const graph::Node& node, graph::Tensor dy);
};
struct Subtract {
  static constexpr const char* kName = "subtract";
  template <class S>
  constexpr S operator()(S a, S b) const {
    return a - b;
  }
  static std::vector<graph::Tensor> gradient(graph::Graph& g, const graph::Node& node, graph::Tensor dy);
};
struct Multiply {
  static constexpr const char* kName = "multiply";
  template <class S>
  constexpr S operator()(S a, S b) const {
    return a * b;
  }
};
struct Divide {
  static constexpr const char* kName = "divide";
  template <class S>
  constexpr S operator()(S a, S b) const {
    return a / b;
  }
};
struct Minimum {
  static constexpr const char* kName = "minimum";
  template <class S>
  constexpr S operator()(S a, S b) const {
    return math::min(a, b);
  }
};
struct Maximum {
  static constexpr const char* kName = "maximum";
  template <class S>
  constexpr S operator()(S a, S b) const {
    return math::max(a, b);
  }
};
struct Copy {
  static constexpr const char* kName = "copy";
  template <class S>
  constexpr S operator()(S x) const {
    return x;
  }
  static std::vector<graph::Tensor> gradient(graph::Graph& g, const graph::Node& node, graph::Tensor dy);
};
struct Affine {
  static constexpr const char* kName = "affine";
  double scale, shift;
  template <class S>
  constexpr S operator()(S x) const {
    return S(static_cast<math::Scalar<S>>(scale)) * x + S(static_cast<math::Scalar<S>>(shift));
  }
  static std::vector<graph::Tensor> gradient(graph::Graph& g, const graph::Node& node, graph::Tensor dy);
};
struct Square {
  static constexpr const char* kName = "square";
  template <class S>
  constexpr S operator()(S x) const {
    return x * x;
  }
};
struct Exp {
  static constexpr const char* kName = "exp";
  template <class S>
  constexpr S operator()(S x) const {
    return math::exp(x);
  }
};
struct Log {
  static constexpr const char* kName = "log";
  template <class S>
  constexpr S operator()(S x) const {
    return math::log(x);
  }
};
struct Softplus {
  static constexpr const char* kName = "softplus";
  template <class S>
  constexpr S operator()(S x) const {
    return math::softplus(x);
  }
};
struct Clamp {
  static constexpr const char* kName = "clamp";
  double low, high;
  template <class S>
  constexpr S operator()(S x) const {
    return math::clamp(x, static_cast<math::Scalar<S>>(low), static_cast<math::Scalar<S>>(high));
  }
};
struct Gelu {
  static constexpr const char* kName = "gelu";
  template <class S>
  constexpr S operator()(S x) const {
    return S(0.5) * x * (S(1) + math::erf(x * S(0.70710678118654752440)));
  }
};
struct Silu {
  static constexpr const char* kName = "silu";
  template <class S>
  constexpr S operator()(S x) const {
    return x / (S(1) + math::exp_of_many(-x));
  }
};
// relu and tanh have slopes that follow from their outputs, so that the input need not be kept.
struct Relu {
  static constexpr const char* kName = "relu";
  template <class S>
  constexpr S operator()(S x) const {
    return x < S(0) ? S(0) : x;
  }  // NaN stays NaN
};
struct ReluGradient {
  static constexpr const char* kName = "relu_gradient";
  template <class S>
  constexpr S operator()(S dy, S y) const {
    return y > S(0) ? dy : S(0);
  }
  static std::vector<graph::Tensor> gradient(graph::Graph& g, const graph::Node& node, graph::Tensor d);
};
struct Tanh {
  static constexpr const char* kName = "tanh";
  template <class S>
  constexpr S operator()(S x) const {
    return math::tanh(x);
  }
};
struct TanhGradient {
  static constexpr const char* kName = "tanh_gradient";
  template <class S>
  constexpr S operator()(S dy, S y) const {
    return dy * (S(1) - y * y);
  }
};

}  // namespace hardy::ops
