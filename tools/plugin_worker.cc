// hardy_plugin_worker: the process of a plug-in that is isolated (envs/plugin/isolated_batch.cc starts it).
// What it is asked comes in shared memory, behind descriptor 3.
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>

#include "envs/plugin/shared_batch.h"

int main() {
  // A fault of the simulator ends this process by its signal, whatever handler a sanitizer has put up.
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) std::signal(fault, SIG_DFL);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::signal(SIGINT, SIG_IGN);  // of the terminal's group: the parent decides when this ends
  std::signal(SIGTSTP, SIG_IGN);
  return hardy::envs::serve_plugin(3);
}
