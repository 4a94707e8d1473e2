// An OpenGL context without a screen, for MuJoCo to draw in. Its library is opened when the first is made:
// neither a build nor any other command needs one.
//   OSMesa  Mesa's renderer in memory; needs nothing but its library
//   EGL     the GPU's driver where there is one, else Mesa's
// OSMesa is tried first: it draws the same bytes beside any GPU. HARDY_GL=osmesa or egl takes that one alone,
// and HARDY_GL=/a/path/libOSMesa.so.8 (or libEGL.so.1) that file.
#pragma once

#include <memory>
#include <string>

namespace hardy::envs {

class OffScreen {
 public:
  virtual ~OffScreen() = default;
  // MuJoCo draws in the context that is current on its thread.
  virtual void make_current() = 0;
  virtual std::string name() const = 0;  // "OSMesa"
};

// An Error says why there is none, and the packages to install.
std::unique_ptr<OffScreen> make_off_screen();

}  // namespace hardy::envs
