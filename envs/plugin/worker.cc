#include "envs/plugin/worker.h"

#include <dlfcn.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include "engine/base/error.h"
#include "engine/base/text.h"

extern char** environ;

namespace hardy::envs {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int kDescriptor = 3;        // under which the child finds the memory
constexpr int kSlice = 20;            // milliseconds between two looks whether the child lives
constexpr double kStartSeconds = 60;  // at least, for a process to begin and load what it steps

}  // namespace

fs::path companion_file(const std::string& name, const std::string& from_lib, const fs::path& source) {
  Dl_info here{};
  if (::dladdr(reinterpret_cast<const void*>(&wait_for_change), &here) == 0 || here.dli_fname == nullptr)
    throw Error::failed_run("where this library lies cannot be found out", name);
  fs::path folder = fs::absolute(here.dli_fname).parent_path();
  // Where the loader took the library for this very processor, what belongs to it lies beside the common one.
  if (folder.parent_path().filename() == "glibc-hwcaps") folder = folder.parent_path().parent_path();
  for (const fs::path& file : {folder / name, folder / from_lib / name, source})
    if (!file.empty() && fs::exists(file)) return file.lexically_normal();
  throw Error(
      "this file of Hardy's is not there", name,
      "it is looked for in " + folder.string() + " and " + (folder / from_lib).lexically_normal().string());
}

namespace {
[[noreturn]] void no_memory() {
  throw Error::failed_run("there is not enough memory for a simulator's process");
}
}  // namespace

SharedMemory::SharedMemory() : descriptor_(::memfd_create("hardy-batch", MFD_CLOEXEC)) {
  if (descriptor_ < 0 || ::ftruncate(descriptor_, kControlBytes) != 0) no_memory();
  control_ = static_cast<Control*>(map(kControlBytes, 0));
}
SharedMemory::~SharedMemory() {
  if (control_ != nullptr) ::munmap(control_, kControlBytes);
  if (arrays_ != nullptr) ::munmap(arrays_, bytes_);
  if (descriptor_ >= 0) ::close(descriptor_);
}
SharedArrays SharedMemory::arrays() {
  if (arrays_ == nullptr) {
    const std::size_t bytes = SharedArrays(*control_, nullptr).bytes;
    if (::ftruncate(descriptor_, static_cast<off_t>(kControlBytes + bytes)) != 0) no_memory();
    bytes_ = bytes;
    arrays_ = static_cast<std::byte*>(map(bytes, kControlBytes));
  }
  return {*control_, arrays_};
}
void* SharedMemory::map(std::size_t bytes, std::size_t offset) {
  void* const place =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_, static_cast<off_t>(offset));
  if (place == MAP_FAILED) no_memory();
  return place;
}

Worker::Worker(const WorkerStart& start, int instances, double timeout)
    : name_(start.name), timeout_(timeout) {
  Control& c = memory_.control();
  c.instances = instances;
  if (start.name.size() + start.config.size() + 2 > sizeof c.text) throw Error("its name is too long", name_);
  std::memcpy(c.text, start.name.c_str(), start.name.size() + 1);
  std::memcpy(c.text + start.name.size() + 1, start.config.c_str(), start.config.size() + 1);

  std::vector<std::string> words = start.arguments;
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, memory_.descriptor(), kDescriptor);
  const int failed = ::posix_spawnp(&pid_, arguments[0], &files, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (failed != 0) {
    pid_ = 0;
    throw Error("its process cannot be started: " + words[0] + " (" + std::strerror(failed) + ")", name_,
                start.not_there,
                failed == ENOENT || failed == EACCES ? Error::Kind::kBadInput : Error::Kind::kFailedRun);
  }
  ask(SharedCall::kCreate);
}

Worker::~Worker() {
  if (pid_ > 0 && !asked_) {  // one that is at work is not waited for
    ask(SharedCall::kQuit);
    for (int i = 0; i < 50 && !ended(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(i < 20 ? 1 : 20));
  }
  end();
}

void Worker::ready() {
  const double seconds = std::max(kStartSeconds, timeout_);
  if (!answered(seconds)) throw Error::failed_run("create: " + how_ended_, name_);
  static_cast<void>(memory_.arrays());
  ask(SharedCall::kMap);
  if (!answered(seconds)) throw Error::failed_run(how_ended_, name_);
}

void Worker::ask(SharedCall call) {
  Control& c = memory_.control();
  before_ = c.answered.load(std::memory_order_acquire);
  c.call = call;
  asked_ = true, since_ = Clock::now();
  tell(c.asked);
}

bool Worker::answered(double seconds) {
  if (!lives()) return false;
  Control& c = memory_.control();
  while (!wait_for_change(c.answered, before_, kSlice)) {
    if (ended()) return false;
    if (std::chrono::duration<double>(Clock::now() - since_).count() < seconds) continue;
    end();
    how_ended_ = "it took longer than " + to_text(seconds) + " s";
    return false;
  }
  asked_ = false;
  if (c.code == HARDY_PLUGIN_OK) return true;
  c.text[sizeof c.text - 1] = '\0';
  throw Error(c.text, "", "",
              c.code == HARDY_PLUGIN_BAD_INPUT ? Error::Kind::kBadInput : Error::Kind::kFailedRun);
}

bool Worker::ended() {
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) == 0) return false;
  pid_ = 0;
  how_ended_ = WIFSIGNALED(status)
                   ? std::string("its process crashed (") + ::strsignal(WTERMSIG(status)) + ")"
                   : "its process ended by itself (exit code " + std::to_string(WEXITSTATUS(status)) + ")";
  return true;
}

void Worker::end() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

}  // namespace hardy::envs
