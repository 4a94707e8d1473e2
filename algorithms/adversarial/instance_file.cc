#include "algorithms/adversarial/instance_file.h"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include "datasets/formats/hdf5_file.h"
#include "engine/base/error.h"

namespace hardy::algorithms {
namespace {

using datasets::Array;
using datasets::ArrayType;
using Dimensions = std::vector<std::int64_t>;

// The numbers of a dataset of the given rank, as doubles; nothing where it is absent.
std::optional<std::pair<Dimensions, std::vector<double>>> numbers(const datasets::Arrays& arrays,
                                                                  const std::string& path,
                                                                  const std::string& key, std::size_t rank) {
  const auto found = arrays.find(key);
  if (found == arrays.end()) return std::nullopt;
  const Array& array = found->second;
  if (array.shape.size() != rank || (array.type != ArrayType::kF64 && array.type != ArrayType::kF32))
    throw Error("is " + array.describe(), path + " /" + key,
                "expected float64 with " + std::to_string(rank) + " dimensions");
  if (array.type == ArrayType::kF64)
    return {{array.shape, {array.as<double>(), array.as<double>() + array.elements()}}};
  const std::vector<float> single = array.floats();
  return {{array.shape, {single.begin(), single.end()}}};
}

void require_shape(const std::string& where, const Dimensions& have, const Dimensions& want,
                   const char* says) {
  for (std::size_t i = 0; i < want.size(); ++i)
    if (want[i] >= 0 && have[i] != want[i])
      throw Error("dimension " + std::to_string(i) + " is " + std::to_string(have[i]), where,
                  std::string(says) + " needs " + std::to_string(want[i]));
}

Array array_of(std::span<const double> x, Dimensions shape) {
  Array array = Array::of(ArrayType::kF64, std::move(shape));
  std::ranges::copy(x, array.as<double>());
  return array;
}

}  // namespace

envs::LinearEnvironment read_linear_environment(const std::filesystem::path& file) {
  const std::string path = file.string();
  const datasets::Arrays arrays = datasets::read_hdf5(file);
  envs::LinearEnvironment made;
  envs::LinearMdp& m = made.mdp;
  m.name = path;
  auto phi = numbers(arrays, path, "phi", 4);
  if (!phi) throw Error("there is no dataset phi", path, "features [H][S][A][d] are needed");
  const Dimensions& size = phi->first;
  for (const std::int64_t x : size)
    if (x < 1 || x > (1 << 30)) throw Error("a dimension of " + std::to_string(x), path + " /phi");
  m.H = static_cast<int>(size[0]), m.S = static_cast<int>(size[1]);
  m.A = static_cast<int>(size[2]), m.d = static_cast<int>(size[3]);
  m.phi.assign(phi->second.begin(), phi->second.end());
  if (auto mu = numbers(arrays, path, "mu", 3)) {
    require_shape(path + " /mu", mu->first, {m.H - 1, m.d, m.S}, "[H-1][d][S]");
    m.mu = std::move(mu->second);
  }
  if (auto P = numbers(arrays, path, "P", 4)) {
    require_shape(path + " /P", P->first, {m.H - 1, m.S, m.A, m.S}, "[H-1][S][A][S]");
    m.transitions = std::move(P->second);
  }
  if (auto start = numbers(arrays, path, "start", 1)) {
    require_shape(path + " /start", start->first, {m.S}, "[S]");
    m.start = std::move(start->second);
  } else {
    m.start.assign(static_cast<std::size_t>(m.S), 0.0);
    m.start[0] = 1;
  }
  m.finish();
  auto nu = numbers(arrays, path, "nu", 3), tables = numbers(arrays, path, "losses", 4);
  if (!nu == !tables)
    throw Error(nu ? "there are both nu and losses" : "there are neither nu nor losses", path,
                "give nu [K][H][d] or losses [K][H][S][A]");
  if (nu) require_shape(path + " /nu", nu->first, {-1, m.H, m.d}, "[K][H][d]");
  if (tables) require_shape(path + " /losses", tables->first, {-1, m.H, m.S, m.A}, "[K][H][S][A]");
  made.linear = nu.has_value();
  made.rows = std::move(nu ? nu->second : tables->second);
  if (made.rows.empty()) throw Error("there are no losses", path, "at least one episode's are needed");
  return made;
}

void write_instance(const std::filesystem::path& path, const envs::Instance& instance, std::int64_t rows) {
  const envs::LinearMdp& m = *instance.mdp;
  if (instance.losses->adaptive()) throw Error("an adaptive adversary has no losses to write", path.string());
  if (rows < 1) throw Error("at least one episode's losses are needed", path.string());
  datasets::Arrays arrays;
  arrays["phi"] = array_of(m.phi, {m.H, m.S, m.A, m.d});
  arrays["start"] = array_of(m.start, {m.S});
  if (!m.mu.empty()) arrays["mu"] = array_of(m.mu, {m.H - 1, m.d, m.S});
  if (m.mu.empty() || m.H == 1) arrays["P"] = array_of(m.transitions, {m.H - 1, m.S, m.A, m.S});
  const auto size = static_cast<std::size_t>(loss_size(m, instance.losses->linear()));
  std::vector<double> all, scratch(size);
  for (std::int64_t k = 0; k < rows; ++k) {
    const double* episode = instance.losses->losses(k, scratch.data());
    all.insert(all.end(), episode, episode + size);
  }
  if (instance.losses->linear())
    arrays["nu"] = array_of(all, {rows, m.H, m.d});
  else
    arrays["losses"] = array_of(all, {rows, m.H, m.S, m.A});
  datasets::write_hdf5(path, arrays);
}

namespace {

const envs::RegisterInstanceFile hdf5(".hdf5",
                                      [](const std::string& path) { return read_linear_environment(path); });
const envs::RegisterInstanceFile h5(".h5",
                                    [](const std::string& path) { return read_linear_environment(path); });

}  // namespace
}  // namespace hardy::algorithms
