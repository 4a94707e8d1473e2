// Races: whether an earlier access to a word is ordered before the running thread's.
#include <algorithm>
#include <bit>

#include "cuda/emulation/check/checker.h"
#include "cuda/emulation/run/block.h"
#include "cuda/emulation/run/launch.h"
#include "cuda/emulation/run/report.h"

namespace hardy::emulation {
namespace {

std::string at(const void* code) {
  const std::string where = place(code);
  return where.empty() ? "" : " at " + where;
}

}  // namespace

WordHistory::Event Checker::event(std::uint8_t bytes, std::uint64_t stamp, Access kind,
                                  const void* code) const {
  WordHistory::Event e;
  e.stamp = stamp;
  e.code = code;
  e.block = static_cast<std::uint32_t>(running_launch()->block_number);
  e.epoch = epoch_;
  e.clock = warp_clock_[thread_rank() / 32];
  e.thread = static_cast<std::uint16_t>(thread_rank());
  e.bytes = bytes;
  e.atomic = is_strong(kind);
  return e;
}

bool Checker::ordered(const WordHistory::Event& earlier) const {
  const unsigned me = thread_rank();
  if (earlier.block != static_cast<std::uint32_t>(running_launch()->block_number))
    return acquired(earlier.block);
  if (earlier.epoch != epoch_ || earlier.thread == me) return true;
  if (earlier.thread / 32 != me / 32) return false;
  return known_[me * 32 + earlier.thread % 32] > earlier.clock;
}

bool Checker::readers_ordered(const WordHistory& word) const {
  const unsigned me = thread_rank();
  if (word.read_by_earlier_block) return false;
  if (word.read.block != static_cast<std::uint32_t>(running_launch()->block_number))
    return acquired(word.read.block);
  if (word.read.epoch != epoch_) return true;
  if (word.readers_of_other_warps || word.read.thread / 32 != me / 32) return false;
  for (unsigned lanes = word.reader_lanes & ~(1u << me % 32); lanes != 0; lanes &= lanes - 1)
    if (known_[me * 32 + static_cast<unsigned>(std::countr_zero(lanes))] <= word.read.clock) return false;
  return true;
}

void Checker::remember_read(WordHistory& word, const WordHistory::Event& now) const {
  const std::uint32_t lane_bit = 1u << now.thread % 32;
  const bool known = word.read.stamp == now.stamp;
  if (!known) word.read_by_earlier_block = word.readers_of_other_warps = false;
  if (known && word.read.block != now.block) {
    word.read_by_earlier_block = word.read_by_earlier_block || !acquired(word.read.block);
    word.readers_of_other_warps = false;
  }
  const bool together = known && word.read.block == now.block && word.read.epoch == now.epoch;
  if (together && word.read.thread / 32 != now.thread / 32) {
    word.readers_of_other_warps = true;
    word.reader_lanes = lane_bit;
  } else {
    if (known && word.read.epoch != now.epoch) word.readers_of_other_warps = false;
    word.reader_lanes = together && !readers_ordered(word) ? word.reader_lanes | lane_bit : lane_bit;
  }
  const std::uint8_t before = together ? word.read.bytes : std::uint8_t{0};
  word.read = now;
  word.read.bytes |= before;
}

void Checker::check_races(WordHistory& word, std::uint8_t bytes, std::uint64_t stamp, Access kind,
                          const void* code, const Place& place) {
  const WordHistory::Event now = event(bytes, stamp, kind, code);
  const auto report = [&](const WordHistory::Event& other, const char* other_verb) {
    fail("race on " + place.text() + ": " + verb(kind) + at(code) + ", not ordered with the " + other_verb +
         " by " + position_of(other.block, other.thread) + at(other.code));
  };
  const WordHistory::Event& w = word.write;
  if (w.stamp == stamp && (w.bytes & bytes) != 0 && !(w.atomic && now.atomic) && !ordered(w))
    report(w, w.atomic ? "atomic access" : "write");
  if (!writes(kind)) return remember_read(word, now);
  const WordHistory::Event& r = word.read;
  if (r.stamp == stamp && (r.bytes & bytes) != 0 && !(r.atomic && now.atomic) && !readers_ordered(word))
    report(r, "read");
  const bool same =
      w.stamp == stamp && w.thread == now.thread && w.block == now.block && w.epoch == now.epoch;
  const std::uint8_t before = same && w.atomic == now.atomic ? w.bytes : std::uint8_t{0};
  word.write = now;
  word.write.bytes |= before;
}

}  // namespace hardy::emulation
