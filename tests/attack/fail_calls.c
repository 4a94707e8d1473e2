// Preloaded: makes the FAIL_AT-th call that changes the file system fail, and all after it with FAIL_ON set, as
// a full or broken disk does. FAIL_WITH is the error's number; with KILL in its place the process is killed there.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static int fails(void) {
  static long calls = 0;
  const char *at = getenv("FAIL_AT"), *on = getenv("FAIL_ON"), *with = getenv("FAIL_WITH");
  long call = __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED), n = at ? atol(at) : 0;
  if (n == 0 || call < n || (call > n && !on)) return 0;
  if (with && !strcmp(with, "KILL")) raise(SIGKILL);
  errno = with ? atoi(with) : ENOSPC;
  return 1;
}
// Standard descriptors and pipes are not the disk.
static int is_file(int fd) {
  struct stat s;
  return fd > 2 && fstat(fd, &s) == 0 && S_ISREG(s.st_mode);
}
#define REAL(type, name, ...)                                     \
  static type (*real)(__VA_ARGS__);                               \
  if (!real) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

ssize_t write(int fd, const void* p, size_t n) {
  REAL(ssize_t, write, int, const void*, size_t);
  return is_file(fd) && fails() ? -1 : real(fd, p, n);
}
ssize_t pwrite(int fd, const void* p, size_t n, off_t at) {
  REAL(ssize_t, pwrite, int, const void*, size_t, off_t);
  return is_file(fd) && fails() ? -1 : real(fd, p, n, at);
}
ssize_t pwrite64(int fd, const void* p, size_t n, off64_t at) {
  REAL(ssize_t, pwrite64, int, const void*, size_t, off64_t);
  return is_file(fd) && fails() ? -1 : real(fd, p, n, at);
}
int fsync(int fd) {
  REAL(int, fsync, int);
  return fails() ? -1 : real(fd);
}
int ftruncate(int fd, off_t n) {
  REAL(int, ftruncate, int, off_t);
  return fails() ? -1 : real(fd, n);
}
int ftruncate64(int fd, off64_t n) {
  REAL(int, ftruncate64, int, off64_t);
  return fails() ? -1 : real(fd, n);
}
int rename(const char* a, const char* b) {
  REAL(int, rename, const char*, const char*);
  return fails() ? -1 : real(a, b);
}
int renameat2(int from, const char* a, int to, const char* b, unsigned flags) {
  REAL(int, renameat2, int, const char*, int, const char*, unsigned);
  return fails() ? -1 : real(from, a, to, b, flags);
}
int mkdir(const char* path, mode_t mode) {
  REAL(int, mkdir, const char*, mode_t);
  return fails() ? -1 : real(path, mode);
}
static int opens(int (*real)(const char*, int, ...), const char* path, int flags, mode_t mode) {
  return (flags & O_CREAT) && fails() ? -1 : real(path, flags, mode);
}
int open(const char* path, int flags, ...) {
  REAL(int, open, const char*, int, ...);
  va_list v;
  va_start(v, flags);
  mode_t mode = va_arg(v, mode_t);
  va_end(v);
  return opens(real, path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  REAL(int, open64, const char*, int, ...);
  va_list v;
  va_start(v, flags);
  mode_t mode = va_arg(v, mode_t);
  va_end(v);
  return opens(real, path, flags, mode);
}
