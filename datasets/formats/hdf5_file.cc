#include "datasets/formats/hdf5_file.h"

#include "datasets/formats/hdf5_layout.h"
#include "datasets/formats/hdf5_rows.h"
#include "datasets/formats/hdf5_writer.h"
#include "engine/base/error.h"

namespace hardy::datasets {

Arrays read_hdf5(const std::filesystem::path& path) {
  const Hdf5Layout layout = read_hdf5_layout(path);
  if (!layout.left_out.empty()) {
    const Hdf5LeftOut& l = layout.left_out[0];
    throw Error(l.problem, path.string() + " /" + l.key, l.fix);
  }
  Hdf5Rows rows(path, layout, 0);
  Arrays arrays;
  for (const Hdf5Dataset& d : layout.datasets) {
    Array& array = arrays[d.key];
    array.type = d.type();
    array.shape = d.shape;
    array.strings = d.text;
    if (d.type() == ArrayType::kString) continue;
    array.bytes.resize(static_cast<std::size_t>(d.elements()) * size_of(d.type()));
    rows.read(d, 0, array.rows(), array.bytes.data());
  }
  return arrays;
}

void write_hdf5(const std::filesystem::path& path, const Arrays& arrays, int gzip) {
  Hdf5Writer writer(path, {.gzip = gzip});
  write_arrays(writer, arrays);
}

}  // namespace hardy::datasets
