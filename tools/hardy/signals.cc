#include "tools/hardy/signals.h"

#include <unistd.h>

#include <atomic>
#include <cstring>
#include <iterator>

#include "engine/comm/ranks.h"
#include "engine/run/temporary.h"

namespace hardy::tools {
namespace {

StopSource asked;
std::atomic<pid_t> owner{0};
static_assert(std::atomic<pid_t>::is_always_lock_free, "a signal handler may touch nothing else");

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};

void leave(int number) {
  if (::getpid() != owner.load(std::memory_order_relaxed)) {  // a child that this process forked
    std::signal(number, SIG_DFL);
    ::raise(number);
    return;
  }
  run::remove_half_written();
  if (comm::launch().rank > 0) ::_exit(kStoppedBySignal);  // the first one says it
  constexpr char kInt[] = "hardy: stopped by SIGINT; nothing half written is left\n",
                 kTerm[] = "hardy: stopped by SIGTERM; nothing half written is left\n",
                 kHup[] = "hardy: stopped by SIGHUP; nothing half written is left\n";
  const char* text = number == SIGINT ? kInt : number == SIGTERM ? kTerm : kHup;
  if (::write(STDERR_FILENO, text, std::strlen(text)) < 0) ::_exit(kStoppedBySignal);
  ::_exit(kStoppedBySignal);
}

// The first asks; a second one does not wait for what the first asked for.
void note(int number) {
  if (asked.stop_requested()) leave(number);
  asked.request_stop();
}

void take(int number, void (*handler)(int), struct sigaction* before) {
  struct sigaction action = {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  for (const int other : kSignals) sigaddset(&action.sa_mask, other);
  action.sa_flags = SA_RESTART;  // reads and writes under way go on
  sigaction(number, &action, before);
}

}  // namespace

void leave_on_signals() {
  owner = ::getpid();
  for (const int number : kSignals) {
    struct sigaction before = {};
    sigaction(number, nullptr, &before);
    if (before.sa_handler != SIG_IGN) take(number, leave, nullptr);  // nohup's and a shell's wish stands
  }
}

StopSignals::StopSignals() {
  asked.clear();
  for (std::size_t i = 0; i < std::size(kSignals); ++i) {
    sigaction(kSignals[i], nullptr, &before_[i]);
    if (kSignals[i] != SIGHUP || before_[i].sa_handler != SIG_IGN) take(kSignals[i], note, nullptr);
  }
}

StopSignals::~StopSignals() {
  for (std::size_t i = 0; i < std::size(kSignals); ++i) sigaction(kSignals[i], &before_[i], nullptr);
}

StopToken StopSignals::token() const { return asked.token(); }

}  // namespace hardy::tools
