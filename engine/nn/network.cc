#include "engine/nn/network.h"

#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/base/json_problem.h"
#include "engine/base/registry.h"

namespace hardy::nn {
namespace {

using Make = ArchitecturePtr (*)(const nlohmann::json&);
Registry<Make>& kinds() {
  static Registry<Make> all("kind of network", "");
  return all;
}

class Vector final : public Architecture {
 public:
  Vector(std::int64_t size, float start) : size_(size), start_(start) {}
  std::vector<TensorSpec> tensors(const std::string& name, std::int64_t agents) const override {
    return {{name, Shape{agents, size_}, size_, size_, 0, Initialiser::constant(start_)}};
  }
  graph::Tensor apply(graph::Graph&, std::span<const graph::Tensor>, graph::Tensor,
                      const std::string& label) const override {
    throw Error("is a vector of numbers, which is applied to nothing", label, "take its parameter");
  }
  std::int64_t inputs() const override { return 0; }
  std::int64_t outputs() const override { return size_; }
  nlohmann::json describe() const override { return {{"kind", "vector"}, {"size", size_}}; }

 private:
  std::int64_t size_;
  float start_;
};

const RegisterArchitecture registration("vector", [](const nlohmann::json& d) {
  return vector(d.at("size").get<std::int64_t>(), 0.0f);
});

}  // namespace

ArchitecturePtr vector(std::int64_t size, float start) { return std::make_shared<Vector>(size, start); }

RegisterArchitecture::RegisterArchitecture(const std::string& kind, Make make) { kinds().add(kind, make); }

ArchitecturePtr described(const nlohmann::json& description, const std::string& where) {
  try {
    return kinds().get(description.at("kind").get<std::string>())(description);
  } catch (const nlohmann::json::exception& e) {
    throw Error("describes a network that is none: " + problem_of(e), where);
  } catch (const Error& e) {
    throw Error("describes a network that is none: " + e.message(), where);
  }
}

}  // namespace hardy::nn
