#include "engine/run/checkpoints.h"

#include <algorithm>
#include <cstdio>

#include "engine/base/error.h"

namespace hardy::run {

Checkpoints::Checkpoints(std::filesystem::path folder, int keep_last)
    : folder_(std::move(folder)), keep_last_(std::max(keep_last, 1)) {}

std::filesystem::path Checkpoints::path_of(std::int64_t step) const {
  char name[40];
  std::snprintf(name, sizeof name, "step_%012lld.ckpt", static_cast<long long>(step));
  return folder_ / name;
}

std::vector<std::int64_t> Checkpoints::steps() const {
  std::vector<std::int64_t> found;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, ignored)) {
    const std::string name = entry.path().filename().string();
    long long step = 0;
    int length = 0;
    if (std::sscanf(name.c_str(), "step_%lld.ckpt%n", &step, &length) == 1 &&
        static_cast<std::size_t>(length) == name.size() && entry.path() == path_of(step))
      found.push_back(step);
  }
  std::sort(found.begin(), found.end());
  return found;
}

void Checkpoints::save(std::int64_t step, const ArchiveWriter& checkpoint) const {
  std::error_code ignored;  // a file that cannot be removed is no reason to stop training
  std::filesystem::create_directories(folder_, ignored);  // where it is not made, write() says so
  checkpoint.write(path_of(step));
  std::vector<std::int64_t> older;
  for (const std::int64_t s : steps()) {
    if (s > step) std::filesystem::remove(path_of(s), ignored);
    if (s < step) older.push_back(s);
  }
  for (std::size_t i = 0; i + static_cast<std::size_t>(keep_last_) <= older.size(); ++i)
    std::filesystem::remove(path_of(older[i]), ignored);
}

std::optional<Checkpoints::Loaded> Checkpoints::load_newest(const std::string& kind,
                                                            int newest_format) const {
  const std::vector<std::int64_t> all = steps();
  std::vector<std::string> warnings;
  for (auto step = all.rbegin(); step != all.rend(); ++step) {
    try {
      Archive archive = Archive::read(path_of(*step), kind, newest_format);
      return Loaded{std::move(archive), *step, std::move(warnings)};
    } catch (const Error& e) {
      warnings.push_back(e.message());
    }
  }
  if (all.empty()) return std::nullopt;
  throw Error("none of its " + std::to_string(all.size()) + " checkpoints can be used", folder_.string(),
              "the newest: " + warnings.front());
}

}  // namespace hardy::run
