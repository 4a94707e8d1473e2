#include "tools/hardy/files_of_run.h"

#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/run/atomic_file.h"
#include "engine/run/output.h"
#include "envs/environment.h"

namespace hardy::tools {

namespace fs = std::filesystem;

void remember_files(nlohmann::json& about, const fs::path& run) {
  const auto from_run = [&](const fs::path& file) {
    return file.lexically_relative(fs::absolute(run).lexically_normal()).string();
  };
  if (about.at("dataset").is_object())
    about["dataset"]["from_run"] = from_run(about.at("dataset").at("path").get<std::string>());
  if (const std::string file = envs::file_in(about.at("env")); !file.empty())
    about["environment_file"] = {
        {"path", file}, {"sha256", run::sha256_of_file(file)}, {"from_run", from_run(file)}};
}

std::string place_now(const std::string& configured, const std::string& what, const run::Fields& remembered,
                      const fs::path& run) {
  std::vector<fs::path> places{configured, run / configured};
  if (remembered.has("from_run")) places.push_back(run / remembered.text("from_run"));
  std::string tried;
  for (const fs::path& place : places) {
    if (fs::exists(place)) return place.string();
    const std::string name = fs::absolute(place).lexically_normal().string();
    if (tried.find(name) == std::string::npos) tried += (tried.empty() ? "" : ", ") + name;
  }
  throw Error(what + " is not there any more", run.string(), "looked for " + tried);
}

std::string environment_now(const run::Fields& described, const fs::path& run) {
  const std::string name = described.text("env", "");
  if (!described.has("environment_file")) return name;
  return envs::with_file(
      name, place_now(envs::file_in(name), "its environment's file", described.at("environment_file"), run));
}

void remove_leavings_beside(const fs::path& run) {
  run::Output(fs::canonical(run), {.kind = run::OutputRules::Kind::kFolder, .overwrite = true}).release();
}

void refuse_another_run(const fs::path& run, const std::string& key, const std::string& theirs,
                        const std::string& asked) {
  throw Error("holds another run: its " + key + " is " + theirs + ", not " + asked, run.string(),
              "choose another --out");
}

void require_same_settings(const run::Fields& described, const nlohmann::json& asked,
                           const std::set<std::string>& apart, const fs::path& run) {
  const nlohmann::json settings = described.at("settings").object();
  for (const auto& [key, theirs] : settings.items())
    if (!apart.contains(key) && asked.contains(key) && asked.at(key) != theirs)
      refuse_another_run(run, key, theirs.get<std::string>(), asked.at(key).get<std::string>());
}

bool same_file(const run::Fields& remembered, const std::string& path) {
  return run::sha256_of_file(path) == remembered.text("sha256");
}

void require_same_file(const run::Fields& remembered, const std::string& path) {
  require_same_sha256(remembered, path, run::sha256_of_file(path));
}

void require_same_sha256(const run::Fields& remembered, const std::string& path, const std::string& sha256) {
  if (sha256 != remembered.text("sha256"))
    throw Error("is not the file that the run began with (its SHA-256 differs)", path,
                "put the same file back");
}

}  // namespace hardy::tools
