// How fast dataset files are read and written. tools/bench/datasets_against_h5py makes the file and runs
// h5py beside this.
//
//   HARDY_BENCH_FILE   the file that is read; needed
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "datasets/audit.h"
#include "datasets/convert.h"
#include "datasets/episodes.h"
#include "datasets/formats/deflate.h"
#include "datasets/formats/hdf5_file.h"
#include "datasets/inspect.h"
#include "datasets/transitions.h"
#include "engine/base/json.h"
#include "engine/run/atomic_file.h"

namespace {

using namespace hardy::datasets;

// The most memory that this program has had. (getrusage would count what its parent had before exec.)
double peak_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return 1024 * std::stod(line.substr(6));
  return 0;
}

const char* file(benchmark::State& state) {
  const char* name = std::getenv("HARDY_BENCH_FILE");
  if (!name) state.SkipWithError("HARDY_BENCH_FILE names no file");
  return name;
}

// Every array of the file. overhead: peak memory beyond the arrays', the program's own included, when they
// are read first; later the allocator keeps what it had.
void read(benchmark::State& state) {
  const char* name = file(state);
  if (!name) return;
  static double first_peak = 0;
  double decoded = 0;
  for (auto _ : state) {
    const auto reader = open_dataset(name, {.threads = static_cast<int>(state.range(0))});
    const Arrays arrays = read_arrays(*reader);
    decoded = 0;
    for (const auto& [key, a] : arrays) decoded += static_cast<double>(a.bytes.size());
    if (first_peak == 0) first_peak = peak_bytes();
  }
  state.SetLabel(deflate_library());
  state.counters["decoded_MB"] = decoded / 1e6;
  state.counters["overhead_MiB"] = (first_peak - decoded) / (1 << 20);
  state.SetBytesProcessed(static_cast<std::int64_t>(decoded) * state.iterations());
}

// The qlearning view, straight from the file.
void qlearning(benchmark::State& state) {
  const char* name = file(state);
  if (!name) return;
  for (auto _ : state) {
    const auto reader = open_dataset(name);
    benchmark::DoNotOptimize(transitions_of(*reader, View::kQlearning).rows);
  }
}

void write(benchmark::State& state) {
  const char* name = file(state);
  if (!name) return;
  const Arrays arrays = read_hdf5(name);
  const std::string out = std::string(name) + ".written";
  for (auto _ : state)
    write_arrays(*create_dataset(out, {.threads = static_cast<int>(state.range(0))}), arrays);
  std::filesystem::remove(out);
}

// What `hardy data inspect`, `audit`, `episodes` and `convert` do; the processor's time of all threads.
void inspect_file(benchmark::State& state) {
  const char* name = file(state);
  if (!name) return;
  for (auto _ : state) {
    benchmark::DoNotOptimize(inspect(*open_dataset(name)).size());
    benchmark::DoNotOptimize(hardy::run::sha256_of_file(name).size());
  }
}
void audit_file(benchmark::State& state) {
  const char* name = file(state);
  if (!name) return;
  for (auto _ : state) benchmark::DoNotOptimize(audit(name).findings.size());
}
void episodes_file(benchmark::State& state) {
  const char* name = file(state);
  if (!name) return;
  for (auto _ : state) benchmark::DoNotOptimize(episodes_of(*open_dataset(name)).returns.size());
}
void convert_file(benchmark::State& state) {
  const char* name = file(state);
  if (!name) return;
  const std::string out = std::string(name) + ".written";
  for (auto _ : state) copy_dataset(*open_dataset(name), *create_dataset(out));
  std::filesystem::remove(out);
}

// 0 threads: all that the machine has.
BENCHMARK(read)->Arg(1)->Arg(0)->Unit(benchmark::kMillisecond)->UseRealTime()->MinTime(0.01)->Repetitions(5);
BENCHMARK(qlearning)->Unit(benchmark::kMillisecond)->UseRealTime()->MinTime(0.01)->Repetitions(3);
BENCHMARK(write)->Arg(1)->Arg(0)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(1)->Repetitions(2);
BENCHMARK(inspect_file)
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime()
    ->Iterations(1)
    ->Repetitions(5);
BENCHMARK(audit_file)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime()->Iterations(1)->Repetitions(5);
BENCHMARK(episodes_file)
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime()
    ->Iterations(1)
    ->Repetitions(5);
BENCHMARK(convert_file)
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime()
    ->Iterations(1)
    ->Repetitions(3);

}  // namespace

BENCHMARK_MAIN();
