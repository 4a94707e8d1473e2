#include "datasets/formats/hdf5_rows.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <limits>

#include "datasets/formats/hdf5_filters.h"

namespace hardy::datasets {
namespace {

constexpr std::size_t kPiece = 1 << 20;                  // of contiguous data, for one task
constexpr std::size_t kMostKept = std::size_t{2} << 30;  // bytes of decoded chunks for the next rows

// Working memory of one thread, kept from chunk to chunk.
struct Scratch {
  Bytes stored, spare, converted;
};
thread_local Scratch scratch;

std::int64_t product(const std::vector<std::int64_t>& shape, std::size_t from) {
  std::int64_t n = 1;
  for (std::size_t i = from; i < shape.size(); ++i) n *= shape[i];
  return n;
}

// Copies runs of `width` elements from chunk rows to array rows; single elements are the common case of
// h5py's narrow chunks.
void copy_run(const std::byte* from, std::size_t bytes, std::byte* to) {
  if (bytes == 4) {
    std::memcpy(to, from, 4);
  } else if (bytes == 8) {
    std::memcpy(to, from, 8);
  } else {
    std::memcpy(to, from, bytes);
  }
}

// Copies the part of a chunk that lies in rows [first, first + rows) of the array and within its bounds.
// `corner` is the chunk's first element.
void place_chunk(const Hdf5Dataset& d, const std::vector<std::int64_t>& corner, const std::byte* from,
                 std::int64_t first, std::int64_t rows, std::byte* to) {
  const std::size_t rank = d.shape.size(), size = size_of(d.type());
  const std::int64_t row_begin = std::max(first, corner[0]);
  const std::int64_t row_end = std::min({first + rows, corner[0] + d.chunk[0], d.shape[0]});
  const std::int64_t array_row = product(d.shape, 1), chunk_row = product(d.chunk, 1);
  const std::size_t last = rank - 1;
  const std::int64_t width =
      rank == 1 ? row_end - row_begin : std::min(d.chunk[last], d.shape[last] - corner[last]);
  if (rank <= 2) {
    const std::byte* source = from + static_cast<std::size_t>((row_begin - corner[0]) * chunk_row) * size;
    std::byte* target =
        to + static_cast<std::size_t>((row_begin - first) * array_row + (rank == 2 ? corner[1] : 0)) * size;
    const std::size_t run = static_cast<std::size_t>(width) * size;
    if (rank == 1) return copy_run(source, run, target);
    const std::size_t source_step = static_cast<std::size_t>(chunk_row) * size;
    const std::size_t target_step = static_cast<std::size_t>(array_row) * size;
    for (std::int64_t r = row_begin; r < row_end; ++r, source += source_step, target += target_step)
      copy_run(source, run, target);
    return;
  }
  // Images and the like: an odometer over the middle dimensions.
  std::vector<std::int64_t> at(rank, 0);
  for (std::int64_t r = row_begin; r < row_end; ++r) {
    at.assign(rank, 0);
    for (bool more = true; more;) {
      std::int64_t source = r - corner[0], target = r - first;
      for (std::size_t k = 1; k < rank; ++k) {
        source = source * d.chunk[k] + at[k];
        target = target * d.shape[k] + corner[k] + at[k];
      }
      copy_run(from + static_cast<std::size_t>(source) * size, static_cast<std::size_t>(width) * size,
               to + static_cast<std::size_t>(target) * size);
      more = false;
      for (std::size_t k = last; k-- > 1;) {
        if (++at[k] < std::min(d.chunk[k], d.shape[k] - corner[k])) {
          more = true;
          break;
        }
        at[k] = 0;
      }
    }
  }
}

}  // namespace

Hdf5Rows::Hdf5Rows(const std::filesystem::path& path, const Hdf5Layout& layout, int threads)
    : path_(path.string()),
      team_(threads > 0 ? threads : std::max(1, static_cast<int>(std::thread::hardware_concurrency()))) {
  std::vector<std::string> names{path_};
  names.insert(names.end(), layout.other_files.begin(), layout.other_files.end());
  for (const std::string& name : names) {
    const int file = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) {
      const int why = errno;
      for (const int f : files_) ::close(f);
      throw Error(std::string("cannot be read (") + std::strerror(why) + ")", name);
    }
    files_.push_back(file);
  }
}

Hdf5Rows::~Hdf5Rows() {
  for (const int f : files_) ::close(f);
}

