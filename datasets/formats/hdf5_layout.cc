#include "datasets/formats/hdf5_layout.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <numeric>
#include <set>
#include <utility>

#include "datasets/formats/hdf5_filters.h"
#include "datasets/formats/hdf5_superblock.h"
#include "engine/base/error.h"

namespace hardy::datasets {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kMostInflation = 1032;   // deflate's best: 258 bytes from two bits
constexpr std::uint64_t kUnstored = 256 * kMiB;  // bytes that a file may leave to its fill values

std::string text_of(const Hdf5Dataset& d) { return describe(d.type(), d.shape); }

const char* name_of_filter(int filter) {
  switch (filter) {
    case 4:
      return " (szip)";
    case 5:
      return " (n-bit)";
    case 6:
      return " (scale-offset)";
    case 32000:
      return " (lzf)";
    case 32001:
      return " (blosc)";
    case 32004:
      return " (lz4)";
    case 32008:
      return " (bitshuffle)";
    case 32015:
      return " (zstd)";
    default:
      return "";
  }
}

// The filter that is not understood; 0 where all are.
int unknown_filter(const Hdf5Dataset& d) {
  for (const int f : d.filters)
    if (f != kHdf5Deflate && f != kHdf5Shuffle && f != kHdf5Fletcher) return f;
  return 0;
}

// Whether the stored bytes can hold what the dataset claims, so that nothing more is ever allocated. `spare`:
// bytes that the file's datasets may have beyond, which are not stored or are stored once for several names.
void check(const Hdf5Dataset& d, std::uint64_t file_bytes, bool again, double& spare,
           const std::string& where) {
  if (d.type() == ArrayType::kString) {  // it came with the layout
    if (d.text.size() != d.elements()) throw Error("has damaged text", where);
    return;
  }
  const auto size = static_cast<double>(std::max(d.element.size, size_of(d.type())));
  double claimed = size, chunk_bytes = static_cast<double>(d.element.size);
  for (const std::int64_t n : d.shape) claimed *= static_cast<double>(n);
  if (d.chunk.size() != d.shape.size() && !d.chunk.empty()) throw Error("has a damaged layout", where);
  for (const std::int64_t n : d.chunk) {
    if (n <= 0) throw Error("has a damaged layout", where);
    chunk_bytes *= static_cast<double>(n);
  }
  const bool deflated = std::count(d.filters.begin(), d.filters.end(), kHdf5Deflate) > 0;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < d.chunks.size(); ++i) {
    const Hdf5Chunk& c = d.chunks[i];
    if (c.offset > file_bytes || c.bytes > file_bytes - c.offset)
      throw Error("is cut off: " + text_of(d) + " ends behind the end of the file", where,
                  "download or copy it again");
    if (i > 0 && c.cell <= d.chunks[i - 1].cell) throw Error("has a damaged index", where);
    if (!d.chunk.empty() &&
        chunk_bytes > (deflated ? static_cast<double>(kMostInflation) : 1.0) * static_cast<double>(c.bytes))
      throw Error("claims more data (" + text_of(d) + ") than the file can hold", where);
    sum += c.bytes;
  }
  if (sum > file_bytes) throw Error("claims the same bytes twice", where, "the file is damaged");
  const bool whole = d.chunk.empty() && (!d.chunks.empty() || !d.stored.empty());
  if (whole && (d.chunks.empty() ? d.stored.size() : d.chunks[0].bytes) < d.elements() * d.element.size)
    throw Error("stores fewer bytes than " + text_of(d) + " needs", where, "the file is damaged");
  const double stored = whole ? claimed
                              : std::min(claimed, static_cast<double>(d.chunks.size()) * chunk_bytes * size /
                                                      static_cast<double>(d.element.size));
  spare -= again ? claimed : claimed - stored;
  if (spare < 0)
    throw Error("claims more data (" + text_of(d) + ") than the file can hold" +
                    (again ? ", under several names" : ": most of it was never written"),
                where, again ? "" : "shrink it to the rows that were written (h5py: dataset.resize)");
}

