#include "engine/nn/formats/safetensors.h"

#include <bit>
#include <cstring>

#include "engine/base/error.h"
#include "engine/base/json.h"

namespace hardy::nn {

std::string safetensors(std::span<const NamedTensor> tensors,
                        const std::map<std::string, std::string>& metadata) {
  static_assert(std::endian::native == std::endian::little);
  nlohmann::ordered_json header;
  header["__metadata__"] = metadata;
  std::size_t end = 0;
  for (const NamedTensor& t : tensors) {
    std::int64_t elements = 1;
    for (const std::int64_t n : t.shape) elements *= n;
    if (static_cast<std::size_t>(elements) != t.elements.size())
      throw Error("has " + std::to_string(t.elements.size()) + " elements", t.name,
                  "its shape needs " + std::to_string(elements));
    const std::size_t begin = end;
    end += t.elements.size_bytes();
    header[t.name] = {{"dtype", "F32"}, {"shape", t.shape}, {"data_offsets", {begin, end}}};
  }
  std::string text = header.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = text.size();
  std::string file(sizeof length, '\0');
  std::memcpy(file.data(), &length, sizeof length);
  file += text;
  for (const NamedTensor& t : tensors)
    file.append(reinterpret_cast<const char*>(t.elements.data()), t.elements.size_bytes());
  return file;
}

}  // namespace hardy::nn
