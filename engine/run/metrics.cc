#include "engine/run/metrics.h"

#include <unistd.h>

#include <chrono>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/base/error.h"
#include "engine/run/append.h"
#include "engine/run/atomic_file.h"
#include "engine/run/fields.h"

namespace hardy::run {
namespace {

nlohmann::json number(double x) { return std::isfinite(x) ? nlohmann::json(x) : nlohmann::json(); }

MetricsRecord record_of(const Fields& line) {
  MetricsRecord r{line.text("kind"),
                  line.integer("step"),
                  line.number("seconds", std::numeric_limits<double>::quiet_NaN()),
                  {}};
  const Fields values = line.at("values");
  for (const auto& [name, list] : values.object().items()) r.values[name] = values.numbers(name);
  return r;
}

// Calls use(line, record) for each whole line.
template <class Use>
void for_each_line(const std::filesystem::path& path, Use use) {
  std::ifstream file(path);
  if (!file) throw Error("the file cannot be read", path.string());
  std::string line;
  for (std::int64_t number = 1; std::getline(file, line); ++number) {
    if (file.eof()) return;  // no line break: a write that was cut off
    if (line.empty()) continue;
    const std::string where = path.string() + ", line " + std::to_string(number);
    nlohmann::json json = nlohmann::json::parse(line, nullptr, false);
    if (json.is_discarded()) throw Error("the line is no metrics record", where);
    MetricsRecord record = record_of(Fields(std::move(json), where));
    use(line, record);
  }
}

}  // namespace

std::vector<MetricsRecord> read_metrics(const std::filesystem::path& file) {
  std::vector<MetricsRecord> records;
  for_each_line(file, [&](const std::string&, MetricsRecord& r) { records.push_back(std::move(r)); });
  return records;
}

MetricsLog::MetricsLog(const std::filesystem::path& run, std::int64_t agents, std::int64_t last_step)
    : file_(run / "metrics.jsonl") {
  if (std::filesystem::exists(file_)) {
    std::string kept;
    for_each_line(file_, [&](const std::string& line, const MetricsRecord& r) {
      if (r.step <= last_step) kept += line + "\n";
    });
    if (kept.size() != std::filesystem::file_size(file_)) write_atomically(file_, kept);
  }
  for (std::int64_t a = 0; a < agents; ++a)
    events_.emplace_back(run / "tensorboard" / ("agent_" + std::to_string(a)), last_step);
  fd_ = open_for_append(file_);
}

MetricsLog::~MetricsLog() {
  if (fd_ >= 0) ::close(fd_);
}

void MetricsLog::write(const MetricsRecord& record) {
  nlohmann::json lists = nlohmann::json::object();
  for (const auto& [name, list] : record.values) {
    if (list.size() != events_.size())
      throw Error::failed_run(
          std::to_string(list.size()) + " values for " + std::to_string(events_.size()) + " agents", name);
    nlohmann::json& out = lists[name] = nlohmann::json::array();
    for (const double x : list) out.push_back(number(x));
  }
  const nlohmann::json line{
      {"kind", record.kind}, {"step", record.step}, {"seconds", number(record.seconds)}, {"values", lists}};
  append(fd_, line.dump() + "\n", file_);

  const double now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  std::vector<std::pair<std::string, float>> scalars;
  for (std::size_t a = 0; a < events_.size(); ++a) {
    scalars.clear();
    for (const auto& [name, list] : record.values)
      if (std::isfinite(list[a])) scalars.emplace_back(name, static_cast<float>(list[a]));
    if (!scalars.empty()) events_[a].scalars(record.step, now, scalars);
  }
}

void MetricsLog::sync() {
  if (::fsync(fd_) != 0) throw Error::failed_run("cannot be synced", file_.string());
}

}  // namespace hardy::run
