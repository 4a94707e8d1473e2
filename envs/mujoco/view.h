// Pictures of a MuJoCo task: a camera that goes with the robot. Our own models, which have no looks, get some
// here (a chequered ground, a sky, colours); a model of a file is shown as it is.
#pragma once

#include "envs/view.h"

namespace hardy::envs {

std::unique_ptr<View> make_mujoco_view(const std::string& name, int width, int height);

}  // namespace hardy::envs
