// A place that a command is going to write: checked and claimed before any work, by one rule for every output
// of every command.
//
//   const run::Output out(path, {.overwrite = overwrite, .inputs = {in}});
//   ... work; then write out.path() through AtomicFile, AtomicFolder or RunDirectory
//
// Refused is an output that is an input, by whatever name or link; that lies inside a folder that is read, or
// is a folder that holds what is read; that is a device, a pipe or a link; that exists, unless it may be
// replaced; whose folder is missing or may not be written; or that another process is writing at the moment.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "engine/run/temporary.h"

namespace hardy::run {

struct OutputRules {
  enum class Kind { kFile, kFolder, kEither };
  Kind kind = Kind::kFile;
  bool overwrite = false;  // what exists may be replaced
  std::vector<std::filesystem::path> inputs =
      {};  // all that the command reads; what is missing is passed over
  // Tells, by its contents, a file that may be replaced even so; null: none may.
  bool (*replaceable)(const std::filesystem::path&) = nullptr;
  const char* hint = "choose another name or give --overwrite";  // where it exists
};

class Output {
 public:
  // Makes the missing parents of a folder, not those of a file. Removes what killed writers of the same
  // output left beside it (NAME.tmp-PID of processes that are no more). Errors name the output.
  explicit Output(const std::filesystem::path& path, const OutputRules& rules = {});
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  const std::filesystem::path& path() const { return path_; }  // without a slash at its end
  // Gives the claim back, where the output has begun to guard itself (a run's folder has a lock).
  void release();

 private:
  void make_parents();
  void claim();

  // The claim is a lock on NAME.tmp-claim, which is removed with it; a killed process leaves the file, not
  // the lock, and the next claim takes it over.
  std::filesystem::path path_, claim_;
  std::vector<std::filesystem::path> made_;  // parents, the outermost first
  int lock_ = -1;
  std::optional<Temporary> claimed_;  // a signal removes the file
};

}  // namespace hardy::run
