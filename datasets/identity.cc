#include "datasets/identity.h"

#include <algorithm>
#include <system_error>
#include <vector>

#include "datasets/store.h"
#include "engine/base/error.h"
#include "engine/run/atomic_file.h"
#include "engine/run/sha256.h"

namespace hardy::datasets {
namespace {

namespace fs = std::filesystem;

// All files below a folder, as paths from the root. above: the folders that lead here, by their real paths.
void collect(const fs::path& root, const fs::path& inside, std::vector<fs::path>& above,
             std::vector<std::string>& files) {
  std::error_code code;
  const fs::path folder = root / inside, real = fs::canonical(folder, code);
  if (std::ranges::find(above, real) != above.end())
    throw Error("leads back to a folder that it lies in", folder.string(), "remove that link");
  above.push_back(real);
  for (fs::directory_iterator it(folder, code), end; !code && it != end; it.increment(code)) {
    const fs::path name = inside / it->path().filename();
    const fs::file_status status = fs::status(it->path(), code);
    if (fs::is_directory(status))
      collect(root, name, above, files);
    else if (fs::is_regular_file(status))
      files.push_back(name.generic_string());
    else if (!fs::exists(status))
      throw Error("is a link to nothing", it->path().string(), "remove it, or put back what it names");
  }
  if (code) throw Error("cannot be read (" + code.message() + ")", folder.string());
  above.pop_back();
}

}  // namespace

std::string dataset_sha256(const fs::path& path) {
  if (!fs::is_directory(path)) return run::sha256_of_file(path);
  std::vector<fs::path> above;
  std::vector<std::string> files;
  collect(path, "", above, files);
  if (files.empty()) throw Error("is a folder without files", path.string());
  std::ranges::sort(files);  // by bytes
  run::Sha256 all;
  for (const std::string& name : files) {
    const std::string line = run::sha256_of_file(path / name) + "  " + name + "\n";
    all.add(line.data(), line.size());
  }
  return all.hex();
}

std::string dataset_sha256(const Reader& reader) {
  reader.require_unchanged();
  std::string sha = dataset_sha256(reader.path());
  reader.require_unchanged();
  return sha;
}

}  // namespace hardy::datasets
