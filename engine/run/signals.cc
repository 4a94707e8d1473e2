#include "engine/run/signals.h"

#include <atomic>

namespace hardy::run {
namespace {

std::atomic<int> asked{0};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may touch nothing else");

void note(int number) { asked.store(number, std::memory_order_relaxed); }

}  // namespace

StopSignals::StopSignals() {
  asked = 0;
  struct sigaction action = {};
  action.sa_handler = note;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;  // reads and writes under way go on
  sigaction(SIGINT, &action, &before_int_);
  sigaction(SIGTERM, &action, &before_term_);
}

StopSignals::~StopSignals() {
  sigaction(SIGINT, &before_int_, nullptr);
  sigaction(SIGTERM, &before_term_, nullptr);
}

int StopSignals::signal_number() { return asked.load(std::memory_order_relaxed); }

}  // namespace hardy::run
