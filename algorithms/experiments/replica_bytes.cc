#include "algorithms/experiments/replica_bytes.h"

#include <cstring>
#include <string>
#include <type_traits>

#include "engine/base/error.h"

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

// All that Run::play writes.
template <class Bytes, class Replica>
void each_part(Replica& r, const Bytes& part) {
  part(r.learner_loss);
  part(r.best_loss);
  part(r.curve);
  part(r.start_costs);
  part(r.first);
  part(r.least_eta_q);
  part(r.largest_eta_bonus);
  part(r.figures);
}

}  // namespace

std::vector<std::byte> packed(std::span<const ReplicaResult> replicas) {
  Writer out;
  for (const ReplicaResult& r : replicas) each_part(r, [&](const auto& x) { out.put(x); });
  return std::move(out.bytes);
}

void unpack(std::span<const std::byte> bytes, std::span<ReplicaResult> into) {
  Reader in(bytes);
  for (ReplicaResult& r : into) each_part(r, [&](auto& x) { in.get(x); });
  if (!in.at_end()) throw Error("another rank has more replicas than its share", "regret run");
}

}  // namespace hardy::algorithms
