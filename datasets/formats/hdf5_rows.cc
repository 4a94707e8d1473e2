#include "datasets/formats/hdf5_rows.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "datasets/formats/hdf5_filters.h"
#include "engine/base/error.h"

namespace hardy::datasets {
namespace {

constexpr std::size_t kPiece = 1 << 20;  // of contiguous data, for one task

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

Hdf5Rows::Hdf5Rows(const std::filesystem::path& path, int threads)
    : path_(path.string()),
      file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)),
      team_(threads > 0 ? threads : std::max(1, static_cast<int>(std::thread::hardware_concurrency()))) {
  if (file_ < 0) throw Error(std::string("cannot be read (") + std::strerror(errno) + ")", path_);
}

Hdf5Rows::~Hdf5Rows() { ::close(file_); }

bool Hdf5Rows::fetch(std::uint64_t offset, std::byte* to, std::size_t bytes) const {
  while (bytes > 0) {
    const ssize_t n = ::pread(file_, to, bytes, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    to += n;
    offset += static_cast<std::uint64_t>(n);
    bytes -= static_cast<std::size_t>(n);
  }
  return true;
}

void Hdf5Rows::read(const Hdf5Dataset& d, std::int64_t first, std::int64_t rows, std::byte* to) {
  const std::size_t size = size_of(d.type());
  const std::int64_t row = product(d.shape, 1);
  const auto count = static_cast<std::size_t>(rows * row);
  if (count == 0) return;
  const bool convert = d.element.needs_conversion();
  const auto damaged = [&] {
    return Error("cannot be read (damaged or truncated); it says it is " + describe(d.type(), d.shape),
                 path_ + " /" + d.key, "download or copy the file again");
  };

  // The fill value, where not everything is stored.
  const bool sparse = d.chunk.empty() ? d.chunks.empty() && d.stored.empty() : [&] {
    std::uint64_t cells = 1;
    for (std::size_t k = 0; k < d.shape.size(); ++k)
      cells *= static_cast<std::uint64_t>((d.shape[k] + d.chunk[k] - 1) / d.chunk[k]);
    return d.chunks.size() < cells;
  }();
  if (sparse) {
    Bytes value(size, std::byte{0});
    if (d.fill.size() == d.element.size) convert_elements(d.element, d.fill.data(), 1, value.data());
    for (std::size_t i = 0; i < count; ++i) std::memcpy(to + i * size, value.data(), size);
  }

  const auto begin = static_cast<std::uint64_t>(first * row);  // in elements
  if (!d.stored.empty())
    return convert_elements(d.element, d.stored.data() + begin * d.element.size, count, to);
  std::atomic<bool> good{true};
  if (d.chunk.empty()) {
    if (d.chunks.empty()) return;
    const std::size_t piece = kPiece / d.element.size;
    team_.run(static_cast<std::int64_t>((count + piece - 1) / piece), [&](std::int64_t task) {
      const std::size_t from = static_cast<std::size_t>(task) * piece, n = std::min(piece, count - from);
      std::byte* target = to + from * size;
      if (convert) scratch.stored.resize(n * d.element.size);
      std::byte* raw = convert ? scratch.stored.data() : target;
      if (!fetch(d.chunks[0].offset + (begin + from) * d.element.size, raw, n * d.element.size)) good = false;
      if (convert) convert_elements(d.element, raw, n, target);
    });
    if (!good) throw damaged();
    return;
  }

  // Chunks lie in row-major order of their cells: those of a band of rows are neighbours.
  std::uint64_t band = 1;
  for (std::size_t k = 1; k < d.shape.size(); ++k)
    band *= static_cast<std::uint64_t>((d.shape[k] + d.chunk[k] - 1) / d.chunk[k]);
  const auto before = [](const Hdf5Chunk& c, std::uint64_t cell) { return c.cell < cell; };
  const auto low = std::lower_bound(d.chunks.begin(), d.chunks.end(),
                                    static_cast<std::uint64_t>(first / d.chunk[0]) * band, before);
  const auto high = std::lower_bound(
      low, d.chunks.end(), (static_cast<std::uint64_t>((first + rows - 1) / d.chunk[0]) + 1) * band, before);
  const auto elements = static_cast<std::size_t>(product(d.chunk, 0));
  team_.run(high - low, [&](std::int64_t task) {
    const Hdf5Chunk& chunk = *(low + task);
    Scratch& s = scratch;
    s.stored.resize(chunk.bytes);
    std::span<std::byte> data;
    if (fetch(chunk.offset, s.stored.data(), chunk.bytes))
      data = undo_filters(d, chunk, elements * d.element.size, s.stored, s.spare);
    if (data.empty()) {
      good = false;
      return;
    }
    const std::byte* ready = data.data();
    if (convert) {
      s.converted.resize(elements * size);
      convert_elements(d.element, data.data(), elements, s.converted.data());
      ready = s.converted.data();
    }
    std::vector<std::int64_t> corner(d.shape.size());
    std::uint64_t cell = chunk.cell;
    for (std::size_t k = d.shape.size(); k-- > 0;) {
      const auto cells = static_cast<std::uint64_t>((d.shape[k] + d.chunk[k] - 1) / d.chunk[k]);
      corner[k] = static_cast<std::int64_t>(cell % cells) * d.chunk[k];
      cell /= cells;
    }
    place_chunk(d, corner, ready, first, rows, to);
  });
  if (!good) throw damaged();
}

}  // namespace hardy::datasets
