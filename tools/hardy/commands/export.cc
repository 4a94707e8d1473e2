// `hardy export PATH --to onnx | safetensors | c OUT`: a policy for another runtime.
#include "algorithms/acting/export/export.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <filesystem>

#include "engine/base/error.h"
#include "engine/base/version.h"
#include "engine/run/atomic_file.h"
#include "engine/run/output.h"
#include "engine/run/schema.h"
#include "tools/hardy/command.h"
#include "tools/hardy/policy_files.h"

namespace hardy::tools {
namespace {

namespace fs = std::filesystem;

// A C identifier of a file's name: "my-policy.c" gives my_policy.
std::string identifier_of(const fs::path& out) {
  std::string name = out.stem().string();
  std::ranges::replace_if(
      name, [](unsigned char c) { return c >= 128 || !std::isalnum(c); }, '_');
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0]))) name = "policy_" + name;
  return name;
}

void require_identifier(const std::string& name) {
  const bool good =
      !name.empty() && !std::isdigit(static_cast<unsigned char>(name[0])) &&
      std::ranges::all_of(name, [](unsigned char c) { return c < 128 && (std::isalnum(c) || c == '_'); });
  if (!good)
    throw Error("is no name in C", "--name '" + name + "'", "letters, digits and _, not a digit first");
}

int run(const std::vector<std::string>& args) {
  std::string path, out, to, name;
  std::int64_t agent = 0;
  bool best = false, overwrite = false;
  run::Schema schema("export", "Writes a policy for another runtime; docs/policy_file.md has what is in it.");
  schema.positional("PATH", &path, "a run's folder, or a .policy file")
      .positional("OUT", &out, "the file to write")
      .option("to", &to, "format; default: as OUT ends: .onnx, .safetensors, .c")
      .option("agent", &agent, "of a run: whose policy", 0, 4095)
      .option("best", &best, "of a run: that of the best evaluation, which train's --keep-best keeps")
      .option("name", &name, "in C: what its functions begin with; default: as OUT is called")
      .option("overwrite", &overwrite, "replace OUT if it exists");
  if (!parse_or_help(schema, args)) return 0;
  const std::vector<std::string> formats = algorithms::export_formats();
  if (to.empty() && fs::path(out).has_extension()) to = fs::path(out).extension().string().substr(1);
  if (std::ranges::find(formats, to) == formats.end())
    throw Error(to.empty() ? "which format?" : "there is no format '" + to + "'", "--to",
                "give onnx, safetensors or c");
  if (name.empty()) name = identifier_of(out);
  require_identifier(name);
  const run::Output output(out, {.overwrite = overwrite, .inputs = inputs_of(schema, {path})});
  const std::vector<fs::path> files = policy_files(path, best);
  if (agent >= static_cast<std::int64_t>(files.size()))
    throw Error("is not there", "--agent " + std::to_string(agent),
                path + " has " + std::to_string(files.size()));
  const fs::path& file = files[static_cast<std::size_t>(agent)];
  const algorithms::LoadedPolicy policy = algorithms::read_policy(file);
  run::write_atomically(output.path(),
                        algorithms::export_as(to, policy, name,
                                              {"Made by hardy " + version() + " of " + file.string() +
                                               ", SHA-256 " + run::sha256_of_file(file)}));
  std::printf("%s: %s of %s\n", out.c_str(), to.c_str(), file.c_str());
  return 0;
}

const RegisterCommand command({"export", "write a policy as ONNX, safetensors or C", run});

}  // namespace
}  // namespace hardy::tools
