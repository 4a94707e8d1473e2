#include "tools/hardy/rank_watch.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "engine/base/error.h"
#include "engine/comm/ranks.h"
#include "tools/hardy/signals.h"

namespace hardy::tools {
namespace {

[[noreturn]] void watch(pid_t rank, const sigset_t& heard) {
  for (;;) {
    const int number = ::sigwaitinfo(&heard, nullptr);
    if (number > 0 && number != SIGCHLD) ::kill(rank, number);
    int status = 0;
    if (::waitpid(rank, &status, WNOHANG) != rank) continue;
    if (WIFEXITED(status)) ::_exit(WEXITSTATUS(status));
    const int by = WTERMSIG(status);
    const bool killed = by == SIGKILL;
    std::fprintf(
        stderr, "hardy: rank %d was ended by signal %d (%s); all ranks stop%s\n", comm::launch().rank, by,
        ::strsignal(by),
        killed ? ", and the same command may be tried again (a training: hardy resume, a study: --or-resume)"
               : "");
    ::_exit(killed ? kStoppedBySignal : 1);
  }
}

}  // namespace

void watch_over_rank() {
  if (comm::launch().size == 1) return;
  sigset_t heard, before;
  sigemptyset(&heard);
  for (const int number : {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&heard, number);
  ::sigprocmask(SIG_BLOCK, &heard, &before);
  const pid_t watcher = ::getpid(), rank = ::fork();
  if (rank < 0) throw Error::failed_run("cannot be forked", "rank " + std::to_string(comm::launch().rank));
  if (rank > 0) watch(rank, heard);
  ::setpgid(0, 0);  // signals to the launcher's group reach it once, through the watcher
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != watcher) ::_exit(kStoppedBySignal);  // killed in between
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  if (comm::launch().rank > 0 && std::freopen("/dev/null", "w", stdout) == nullptr) ::_exit(1);
}

}  // namespace hardy::tools
