// Training: what `hardy train` does, heard from Python; and what a run's folder says.
#include <filesystem>

#include "algorithms/experiments/training_job.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/base/stop.h"
#include "engine/run/atomic_file.h"
#include "engine/run/metrics.h"
#include "engine/run/output.h"
#include "engine/run/run_directory.h"
#include "tools/hardy/policy_files.h"
#include "tools/hardy/progress.h"
#include "tools/hardy/train.h"
#include "tools/python/native/native.h"
#include "tools/report/html.h"
#include "tools/report/page.h"
#include "tools/report/runs.h"

namespace hardy::python {
namespace {

nb::dict as_dict(const run::MetricsRecord& record) {
  nb::dict d;
  d["kind"] = record.kind, d["step"] = record.step, d["seconds"] = record.seconds;
  nb::dict values;
  for (const auto& [key, each] : record.values) values[key.c_str()] = nb::cast(each);
  d["values"] = values;
  return d;
}

// Hears the run without the interpreter's lock, and takes it where Python has something to hear. What is
// raised there, a Ctrl-C too, stops the run at its next step and is kept for later.
class Listener final : public run::Observer {
 public:
  Listener(nb::object callback, bool progress)
      : callback_(std::move(callback)), progress_(progress), lines_("fit(..., resume=True)") {}

  run::Watch watch() { return {calls_.stop(), this}; }
  void raise() { calls_.raise(); }
  const std::vector<std::string>& notes() const { return notes_; }

  void began(const std::string& title, std::int64_t total, std::int64_t first) override {
    if (progress_) lines_.began(title, total, first);
  }
  bool wants_progress(std::int64_t done) override {
    calls_.look_for_signals();
    return progress_ && lines_.wants_progress(done);
  }
  void progress(std::int64_t done, run::KeyFigures figures) override { lines_.progress(done, figures); }
  void metrics(const run::MetricsRecord& record) override {
    if (callback_.is_none()) return;
    calls_.make([&] {
      const nb::object more = callback_(as_dict(record));
      if (!more.is_none() && !nb::cast<bool>(more)) calls_.request_stop();
    });
  }
  void note(const std::string& text) override { notes_.push_back(text); }
  void agent_stopped(std::int64_t agent, const std::string& reason) override {
    notes_.push_back("agent " + std::to_string(agent) + " stopped: " + reason);
  }
  void stopped(std::int64_t done) override {
    if (progress_) lines_.stopped(done);
  }

 private:
  nb::object callback_;
  bool progress_;
  tools::ProgressLines lines_;
  Calls calls_;
  std::vector<std::string> notes_;
};

// Whether it came to its end, and its notes.
std::pair<bool, std::vector<std::string>> train(const std::vector<std::string>& words, nb::object callback,
                                                bool progress) {
  Listener listener(std::move(callback), progress);
  bool finished = false;
  {
    const nb::gil_scoped_release others;
    finished = tools::train(words, listener.watch());
  }
  listener.raise();
  return {finished, listener.notes()};
}

// Of one method: its keys with what they are by default, as config.ini has them.
std::string settings_of(const std::string& method) {
  const auto job = algorithms::make_training_job(method);
  return job->schema().resolved();
}

// Refuses keys and values that the method has not.
void check(const std::string& method, const std::vector<std::string>& words) {
  const auto job = algorithms::make_training_job(method);
  job->schema().parse(words);
}

nb::list records_of(const std::string& run) {
  nb::list records;
  for (const run::MetricsRecord& r : run::read_metrics(std::filesystem::path(run) / "metrics.jsonl"))
    records.append(as_dict(r));
  return records;
}

std::string write_report(const std::vector<std::string>& runs, const std::string& path, bool overwrite) {
  const nb::gil_scoped_release others;
  const run::Output output(
      path, {.overwrite = overwrite, .inputs = {runs.begin(), runs.end()}, .replaceable = report::is_page});
  const std::vector<report::Run> read = report::read_runs(runs);
  run::write_atomically(output.path(), report::page(read));
  return report::results_text(read);
}

}  // namespace

void bind_training(nb::module_& m) {
  m.def("train", &train, nb::arg("words"), nb::arg("callback").none(), nb::arg("progress"));
  m.def("methods", [] { return algorithms::training_methods(); });
  m.def("settings_of", &settings_of);
  m.def("check", &check);
  m.def("run_json", [](const std::string& run) { return run::read_run(run).object().dump(); });
  m.def("summary_json", [](const std::string& run) {
    const auto summary = run::read_summary(run);
    return summary ? summary->object().dump() : std::string("null");
  });
  m.def("records_of", &records_of);
  m.def("policy_files", [](const std::string& run, bool best) {
    std::vector<std::string> files;
    for (const auto& file : tools::policy_files(run, best)) files.push_back(file.string());
    return files;
  });
  m.def("write_report", &write_report);
}

}  // namespace hardy::python
