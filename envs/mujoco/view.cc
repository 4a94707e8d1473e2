#include "envs/mujoco/view.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <vector>

#include "engine/base/error.h"
#include "envs/mujoco/off_screen.h"
#include "envs/mujoco/task.h"

namespace hardy::envs {
namespace {

constexpr const char* kLooks = R"(
  <asset>
    <texture type="skybox" builtin="gradient" rgb1="0.93 0.95 0.97" rgb2="0.62 0.72 0.82" width="64" height="384"/>
    <texture name="hardy_ground" type="2d" builtin="checker" rgb1="0.80 0.82 0.84" rgb2="0.68 0.71 0.74"
             width="64" height="64"/>
    <material name="hardy_ground" texture="hardy_ground" texrepeat="1 1" texuniform="true" specular="0"/>
  </asset>
  <visual><headlight ambient="0.4 0.4 0.4" diffuse="0.3 0.3 0.3" specular="0 0 0"/></visual>
  <worldbody><light directional="true" pos="0 0 10" dir="0.3 0.5 -1" diffuse="0.5 0.5 0.5" castshadow="false"/></worldbody>
</mujoco>)";

// Adds the looks to a model's text: none of its physics is touched.
std::string with_looks(std::string mjcf) { return mjcf.erase(mjcf.rfind("</mujoco>")) + kLooks; }

// Colours, and a ground without an end, of a model that has our looks. Left limbs are blue, all else orange.
void colour(mjModel& m) {
  const auto paint = [&](int geom, std::array<float, 4> rgba) {
    std::copy(rgba.begin(), rgba.end(), m.geom_rgba + 4 * geom);
  };
  for (int g = 0; g < m.ngeom; ++g) {
    const char* const name = mj_id2name(&m, mjOBJ_GEOM, g);
    if (m.geom_type[g] == mjGEOM_PLANE) {
      m.geom_matid[g] = mj_name2id(&m, mjOBJ_MATERIAL, "hardy_ground");
      m.geom_size[3 * g] = m.geom_size[3 * g + 1] = 0;
      paint(g, {1, 1, 1, 1});
    } else if (name != nullptr && std::strncmp(name, "left", 4) == 0) {
      paint(g, {0.16f, 0.42f, 0.72f, 1});
    } else {
      paint(g, {0.88f, 0.46f, 0.13f, 1});
    }
  }
}

class MujocoView final : public View {
 public:
  MujocoView(const std::string& name, const MujocoTask& task, int width, int height)
      : name_(name), off_screen_(make_off_screen()), model_(compile(name, task)), data_(make_data(*model_)) {
    steps_per_second_ = 1 / (task.frame_skip * model_->opt.timestep);
    place_camera(task.forward_body);
    model_->vis.global.offwidth = width;
    model_->vis.global.offheight = height;
    mjv_defaultOption(&option_);
    mjv_defaultScene(&scene_);
    mjr_defaultContext(&context_);
    mjv_makeScene(model_.get(), &scene_, std::max(1000, 2 * (model_->ngeom + model_->nsite)));
    mjr_makeContext(model_.get(), &context_, mjFONTSCALE_100);
    mjr_setBuffer(mjFB_OFFSCREEN, &context_);
    viewport_ = {0, 0, width, height};
    const mjrRect most = mjr_maxViewport(&context_);
    if (context_.currentBuffer != mjFB_OFFSCREEN || most.width < width || most.height < height) {
      release();
      throw Error::failed_run(
          "cannot draw pictures of " + std::to_string(width) + " x " + std::to_string(height),
          off_screen_->name());
    }
  }
  ~MujocoView() override {
    try {
      off_screen_->make_current();
      release();
    } catch (const Error&) {  // it goes with the process
    }
  }
  MujocoView(const MujocoView&) = delete;
  MujocoView& operator=(const MujocoView&) = delete;

