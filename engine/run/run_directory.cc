#include "engine/run/run_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/base/error.h"
#include "engine/run/atomic_file.h"
#include "engine/run/build.h"
#include "engine/run/json_text.h"

namespace hardy::run {
namespace fs = std::filesystem;

RunDirectory RunDirectory::create(const fs::path& given, const std::vector<std::string>& parts) {
  const fs::path path = given.has_filename() ? given : given.parent_path();  // "runs/a/" is "runs/a"
  std::error_code error;
  if (fs::exists(fs::symlink_status(path, error)))
    throw Error("it exists already", path.string(),
                "choose another --out, or go on with it: hardy resume " + path.string());
  const fs::path parent = fs::absolute(path, error).lexically_normal().parent_path();
  fs::create_directories(parent, error);
  // create_directory alone says whether it was this process that made it.
  if (error || !fs::create_directory(path, error))
    throw Error("the folder cannot be made (" +
                    (error ? error.message() : std::string("another process has just made it")) + ")",
                path.string());
  RunDirectory run(path);
  run.lock();
  for (const std::string& part : parts)
    if (!fs::create_directory(path / part, error))
      throw Error("the folder cannot be made (" + error.message() + ")", (path / part).string());
  return run;
}

RunDirectory RunDirectory::open(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) throw Error("there is no such run", path.string());
  if (!fs::exists(path / "run.json", error))
    throw Error("this is no run of hardy's: it has no run.json", path.string());
  RunDirectory run(path);
  run.lock();
  for (const fs::path& folder : {path, run.checkpoint_folder(), path / "policy"}) remove_temporaries(folder);
  return run;
}

RunDirectory::RunDirectory(RunDirectory&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

RunDirectory::~RunDirectory() {
  if (lock_ >= 0) ::close(lock_);  // the file stays: removing it would race with the next holder
}

// The lock is the kernel's, so that a killed process leaves none behind; the number in the file is for
// people.
void RunDirectory::lock() {
  const fs::path file = path_ / "lock";
  lock_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock_ < 0)
    throw Error(std::string("the lock cannot be opened (") + std::strerror(errno) + ")", file.string());
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    const bool held = errno == EWOULDBLOCK;
    std::string holder;
    std::ifstream(file) >> holder;
    throw Error(held ? "it is in use by another process" + (holder.empty() ? "" : " (" + holder + ")")
                     : std::string("it cannot be locked (") + std::strerror(errno) + ")",
                path_.string(), held ? "wait until that one ends, or stop it" : "");
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(lock_, 0) != 0 || ::pwrite(lock_, pid.data(), pid.size(), 0) < 0)
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

void RunDirectory::write_run(const nlohmann::json& description) const {
  nlohmann::json all = description;
  all["build"] = build_info();
  all["version"] = all["build"]["version"];
  all["source"] = all["build"]["source"];
  write_atomically(path_ / "run.json", json_text(all) + "\n");
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
