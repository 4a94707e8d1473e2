// Datasets: NumPy's arrays in, NumPy's arrays out. What is read is given away without a copy; what works on
// arrays (corrupt, undo, repair, inspect) copies them once on its way in.
#include <filesystem>

#include "algorithms/cleaning/repair_words.h"
#include "algorithms/offline/gradient_attack.h"
#include "datasets/audit.h"
#include "datasets/corruption/corrupt.h"
#include "datasets/identity.h"
#include "datasets/inspect.h"
#include "datasets/memory.h"
#include "datasets/memory_writer.h"
#include "datasets/store.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/run/output.h"
#include "tools/python/native/native.h"

namespace hardy::python {
namespace {

using datasets::Array;
using datasets::Arrays;
using datasets::ArrayType;

nb::dlpack::dtype dtype_of(ArrayType type) {
  switch (type) {
    case ArrayType::kF32:
      return nb::dtype<float>();
    case ArrayType::kF64:
      return nb::dtype<double>();
    case ArrayType::kI32:
      return nb::dtype<std::int32_t>();
    case ArrayType::kI64:
      return nb::dtype<std::int64_t>();
    case ArrayType::kU64:
      return nb::dtype<std::uint64_t>();
    case ArrayType::kU8:
      return nb::dtype<std::uint8_t>();
    case ArrayType::kBool:
      return nb::dtype<bool>();
    default:
      throw Error("text is no array", "a column");
  }
}

// Text becomes str, or a list of them; all else an array that owns the column's memory.
nb::object give(Array&& column) {
  if (column.type == ArrayType::kString) {
    if (column.shape.empty()) return nb::cast(column.strings.empty() ? std::string() : column.strings[0]);
    return nb::cast(column.strings);
  }
  const std::vector<std::size_t> shape(column.shape.begin(), column.shape.end());
  const nb::dlpack::dtype type = dtype_of(column.type);
  auto* kept = new datasets::Bytes(std::move(column.bytes));
  const nb::capsule owner(kept, [](void* p) noexcept { delete static_cast<datasets::Bytes*>(p); });
  return nb::cast(nb::ndarray<nb::numpy>(kept->data(), shape.size(), shape.data(), owner, nullptr, type));
}

nb::dict give(Arrays&& arrays) {
  nb::dict columns;
  for (auto& [key, array] : arrays) columns[key.c_str()] = give(std::move(array));
  return columns;
}

Array take(const std::string& key, nb::handle value) {
  if (nb::isinstance<nb::str>(value)) return Array::text(nb::cast<std::string>(value));
  if (nb::isinstance<nb::list>(value)) {
    Array text;
    text.type = ArrayType::kString;
    text.strings = nb::cast<std::vector<std::string>>(value);
    text.shape = {static_cast<std::int64_t>(text.strings.size())};
    return text;
  }
  nb::ndarray<nb::ro, nb::device::cpu, nb::c_contig> given;
  if (!nb::try_cast(value, given))
    throw Error("is no array in C order", "column '" + key + "'", "numpy.ascontiguousarray(...) makes one");
  Array column;
  bool known = false;
  for (const ArrayType type : {ArrayType::kF32, ArrayType::kF64, ArrayType::kI32, ArrayType::kI64,
                               ArrayType::kU64, ArrayType::kU8, ArrayType::kBool})
    if (given.dtype() == dtype_of(type)) column.type = type, known = true;
  if (!known)
    throw Error("is of a type that datasets have not", "column '" + key + "'",
                "float32, float64, int32, int64, uint64, uint8 or bool would be right");
  std::size_t bytes = datasets::size_of(column.type);
  for (std::size_t d = 0; d < given.ndim(); ++d) {
    column.shape.push_back(static_cast<std::int64_t>(given.shape(d)));
    bytes *= given.shape(d);
  }
  const auto* first = static_cast<const std::byte*>(given.data());
  column.bytes.assign(first, first + bytes);
  return column;
}

Arrays take(const nb::dict& columns) {
  Arrays arrays;
  for (const auto& [key, value] : columns) {
    const auto name = nb::cast<std::string>(key);
    arrays[name] = take(name, value);
  }
  return arrays;
}

nb::tuple read(const std::string& path, const std::string& format, const std::vector<std::string>& parts,
               int threads) {
  Arrays arrays;
  std::string attributes, name;
  std::vector<std::string> notes;
  {
    const nb::gil_scoped_release others;
    datasets::OpenSettings settings{.format = format, .threads = threads};
    settings.observation_parts = parts;
    const auto reader = datasets::open_dataset(path, settings);
    arrays = datasets::read_arrays(*reader);
    attributes = reader->attributes().dump(), name = reader->format(), notes = reader->notes();
  }
  return nb::make_tuple(give(std::move(arrays)), attributes, name, notes);
}

std::vector<std::string> write(const nb::dict& columns, const std::string& attributes,
                               const std::string& path, const std::string& format, int gzip, bool overwrite,
                               int threads) {
  const Arrays arrays = take(columns);
  const nb::gil_scoped_release others;
  const run::Output output(path, {.kind = run::OutputRules::Kind::kEither, .overwrite = overwrite});
  datasets::WriteSettings settings{.format = format, .gzip = gzip, .threads = threads};
  const auto writer = datasets::create_dataset(output.path(), settings);
  writer->set_attributes(nlohmann::json::parse(attributes));
  datasets::write_arrays(*writer, arrays);
  return writer->notes();
}

datasets::CorruptionSettings corruption(const nlohmann::json& words) {
  datasets::CorruptionSettings s;
  for (const auto& name : words.at("elements")) {
    const auto text = name.get<std::string>();
    const std::size_t colon = text.find(':');
    const datasets::Element e = datasets::element_named(text.substr(0, colon), "elements");
    s.elements.push_back(e);
    if (colon != std::string::npos) s.modes[e] = datasets::mode_named(text.substr(colon + 1));
  }
  s.rate = words.at("rate"), s.scale = words.at("scale"), s.seed = words.at("seed");
  s.generator = words.at("generator"), s.mode = datasets::mode_named(words.at("mode"));
  s.pattern = datasets::pattern_named(words.at("pattern")), s.block = words.at("block");
  s.shared_rows = words.at("indices") == "shared", s.trajectory = words.at("copies") == "trajectory";
  s.sensors = words.at("sensors").get<std::vector<std::int64_t>>(), s.delay = words.at("delay");
  datasets::check(s);
  return s;
}

// The corrupted columns with their record, and the manifest.
std::pair<nb::dict, std::string> corrupt(const nb::dict& columns, const std::string& attributes,
                                         const std::string& name, const std::string& words,
                                         const std::string& critic, std::int64_t agent) {
  const nlohmann::json asked = nlohmann::json::parse(words);
  const datasets::CorruptionSettings settings = corruption(asked);
  const Arrays clean = take(columns);
  Arrays corrupted;
  std::string manifest;
  {
    const nb::gil_scoped_release others;
    datasets::MemoryReader in(clean, name, nlohmann::json::parse(attributes));
    datasets::MemoryWriter out;
    std::unique_ptr<algorithms::GradientAttack> adversary;
    if (!critic.empty()) {
      algorithms::GradientAttackSettings attack;
      attack.agent = agent;
      adversary = std::make_unique<algorithms::GradientAttack>(critic, attack);
    }
    manifest =
        datasets::corrupt(in, out, settings, asked.value("sha256", std::string()), adversary.get()).dump();
    corrupted = out.take();
  }
  return {give(std::move(corrupted)), manifest};
}

nb::dict undo(const nb::dict& columns, const std::string& attributes, const std::string& name) {
  const Arrays corrupted = take(columns);
  datasets::MemoryReader in(corrupted, name, nlohmann::json::parse(attributes));
  datasets::MemoryWriter out;
  datasets::undo(in, out);
  return give(out.take());
}

// words: those of `hardy data repair`. A Ctrl-C ends it.
std::pair<nb::dict, std::string> repair(const nb::dict& columns, const std::string& attributes,
                                        const std::string& name, const std::vector<std::string>& words) {
  algorithms::RepairOptions asked;
  run::Schema schema("repair");
  asked.options(schema);
  schema.parse(words);
  asked.settle(schema);
  const Arrays before = take(columns);
  Calls calls;
  SignalListener listener(calls);
  Arrays after;
  std::string report;
  {
    const nb::gil_scoped_release others;
    datasets::MemoryReader in(before, name, nlohmann::json::parse(attributes));
    datasets::MemoryWriter out;
    algorithms::Cleaning judge(asked.cleaning, {calls.stop(), &listener});
    try {
      report = datasets::repair(in, out, asked.repair, asked.models ? &judge : nullptr).dump();
      after = out.take();
    } catch (const Stopped&) {
    }
  }
  calls.raise();
  return {give(std::move(after)), report};
}

std::string inspect(const nb::dict& columns, const std::string& attributes, const std::string& name) {
  const Arrays arrays = take(columns);
  const nb::gil_scoped_release others;
  datasets::MemoryReader in(arrays, name, nlohmann::json::parse(attributes));
  return datasets::without_drawings(datasets::inspect(in)).dump();
}

std::string audit(const nb::dict& columns, const std::string& attributes, const std::string& name) {
  const Arrays arrays = take(columns);
  const nb::gil_scoped_release others;
  datasets::MemoryReader in(arrays, name, nlohmann::json::parse(attributes));
  return datasets::to_json(datasets::audit(in)).dump();
}

}  // namespace

void bind_data(nb::module_& m) {
  m.def("read_dataset", &read);
  m.def("write_dataset", &write);
  m.def("corrupt", &corrupt);
  m.def("undo", &undo);
  m.def("repair", &repair);
  m.def("inspect", &inspect);
  m.def("audit", &audit);
  m.def("dataset_sha256", [](const std::string& path) {
    const nb::gil_scoped_release others;
    return datasets::dataset_sha256(std::filesystem::path(path));
  });
}

}  // namespace hardy::python
