#include "engine/run/metrics.h"

#include <unistd.h>

#include <chrono>
#include <cmath>
#include <fstream>

#include "engine/base/error.h"
#include "engine/base/json.h"
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

namespace {

// A record as an agent's event; without values where none is finite.
Scalars scalars_of(const MetricsRecord& record, std::size_t agent, double wall_time) {
  Scalars s{record.step, wall_time, {}};
  for (const auto& [name, list] : record.values)
    if (agent < list.size() && std::isfinite(list[agent]))
      s.values.emplace_back(name, static_cast<float>(list[agent]));
  return s;
}

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// What metrics.jsonl says that an agent's event file holds. Events that must be written anew lie as far apart
// in time as the records do, the last one now.
std::vector<Scalars> history_of(const std::vector<MetricsRecord>& records, std::size_t agent) {
  std::vector<Scalars> all;
  const double end = records.empty() ? 0 : records.back().seconds, today = now();
  for (const MetricsRecord& r : records)
    if (Scalars s = scalars_of(r, agent, today - (std::isfinite(end - r.seconds) ? end - r.seconds : 0));
        !s.values.empty())
      all.push_back(std::move(s));
  return all;
}

}  // namespace

MetricsLog::MetricsLog(const std::filesystem::path& run, std::int64_t agents, std::int64_t last_step)
    : file_(run / "metrics.jsonl") {
  std::vector<MetricsRecord> records;
  if (std::filesystem::exists(file_)) {
    std::string kept;
    for_each_line(file_, [&](const std::string& line, MetricsRecord& r) {
      if (r.step > last_step) return;
      kept += line + "\n";
      records.push_back(std::move(r));
    });
    if (kept.size() != std::filesystem::file_size(file_)) write_atomically(file_, kept);
  }
  for (std::size_t a = 0; a < static_cast<std::size_t>(agents); ++a)
    events_.emplace_back(run / "tensorboard" / ("agent_" + std::to_string(a)), history_of(records, a));
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

  const double today = now();
  for (std::size_t a = 0; a < events_.size(); ++a)
    if (const Scalars s = scalars_of(record, a, today); !s.values.empty()) events_[a].write(s);
}

void MetricsLog::sync() {
  if (::fsync(fd_) != 0) throw Error::failed_run("cannot be synced", file_.string());
}

}  // namespace hardy::run
