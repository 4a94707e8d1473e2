#include "engine/run/archive.h"

#include <algorithm>
#include <fstream>
#include <optional>

#include "engine/base/json_problem.h"
#include "engine/run/atomic_file.h"
#include "engine/run/json_text.h"

namespace hardy::run {
namespace {

constexpr char kMagic[] = "HARDYARC";
constexpr std::size_t kPrefix = 16, kAlign = 64, kDigest = 64;

std::size_t padded(std::size_t n) { return (n + kAlign - 1) / kAlign * kAlign; }
std::size_t size_of_type(const std::string& type) {
  if (type == "f64" || type == "u64") return 8;
  if (type == "f32" || type == "i32") return 4;
  return type == "u8" ? 1 : 0;
}

struct Place {
  Shape shape;
  std::size_t offset, bytes;
};
// Where a tensor of elements of `size` bytes lies in `room` bytes; nothing where it does not.
std::optional<Place> place_of(const nlohmann::json& t, std::size_t size, std::size_t room) {
  const auto& dimensions = t.at("shape");
  if (size == 0 || !dimensions.is_array() || !t.at("offset").is_number_integer() ||
      dimensions.size() > static_cast<std::size_t>(Shape::kMaxRank))
    return std::nullopt;
  Place place{{}, t.at("offset").get<std::size_t>(), size};
  for (const auto& d : dimensions) {
    const auto n = d.is_number_integer() ? d.get<std::int64_t>() : -1;
    if (n < 0 || (n > 0 && place.bytes > room / static_cast<std::size_t>(n))) return std::nullopt;
    place.bytes *= static_cast<std::size_t>(n);
    place.shape.push_back(n);
  }
  const bool inside = place.offset <= room && place.bytes <= room - place.offset;
  return inside ? std::optional(place) : std::nullopt;
}

}  // namespace

ArchiveWriter::ArchiveWriter(std::string kind, int format_version)
    : header_(nlohmann::json::object()), kind_(std::move(kind)), format_version_(format_version) {}

void ArchiveWriter::add_bytes(const std::string& name, const char* type, const Shape& shape,
                              std::span<const std::byte> data) {
  if (static_cast<std::size_t>(shape.elements()) * size_of_type(type) != data.size())
    throw Error("a tensor's data does not fill its shape " + shape.str(), name);
  nlohmann::json dims = nlohmann::json::array();
  for (int i = 0; i < shape.rank(); ++i) dims.push_back(shape[i]);
  tensors_.push_back({{"name", name}, {"type", type}, {"shape", dims}, {"offset", data_.size()}});
  data_.insert(data_.end(), data.begin(), data.end());
  data_.resize(padded(data_.size()));
}

void ArchiveWriter::write(const std::filesystem::path& path) const {
  const nlohmann::json all{{"kind", kind_},
                           {"format", format_version_},
                           {"bytes", data_.size()},
                           {"header", header_},
                           {"tensors", tensors_}};
  std::string text = json_text(all, -1);
  text.resize(padded(kPrefix + text.size()) - kPrefix, ' ');
  std::vector<std::byte> file(kPrefix + text.size() + data_.size());
  const std::uint64_t length = text.size();
  std::memcpy(file.data(), kMagic, 8);
  std::memcpy(file.data() + 8, &length, 8);
  std::memcpy(file.data() + kPrefix, text.data(), text.size());
  if (!data_.empty()) std::memcpy(file.data() + kPrefix + text.size(), data_.data(), data_.size());
  const std::string digest = sha256(file);
  AtomicFile out(path);
  out.write(file.data(), file.size());
  out.write(digest.data(), digest.size());
  out.commit();
}

std::string Archive::kind_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  std::error_code ignored;
  if (!in || std::filesystem::is_directory(path, ignored)) return "";
  const auto size = static_cast<std::uint64_t>(in.tellg());
  char prefix[kPrefix];
  in.seekg(0);
  if (!in.read(prefix, kPrefix) || std::memcmp(prefix, kMagic, 8) != 0) return "";
  std::uint64_t length = 0;
  std::memcpy(&length, prefix + 8, 8);
  if (length > size - kPrefix) return "";
  std::string header(length, '\0');
  if (!in.read(header.data(), static_cast<std::streamsize>(length))) return "";
  const nlohmann::json all = nlohmann::json::parse(header, nullptr, false);
  const bool says = all.is_object() && all.contains("kind") && all.at("kind").is_string();
  return says ? all.at("kind").get<std::string>() : "";
}

