#include "tools/hardy/signals.h"

#include <unistd.h>

#include <atomic>

#include "engine/run/temporary.h"

namespace hardy::tools {
namespace {

StopSource asked;
std::atomic<pid_t> owner{0};
static_assert(std::atomic<pid_t>::is_always_lock_free, "a signal handler may touch nothing else");

void note(int) { asked.request_stop(); }

void leave(int number) {
  if (::getpid() != owner.load(std::memory_order_relaxed)) {  // a child that this process forked
    std::signal(number, SIG_DFL);
    ::raise(number);
    return;
  }
  run::remove_half_written();
  constexpr char kInt[] = "hardy: stopped by SIGINT; nothing half written is left\n",
                 kTerm[] = "hardy: stopped by SIGTERM; nothing half written is left\n";
  const bool interrupt = number == SIGINT;
  if (::write(STDERR_FILENO, interrupt ? kInt : kTerm, (interrupt ? sizeof kInt : sizeof kTerm) - 1) < 0)
    ::_exit(kStoppedBySignal);
  ::_exit(kStoppedBySignal);
}

void take(int number, void (*handler)(int), struct sigaction* before) {
  struct sigaction action = {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  sigaddset(&action.sa_mask, SIGINT);
  sigaddset(&action.sa_mask, SIGTERM);
  action.sa_flags = SA_RESTART;  // reads and writes under way go on
  sigaction(number, &action, before);
}

}  // namespace

void leave_on_signals() {
  owner = ::getpid();
  for (const int number : {SIGINT, SIGTERM}) {
    struct sigaction before = {};
    sigaction(number, nullptr, &before);
    if (before.sa_handler != SIG_IGN) take(number, leave, nullptr);  // nohup's and a shell's wish stands
  }
}

StopSignals::StopSignals() {
  asked.clear();
  take(SIGINT, note, &before_int_);
  take(SIGTERM, note, &before_term_);
}

StopSignals::~StopSignals() {
  sigaction(SIGINT, &before_int_, nullptr);
  sigaction(SIGTERM, &before_term_, nullptr);
}

StopToken StopSignals::token() const { return asked.token(); }

}  // namespace hardy::tools