  void draw(const BatchEnvironment& env, int i, Picture& picture) override {
    if (env.positions() != model_->nq || env.velocities() != model_->nv)
      throw Error("the environment is another one than the view's", name_);
    // In data of its own: what is drawn is not moved.
    env.physics(i, {data_->qpos, static_cast<std::size_t>(model_->nq)},
                {data_->qvel, static_cast<std::size_t>(model_->nv)});
    off_screen_->make_current();
    mj_fwdPosition(model_.get(), data_.get());
    camera_.lookat[0] = data_->subtree_com[3 * robot_];
    camera_.lookat[1] = data_->subtree_com[3 * robot_ + 1];
    mjv_updateScene(model_.get(), data_.get(), &option_, nullptr, &camera_, mjCAT_ALL, &scene_);
    mjr_render(viewport_, &scene_, &context_);
    const auto width = static_cast<std::size_t>(viewport_.width),
               height = static_cast<std::size_t>(viewport_.height);
    below_.resize(3 * width * height);
    mjr_readPixels(below_.data(), nullptr, viewport_, &context_);
    picture.width = viewport_.width, picture.height = viewport_.height;
    picture.rgb.resize(below_.size());
    for (std::size_t y = 0; y < height; ++y)  // OpenGL's first row is the lowest
      std::copy_n(below_.begin() + static_cast<std::ptrdiff_t>(3 * width * (height - 1 - y)), 3 * width,
                  picture.rgb.begin() + static_cast<std::ptrdiff_t>(3 * width * y));
  }
  double steps_per_second() const override { return steps_per_second_; }
  std::string drawn_by() const override { return off_screen_->name(); }

 private:
  static Model compile(const std::string& name, const MujocoTask& task) {
    MujocoTask own = task;
    if (!own.file.empty()) return compile_model(name, own);
    own.mjcf = with_looks(own.mjcf);
    Model model = compile_model(name, own);
    colour(*model);
    return model;
  }

  // From the right of a planar robot, and from obliquely above of one that moves in space; so far away that
  // it fills about half of the picture. The height stays, so that hops are seen as such.
  void place_camera(const std::string& body) {
    const mjModel& m = *model_;
    mjData& d = *data_;
    mj_fwdPosition(&m, &d);
    robot_ = m.nbody > 1 ? 1 : 0;
    if (!body.empty()) robot_ = m.body_rootid[find(m, mjOBJ_BODY, "body", body, name_)];
    const double* const centre = d.subtree_com + 3 * robot_;
    double radius = 0;
    for (int g = 0; g < m.ngeom; ++g) {
      if (m.body_rootid[m.geom_bodyid[g]] != robot_ || m.geom_type[g] == mjGEOM_PLANE) continue;
      double away = 0;
      for (int k = 0; k < 3; ++k) away += std::pow(d.geom_xpos[3 * g + k] - centre[k], 2);
      radius = std::max(radius, std::sqrt(away) + m.geom_rbound[g]);
    }
    if (radius == 0) radius = m.stat.extent;
    bool free = false;
    for (int j = 0; j < m.njnt; ++j) free = free || m.jnt_type[j] == mjJNT_FREE;
    mjv_defaultCamera(&camera_);
    camera_.type = mjCAMERA_FREE;
    camera_.distance = kDistance * radius;
    camera_.azimuth = free ? 120 : 90;
    camera_.elevation = free ? -25 : -12;
    std::copy_n(centre, 3, camera_.lookat);
  }

  void release() {
    mjr_freeContext(&context_);
    mjv_freeScene(&scene_);
  }

  static constexpr double kDistance = 3.6;  // radii of the robot
  std::string name_;
  std::unique_ptr<OffScreen> off_screen_;
  Model model_;
  Data data_;
  double steps_per_second_ = 0;
  int robot_ = 0;  // the body with which the camera goes
  mjvCamera camera_{};
  mjvOption option_{};
  mjvScene scene_{};
  mjrContext context_{};
  mjrRect viewport_{};
  std::vector<std::uint8_t> below_;
};

}  // namespace

std::unique_ptr<View> make_mujoco_view(const std::string& name, int width, int height) {
  return std::make_unique<MujocoView>(name, mujoco_task(name), width, height);
}

}  // namespace hardy::envs
