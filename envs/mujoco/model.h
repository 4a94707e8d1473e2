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

// Compiles an MJCF text; an Error with MuJoCo's own words if it is not valid. MuJoCo's errors become
// hardy::Error from here on, its warnings are silent: a diverging simulation shows in its state.
Model compile_model(const std::string& name, const std::string& mjcf);
Data make_data(const mjModel& model);

// time, qpos, qvel, act, qacc_warmstart: what mj_step's next result depends on.
std::size_t physics_state_size(const mjModel& model);
void save_physics(const mjModel& model, const mjData& data, std::span<double> state);
void load_physics(const mjModel& model, mjData& data, std::span<const double> state);

}  // namespace hardy::envs
