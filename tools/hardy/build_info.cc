#include "tools/hardy/build_info.h"

#include <openssl/opensslv.h>

#include <Eigen/Core>
#include <boost/version.hpp>

#include "engine/base/json.h"
#include "engine/run/json_text.h"
#ifdef HARDY_HAVE_MUJOCO
#include <mujoco/mujoco.h>
#endif

#include "datasets/formats/deflate.h"
#include "datasets/formats/hdf5_library.h"
#include "engine/comm/ranks.h"
#include "engine/device/backends.h"
#include "engine/ops/gemm.h"
#include "engine/run/build.h"

namespace hardy::tools {
namespace {

std::string dotted(int major, int minor, int patch) {
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

// The version, "" where zlib stands in.
std::string libdeflate_version() {
  const std::string name = datasets::deflate_library();
  return name.starts_with("libdeflate ") ? name.substr(name.find(' ') + 1) : "";
}

std::string mujoco_version() {
#ifdef HARDY_HAVE_MUJOCO
  return mj_versionString();
#else
  return "";
#endif
}

}  // namespace

std::vector<LibraryInfo> libraries() {
  return {{"Eigen", dotted(EIGEN_WORLD_VERSION, EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION), "libeigen3-dev"},
          {"Boost", dotted(BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100),
           "libboost-program-options-dev"},
          {"HDF5", datasets::hdf5_library(), "libhdf5-dev"},
          {"libdeflate", libdeflate_version(), "libdeflate-dev"},
          {"nlohmann-json",
           dotted(NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH),
           "nlohmann-json3-dev"},
          {"OpenSSL", OPENSSL_VERSION_STR, "libssl-dev"},
          {"MuJoCo", mujoco_version(), "libmujoco-dev"}};
}

std::string build_info_text() {
  const nlohmann::json b = run::build_info();
  const auto text = [&](const char* key) { return b.at(key).get<std::string>(); };
  std::string out = "hardy " + text("version") + " (source " + text("source") + ")\n";
  const auto line = [&](std::string name, const std::string& value) {
    name.resize(15, ' ');
    out += "  " + name + value + "\n";
  };
  line("compiler", text("compiler"));
  line("build type", text("type").empty() ? "none" : text("type"));
  line("built for", text("arch").empty() ? "the compiler's default processor" : text("arch"));
  if (!text("sanitizers").empty()) line("sanitizers", text("sanitizers"));
  line("matrix kernel", gemm_kernel_name());
  for (const LibraryInfo& l : libraries())
    line(l.name, l.version.empty() ? "not in this build (" + l.package + ")" : l.version);
  line("CUDA", device::load_backend("cuda") ? "in this build" : "not in this build (nvidia-cuda-toolkit)");
  const std::string mpi = comm::library();
  line("MPI", mpi.empty() ? "not in this build (libopenmpi-dev)" : mpi);
  return out;
}

std::string build_info_json() {
  nlohmann::json j = run::build_info();
  j["matrix_kernel"] = gemm_kernel_name();
  for (const LibraryInfo& l : libraries())
    j["libraries"][l.name] = l.version.empty() ? nlohmann::json() : nlohmann::json(l.version);
  const std::string mpi = comm::library();
  j["libraries"]["MPI"] = mpi.empty() ? nlohmann::json() : nlohmann::json(mpi);
  return run::json_text(j) + "\n";
}

}  // namespace hardy::tools
