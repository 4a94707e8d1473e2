#include "engine/run/run_directory.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/run/atomic_file.h"
#include "engine/run/build.h"
#include "engine/run/file_lock.h"
#include "engine/run/json_text.h"

namespace hardy::run {
namespace fs = std::filesystem;

namespace {

[[noreturn]] void refuse_existing(const fs::path& path) {
  throw Error("it exists already", path.string(),
              "choose another --out, or go on with it: hardy resume " + path.string());
}

}  // namespace

RunDirectory RunDirectory::create(const fs::path& given, const std::vector<std::string>& parts) {
  const fs::path path = given.has_filename() ? given : given.parent_path();  // "runs/a/" is "runs/a"
  std::error_code error;
  if (fs::exists(fs::symlink_status(path, error))) refuse_existing(path);
  fs::create_directories(fs::absolute(path, error).lexically_normal().parent_path(), error);
  RunDirectory run(path.string() + ".tmp-" + std::to_string(::getpid()));
  run.name_ = path;
  run.half_written_ = std::make_unique<Temporary>(run.path_.string());
  if (error || !fs::create_directory(run.path_, error))
    throw Error("the folder cannot be made (" +
                    (error ? error.message() : std::string("this process is making it already")) + ")",
                path.string());
  run.lock();
  for (const std::string& part : parts)
    if (!fs::create_directory(run.path_ / part, error))
      throw Error("the folder cannot be made (" + error.message() + ")", (path / part).string());
  return run;
}

void RunDirectory::appear() {
  if (name_.empty()) return;
  if (::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, name_.c_str(), RENAME_NOREPLACE) != 0) {
    if (errno == EEXIST) refuse_existing(name_);
    // A file system that knows no such flag: a rename replaces an empty folder at most.
    std::error_code error;
    if (fs::exists(fs::symlink_status(name_, error))) refuse_existing(name_);
    fs::rename(path_, name_, error);
    if (error) throw Error("the folder cannot be made (" + error.message() + ")", name_.string());
  }
  path_ = std::exchange(name_, fs::path());
  half_written_.reset();
  sync_folder_of(path_);
}

RunDirectory RunDirectory::open(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) throw Error("there is no such run", path.string());
  if (!fs::exists(path / "run.json", error))
    throw Error("this is no run of hardy's: it has no run.json", path.string());
  RunDirectory run(path);
  run.lock();
  for (const fs::path& folder : {path, run.checkpoint_folder(), path / "policy", path / "tensorboard"})
    remove_temporaries(folder);
  return run;
}

RunDirectory::RunDirectory(RunDirectory&& other) noexcept
    : path_(std::move(other.path_)),
      name_(std::exchange(other.name_, fs::path())),
      half_written_(std::move(other.half_written_)),
      lock_(std::exchange(other.lock_, -1)) {}

RunDirectory::~RunDirectory() {
  if (!name_.empty()) {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  if (lock_ >= 0) ::close(lock_);  // the file stays: removing it would race with the next holder
}

// The lock is the kernel's, so that a killed process leaves none behind, nor does a machine that died once
// its file server knows; what the file says is for people.
void RunDirectory::lock() {
  const fs::path file = path_ / "lock";
  lock_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock_ < 0)
    throw Error(std::string("the lock cannot be opened (") + std::strerror(errno) + ")", file.string());
  if (const FileLock lock = lock_file(lock_); lock != FileLock::kTaken) {
    const bool held = lock == FileLock::kHeld;
    std::string holder;
    std::ifstream stream(file);
    std::getline(stream, holder);
    throw Error(held ? "it is in use by another process" + (holder.empty() ? "" : " (" + holder + ")")
                     : std::string("it cannot be locked (") + std::strerror(errno) + ")",
                path_.string(), held ? "wait until that one ends, or stop it" : "");
  }
  const std::string holder = this_process() + "\n";
  if (::ftruncate(lock_, 0) != 0 || ::pwrite(lock_, holder.data(), holder.size(), 0) < 0)
    throw Error(std::string("the lock cannot be written (") + std::strerror(errno) + ")", file.string());
}

fs::path RunDirectory::policy_file(std::int64_t agent) const {
  return path_ / "policy" / ("agent_" + std::to_string(agent) + ".policy");
}

fs::path RunDirectory::best_policy_file(std::int64_t agent) const {
  return path_ / "policy" / ("best_agent_" + std::to_string(agent) + ".policy");
}

void RunDirectory::write_config(const std::string& resolved) const {
  write_atomically(config_file(), resolved);
}

void RunDirectory::write_run(const nlohmann::json& description) {
  nlohmann::json all = description;
  all["build"] = build_info();
  all["version"] = all["build"]["version"];
  all["source"] = all["build"]["source"];
  write_atomically(path_ / "run.json", json_text(all) + "\n");
  appear();
}

void RunDirectory::write_summary(const nlohmann::json& summary) const {
  write_atomically(path_ / "summary.json", json_text(summary) + "\n");
}

void RunDirectory::write_results(const nlohmann::json& results) const {
  write_atomically(path_ / "results.json", json_text(results, -1) + "\n");
}

namespace {

Fields read_object(const fs::path& file) {
  std::ifstream stream(file);
  if (!stream) throw Error("the file cannot be read", file.string());
  nlohmann::json json = nlohmann::json::parse(stream, nullptr, false);
  if (json.is_discarded())
    throw Error("the file is not JSON", file.string(), "put back the one that hardy wrote");
  return Fields(std::move(json), file.string());
}

}  // namespace

Fields read_run(const fs::path& run) {
  std::error_code error;
  if (!fs::exists(run / "run.json", error))
    throw Error("this is no run of hardy's: it has no run.json", run.string());
  return read_object(run / "run.json");
}

std::optional<Fields> read_summary(const fs::path& run) {
  std::error_code error;
  if (!fs::exists(run / "summary.json", error)) return std::nullopt;
  return read_object(run / "summary.json");
}

Fields read_results(const fs::path& run) { return read_object(run / "results.json"); }

}  // namespace hardy::run
