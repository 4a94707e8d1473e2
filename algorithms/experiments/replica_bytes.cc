#include "algorithms/experiments/replica_bytes.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <type_traits>

#include "engine/base/error.h"
#include "engine/comm/agree.h"

namespace hardy::algorithms {
namespace {

class Writer {
 public:
  std::vector<std::byte> bytes;

  template <class T>
  void put(const T& x) {
    static_assert(std::is_trivially_copyable_v<T>);
    const auto* at = reinterpret_cast<const std::byte*>(&x);
    bytes.insert(bytes.end(), at, at + sizeof x);
  }
  template <class T>
  void put(const std::vector<T>& all) {
    put(all.size());
    for (const T& x : all) put(x);
  }
  void put(const std::string& text) { put(std::vector<char>(text.begin(), text.end())); }
  void put(const RegretFigure& f) {
    put(f.name);
    put(f.value);
  }
};

class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}
  bool at_end() const { return bytes_.empty(); }

  template <class T>
  void get(T& x) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (bytes_.size() < sizeof x) throw Error("another rank's replicas are not whole", "regret run");
    std::memcpy(&x, bytes_.data(), sizeof x);
    bytes_ = bytes_.subspan(sizeof x);
  }
  template <class T>
  void get(std::vector<T>& all) {
    std::size_t n = 0;
    get(n);
    all.clear();
    for (std::size_t i = 0; i < n; ++i) get(all.emplace_back());
  }
  void get(std::string& text) {
    std::vector<char> letters;
    get(letters);
    text.assign(letters.begin(), letters.end());
  }
  void get(RegretFigure& f) {
    get(f.name);
    get(f.value);
  }

 private:
  std::span<const std::byte> bytes_;
};

template <class T, class Replica>
concept Of = std::is_same_v<std::remove_const_t<T>, Replica>;

// All that playing writes.
template <class Bytes>
void each_part(Of<ReplicaResult> auto& r, const Bytes& part) {
  part(r.learner_loss);
  part(r.best_loss);
  part(r.curve);
  part(r.start_costs);
  part(r.first);
  part(r.least_eta_q);
  part(r.largest_eta_bonus);
  part(r.figures);
}
template <class Bytes>
void each_part(Of<SampledReplica> auto& r, const Bytes& part) {
  part(r.seed);
  part(r.learner_loss);
  part(r.standard_error);
  part(r.uniform_loss);
  part(r.uniform_standard_error);
  part(r.states);
  part(r.bonus_paths);
  part(r.calls);
  part(r.curve_episodes);
  part(r.curve);
}

template <class Replica>
std::vector<std::byte> packed_all(std::span<const Replica> replicas) {
  Writer out;
  for (const Replica& r : replicas) each_part(r, [&](const auto& x) { out.put(x); });
  return std::move(out.bytes);
}

template <class Replica>
void unpack_all(std::span<const std::byte> bytes, std::span<Replica> into) {
  Reader in(bytes);
  for (Replica& r : into) each_part(r, [&](auto& x) { in.get(x); });
  if (!in.at_end()) throw Error("another rank has more replicas than its share", "regret run");
}

template <class Replica>
void exchange_all(comm::Ranks& ranks, const std::exception_ptr& failed,
                  const std::vector<std::size_t>& bounds, std::span<Replica> replicas) {
  comm::agree(ranks, failed);
  const auto part = [&](int rank) {
    const auto r = static_cast<std::size_t>(rank);
    return replicas.subspan(bounds[r], bounds[r + 1] - bounds[r]);
  };
  const auto all = comm::gather_all(ranks, packed(std::span<const Replica>(part(ranks.rank()))));
  for (int r = 0; r < ranks.size(); ++r)
    if (r != ranks.rank()) unpack(all[static_cast<std::size_t>(r)], part(r));
}

}  // namespace

std::vector<std::byte> packed(std::span<const ReplicaResult> replicas) { return packed_all(replicas); }
std::vector<std::byte> packed(std::span<const SampledReplica> replicas) { return packed_all(replicas); }

void unpack(std::span<const std::byte> bytes, std::span<ReplicaResult> into) { unpack_all(bytes, into); }
void unpack(std::span<const std::byte> bytes, std::span<SampledReplica> into) { unpack_all(bytes, into); }

std::vector<std::size_t> bounds_among(const comm::Ranks& ranks, std::size_t n) {
  const auto size = static_cast<std::size_t>(ranks.size());
  std::vector<std::size_t> bounds;
  for (std::size_t r = 0; r <= size; ++r) bounds.push_back(n * r / size);
  return bounds;
}

void exchange(comm::Ranks& ranks, const std::exception_ptr& failed, const std::vector<std::size_t>& bounds,
              std::span<ReplicaResult> replicas, std::span<std::int64_t> counts) {
  if (ranks.size() == 1) return;
  exchange_all(ranks, failed, bounds, replicas);
  std::vector<std::int64_t> all(static_cast<std::size_t>(ranks.size()) * counts.size());
  std::ranges::copy(counts, all.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(ranks.rank()) *
                                                                      counts.size()));
  ranks.gather(std::as_writable_bytes(std::span(all)));
  std::ranges::fill(counts, 0);
  for (std::size_t i = 0; i < all.size(); ++i) counts[i % counts.size()] += all[i];
}

void exchange(comm::Ranks& ranks, const std::exception_ptr& failed, const std::vector<std::size_t>& bounds,
              std::span<SampledReplica> replicas) {
  if (ranks.size() > 1) exchange_all(ranks, failed, bounds, replicas);
}

}  // namespace hardy::algorithms
