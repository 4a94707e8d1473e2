#include "algorithms/learning/checkpoint_format_1.h"

namespace hardy::algorithms {
namespace {

// "q/w0 [1, 2, 14, 256]"
SavedTensor parsed(const std::string& text, const std::string& path) {
  SavedTensor tensor;
  const std::size_t space = text.find(' ');
  tensor.name = text.substr(0, space);
  for (std::size_t at = space; at < text.size();) {
    if (text[at] < '0' || text[at] > '9') {
      ++at;
      continue;
    }
    std::size_t used = 0;
    tensor.shape.push_back(std::stoll(text.substr(at), &used));
    at += used;
  }
  if (space == std::string::npos || tensor.shape.rank() < 2)
    throw Error("lists a parameter that is none: " + text, path);
  return tensor;
}

// "q" of "q/w0", whose layers come one after the other; "" of a vector.
std::string layered(const std::string& tensor) {
  const std::size_t slash = tensor.rfind('/');
  if (slash == std::string::npos || slash + 2 >= tensor.size()) return "";
  const bool layer = (tensor[slash + 1] == 'w' || tensor[slash + 1] == 'b') &&
                     tensor.find_first_not_of("0123456789", slash + 2) == std::string::npos;
  return layer ? tensor.substr(0, slash) : "";
}

nn::ArchitecturePtr architecture_of(const SavedNetwork& network) {
  const Shape& first = network.tensors.front().shape;
  if (first.rank() == 2 && network.tensors.size() == 1) return nn::vector(first.back(), 0);
  nn::MlpSpec spec;
  spec.members = first.rank() == 4 ? first[1] : 0;
  spec.widths = {first[first.rank() - 2]};
  for (std::size_t i = 0; i < network.tensors.size(); i += 2)
    spec.widths.push_back(network.tensors[i].shape.back());
  return nn::mlp(spec);
}

}  // namespace

std::vector<SavedNetwork> networks_of_format_1(const nlohmann::json& learner, const std::string& path) {
  std::vector<SavedNetwork> networks;
  for (const std::string& text : learner.at("parameters").get<std::vector<std::string>>()) {
    SavedTensor tensor = parsed(text, path);
    const std::string layers = layered(tensor.name), name = layers.empty() ? tensor.name : layers;
    if (networks.empty() || networks.back().name != name)
      networks.push_back(
          {name, name.ends_with("_target") ? nn::Role::kTarget : nn::Role::kTrainable, nullptr, {}});
    networks.back().tensors.push_back(std::move(tensor));
  }
  for (SavedNetwork& network : networks) network.architecture = architecture_of(network);
  return networks;
}

}  // namespace hardy::algorithms
