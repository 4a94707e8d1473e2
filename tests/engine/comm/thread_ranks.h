// Ranks that are threads of one process: what several processes exchange, without a launcher.
#pragma once

#include <algorithm>
#include <barrier>
#include <cstddef>
#include <exception>
#include <functional>
#include <span>
#include <thread>
#include <vector>

#include "engine/comm/ranks.h"

namespace hardy::test {

class ThreadRanks {
 public:
  // Calls work(ranks) on `size` threads, each with a rank of its own. None may throw.
  static void run(int size, const std::function<void(comm::Ranks&)>& work) {
    ThreadRanks all(size);
    std::vector<std::thread> threads;
    for (int rank = 0; rank < size; ++rank)
      threads.emplace_back([&, rank] {
        One one(all, rank);
        work(one);
      });
    for (std::thread& thread : threads) thread.join();
  }

 private:
  class One final : public comm::Ranks {
   public:
    One(ThreadRanks& all, int rank) : all_(all), rank_(rank) {}
    int rank() const override { return rank_; }
    int size() const override { return static_cast<int>(all_.seen_.size()); }
    void gather(std::span<std::byte> bytes) override {
      all_.seen_[static_cast<std::size_t>(rank_)] = bytes;
      barrier();
      const std::size_t each = bytes.size() / all_.seen_.size();
      for (std::size_t r = 0; r < all_.seen_.size(); ++r)  // pieces that nobody but their owner writes
        if (static_cast<int>(r) != rank_)
          std::ranges::copy(all_.seen_[r].subspan(r * each, each), bytes.subspan(r * each).begin());
      barrier();
    }
    void broadcast(std::span<std::byte> bytes) override {
      all_.seen_[static_cast<std::size_t>(rank_)] = bytes;
      barrier();
      if (rank_ > 0) std::ranges::copy(all_.seen_[0], bytes.begin());
      barrier();
    }
    void barrier() override { all_.barrier_.arrive_and_wait(); }
    double seconds_waited() const override { return 0; }
    int neighbours() const override { return size(); }
    void finish() override {}

   private:
    ThreadRanks& all_;
    int rank_;
  };

  explicit ThreadRanks(int size) : barrier_(size), seen_(static_cast<std::size_t>(size)) {}
  std::barrier<> barrier_;
  std::vector<std::span<std::byte>> seen_;
};

}  // namespace hardy::test