bool Hdf5Rows::fetch(const Hdf5Dataset& d, std::uint64_t offset, std::byte* to, std::size_t bytes) const {
  const int file = files_[static_cast<std::size_t>(d.file) + 1];
  while (bytes > 0) {
    const ssize_t n = ::pread(file, to, bytes, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    to += n;
    offset += static_cast<std::uint64_t>(n);
    bytes -= static_cast<std::size_t>(n);
  }
  return true;
}

Error Hdf5Rows::damaged(const Hdf5Dataset& d) const {
  return Error("cannot be read (damaged or truncated); it says it is " + describe(d.type(), d.shape),
               path_ + " /" + d.key, "download or copy the file again");
}

void Hdf5Rows::read(const Hdf5Dataset& d, std::int64_t first, std::int64_t rows, std::byte* to) {
  const std::size_t size = size_of(d.type());
  const std::int64_t row = product(d.shape, 1);
  const auto count = static_cast<std::size_t>(rows * row);
  if (count == 0) return;
  const bool convert = d.element.needs_conversion();

  if (d.unwritten_chunks() > 0) {
    Bytes value(size, std::byte{0});
    if (d.fill.size() == d.element.size) convert_elements(d.element, d.fill.data(), 1, value.data());
    for (std::size_t i = 0; i < count; ++i) std::memcpy(to + i * size, value.data(), size);
  }

  const auto begin = static_cast<std::uint64_t>(first * row);  // in elements
  if (!d.stored.empty())
    return convert_elements(d.element, d.stored.data() + begin * d.element.size, count, to);
  if (!d.chunk.empty()) return read_chunks(d, first, rows, to);
  if (d.chunks.empty()) return;
  std::atomic<bool> good{true};
  const std::size_t piece = kPiece / d.element.size;
  team_.run(static_cast<std::int64_t>((count + piece - 1) / piece), [&](std::int64_t task) {
    const std::size_t from = static_cast<std::size_t>(task) * piece, n = std::min(piece, count - from);
    std::byte* target = to + from * size;
    if (convert) scratch.stored.resize(n * d.element.size);
    std::byte* raw = convert ? scratch.stored.data() : target;
    if (!fetch(d, d.chunks[0].offset + (begin + from) * d.element.size, raw, n * d.element.size))
      good = false;
    if (convert) convert_elements(d.element, raw, n, target);
  });
  if (!good) throw damaged(d);
}

void Hdf5Rows::read_stored(const Hdf5Dataset& d, std::size_t first, std::span<Bytes> to) {
  const std::size_t bytes = static_cast<std::size_t>(product(d.chunk, 0)) * d.element.size;
  std::atomic<bool> good{true};
  team_.run(static_cast<std::int64_t>(to.size()), [&](std::int64_t task) {
    const Hdf5Chunk& chunk = d.chunks[first + static_cast<std::size_t>(task)];
    Bytes& stored = to[static_cast<std::size_t>(task)];
    stored.resize(chunk.bytes);
    if (fetch(d, chunk.offset, stored.data(), chunk.bytes)) {
      scratch.stored = stored;
      if (!undo_filters(d, chunk, bytes, scratch.stored, scratch.spare).empty()) return;
    }
    good = false;
  });
  if (!good) throw damaged(d);
}

// What a chunk holds, in this thread's working memory; null where it is damaged.
const std::byte* Hdf5Rows::decode(const Hdf5Dataset& d, const Hdf5Chunk& chunk) const {
  Scratch& s = scratch;
  const auto elements = static_cast<std::size_t>(product(d.chunk, 0));
  s.stored.resize(chunk.bytes);
  std::span<std::byte> data;
  if (fetch(d, chunk.offset, s.stored.data(), chunk.bytes))
    data = undo_filters(d, chunk, elements * d.element.size, s.stored, s.spare);
  if (data.empty()) return nullptr;
  if (!d.element.needs_conversion()) return data.data();
  s.converted.resize(elements * size_of(d.type()));
  convert_elements(d.element, data.data(), elements, s.converted.data());
  return s.converted.data();
}

void Hdf5Rows::read_chunks(const Hdf5Dataset& d, std::int64_t first, std::int64_t rows, std::byte* to) {
  // Chunks lie in row-major order of their cells: those of a band of rows are neighbours.
  std::uint64_t band = 1;
  for (std::size_t k = 1; k < d.shape.size(); ++k)
    band *= static_cast<std::uint64_t>((d.shape[k] + d.chunk[k] - 1) / d.chunk[k]);
  const auto before = [](const Hdf5Chunk& c, std::uint64_t cell) { return c.cell < cell; };
  const auto low = std::lower_bound(d.chunks.begin(), d.chunks.end(),
                                    static_cast<std::uint64_t>(first / d.chunk[0]) * band, before);
  const auto high = std::lower_bound(
      low, d.chunks.end(), (static_cast<std::uint64_t>((first + rows - 1) / d.chunk[0]) + 1) * band, before);
  const std::size_t bytes = static_cast<std::size_t>(product(d.chunk, 0)) * size_of(d.type());
  const std::int64_t end = first + rows;
  // Those that the rows behind need again.
  const std::uint64_t open = end % d.chunk[0] != 0 && end < d.shape[0]
                                 ? static_cast<std::uint64_t>(end / d.chunk[0]) * band
                                 : std::numeric_limits<std::uint64_t>::max();
  std::map<std::uint64_t, Bytes> known, next;
  if (const auto at = kept_.find(&d); at != kept_.end()) {
    known = std::move(at->second);
    forget(d);
  }
  for (auto c = low; c != high; ++c)
    if (c->cell >= open && bytes <= kMostKept / 4) next[c->cell];
  std::atomic<bool> good{true};
  team_.run(high - low, [&](std::int64_t task) {
    const Hdf5Chunk& chunk = *(low + task);
    const auto again = known.find(chunk.cell);
    const std::byte* data = again != known.end() ? again->second.data() : decode(d, chunk);
    if (!data) {
      good = false;
      return;
    }
    place_chunk(d, d.corner_of(chunk), data, first, rows, to);
    if (const auto keep = next.find(chunk.cell); keep != next.end()) {
      if (again != known.end())
        keep->second = std::move(again->second);
      else
        keep->second.assign(data, data + bytes);
    }
  });
  if (!good) throw damaged(d);
  keep(d, std::move(next));
}

void Hdf5Rows::forget(const Hdf5Dataset& d) {
  kept_.erase(&d);
  std::erase(order_, &d);
}

void Hdf5Rows::keep(const Hdf5Dataset& d, std::map<std::uint64_t, Bytes> chunks) {
  if (chunks.empty()) return;
  kept_[&d] = std::move(chunks);
  order_.push_back(&d);
  const auto sum = [&] {
    std::size_t n = 0;
    for (const auto& [dataset, cells] : kept_)
      for (const auto& [cell, bytes] : cells) n += bytes.size();
    return n;
  };
  while (order_.size() > 1 && sum() > kMostKept) forget(*order_.front());
}

}  // namespace hardy::datasets
