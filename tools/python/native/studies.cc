// Regret studies: words as `hardy regret` takes them, results as its --json gives them.
#include <functional>
#include <nlohmann/json.hpp>

#include "algorithms/adversarial/regret_method.h"
#include "algorithms/experiments/regret_words.h"
#include "engine/base/error.h"
#include "engine/base/stop.h"
#include "engine/run/schema.h"
#include "tools/python/native/native.h"

namespace hardy::python {
namespace {

// Looks up at every step.
class Looks final : public run::Observer {
 public:
  explicit Looks(std::function<void()> look) : look_(std::move(look)) {}
  bool wants_progress(std::int64_t) override { return look_(), false; }

 private:
  std::function<void()> look_;
};

// say: hears what came out, a line for each run; a Ctrl-C ends the study.
std::string regret(const std::vector<std::string>& words, nb::object say) {
  algorithms::RegretOptions options;
  run::Schema schema("regret");
  options.options(schema);
  schema.parse(words);
  StopSource stop;
  Pause pause;
  nb::object type, value, trace;
  std::string results;
  {
    const nb::gil_scoped_release others;
    const algorithms::RegretStudy study(algorithms::study_settings(options));
    const auto keep = [&](nb::python_error& e) {
      type = nb::borrow(e.type()), value = nb::borrow(e.value()), trace = nb::borrow(e.traceback());
      stop.request_stop();
    };
    Looks looks([&] {
      if (!pause.over()) return;
      const nb::gil_scoped_acquire ours;
      if (!type && PyErr_CheckSignals() != 0) {
        nb::python_error e;
        keep(e);
      }
    });
    algorithms::RegretStudy::Ears ears;
    ears.say = [&](const std::string& line) {
      const nb::gil_scoped_acquire ours;
      try {
        if (!type && PyErr_CheckSignals() != 0) throw nb::python_error();
        if (!say.is_none() && !type) say(line);
      } catch (nb::python_error& e) {
        keep(e);
      }
    };
    try {
      results = json_of(study.run(ears, {stop.token(), &looks})).dump();
    } catch (const Stopped&) {
    }
  }
  if (type) {
    PyErr_Restore(type.release().ptr(), value.release().ptr(), trace.release().ptr());
    throw nb::python_error();
  }
  return results;
}

}  // namespace

void bind_studies(nb::module_& m) {
  m.def("regret", &regret, nb::arg("words"), nb::arg("say").none());
  m.def("regret_methods", [] {
    std::vector<std::pair<std::string, std::string>> all;
    for (const auto& method : algorithms::regret_methods()) all.emplace_back(method.name, method.summary);
    return all;
  });
}

}  // namespace hardy::python
