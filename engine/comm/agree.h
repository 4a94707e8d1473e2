// What several ranks find out about themselves before they go on together, or part.
#pragma once

#include <exception>
#include <string>

#include "engine/comm/ranks.h"

namespace hardy::comm {

// Thrown on the ranks that have nothing to say: another one says why all of them end.
struct FailedElsewhere {};

// All ranks call it with what their part ended with, null if well. Where any failed, the lowest of those
// throws its own and every other one FailedElsewhere, and they have parted (Ranks::finish).
void agree(Ranks& ranks, const std::exception_ptr& mine);
template <class Work>
void together(Ranks& ranks, Work work) {
  if (ranks.size() == 1) return work();
  std::exception_ptr failed;
  try {
    work();
  } catch (...) {
    failed = std::current_exception();
  }
  agree(ranks, failed);
}

// What the first rank has, to all.
std::string from_first(Ranks& ranks, std::string mine);

// `mine` must be the same on all ranks; else an Error, as of agree(), names the first that has another.
void require_same(Ranks& ranks, const std::string& mine, const std::string& what);

}  // namespace hardy::comm
