// A compiled MuJoCo model, and its data for one instance. Compiles against MuJoCo 2.2 and newer.
#pragma once

#include <mujoco/mujoco.h>

#include <memory>
#include <span>
#include <string>

namespace hardy::envs {

struct FreeModel {
  void operator()(mjModel* m) const { mj_deleteModel(m); }
};
struct FreeData {
  void operator()(mjData* d) const { mj_deleteData(d); }
};
using Model = std::unique_ptr<mjModel, FreeModel>;
using Data = std::unique_ptr<mjData, FreeData>;

// Compiles an MJCF text; an Error with MuJoCo's own words if it is not valid. From here on MuJoCo's errors
// become hardy::Error and its warnings are silent (nothing is logged to a file, nothing aborts), unless the
// program has installed handlers of its own: those are left alone.
Model compile_model(const std::string& name, const std::string& mjcf);
// The same of a file; what it includes lies beside it.
Model compile_model_file(const std::string& path);
// The number of the model's body, site, ... of that name (an mjtObj, and what it is called in messages); an
// Error that says the nearest one if there is none. where: stands in the message.
int find(const mjModel& model, int kind, const std::string& kind_name, const std::string& name,
         const std::string& where);
Data make_data(const mjModel& model);

// The model's start: what mj_resetData sets, as far as a following mj_forward or mj_step can tell, for a
// simulation whose applied forces nobody sets. mj_resetData also clears every buffer, three megabytes of
// them in MuJoCo 2.2, which costs half a hopper step and the caches' contents.
void restart_physics(const mjModel& model, mjData& data);

// Whether MuJoCo met a position, velocity or acceleration that is not finite or too large since the last
// reset or load: it then put the simulation back to the model's start by itself.
bool diverged(const mjData& data);

// time, qpos, qvel, act, qacc_warmstart: what mj_step's next result depends on.
std::size_t physics_state_size(const mjModel& model);
void save_physics(const mjModel& model, const mjData& data, std::span<double> state);
void load_physics(const mjModel& model, mjData& data, std::span<const double> state);

}  // namespace hardy::envs
