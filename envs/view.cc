#include "envs/view.h"

#include "engine/base/error.h"
#include "engine/base/parameters.h"
#include "engine/base/registry.h"
#include "engine/base/text.h"

namespace hardy::envs {
namespace {

Registry<ViewFactory>& views() {
  static Registry<ViewFactory> all("view", "");
  return all;
}

}  // namespace

RegisterView::RegisterView(const std::string& family, ViewFactory factory) { views().add(family, factory); }

bool has_view(const std::string& name) { return views().find(name.substr(0, name.find(':'))) != nullptr; }

std::unique_ptr<View> make_view(const std::string& name, int width, int height) {
  const ViewFactory* factory = views().find(Parameters(name).name());
  if (factory == nullptr)
    throw Error(
        "there are no pictures of this environment", name,
        views().names().empty() ? "this build has no MuJoCo" : "there are of " + join(views().names(), ", "));
  return (*factory)(name, width, height);
}

}  // namespace hardy::envs
