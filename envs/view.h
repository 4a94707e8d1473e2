// Pictures of an environment's instances. A family that can be drawn registers how, beside its environments;
// nothing else knows. What draws looks at an instance and leaves it as it is.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "envs/environment.h"

namespace hardy::envs {

struct Picture {
  int width = 0, height = 0;
  std::vector<std::uint8_t> rgb;  // [height, width, 3], rows from the top
};

class View {
 public:
  virtual ~View() = default;
  // Draws instance i of a batch of the same environment, as it stands. The same state gives the same bytes,
  // on machines and libraries of one kind. On the thread that made the view.
  virtual void draw(const BatchEnvironment& env, int i, Picture& picture) = 0;
  // How many steps the task's own clock makes a second: at which a film of every step moves as it did.
  virtual double steps_per_second() const = 0;
  // What draws, for people: "OSMesa".
  virtual std::string drawn_by() const = 0;
};

using ViewFactory = std::unique_ptr<View> (*)(const std::string& name, int width, int height);
struct RegisterView {
  RegisterView(const std::string& family, ViewFactory factory);
};

// Whether there are pictures of the environment of this name, where this machine can draw them.
bool has_view(const std::string& name);
// Errors: an environment of which there are none, and which there are of; a machine that cannot draw them,
// and what to install.
std::unique_ptr<View> make_view(const std::string& name, int width, int height);

}  // namespace hardy::envs
