#include "algorithms/adversarial/instance_file.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <utility>

#include "datasets/formats/hdf5_file.h"
#include "datasets/formats/npz_writer.h"
#include "datasets/store.h"
#include "engine/base/error.h"
#include "engine/base/text.h"

namespace hardy::algorithms {
namespace {

using datasets::Array;
using datasets::ArrayType;
using Dimensions = std::vector<std::int64_t>;

// The numbers of a dataset of the given rank, as doubles; nothing where it is absent. narrow: they were
// float32, so that what should be 1 is so within 1e-6 alone.
struct Table {
  Dimensions shape;
  std::vector<double> numbers;
  bool narrow = false;
};
template <class T>
std::vector<double> as_doubles(const Array& array) {
  return {array.as<T>(), array.as<T>() + array.elements()};
}
std::optional<Table> table_of(const datasets::Arrays& arrays, const std::string& path, const std::string& key,
                              std::size_t rank, std::vector<std::string>& notes) {
  const auto found = arrays.find(key);
  if (found == arrays.end()) return std::nullopt;
  const Array& array = found->second;
  const bool integers = array.type == ArrayType::kI32 || array.type == ArrayType::kI64 ||
                        array.type == ArrayType::kU64 || array.type == ArrayType::kU8 ||
                        array.type == ArrayType::kBool;
  if (array.shape.size() != rank ||
      (array.type != ArrayType::kF64 && array.type != ArrayType::kF32 && !integers))
    throw Error("is " + array.describe(), path + " /" + key,
                "expected float64 with " + std::to_string(rank) + " dimensions");
  if (array.type == ArrayType::kF64) return Table{array.shape, as_doubles<double>(array)};
  notes.push_back(path + " /" + key + " is " + array.describe() + ": converted to float64");
  switch (array.type) {
    case ArrayType::kI64:
      return Table{array.shape, as_doubles<std::int64_t>(array)};
    case ArrayType::kU64:
      return Table{array.shape, as_doubles<std::uint64_t>(array)};
    case ArrayType::kI32:
      return Table{array.shape, as_doubles<std::int32_t>(array)};
    default:
      break;
  }
  const std::vector<float> single = array.floats();  // exact: float32, bytes, truth values
  return Table{array.shape, {single.begin(), single.end()}, array.type == ArrayType::kF32};
}

constexpr double kSingle = 1e-5;  // what float32 leaves of a sum of 1

// Rows of float32 numbers that sum to 1 as nearly as those do: to 1.
void renormalise(std::vector<double>& rows, std::int64_t width, const std::string& what,
                 std::vector<std::string>& notes) {
  const auto size = static_cast<std::size_t>(width);
  double most = 0;
  for (std::size_t at = 0; at < rows.size(); at += size) {
    double sum = 0;
    for (std::size_t i = 0; i < size; ++i) sum += rows[at + i];
    if (!(std::abs(sum - 1) <= kSingle)) continue;  // which is no law, and finish() says so
    most = std::max(most, std::abs(sum - 1));
    for (std::size_t i = 0; i < size; ++i) rows[at + i] /= sum;
  }
  if (most > 0) notes.push_back(what + ": rows renormalised, the largest by " + to_text(most));
}

// Features of float32 numbers whose norm passes 1 by rounding: to 1.
template <class Numbers>
void shorten(Numbers& phi, std::int64_t width) {
  const auto size = static_cast<std::size_t>(width);
  for (std::size_t at = 0; at < phi.size(); at += size) {
    double squares = 0;
    for (std::size_t i = 0; i < size; ++i) squares += phi[at + i] * phi[at + i];
    if (squares <= 1 || squares > 1 + kSingle) continue;
    for (std::size_t i = 0; i < size; ++i) phi[at + i] /= std::sqrt(squares);
  }
}

void require_shape(const std::string& where, const Dimensions& have, const Dimensions& want,
                   const char* says) {
  for (std::size_t i = 0; i < want.size(); ++i)
    if (want[i] >= 0 && have[i] != want[i])
      throw Error("dimension " + std::to_string(i) + " is " + std::to_string(have[i]), where,
                  std::string(says) + " needs " + std::to_string(want[i]));
}

// phi mu of float32 numbers sums to 1 only nearly: its rows, renormalised, take the place of mu.
void rows_of_mu(envs::LinearMdp& m, const std::string& path, std::vector<std::string>& notes) {
  m.transitions.assign(static_cast<std::size_t>((m.H - 1) * m.pairs() * m.S), 0.0);
  double* row = m.transitions.data();
  for (int h = 0; h + 1 < m.H; ++h)
    for (std::int64_t p = 0; p < m.pairs(); ++p, row += m.S)
      for (int i = 0; i < m.d; ++i)
        for (int t = 0; t < m.S; ++t)
          row[t] += m.layer_features(h)[p * m.d + i] * m.layer_mu(h)[std::int64_t{i} * m.S + t];
  m.mu.clear();
  renormalise(m.transitions, m.S, path + ": phi mu", notes);
}

Array array_of(std::span<const double> x, Dimensions shape) {
  Array array = Array::of(ArrayType::kF64, std::move(shape));
  std::ranges::copy(x, array.as<double>());
  return array;
}

bool is_npz(const std::string& path) { return path.ends_with(".npz"); }

datasets::Arrays read_npz(const std::filesystem::path& file) {
  return datasets::read_arrays(*datasets::open_dataset(file, {.format = "numpy", .any_columns = true}));
}

}  // namespace

envs::LinearEnvironment read_linear_environment(const std::filesystem::path& file) {
  const std::string path = file.string();
  const datasets::Arrays arrays = is_npz(path) ? read_npz(file) : datasets::read_hdf5(file);
  envs::LinearEnvironment made;
  envs::LinearMdp& m = made.mdp;
  m.name = path;
  auto phi = table_of(arrays, path, "phi", 4, made.notes);
  if (!phi) throw Error("there is no dataset phi", path, "features [H][S][A][d] are needed");
  const Dimensions& size = phi->shape;
  for (const std::int64_t x : size)
    if (x < 1 || x > (1 << 30)) throw Error("a dimension of " + std::to_string(x), path + " /phi");
  m.H = static_cast<int>(size[0]), m.S = static_cast<int>(size[1]);
  m.A = static_cast<int>(size[2]), m.d = static_cast<int>(size[3]);
  m.phi.assign(phi->numbers.begin(), phi->numbers.end());
  if (phi->narrow) shorten(m.phi, m.d);
  bool narrow_mu = false;
  if (auto mu = table_of(arrays, path, "mu", 3, made.notes)) {
    require_shape(path + " /mu", mu->shape, {m.H - 1, m.d, m.S}, "[H-1][d][S]");
    m.mu = std::move(mu->numbers);
    narrow_mu = mu->narrow || phi->narrow;
  }
  if (auto P = table_of(arrays, path, "P", 4, made.notes)) {
    require_shape(path + " /P", P->shape, {m.H - 1, m.S, m.A, m.S}, "[H-1][S][A][S]");
    m.transitions = std::move(P->numbers);
    if (P->narrow) renormalise(m.transitions, m.S, path + " /P", made.notes);
  }
  if (auto start = table_of(arrays, path, "start", 1, made.notes)) {
    require_shape(path + " /start", start->shape, {m.S}, "[S]");
    m.start = std::move(start->numbers);
    if (start->narrow) renormalise(m.start, m.S, path + " /start", made.notes);
  } else {
    m.start.assign(static_cast<std::size_t>(m.S), 0.0);
    m.start[0] = 1;
  }
  if (narrow_mu && m.transitions.empty() && m.H > 1) rows_of_mu(m, path, made.notes);
  m.finish();
  auto nu = table_of(arrays, path, "nu", 3, made.notes),
       tables = table_of(arrays, path, "losses", 4, made.notes);
  if (!nu == !tables)
    throw Error(nu ? "there are both nu and losses" : "there are neither nu nor losses", path,
                "give nu [K][H][d] or losses [K][H][S][A]");
  if (nu) require_shape(path + " /nu", nu->shape, {-1, m.H, m.d}, "[K][H][d]");
  if (tables) require_shape(path + " /losses", tables->shape, {-1, m.H, m.S, m.A}, "[K][H][S][A]");
  made.linear = nu.has_value();
  made.rows = std::move(nu ? nu->numbers : tables->numbers);
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
  if (is_npz(path.string()))
    datasets::write_npz(path, arrays);
  else
    datasets::write_hdf5(path, arrays);
}

namespace {

envs::LinearEnvironment read(const std::string& path) { return read_linear_environment(path); }
const envs::RegisterInstanceFile hdf5(".hdf5", read), h5(".h5", read), npz(".npz", read);

}  // namespace
}  // namespace hardy::algorithms