std::vector<std::byte> bytes_of(const json& d, const char* key) {
  if (!d.contains(key)) return {};
  const auto& b = d.at(key).get_binary();
  std::vector<std::byte> bytes(b.size());
  if (!b.empty()) std::memcpy(bytes.data(), b.data(), b.size());
  return bytes;
}

NumberBits bits_of(const json& b) {
  return {b.at(0), b.at(1), b.at(2), b.at(3), b.at(4), b.at(5), b.at(6), b.at(7)};
}

Hdf5Dataset dataset_of(const json& d) {
  Hdf5Dataset out;
  out.key = d.at("key");
  const char kind = static_cast<char>(d.at("kind").get<int>());
  if (kind == 's')
    out.element = {ArrayType::kString, 's', d.at("size"), false};
  else if (d.contains("bits")
               ? !stored_number(kind, d.at("size"), d.at("big_endian"), bits_of(d.at("bits")), out.element)
               : !stored_number(kind, d.at("size"), d.at("big_endian"), out.element))
    throw Error("has a type that is not understood", out.key, "expected floats, integers, booleans or text");
  if (d.contains("notes")) out.notes = d.at("notes").get<std::vector<std::string>>();
  if (d.contains("stored_as"))
    out.stored_as = std::make_shared<const StoredAs>(
        StoredAs{d.at("stored_as"), out.element.type, d.at("type_code").get_binary()});
  for (const std::uint64_t n : d.at("shape")) {
    if (n > std::uint64_t{1} << 48) throw Error("has a damaged shape", out.key);
    out.shape.push_back(static_cast<std::int64_t>(n));
  }
  if (d.contains("text")) {
    out.text = d.at("text").get<std::vector<std::string>>();
    return out;
  }
  for (const std::uint64_t n : d.at("chunk")) out.chunk.push_back(static_cast<std::int64_t>(n));
  if (d.contains("filters")) out.filters = d.at("filters").get<std::vector<int>>();
  if (d.contains("gzip")) out.gzip = d.at("gzip");
  out.fill = bytes_of(d, "fill");
  out.stored = bytes_of(d, "stored");
  const std::vector<std::byte> chunks = bytes_of(d, "chunks");
  out.chunks.resize(chunks.size() / sizeof(Hdf5Chunk));
  if (!out.chunks.empty())
    std::memcpy(out.chunks.data(), chunks.data(), out.chunks.size() * sizeof(Hdf5Chunk));
  std::sort(out.chunks.begin(), out.chunks.end(),
            [](const Hdf5Chunk& a, const Hdf5Chunk& b) { return a.cell < b.cell; });
  return out;
}

}  // namespace

std::uint64_t Hdf5Dataset::elements() const {
  return std::accumulate(shape.begin(), shape.end(), std::uint64_t{1},
                         [](std::uint64_t n, std::int64_t d) { return n * static_cast<std::uint64_t>(d); });
}

std::uint64_t Hdf5Dataset::all_chunks() const {
  if (chunk.empty()) return elements() > 0;
  std::uint64_t cells = 1;
  for (std::size_t k = 0; k < shape.size(); ++k)
    cells *= static_cast<std::uint64_t>((shape[k] + chunk[k] - 1) / chunk[k]);
  return cells;
}

std::vector<std::int64_t> Hdf5Dataset::corner_of(const Hdf5Chunk& c) const {
  std::vector<std::int64_t> corner(shape.size());
  std::uint64_t cell = c.cell;
  for (std::size_t k = shape.size(); k-- > 0;) {
    const auto cells = static_cast<std::uint64_t>((shape[k] + chunk[k] - 1) / chunk[k]);
    corner[k] = static_cast<std::int64_t>(cell % cells) * chunk[k];
    cell /= cells;
  }
  return corner;
}

std::uint64_t Hdf5Dataset::unwritten_chunks() const {
  if (type() == ArrayType::kString || (chunk.empty() && !stored.empty())) return 0;
  return all_chunks() - std::min<std::uint64_t>(all_chunks(), chunks.size());
}

namespace {

// Fills a layout from what the walk found.
class Layout {
 public:
  Layout(std::string path, Hdf5Layout& layout)
      : path_(std::move(path)),
        layout_(layout),
        spare_(static_cast<double>(kMostInflation * layout.file_bytes + kUnstored)),
        files_{{layout.file_bytes}} {}

