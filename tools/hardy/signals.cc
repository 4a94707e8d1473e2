#include "tools/hardy/signals.h"

#include <unistd.h>

#include <atomic>
#include <cstring>
#include <span>

#include "engine/comm/ranks.h"
#include "engine/run/temporary.h"

namespace hardy::tools {
namespace {

StopSource asked;
std::atomic<pid_t> owner{0};
static_assert(std::atomic<pid_t>::is_always_lock_free, "a signal handler may touch nothing else");

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1};
// The last is one of several processes': mpirun hands it to all of them.
std::span<const int> signals() { return std::span(kSignals).first(comm::launch().size > 1 ? 4 : 3); }

void leave(int number) {
  if (::getpid() != owner.load(std::memory_order_relaxed)) {  // a child that this process forked
    std::signal(number, SIG_DFL);
    ::raise(number);
    return;
  }
  run::remove_half_written();
  // The first of several says it, and not where mpirun ends it, for a reason that was said elsewhere.
  if (const comm::Launch l = comm::launch(); l.rank > 0 || (l.size > 1 && number == SIGTERM))
    ::_exit(kStoppedBySignal);
  constexpr char kInt[] = "hardy: stopped by SIGINT; nothing half written is left\n",
                 kTerm[] = "hardy: stopped by SIGTERM; nothing half written is left\n",
                 kHup[] = "hardy: stopped by SIGHUP; nothing half written is left\n",
                 kUsr1[] = "hardy: stopped by SIGUSR1; nothing half written is left\n";
  const char* text = number == SIGINT ? kInt : number == SIGTERM ? kTerm : number == SIGHUP ? kHup : kUsr1;
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
  for (const int other : signals()) sigaddset(&action.sa_mask, other);
  action.sa_flags = SA_RESTART;  // reads and writes under way go on
  sigaction(number, &action, before);
}

}  // namespace

void leave_on_signals() {
  owner = ::getpid();
  for (const int number : signals()) {
    struct sigaction before = {};
    sigaction(number, nullptr, &before);
    if (before.sa_handler != SIG_IGN) take(number, leave, nullptr);  // nohup's and a shell's wish stands
  }
}

StopSignals::StopSignals() {
  asked.clear();
  for (std::size_t i = 0; i < signals().size(); ++i) {
    sigaction(kSignals[i], nullptr, &before_[i]);
    if (kSignals[i] != SIGHUP || before_[i].sa_handler != SIG_IGN) take(kSignals[i], note, nullptr);
  }
}

StopSignals::~StopSignals() {
  for (std::size_t i = 0; i < signals().size(); ++i) sigaction(kSignals[i], &before_[i], nullptr);
}

StopToken StopSignals::token() const { return asked.token(); }

}  // namespace hardy::tools
