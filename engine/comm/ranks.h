// Several processes that do one piece of work: each knows its rank among `size`, and they exchange bytes. All
// of them make the same calls in the same order; whoever makes one waits until the others have made theirs.
// Nothing is summed on the way: who gathers sums in the order of the ranks, so that numbers do not depend on
// how many of them there are.
//
//   comm::Ranks& ranks = comm::launched();   // those that mpirun started this process with, or this one
//   alone ranks.gather(mine, all);
//
// A lost rank ends the wait with an Error, or the launcher ends the process: no result of it is ever used.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace hardy::comm {

class Ranks {
 public:
  virtual ~Ranks() = default;
  Ranks() = default;
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  virtual int rank() const = 0;  // 0, ..., size() - 1
  virtual int size() const = 0;
  bool first() const { return rank() == 0; }
  // `all` holds size() pieces of equal size; each rank has its own in place, and has all of them afterwards.
  virtual void gather(std::span<std::byte> all) = 0;
  // What the first rank has, to all.
  virtual void broadcast(std::span<std::byte> bytes) = 0;
  virtual void barrier() = 0;
  // Seconds that this process has waited in the calls above.
  virtual double seconds_waited() const = 0;
  // How many of them are on this machine, this one included.
  virtual int neighbours() const = 0;
  // The last call: nobody hears of this process any more. Not called where it ends by an exception; again, it
  // does nothing.
  virtual void finish() = 0;
};

Ranks& alone();  // one process; every call returns at once

// --- made of the calls above

// The cores that this rank may take: those it is bound to, else its part of the machine's.
int cores_of(const Ranks& ranks);
bool any(Ranks& ranks, bool mine);  // whether it is true of any rank
// Each rank's bytes, by rank; of any sizes.
std::vector<std::vector<std::byte>> gather_all(Ranks& ranks, std::span<const std::byte> mine);
// The bounds [first, last) of rank's share of n things: one behind the other, as equal as can be.
struct Share {
  std::int64_t first, last;
};
Share share_of(const Ranks& ranks, std::int64_t n);
std::vector<std::size_t> bounds_of(const Ranks& ranks, std::size_t n);  // where all shares begin, and n

// --- how this process was started

// By its environment: what mpirun says of it. {0, 1} where nobody started it as one of several.
struct Launch {
  int rank = 0, size = 1;
};
Launch launch();
// The ranks of launch(), joined at the first call, alone() where it is one. libhardy_mpi.so, which lies
// beside this library, is loaded for that and not before: no other command waits for MPI or needs it. An
// Error where that file is not there.
Ranks& launched();
// The MPI that this build has, "Open MPI 4.1.4"; "" where it has none.
std::string library();

}  // namespace hardy::comm
