#include "engine/run/output.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "engine/base/error.h"
#include "engine/run/atomic_file.h"
#include "engine/run/file_lock.h"

namespace hardy::run {
namespace {

namespace fs = std::filesystem;

// What a name means, whatever it is called: links and ".." lead to the same.
struct Identity {
  dev_t device;
  ino_t inode;
  mode_t mode;
  bool operator==(const Identity& o) const { return device == o.device && inode == o.inode; }
  bool is_folder() const { return S_ISDIR(mode); }
};

std::optional<Identity> identity(const fs::path& path) {
  struct stat s {};
  if (::stat(path.c_str(), &s) != 0) return std::nullopt;
  return Identity{s.st_dev, s.st_ino, s.st_mode};
}

// The folders above a path, the nearest first; of a path that is not there yet, those that are.
std::vector<Identity> folders_above(const fs::path& path) {
  std::error_code code;
  const fs::path whole = fs::weakly_canonical(fs::absolute(path, code), code);
  std::vector<Identity> all;
  for (fs::path at = whole; at.has_relative_path();) {
    at = at.parent_path();
    if (const auto id = identity(at)) all.push_back(*id);
  }
  return all;
}

bool contains(const std::vector<Identity>& all, const Identity& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

void refuse_inputs(const fs::path& out, const std::vector<fs::path>& inputs) {
  const auto itself = identity(out);
  const std::vector<Identity> above = folders_above(out);
  for (const fs::path& input : inputs) {
    const auto in = input.empty() ? std::nullopt : identity(input);
    if (!in) continue;
    const std::string read = in->is_folder() ? "the folder that is read" : "the file that is read";
    if (itself && *itself == *in)
      throw Error("is " + read + " (" + input.string() + ")", out.string(), "choose another name");
    if (in->is_folder() && contains(above, *in))
      throw Error("lies inside " + read + " (" + input.string() + ")", out.string(),
                  "choose a place outside it");
    if (itself && itself->is_folder() && contains(folders_above(input), *itself))
      throw Error("holds " + read + " (" + input.string() + ")", out.string(), "choose another name");
  }
}

void refuse_existing(const fs::path& out, const OutputRules& rules) {
  struct stat s {};
  if (::lstat(out.c_str(), &s) != 0) return;
  if (S_ISLNK(s.st_mode))
    throw Error("is a symbolic link", out.string(), "name the place itself, so that no link is replaced");
  using Kind = OutputRules::Kind;
  if (S_ISDIR(s.st_mode) && rules.kind == Kind::kFile)
    throw Error("is a folder", out.string(), "name a file");
  if (!S_ISDIR(s.st_mode) && !S_ISREG(s.st_mode))
    throw Error("is no regular file", out.string(), "devices, pipes and sockets are not replaced");
  if (!S_ISDIR(s.st_mode) && rules.kind == Kind::kFolder)
    throw Error("is a file", out.string(), "name a new folder");
  if (rules.overwrite || (rules.replaceable && S_ISREG(s.st_mode) && rules.replaceable(out))) return;
  throw Error("exists already", out.string(), rules.hint);
}

fs::path normal(const fs::path& given) {
  if (given.empty()) throw Error("names no place to write", "''", "give a name");
  fs::path path = given.has_filename() ? given : given.parent_path();  // "runs/a/" is "runs/a"
  if (!path.has_filename() || path.filename() == "." || path.filename() == "..")
    throw Error("is a folder that exists already", given.string(), "give a new name");
  return path;
}

// Between a claim's file and its name among the half-written ones no signal ends the process: the file would
// stay.
class SignalsHeld {
 public:
  SignalsHeld() {
    sigset_t ends;
    sigemptyset(&ends);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&ends, number);
    ::pthread_sigmask(SIG_BLOCK, &ends, &before_);
  }
  ~SignalsHeld() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;

 private:
  sigset_t before_;
};

}  // namespace

Output::Output(const fs::path& path, const OutputRules& rules)
    : path_(normal(path)), claim_(path_.string() + ".tmp-claim") {
  refuse_inputs(path_, rules.inputs);
  refuse_existing(path_, rules);
  try {
    if (rules.kind == OutputRules::Kind::kFolder) make_parents();
    claim();
    refuse_existing(path_, rules);  // again: another may just have finished it
    remove_dead_temporaries(path_);
  } catch (...) {
    release();
    throw;
  }
}

Output::~Output() { release(); }

void Output::release() {
  if (lock_ >= 0) {
    const SignalsHeld held;
    claimed_.reset();
    ::unlink(claim_.c_str());  // while the lock is held: whoever opened it before finds another name there
    ::close(std::exchange(lock_, -1));
  }
  for (auto at = made_.rbegin(); at != made_.rend(); ++at) ::rmdir(at->c_str());  // what is empty still
  made_.clear();
}

void Output::make_parents() {
  std::vector<fs::path> missing;
  for (fs::path at = path_.parent_path(); !at.empty() && !identity(at); at = at.parent_path())
    missing.push_back(at);
  for (auto at = missing.rbegin(); at != missing.rend(); ++at) {
    if (::mkdir(at->c_str(), 0777) == 0)
      made_.push_back(*at);
    else if (errno != EEXIST)
      throw Error(std::string("its folder cannot be made (") + std::strerror(errno) + ")", path_.string());
  }
}

void Output::claim() {
  constexpr off_t kLongest = 32;  // a process number; anything longer is not ours
  for (;;) {
    const SignalsHeld held;
    const int fd = ::open(claim_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
    if (fd < 0)
      throw Error(errno == ENOENT ? std::string("its folder does not exist")
                                  : std::string("cannot be written (") + std::strerror(errno) + ")",
                  path_.string());
    struct stat mine {
    }, there{};
    if (::fstat(fd, &mine) != 0 || !S_ISREG(mine.st_mode) || mine.st_size > kLongest) {
      ::close(fd);
      throw Error("is in the way of writing " + path_.filename().string(), claim_.string(), "move it away");
    }
    if (lock_file(fd) == FileLock::kHeld) {
      char text[kLongest + 1] = {};
      const bool known = ::pread(fd, text, kLongest, 0) > 0;
      ::close(fd);
      if (known && std::to_string(::getpid()) == text)
        throw Error("is named twice as an output", path_.string(), "give each a name of its own");
      throw Error("is being written by another process" + (known ? " (" + std::string(text) + ")" : ""),
                  path_.string(), "wait until that one ends, or choose another name");
    }  // a file system without locks: claims are not told apart there
    if (::stat(claim_.c_str(), &there) == 0 && there.st_ino == mine.st_ino && there.st_dev == mine.st_dev) {
      lock_ = fd;
      claimed_.emplace(claim_.string());
      break;
    }
    ::close(fd);  // its holder removed it between our opening and our lock
  }
  const std::string pid = std::to_string(::getpid());
  if (::ftruncate(lock_, 0) != 0 || ::pwrite(lock_, pid.data(), pid.size(), 0) < 0) {
    // The number is for the message of others; without room for it the lock holds all the same.
  }
}

}  // namespace hardy::run
