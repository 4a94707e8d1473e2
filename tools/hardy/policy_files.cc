#include "tools/hardy/policy_files.h"

#include "engine/base/error.h"
#include "engine/run/run_directory.h"

namespace hardy::tools {

namespace fs = std::filesystem;

std::vector<fs::path> policy_files(const std::string& path, bool best) {
  if (!fs::exists(path)) throw Error("there is no such file or folder", path);
  if (!fs::is_directory(path)) {
    if (best) throw Error("a policy file is taken as it is", "--best", "leave it out");
    return {path};
  }
  std::vector<fs::path> files;
  const std::int64_t agents = run::read_run(path).integer("agents");
  for (std::int64_t a = 0; a < agents; ++a) {
    files.push_back(fs::path(path) / "policy" /
                    ((best ? "best_agent_" : "agent_") + std::to_string(a) + ".policy"));
    if (!fs::exists(files.back()))
      throw Error("there is no such file", files.back().string(),
                  best ? "the run was not trained with --keep-best, or has not been evaluated yet"
                       : "the run has not ended; `hardy resume` goes on with it");
  }
  return files;
}

}  // namespace hardy::tools
