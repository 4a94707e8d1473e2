// The family `gymnasium`: environments of Gymnasium, Farama's or a user's own, stepped by Python processes
// (worker.py) over shared memory.
//   gymnasium:id=HalfCheetah-v5,workers=2        the batch is shared out among so many processes
//   gymnasium:id=my_module:Mine-v0,path=DIR      the module is looked for in DIR, and where hardy was called
//   python=FILE                                  the interpreter; else $HARDY_PYTHON, else python3
//   max_episode_steps=N, actions=clip | refuse, step_timeout=10
//   any other key=value                          goes to the environment's constructor
#include <sys/syscall.h>

#include <cstdlib>
#include <filesystem>
#include <limits>

#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/base/parameters.h"
#include "envs/environment.h"
#include "envs/plugin/plugin_batch.h"
#include "envs/plugin/worker.h"
#include "hardy_build.h"

namespace hardy::envs {
namespace {

std::string interpreter(Parameters& keys) {
  std::string python = keys.word("python", "");
  if (!python.empty()) return python;
  const char* const chosen = std::getenv("HARDY_PYTHON");
  return chosen != nullptr && *chosen != '\0' ? chosen : "python3";
}

std::unique_ptr<BatchEnvironment> make_gymnasium(Parameters& keys, int instances) {
  const std::string id = keys.word("id", "");
  if (id.empty())
    throw Error("which environment? it has no id=", keys.text(), "e.g. gymnasium:id=HalfCheetah-v5");
  const bool refuse = refuses_actions(keys);
  const WorkerKeys processes = worker_keys(keys);
  const std::string python = interpreter(keys);
  nlohmann::json config = {{"id", id},
                           {"path", keys.word("path", "")},
                           {"max_episode_steps", keys.integer("max_episode_steps", 0, 1,
                                                              std::numeric_limits<std::int32_t>::max())},
                           {"keys", nlohmann::json::object()}};
  for (const auto& [key, value] : keys.rest()) config["keys"][key] = value;

  const std::string script =
      companion_file("gymnasium_worker.py", HARDY_SHARE_FROM_LIB,
                     std::filesystem::path(HARDY_SOURCE_DIR) / "envs" / "gymnasium" / "worker.py")
          .string();
  const WorkerStart start{{python, script, std::to_string(SYS_futex), std::to_string(sizeof(Control))},
                          keys.text(),
                          config.dump(),
                          "Gymnasium's environments need Python 3 with `pip install gymnasium`; another one "
                          "is named by python=FILE or "
                          "HARDY_PYTHON"};
  return make_adapted(keys.text(),
                      make_worker_batch(start, processes.workers, instances, processes.step_timeout),
                      instances, refuse);
}

const Registration registration("gymnasium", make_gymnasium, "id=HalfCheetah-v5", {"path", "python"});

}  // namespace
}  // namespace hardy::envs
