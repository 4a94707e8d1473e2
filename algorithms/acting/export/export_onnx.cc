// ONNX's protobuf messages, written field by field: onnx.proto has some forty, a policy needs nine.
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>

#include "algorithms/acting/export/export.h"
#include "engine/base/version.h"

namespace hardy::algorithms {
namespace {

constexpr int kIrVersion = 7;  // the first of opset 13
constexpr int kFloat = 1, kInt64 = 7;

// A message as it grows: each field is a key (number and kind), then a varint, or a length and bytes.
class Message {
 public:
  Message& integer(int field, std::int64_t value) {
    varint(static_cast<std::uint64_t>(field) << 3);
    varint(static_cast<std::uint64_t>(value));
    return *this;
  }
  Message& bytes(int field, const std::string& value) {
    varint(static_cast<std::uint64_t>(field) << 3 | 2);
    varint(value.size());
    text_ += value;
    return *this;
  }
  Message& message(int field, const Message& value) { return bytes(field, value.text_); }
  const std::string& text() const { return text_; }

 private:
  void varint(std::uint64_t x) {
    for (; x >= 128; x >>= 7) text_ += static_cast<char>((x & 127) | 128);
    text_ += static_cast<char>(x);
  }
  std::string text_;
};

template <class T>
std::string raw(std::span<const T> x) {
  return {reinterpret_cast<const char*>(x.data()), x.size_bytes()};
}

Message value_info(const std::string& name, int type, std::int64_t width) {  // [batch] or [batch, width]
  Message shape;
  shape.message(1, Message().bytes(2, "batch"));
  if (width > 0) shape.message(1, Message().integer(1, width));
  return Message().bytes(1, name).message(2,
                                          Message().message(1, Message().integer(1, type).message(2, shape)));
}

class Graph {
 public:
  // The name of what the node gives; output: that name, "" for one of its own.
  std::string node(const char* type, const std::vector<std::string>& inputs, const std::string& output = "",
                   const std::vector<Message>& attributes = {}) {
    std::string name = output.empty() ? std::string(type) + "_" + std::to_string(nodes_) : output;
    Message n;
    for (const std::string& input : inputs) n.bytes(1, input);
    n.bytes(2, name).bytes(3, "node_" + std::to_string(nodes_++)).bytes(4, type);
    for (const Message& a : attributes) n.message(5, a);
    graph_.message(1, n);
    return name;
  }
  std::string constant(const std::string& name, const std::vector<std::int64_t>& shape,
                       std::span<const float> x) {
    return initializer(name, shape, kFloat, raw(x));
  }
  std::string constant(const std::string& name, const std::vector<std::int64_t>& x) {
    return initializer(name, {static_cast<std::int64_t>(x.size())}, kInt64, raw(std::span(x)));
  }
  std::string scalar(const std::string& name, float x) {
    return initializer(name, {}, kFloat, raw(std::span<const float>(&x, 1)));
  }
  void input(const std::string& name, std::int64_t width) {
    graph_.message(11, value_info(name, kFloat, width));
  }
  void output(const std::string& name, int type, std::int64_t width) {
    graph_.message(12, value_info(name, type, width));
  }
  Message& message() { return graph_; }

