#include "envs/mujoco/model.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "engine/base/error.h"
#include "engine/base/nearest.h"

namespace hardy::envs {
namespace {

void raise(const char* message) { throw Error::failed_run(message, "MuJoCo"); }
void ignore(const char*) {}

void install_handlers() {
  static std::once_flag once;
  std::call_once(once, [] {
    if (!mju_user_error) mju_user_error = raise;
    if (!mju_user_warning) mju_user_warning = ignore;
  });
}

// The parts of an instance's state, in their order.
template <class Visit>
void for_parts(const mjModel& m, const mjData& d, Visit&& visit) {
  visit(const_cast<mjtNum*>(&d.time), 1);
  visit(d.qpos, m.nq);
  visit(d.qvel, m.nv);
  visit(d.act, m.na);
  visit(d.qacc_warmstart, m.nv);
}

// MuJoCo's words, which may stand in several lines, in one.
Error refused(std::string problem, const std::string& where) {
  while (!problem.empty() && std::isspace(static_cast<unsigned char>(problem.back()))) problem.pop_back();
  std::ranges::replace(problem, '\n', ' ');
  return Error(problem.empty() ? "MuJoCo does not read it" : problem, where);
}

}  // namespace

Model compile_model(const std::string& name, const std::string& mjcf) {
  install_handlers();
  const auto files = std::make_unique<mjVFS>();  // two megabytes in MuJoCo 2: too large for the stack
  mj_defaultVFS(files.get());
  const std::string file = name + ".xml";
#if mjVERSION_HEADER >= 300
  mj_addBufferVFS(files.get(), file.c_str(), mjcf.data(), static_cast<int>(mjcf.size()));
#else
  mj_makeEmptyFileVFS(files.get(), file.c_str(), static_cast<int>(mjcf.size()));
  std::memcpy(files->filedata[mj_findFileVFS(files.get(), file.c_str())], mjcf.data(), mjcf.size());
#endif
  char problem[1000] = "";
  Model model(mj_loadXML(file.c_str(), files.get(), problem, sizeof problem));
  mj_deleteVFS(files.get());
  if (!model) throw refused(problem, "MuJoCo model " + name);
  return model;
}

Model compile_model_file(const std::string& path) {
  install_handlers();
  if (!std::ifstream(path)) throw Error("there is no such file", path, "give an MJCF file (.xml)");
  if (std::filesystem::is_directory(path)) throw Error("is a folder", path, "give an MJCF file (.xml)");
  char problem[1000] = "";
  Model model;
  try {
    model.reset(mj_loadXML(path.c_str(), nullptr, problem, sizeof problem));
  } catch (const Error& error) {  // MuJoCo gave up on it instead of saying no
    throw refused(error.message(), path);
  }
  if (!model) throw refused(problem, path);
  return model;
}

int find(const mjModel& m, int kind, const std::string& kind_name, const std::string& name,
         const std::string& where) {
  if (const int id = mj_name2id(&m, kind, name.c_str()); id >= 0) return id;
  const int all = kind == mjOBJ_SITE ? m.nsite : m.nbody;
  std::vector<std::string> names;
  for (int id = 0; id < all; ++id)
    if (const char* known = mj_id2name(&m, kind, id); known && *known) names.emplace_back(known);
  throw Error("the model has no " + kind_name + " '" + name + "'", where,
              names.empty() ? "none of its has a name" : suggestion(name, names));
}

Data make_data(const mjModel& model) {
  Data data(mj_makeData(&model));
  if (!data) throw Error::failed_run("no memory for a simulation", "MuJoCo");
  return data;
}

void restart_physics(const mjModel& m, mjData& d) {
  for_parts(m, d, [](mjtNum* part, int n) { std::fill(part, part + n, 0.0); });
  std::copy(m.qpos0, m.qpos0 + m.nq, d.qpos);
  std::fill(d.ctrl, d.ctrl + m.nu, 0.0);
  for (mjWarningStat& warning : d.warning) warning = {};
}

bool diverged(const mjData& d) {
  return d.warning[mjWARN_BADQPOS].number || d.warning[mjWARN_BADQVEL].number ||
         d.warning[mjWARN_BADQACC].number;
}

std::size_t physics_state_size(const mjModel& m) {
  return 1 + static_cast<std::size_t>(m.nq + 2 * m.nv + m.na);
}

void save_physics(const mjModel& m, const mjData& d, std::span<double> state) {
  double* to = state.data();
  for_parts(m, d, [&](const mjtNum* part, int n) { to = std::copy(part, part + n, to); });
}

void load_physics(const mjModel& m, mjData& d, std::span<const double> state) {
  for (mjWarningStat& warning : d.warning) warning = {};
  const double* from = state.data();
  for_parts(m, d, [&](mjtNum* part, int n) {
    std::copy(from, from + n, part);
    from += n;
  });
}

}  // namespace hardy::envs
