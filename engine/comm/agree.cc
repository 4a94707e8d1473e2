#include "engine/comm/agree.h"

#include <vector>

#include "engine/base/error.h"

namespace hardy::comm {

void agree(Ranks& ranks, const std::exception_ptr& mine) {
  const auto size = static_cast<std::size_t>(ranks.size()), rank = static_cast<std::size_t>(ranks.rank());
  std::vector<std::byte> failed(size);
  failed[rank] = std::byte{mine != nullptr};
  ranks.gather(failed);
  for (std::size_t r = 0; r < size; ++r) {
    if (failed[r] == std::byte{0}) continue;
    ranks.finish();
    if (r == rank) std::rethrow_exception(mine);
    throw FailedElsewhere();
  }
}

std::string from_first(Ranks& ranks, std::string mine) {
  std::uint64_t size = mine.size();
  ranks.broadcast(std::as_writable_bytes(std::span(&size, 1)));
  mine.resize(size);
  ranks.broadcast(std::as_writable_bytes(std::span(mine)));
  return mine;
}

void require_same(Ranks& ranks, const std::string& mine, const std::string& what) {
  if (ranks.size() == 1) return;
  const auto all = gather_all(ranks, std::as_bytes(std::span(mine)));
  together(ranks, [&] {
    for (std::size_t r = 1; r < all.size(); ++r)
      if (all[r] != all[0])
        throw Error("has another " + what + " than rank 0", "rank " + std::to_string(r),
                    "all ranks need the same");
  });
}

}  // namespace hardy::comm