 private:
  std::string initializer(const std::string& name, const std::vector<std::int64_t>& shape, int type,
                          const std::string& elements) {
    Message t;
    for (const std::int64_t n : shape) t.integer(1, n);
    graph_.message(5, t.integer(2, type).bytes(8, name).bytes(9, elements));
    return name;
  }
  Message graph_;
  int nodes_ = 0;
};

Message attribute(const std::string& name, std::int64_t value) {
  constexpr int kInt = 2;
  return Message().bytes(1, name).integer(3, value).integer(20, kInt);
}

std::string columns(Graph& g, const std::string& x, std::int64_t begin, std::int64_t end,
                    const std::string& name) {
  const std::string first = g.constant(name + "_from", {begin}), last = g.constant(name + "_to", {end}),
                    axis = g.constant(name + "_axis", {1});
  return g.node("Slice", {x, first, last, axis}, name);
}

// log deviations held to [low, high].
std::string clip(Graph& g, const std::string& x, float low, float high, const std::string& name) {
  return g.node("Clip", {x, g.scalar(name + "_low", low), g.scalar(name + "_high", high)}, name);
}

std::string nonlinear(Graph& g, const std::string& x, nn::Nonlinearity f) {
  switch (f) {
    case nn::Nonlinearity::kRelu:
      return g.node("Relu", {x});
    case nn::Nonlinearity::kTanh:
      return g.node("Tanh", {x});
    case nn::Nonlinearity::kSilu:
      return g.node("Mul", {x, g.node("Sigmoid", {x})});
    case nn::Nonlinearity::kGelu:
      break;
  }
  const std::string root = g.scalar(x + "_root_of_half", 0.707106781f), one = g.scalar(x + "_one", 1),
                    half = g.scalar(x + "_half", 0.5f);
  const std::string share = g.node("Add", {g.node("Erf", {g.node("Mul", {x, root})}), one});
  return g.node("Mul", {g.node("Mul", {x, half}), share});
}

void choose(Graph& g, const PolicySpec& s, const std::string& net) {
  std::string scores = net, name = s.head == Head::kCategorical ? "logits" : "q";
  if (s.head == Head::kDuelingQ) {
    const std::string value = columns(g, net, 0, 1, "value"),
                      advantage = columns(g, net, 1, 1 + s.action_choices, "advantage"),
                      // GlobalAveragePool and ReduceMean change between opsets in how they are told their
                      // axes; a product with a column of 1/n does not.
        mean = g.node("MatMul",
                      {advantage, g.constant("one_of_n", {s.action_choices, 1},
                                             std::vector<float>(static_cast<std::size_t>(s.action_choices),
                                                                1 / static_cast<float>(s.action_choices)))});
    scores = g.node("Add", {value, g.node("Sub", {advantage, mean})}, name);
  } else {
    scores = g.node("Identity", {net}, name);
  }
  g.node("ArgMax", {scores}, "choice", {attribute("axis", 1), attribute("keepdims", 0)});
  g.output("choice", kInt64, 0);
  g.output(name, kFloat, s.action_choices);
}

void give_numbers(Graph& g, const LoadedPolicy& policy, const std::string& net) {
  const PolicySpec& s = policy.spec;
  const std::int64_t n = s.action_size;
  std::string u = net;
  std::vector<float> centre, half;
  for (std::size_t k = 0; k < s.action_low.size(); ++k) {
    centre.push_back((s.action_low[k] + s.action_high[k]) * 0.5f);
    half.push_back((s.action_high[k] - s.action_low[k]) * 0.5f);
  }
  const auto stretched = [&](const std::string& x, const std::string& name) {
    return g.node(
        "Add",
        {g.node("Mul", {x, g.constant("action_half", {n}, half)}), g.constant("action_centre", {n}, centre)},
        name);
  };
  if (s.head == Head::kGaussian) {
    const std::string mean = g.node("Identity", {net}, "mean"),
                      action = s.scaled ? stretched(mean, "") : mean;
    g.node("Min",
           {g.node("Max", {action, g.constant("action_low", {n}, s.action_low)}),
            g.constant("action_high", {n}, s.action_high)},
           "action");
    const std::string held =
        clip(g, g.constant("policy/log_std", {1, n}, policy.parameters.back()), -5, 2, "held");
    // As many rows as the batch: a sum with zeros of its shape.
    g.node("Add", {g.node("Mul", {mean, g.scalar("zero", 0)}), held}, "log_std");
  } else {
    if (s.head == Head::kTanhGaussian) {
      u = columns(g, net, 0, n, "mean");
      clip(g, columns(g, net, n, 2 * n, "log_std_free"), s.log_std_low, 2, "log_std");
    }
    stretched(g.node("Tanh", {u}), "action");
  }
  g.output("action", kFloat, n);
  if (s.head == Head::kDeterministic) return;
  g.output("mean", kFloat, n);
  g.output("log_std", kFloat, n);
}

}  // namespace

std::string export_onnx(const LoadedPolicy& policy, const ExportOrigin& origin) {
  const PolicySpec& s = policy.spec;
  Graph g;
  g.input("observations", s.observation_size);
  std::string x = "observations";
  if (!s.observation_mean.empty()) {
    const std::string mean = g.constant("observation_mean", {s.observation_size}, s.observation_mean),
                      std = g.constant("observation_std", {s.observation_size}, s.observation_std);
    x = g.node("Div", {g.node("Sub", {x, mean}), std});
  }
  const std::vector<ExportLayer> layers = layers_of(policy);
  for (std::size_t l = 0; l < layers.size(); ++l) {
    if (l > 0) x = nonlinear(g, x, s.nonlinearity);
    const std::string w = g.constant("policy/w" + std::to_string(l), {layers[l].in, layers[l].out},
                                     *layers[l].weights),
                      b = g.constant("policy/b" + std::to_string(l), {layers[l].out}, *layers[l].biases);
    x = g.node("Gemm", {x, w, b});
  }
  if (chooses(s.head))
    choose(g, s, x);
  else
    give_numbers(g, policy, x);
  g.message().bytes(2, "policy");
  Message model;
  model.integer(1, kIrVersion).bytes(2, "hardy").bytes(3, version()).message(7, g.message());
  model.message(8, Message().bytes(1, "").integer(2, kOnnxOpset));
  for (const auto& [key, value] : {std::pair<std::string, std::string>{"head", name_of(s.head)},
                                   {"environment", policy.environment},
                                   {"origin", origin.text}})
    model.message(14, Message().bytes(1, key).bytes(2, value));
  return model.text();
}

}  // namespace hardy::algorithms
