// Work on a device outside of graphs: a function that each backend brings, found by its name, called with a
// stream and arguments of their own types.
//
//   inline constexpr LaunchName<const Gate&> kGate{"step/gate"};             // beside the arguments' types
//   const device::RegisterLaunch registration(kBackend, nn::kGate, gate);    // a backend: void gate(Stream&,
//                                                                            //                      const
//                                                                            Gate&)
//   const auto gate = device::find_launch(gpu, kGate);                       // once
//   gate(stream, {...});
//
// Another list of arguments than the name's does not compile; one that was compiled against another
// declaration of the name is an Error when it is looked for.
#pragma once

#include <string>
#include <type_traits>
#include <typeinfo>
#include <vector>

#include "engine/device/device.h"

namespace hardy::device {

// What is called: puts the work into the stream, which is of the function's own backend. Throws an Error that
// names the kernel where it cannot be launched.
template <class... Arguments>
using Launch = void (*)(Stream&, Arguments...);

// `of` stands before the name where the same work is there for several things: "pendulum/reset".
template <class... Arguments>
struct LaunchName {
  const char* name;
  const char* of = nullptr;
  std::string text() const { return of ? std::string(of) + "/" + name : name; }
};

using AnyLaunch = void (*)();
void register_launch(const std::string& backend, const std::string& name, const std::type_info& type,
                     AnyLaunch launch);
// An Error: the device's backend lacks it, or has it with other arguments.
AnyLaunch find_any_launch(const Device& device, const std::string& name, const std::type_info& type);
std::vector<std::string> launch_names(const std::string& backend);

struct RegisterLaunch {
  template <class... Arguments>
  RegisterLaunch(const std::string& backend, const LaunchName<Arguments...>& name,
                 std::type_identity_t<Launch<Arguments...>> launch) {
    register_launch(backend, name.text(), typeid(Launch<Arguments...>), reinterpret_cast<AnyLaunch>(launch));
  }
};

template <class... Arguments>
Launch<Arguments...> find_launch(const Device& device, const LaunchName<Arguments...>& name) {
  return reinterpret_cast<Launch<Arguments...>>(
      find_any_launch(device, name.text(), typeid(Launch<Arguments...>)));
}

}  // namespace hardy::device
