#include "engine/run/archive.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <fstream>
#include <new>
#include <nlohmann/json.hpp>

#include "engine/base/error.h"
#include "engine/run/atomic_file.h"
#include "engine/run/sha256.h"

namespace hardy {
namespace {

static_assert(std::endian::native == std::endian::little, "archives are written as memory holds them");

constexpr char kMagic[9] = "HARDYARC";
constexpr std::uint32_t kContainerVersion = 1;
constexpr std::size_t kAlign = 64, kDigest = 32;

struct Prefix {
  char magic[8];
  std::uint32_t version, zero;
  std::uint64_t json_bytes, file_bytes;
};
static_assert(sizeof(Prefix) == 32);

std::size_t aligned(std::size_t n) { return (n + kAlign - 1) / kAlign * kAlign; }

DType type_named(const std::string& name, const std::string& where) {
  for (const DType t : {DType::kF32, DType::kF64, DType::kI32, DType::kBool})
    if (name == name_of(t)) return t;
  throw Error("a tensor has the unknown type '" + name + "'", where);
}

std::size_t bytes_of(DType type, const Shape& shape) {
  return static_cast<std::size_t>(shape.elements()) * size_of(type);
}

}  // namespace

// ----------------------------------------------------------------------------------- ArchiveWriter

ArchiveWriter::ArchiveWriter(std::string kind, int format_version)
    : kind_(std::move(kind)),
      format_version_(format_version),
      header_(std::make_unique<nlohmann::json>(nlohmann::json::object())) {}
ArchiveWriter::~ArchiveWriter() = default;
ArchiveWriter::ArchiveWriter(ArchiveWriter&&) noexcept = default;
ArchiveWriter& ArchiveWriter::operator=(ArchiveWriter&&) noexcept = default;

nlohmann::json& ArchiveWriter::header() { return *header_; }

void ArchiveWriter::add(const std::string& name, DType type, const Shape& shape, const void* data) {
  add_view(name, type, shape, nullptr);
  const auto* bytes = static_cast<const std::byte*>(data);
  entries_.back().copy.assign(bytes, bytes + bytes_of(type, shape));
}

void ArchiveWriter::add_view(const std::string& name, DType type, const Shape& shape, const void* data) {
  for (const Entry& e : entries_)
    if (e.name == name) throw Error::failed_run("two tensors have this name", name);
  entries_.push_back({name, type, shape, {}, data});
}

void ArchiveWriter::write(const std::filesystem::path& path) const {
  nlohmann::json tensors = nlohmann::json::array();
  std::size_t offset = 0;  // from the first tensor's place
  for (const Entry& e : entries_) {
    std::vector<std::int64_t> dims;
    for (int i = 0; i < e.shape.rank(); ++i) dims.push_back(e.shape[i]);
    tensors.push_back({{"name", e.name}, {"type", name_of(e.type)}, {"shape", dims}, {"offset", offset}});
    offset = aligned(offset + bytes_of(e.type, e.shape));
  }
  const std::string json = nlohmann::json{
      {"kind", kind_},
      {"format", format_version_},
      {"header", *header_},
      {"tensors", tensors}}.dump();
  Prefix prefix{};
  std::memcpy(prefix.magic, kMagic, sizeof prefix.magic);
  prefix.version = kContainerVersion;
  prefix.json_bytes = json.size();
  prefix.file_bytes = aligned(sizeof prefix + json.size()) + offset + kDigest;

  run::AtomicFile file(path);
  run::Sha256 sum;
  std::size_t at = 0;
  const auto put = [&](const void* data, std::size_t bytes) {
    sum.update(data, bytes);
    file.write(data, bytes);
    at += bytes;
  };
  const auto pad = [&] {
    static constexpr char kZeros[kAlign] = {};
    put(kZeros, aligned(at) - at);
  };
  put(&prefix, sizeof prefix);
  put(json.data(), json.size());
  pad();
  for (const Entry& e : entries_) {
    put(e.view ? e.view : e.copy.data(), bytes_of(e.type, e.shape));
    pad();
  }
  const run::Sha256::Digest digest = sum.digest();
  file.write(digest.data(), digest.size());
  file.commit();
}

// ----------------------------------------------------------------------------------------- Archive

Archive::Archive() = default;
Archive::~Archive() = default;
Archive::Archive(Archive&&) noexcept = default;
Archive& Archive::operator=(Archive&&) noexcept = default;
void Archive::FreeAligned::operator()(std::byte* p) const {
  ::operator delete[](p, std::align_val_t(kAlign));
}

Archive Archive::read(const std::filesystem::path& path, const std::string& expected_kind,
                      int newest_format) {
  const std::string where = path.string();
  std::error_code error;
  const auto size = static_cast<std::size_t>(std::filesystem::file_size(path, error));
  std::ifstream file(path, std::ios::binary);
  if (error || !file) throw Error("the file cannot be read", where);

  Prefix prefix{};
  file.read(reinterpret_cast<char*>(&prefix), sizeof prefix);
  const auto got = static_cast<std::size_t>(file.gcount());
  if (got == 0) throw Error("the file is empty", where);
  if (std::memcmp(prefix.magic, kMagic, std::min(got, sizeof prefix.magic)) != 0)
    throw Error("this is no file of hardy's", where, "a " + expected_kind + " file is expected");
  if (got < sizeof prefix) throw Error("the file is cut short", where);
  if (prefix.version != kContainerVersion)
    throw Error("the container is of version " + std::to_string(prefix.version), where,
                "this build reads version " + std::to_string(kContainerVersion));
  if (size < prefix.file_bytes)
    throw Error("the file is cut short: " + std::to_string(size) + " of " +
                    std::to_string(prefix.file_bytes) + " bytes",
                where);
  const Error altered("the file is damaged: its checksum does not fit its contents", where);
  if (size != prefix.file_bytes || prefix.json_bytes > size || size < sizeof prefix + kDigest) throw altered;

  Archive archive;
  archive.path_ = path;
  archive.bytes_.reset(new (std::align_val_t(kAlign)) std::byte[size]);
  std::byte* bytes = archive.bytes_.get();
  std::memcpy(bytes, &prefix, sizeof prefix);
  file.read(reinterpret_cast<char*>(bytes) + sizeof prefix,
            static_cast<std::streamsize>(size - sizeof prefix));
  if (static_cast<std::size_t>(file.gcount()) != size - sizeof prefix)
    throw Error("the file cannot be read to its end", where);

  run::Sha256 sum;
  sum.update(bytes, size - kDigest);
  const run::Sha256::Digest digest = sum.digest();
  if (std::memcmp(digest.data(), bytes + size - kDigest, kDigest) != 0) throw altered;

  // The contents are as they were written; what follows can fail only for another program's file.
  try {
    const char* text = reinterpret_cast<const char*>(bytes) + sizeof prefix;
    const nlohmann::json json = nlohmann::json::parse(text, text + prefix.json_bytes);
    const auto kind = json.at("kind").get<std::string>();
    if (kind != expected_kind)
      throw Error("this is a " + kind + " file", where, "a " + expected_kind + " file is expected");
    archive.format_version_ = json.at("format").get<int>();
    if (archive.format_version_ > newest_format)
      throw Error("its format is version " + std::to_string(archive.format_version_), where,
                  "this build reads up to " + std::to_string(newest_format));
    archive.header_ = std::make_unique<nlohmann::json>(json.at("header"));
    const std::size_t start = aligned(sizeof prefix + prefix.json_bytes);
    for (const nlohmann::json& t : json.at("tensors")) {
      const auto dims = t.at("shape").get<std::vector<std::int64_t>>();
      const Entry e{type_named(t.at("type"), where), Shape(dims), start + t.at("offset").get<std::size_t>()};
      if (e.offset + bytes_of(e.type, e.shape) > size - kDigest) throw altered;
      archive.entries_.emplace(t.at("name").get<std::string>(), e);
    }
  } catch (const nlohmann::json::exception&) {
    throw Error("the header is not what a " + expected_kind + " file has", where);
  }
  return archive;
}

std::vector<std::string> Archive::names() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_) names.push_back(name);
  return names;
}

const Archive::Entry& Archive::entry(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) throw Error("the tensor '" + name + "' is missing", path_.string());
  return found->second;
}

const Archive::Entry& Archive::typed(const std::string& name, DType type) const {
  const Entry& e = entry(name);
  if (e.type != type)
    throw Error("the tensor '" + name + "' is " + name_of(e.type), path_.string(),
                std::string(name_of(type)) + " is expected");
  return e;
}

void Archive::check_size(const std::string& name, std::size_t elements) const {
  const Entry& e = entry(name);
  if (static_cast<std::size_t>(e.shape.elements()) != elements)
    throw Error("the tensor '" + name + "' has shape " + e.shape.str(), path_.string(),
                std::to_string(elements) + " elements are expected");
}

}  // namespace hardy