  void add(const json& found) {
    if (found.contains("error")) throw Error(found.at("error"), found.at("where"), found.at("fix"));
    if (found.contains("attributes")) add_attributes(found.at("attributes"));
    if (found.contains("left_out")) {
      const json& l = found.at("left_out");
      layout_.left_out.push_back({l.at("key"), l.at("problem"), l.at("fix")});
    }
    if (found.contains("dataset")) add_dataset(found.at("dataset"));
  }

 private:
  struct File {
    std::uint64_t bytes, stored = 0;  // its size; what its datasets' chunks take of it
  };

  void add_attributes(const json& found) {
    const std::string object = found.at("object");
    const bool of_column = found.at("of_column");
    for (const json& a : found.at("attributes")) {
      const std::string name = a.at("name");
      if (!of_column) layout_.attributes[object][name] = a.at("value");
      if (a.contains("problem"))
        layout_.lost_attributes.emplace_back(name + " of /" + object, a.at("problem"));
      else
        layout_.all_attributes.push_back({object, name, of_column, a.at("value"), a.at("stored")});
    }
  }

  void add_dataset(const json& found) {
    Hdf5Dataset d = dataset_of(found);
    if (found.contains("file")) d.file = other_file(found.at("file"));
    File& file = files_[static_cast<std::size_t>(d.file) + 1];
    if (const int f = unknown_filter(d)) {
      layout_.left_out.push_back(
          {d.key,
           "is compressed with filter " + std::to_string(f) + name_of_filter(f) + ", which is not understood",
           "gzip, shuffle and fletcher32 are; rewrite it with one of them"});
      return;
    }
    const bool again = !met_.insert(found.at("object").dump()).second;
    check(d, file.bytes, again, spare_, path_ + " /" + d.key);
    if (!again)
      for (const Hdf5Chunk& c : d.chunks) file.stored += c.bytes;
    if (file.stored > file.bytes) throw Error("claims the same bytes twice", path_, "the file is damaged");
    layout_.datasets.push_back(std::move(d));
  }

  int other_file(const std::string& name) {
    auto& all = layout_.other_files;
    const auto at = std::find(all.begin(), all.end(), name);
    if (at != all.end()) return static_cast<int>(at - all.begin());
    std::error_code code;
    const std::uint64_t bytes = std::filesystem::file_size(name, code);
    if (code)
      throw Error("cannot be read (" + code.message() + ")", name, "a link in " + path_ + " leads there");
    spare_ += static_cast<double>(kMostInflation * bytes);
    files_.push_back({bytes});
    all.push_back(name);
    return static_cast<int>(all.size()) - 1;
  }

  std::string path_;
  Hdf5Layout& layout_;
  double spare_;
  std::vector<File> files_;  // this one, and the other ones
  std::set<std::string> met_;
};

}  // namespace

Hdf5Layout read_hdf5_layout(const std::filesystem::path& path, const Hdf5Patience& patience) {
  const std::string name = path.string();
  std::error_code code;
  Hdf5Layout layout;
  if (std::filesystem::is_directory(path)) throw Error("is a folder, not an HDF5 file", name);
  layout.file_bytes = std::filesystem::file_size(path, code);
  if (code) throw Error("cannot be read (" + code.message() + ")", name);
  if (!std::ifstream(path, std::ios::binary)) throw Error("cannot be read", name, "may you read it?");
  const auto signature = find_hdf5_signature(path);
  if (!signature) throw Error("is not an HDF5 file", name, layout.file_bytes == 0 ? "it is empty" : "");
  layout.user_block = *signature;
  require_closed_and_whole(path, *signature, layout.file_bytes);
  try {
    Layout filled(name, layout);
    walk_hdf5_in_child(name, layout.file_bytes, patience, [&](const json& found) { filled.add(found); });
  } catch (const json::exception&) {
    throw Error("is damaged: what is found in it makes no sense", name, "download or copy it again");
  }
  return layout;
}

}  // namespace hardy::datasets