Archive Archive::read(const std::filesystem::path& path, const std::string& kind, int newest_format) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  std::error_code ignored;
  if (!in || std::filesystem::is_directory(path, ignored)) throw Error("cannot be read", path.string());
  const auto size = static_cast<std::size_t>(in.tellg());
  Archive a(path.string(), size);
  in.seekg(0);
  if (!in.read(reinterpret_cast<char*>(a.data_.get()), static_cast<std::streamsize>(size)))
    throw Error("cannot be read", path.string());
  a.parse(size, kind, newest_format);
  return a;
}

Archive Archive::read(std::span<const std::byte> bytes, const std::string& name, const std::string& kind,
                      int newest_format) {
  Archive a(name, bytes.size());
  std::ranges::copy(bytes, a.data_.get());
  a.parse(bytes.size(), kind, newest_format);
  return a;
}

Archive::Archive(std::string name, std::size_t size) : path_(std::move(name)) {
  if (size < kPrefix + kDigest) throw Error("is too short for a Hardy file (truncated?)", path_);
  data_.reset(static_cast<std::byte*>(::operator new (size, std::align_val_t{kAlign})));
}

void Archive::parse(std::size_t size, const std::string& kind, int newest_format) {
  const std::byte* data = data_.get();
  if (std::memcmp(data, kMagic, 8) != 0) throw Error("is not a Hardy file", path_);
  const std::string digest(reinterpret_cast<const char*>(data + size - kDigest), kDigest);
  if (sha256({data, size - kDigest}) != digest)
    throw Error("is truncated or damaged: its checksum does not fit", path_);

  std::uint64_t length = 0;
  std::memcpy(&length, data + 8, 8);
  const std::size_t end = size - kDigest;
  if (length > end - kPrefix) throw Error("is damaged: its header is longer than the file", path_);
  const nlohmann::json all =
      nlohmann::json::parse(reinterpret_cast<const char*>(data + kPrefix),
                            reinterpret_cast<const char*>(data + kPrefix + length), nullptr, false);
  if (!all.is_object()) throw Error("is damaged: its header is not JSON", path_);
  // A checksum is no signature: what it vouches for may still be nonsense.
  try {
    if (all.value("kind", "") != kind)
      throw Error("is a " + all.value("kind", "?") + ", not a " + kind, path_);
    format_ = all.value("format", 0);
    if (format_ > newest_format)
      throw Error("has format " + std::to_string(format_) + ", newer than this program's " +
                      std::to_string(newest_format),
                  path_);
    header_ = all.at("header");
    for (const auto& t : all.at("tensors")) {
      const std::string name = t.at("name"), type = t.at("type");
      const auto place = place_of(t, size_of_type(type), end - kPrefix - length);
      if (!place || (kPrefix + length + place->offset) % alignof(double) != 0)
        throw Error("is damaged: tensor " + name + " lies outside the file", path_);
      entries_[name] = {type, place->shape, kPrefix + length + place->offset, place->bytes};
    }
  } catch (const nlohmann::json::exception& e) {
    throw Error("has a header that is not a Hardy file's: " + problem_of(e), path_);
  }
}

const Archive::Entry& Archive::entry(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) throw Error("has no tensor '" + name + "'", path_);
  return found->second;
}

std::span<const std::byte> Archive::bytes_of(const std::string& name, const char* type) const {
  const Entry& e = entry(name);
  if (e.type != type) throw Error("tensor '" + name + "' is " + e.type + ", not " + type, path_);
  return {data_.get() + e.offset, e.bytes};
}

std::vector<std::string> Archive::names() const {
  std::vector<std::string> names;
  for (const auto& [name, e] : entries_) names.push_back(name);
  return names;
}

}  // namespace hardy::run
