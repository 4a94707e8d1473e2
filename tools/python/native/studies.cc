// Regret studies: words as `hardy regret` takes them, results as its --json gives them.

#include "algorithms/adversarial/regret_method.h"
#include "algorithms/experiments/regret_words.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/run/schema.h"
#include "tools/python/native/native.h"

namespace hardy::python {
namespace {

// say: hears what came out, a line for each run; a Ctrl-C ends the study.
std::string regret(const std::vector<std::string>& words, nb::object say) {
  algorithms::RegretOptions options;
  run::Schema schema("regret");
  options.options(schema);
  schema.parse(words);
  Calls calls;
  SignalListener listener(calls);
  std::string results;
  {
    const nb::gil_scoped_release others;
    const algorithms::RegretStudy study(algorithms::study_settings(options));
    algorithms::RegretStudy::Ears ears;
    ears.say = [&](const std::string& line) {
      calls.make([&] {
        if (PyErr_CheckSignals() != 0) throw nb::python_error();
        if (!say.is_none()) say(line);
      });
    };
    try {
      results = json_of(study.run(ears, {calls.stop(), &listener})).dump();
    } catch (const Stopped&) {
    }
  }
  calls.raise();
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
