#include "envs/linear_mdp/instance.h"

#include <algorithm>
#include <utility>

#include "engine/base/memory.h"
#include "engine/base/registry.h"
#include "envs/linear_mdp/implicit.h"

namespace hardy::envs {
namespace {

struct Entry {
  LinearFamily family;
  LinearEnvironment (*make)(Parameters&);
};
Registry<Entry>& registry() {
  static Registry<Entry> families("linear MDP", "--env");
  return families;
}

using Read = LinearEnvironment (*)(const std::string&);
Registry<Read>& readers() {
  static Registry<Read> by_ending("reader of instances", "--env");
  return by_ending;
}

}  // namespace

RegisterInstanceFile::RegisterInstanceFile(const std::string& ending,
                                           LinearEnvironment (*read)(const std::string&)) {
  readers().add(ending, read);
}

bool is_instance_file(const std::string& env) {
  return std::ranges::any_of(readers(), [&](const auto& reader) { return env.ends_with(reader.first); });
}

RegisterLinearEnvironment::RegisterLinearEnvironment(const LinearFamily& family,
                                                     LinearEnvironment (*make)(Parameters&)) {
  registry().add(family.name, {family, make});
}

void require_numbers(const Parameters& p, std::int64_t numbers) {
  require_memory(bytes_of({numbers, std::int64_t{sizeof(double)}}), "the instance", p.text(),
                 "give it smaller sizes");
}

std::vector<LinearFamily> linear_families() {
  std::vector<LinearFamily> all;
  for (const auto& [name, entry] : registry()) all.push_back(entry.family);
  return all;
}

LinearEnvironment make_linear_environment(const std::string& env) {
  for (const auto& [ending, read] : readers())
    if (env.ends_with(ending)) return read(env);
  Parameters parameters(env);
  if (is_implicit(parameters.name()))
    throw Error("the states of '" + parameters.name() + "' cannot be listed", env,
                "ask for sampled evaluation: --evaluation sampled");
  LinearEnvironment made =
      registry().get(parameters.name(), ", or a file ending in .hdf5 or .npz").make(parameters);
  parameters.finish();
  made.mdp.name = env;
  made.mdp.finish();
  return made;
}

std::vector<Instance> make_instances(const std::string& env, const std::string& losses,
                                     const std::vector<std::int64_t>& episodes) {
  LinearEnvironment made = make_linear_environment(env);
  const auto mdp = std::make_shared<const LinearMdp>(std::move(made.mdp));
  check_loss_rows(*mdp, made.linear, made.rows);
  std::vector<Instance> all;
  for (const std::int64_t K : episodes) {
    const std::string& process = losses.empty() ? made.default_losses : losses;
    all.push_back({mdp, make_losses(process, {*mdp, made.rows, made.linear, K}), made.notes});
    if (const std::string about = all.back().losses->about(); !about.empty())
      all.back().notes.push_back(about);
    if (K > 0) check_losses(*mdp, *all.back().losses, K);
  }
  return all;
}

Instance make_instance(const std::string& env, const std::string& losses, std::int64_t episodes) {
  return make_instances(env, losses, {episodes}).front();
}

}  // namespace hardy::envs
