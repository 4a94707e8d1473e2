// What a command does where mpirun started it as one of several processes.
#pragma once

namespace hardy::tools {

// Called first: leaves a process that watches over the one that goes on from here. It passes on what it is
// asked for (SIGTERM, SIGINT, SIGHUP; SIGUSR1, which mpirun hands to all ranks), and where the other is
// killed it says so in a line and exits with 75, and not with the signal's code: mpirun ends all other ranks,
// and a scheduler tries again. Only the first rank keeps its standard output. Does nothing in a process of
// its own.
void watch_over_rank();

}  // namespace hardy::tools
