// A libFuzzer target for every format that is registered: the input is a file, opened as the format that
// HARDY_FUZZ_FORMAT names, all its columns read, its transitions and episodes made. Whatever the bytes are,
// the only way out is an Error.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "datasets/episodes.h"
#include "datasets/store.h"
#include "datasets/transitions.h"
#include "engine/base/error.h"
#include "engine/base/version.h"

// The main build generates it; records of corruption name it, and nothing here writes one.
std::string hardy::version() { return "fuzzed"; }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hardy;
  static const int file = ::memfd_create("input", 0);
  static const std::string path = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(file);
  const char* format = std::getenv("HARDY_FUZZ_FORMAT");
  if (file < 0 || !format || ::ftruncate(file, 0) != 0 ||
      ::pwrite(file, data, size, 0) != static_cast<ssize_t>(size))
    std::abort();
  try {
    const auto reader = datasets::open_dataset(path, {.format = format, .threads = 1});
    datasets::read_arrays(*reader);
    datasets::find_episodes(*reader);
    datasets::transitions_of(*reader, datasets::View::kLossless);
    datasets::transitions_of(*reader, datasets::View::kQlearning, 3);
  } catch (const Error&) {  // as it should be
  }
  return 0;
}
