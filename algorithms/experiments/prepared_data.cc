#include "algorithms/experiments/prepared_data.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "datasets/store.h"
#include "engine/base/error.h"
#include "engine/run/archive.h"
#include "engine/run/atomic_file.h"
#include "engine/run/build.h"
#include "engine/run/file_lock.h"
#include "engine/run/json_text.h"

namespace hardy::algorithms {
namespace {

namespace fs = std::filesystem;
using datasets::Transitions;

constexpr const char* kKind = "prepared data";
constexpr int kFormat = 2;

std::string now() {
  const std::time_t t = std::time(nullptr);
  std::tm utc{};
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", ::gmtime_r(&t, &utc));
  return text;
}

nlohmann::json described_file(const fs::path& file) {
  struct ::stat s {};
  if (::stat(file.c_str(), &s) != 0) return {file.string(), nullptr};
  return {run::valid_utf8(file.string()), s.st_size, s.st_mtim.tv_sec, s.st_mtim.tv_nsec};
}

struct Column {
  const char* name;
  std::vector<float> Transitions::*data;
  std::int64_t (*width)(const Transitions&);
};
constexpr Column kColumns[] = {
    {"observations", &Transitions::observations,
     [](const Transitions& t) { return std::int64_t{t.observation_size}; }},
    {"actions", &Transitions::actions, [](const Transitions& t) { return std::int64_t{t.action_size}; }},
    {"rewards", &Transitions::rewards, [](const Transitions&) { return std::int64_t{1}; }},
    {"next_observations", &Transitions::next_observations,
     [](const Transitions& t) { return std::int64_t{t.observation_size}; }},
    {"terminals", &Transitions::terminals, [](const Transitions&) { return std::int64_t{1}; }}};

void write(const fs::path& file, const std::string& about, const PreparedData& data) {
  run::ArchiveWriter archive(kKind, kFormat);
  const Transitions& t = data.transitions;
  archive.header()["description"] = about;
  archive.header()["data"] = {{"rows", t.rows},
                              {"observation_size", t.observation_size},
                              {"action_size", t.action_size},
                              {"summary", data.summary},
                              {"made", data.made},
                              {"notes", data.notes},
                              {"discrete", data.space.discrete},
                              {"evidence", data.space.evidence}};
  for (const Column& c : kColumns)
    archive.add<float>(c.name, Shape{t.rows, c.width(t)}, std::span<const float>(t.*c.data));
  archive.add<std::uint8_t>("episode_end", Shape{t.rows}, std::span<const std::uint8_t>(t.episode_end));
  archive.add<float>("trust", Shape{static_cast<std::int64_t>(t.trust.size())},
                     std::span<const float>(t.trust));
  for (const auto& [name, bounds] : {std::pair{"low", &data.space.low}, {"high", &data.space.high}})
    archive.add<float>(name, Shape{static_cast<std::int64_t>(bounds->size())},
                       std::span<const float>(*bounds));
  archive.write(file);
}

template <class T>
std::vector<T> copied(const run::Archive& archive, const char* name) {
  const auto x = archive.get<T>(name);
  return {x.begin(), x.end()};
}

PreparedData read(const fs::path& file) {
  const run::Archive archive = run::Archive::read(file, kKind, kFormat);
  const nlohmann::json& h = archive.header().at("data");
  PreparedData data;
  Transitions& t = data.transitions;
  t.rows = h.at("rows"), t.observation_size = h.at("observation_size"), t.action_size = h.at("action_size");
  for (const Column& c : kColumns) t.*c.data = copied<float>(archive, c.name);
  t.episode_end = copied<std::uint8_t>(archive, "episode_end");
  t.trust = copied<float>(archive, "trust");
  data.summary = h.at("summary");
  data.made = h.at("made").get<std::vector<std::string>>();
  data.notes = h.at("notes").get<std::vector<std::string>>();
  data.space = {h.at("discrete"), h.at("evidence"), copied<float>(archive, "low"),
                copied<float>(archive, "high")};
  return data;
}

// A folder that exists holds nothing but what this file writes: a dataset's or a run's is left as it is.
void require_own(const fs::path& folder) {
  const std::string to_do = "name a folder that is new, or was made for prepared data";
  std::error_code error;
  if (fs::exists(folder, error) && !fs::is_directory(folder, error))
    throw Error("is no folder", folder.string(), to_do);
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name != "log.txt" && name.find(".data") == std::string::npos && !name.ends_with(".lock"))
      throw Error("holds other things than prepared data: " + name, folder.string(), to_do);
  }
}

}  // namespace

nlohmann::json files_of_dataset(const std::string& name) {
  std::vector<nlohmann::json> files;
  for (const fs::path& place : datasets::places_of(name)) {
    const fs::path at = fs::absolute(place).lexically_normal();
    std::error_code error;
    if (!fs::is_directory(at, error)) {
      files.push_back(described_file(at));
      continue;
    }
    for (const auto& entry :
         fs::recursive_directory_iterator(at, fs::directory_options::follow_directory_symlink, error))
      if (entry.is_regular_file(error)) files.push_back(described_file(entry.path()));
  }
  std::ranges::sort(files);  // folders are read in any order
  return files;
}

PreparedPlace::PreparedPlace(const fs::path& folder, const nlohmann::json& description) : folder_(folder) {
  if (folder_.empty()) return;
  require_own(folder_);
  about_ = run::json_text(
      {{"what", description}, {"hardy", run::build_info().at("version")}, {"format", kFormat}}, -1);
  name_ = run::sha256(std::as_bytes(std::span(about_))).substr(0, 32);
  std::error_code error;
  fs::create_directories(folder_, error);
  lock_ = ::open((folder_ / (name_ + ".lock")).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock_ < 0) {
    trouble_ = "nothing is kept in " + folder_.string() + ": " + std::strerror(errno);
    return;
  }
  while (::flock(lock_, LOCK_EX) != 0 && errno == EINTR) {
  }  // a file system without locks: what is made twice is the same, and the last rename stays
}

PreparedPlace::~PreparedPlace() {
  if (lock_ >= 0) ::close(lock_);  // the file stays: removing it would race with the next holder
}

std::optional<PreparedData> PreparedPlace::found() const {
  if (lock_ < 0) return std::nullopt;
  const fs::path file = folder_ / (name_ + ".data");
  std::error_code error;
  if (!fs::exists(file, error)) return std::nullopt;
  try {
    return read(file);
  } catch (const Error&) {
  } catch (const nlohmann::json::exception&) {
  }
  return std::nullopt;  // it is made again
}

void PreparedPlace::keep(const PreparedData& data) {
  if (lock_ < 0) return;
  const fs::path file = folder_ / (name_ + ".data");
  run::remove_dead_temporaries(file);
  try {
    write(file, about_, data);
  } catch (const Error& e) {
    trouble_ = "nothing is kept in " + folder_.string() + ": " + e.message();
    return;
  }
  const std::string line = name_ + "  " + now() + "  " + run::this_process() + "  " + about_ + "\n";
  const int log = ::open((folder_ / "log.txt").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log < 0) return;
  if (::write(log, line.data(), line.size()) < 0) trouble_ = std::strerror(errno);
  ::close(log);
}

}  // namespace hardy::algorithms
