// Locks of files by the kernel (flock), which end with the process that holds them, or its machine.
#pragma once

#include <string>

namespace hardy::run {

// "4711 on node3": what a holder writes into the file, for people and for the function below.
std::string this_process();

enum class FileLock {
  kTaken,
  kHeld,  // by another process
  kNone,  // the file system has no locks; errno says more
};

// Takes the lock of the open file for this process alone, without waiting for a holder. One that was killed
// may leave the lock for moments to a child that dies with it: where the process that the file names was of
// this machine and is no more, the lock is waited for, 2 s at most.
FileLock lock_file(int fd);

}  // namespace hardy::run
