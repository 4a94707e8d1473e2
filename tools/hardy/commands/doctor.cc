// hardy doctor: what this machine offers, what this build makes of it, and what to install.
#include <algorithm>
#include <cstdio>

#include "engine/base/caches.h"
#include "engine/base/json.h"
#include "engine/base/memory.h"
#include "engine/comm/ranks.h"
#include "engine/ops/gemm.h"
#include "engine/run/build.h"
#include "engine/run/json_text.h"
#include "engine/run/measure.h"
#include "engine/run/schema.h"
#include "tools/hardy/build_info.h"
#include "tools/hardy/command.h"
#include "tools/hardy/cuda_backend.h"
#include "tools/hardy/machine.h"

namespace hardy::tools {
namespace {

void line(const char* name, const std::string& text) { std::printf("  %-18s %s\n", name, text.c_str()); }

std::string printed(const char* format, double x) {
  char text[64];
  std::snprintf(text, sizeof text, format, x);
  return text;
}

std::string caches_text(const CacheSizes& c) {
  if (!c.known) return "unknown: the system does not say";
  const auto size = [](std::int64_t bytes) { return bytes_text(static_cast<std::uint64_t>(bytes)); };
  return size(c.l1) + " and " + size(c.l2) + " a core" + (c.l3 > 0 ? ", " + size(c.l3) + " shared" : "");
}

// Which kernel multiplies matrices, and why: what the build was compiled for decides, the machine may have
// more.
std::string kernel_text(const Machine& m) {
  const std::string kernel = gemm_kernel_name(), arch = run::build_info().at("arch").get<std::string>();
  const auto lacks = [&](const char* set, const char* prefix) {
    return std::ranges::find(m.instruction_sets, set) != m.instruction_sets.end() &&
           !kernel.starts_with(prefix);
  };
  std::string why = ", since the build is for " + (arch.empty() ? "the compiler's default processor" : arch);
  if (lacks("avx512f", "avx512") || (lacks("avx2", "avx2") && !kernel.starts_with("avx512")))
    why += "; this processor has more: cmake -DHARDY_ARCH=native";
  return kernel + why;
}

std::string blocks_text(const CacheSizes& c) {
  return "strips of " + bytes_text(static_cast<std::uint64_t>(c.l2 / 2)) + ", half of " +
         (c.known ? "a core's second cache" : "the smallest second cache");
}

int doctor(const std::vector<std::string>& args) {
  bool json = false;
  double seconds = 0.3;
  run::Schema schema(
      "doctor",
      "What this machine offers, what this build makes of it, and what to install for what is missing.");
  schema.option("json", &json, "print one JSON object")
      .option("seconds", &seconds, "of each measurement", 0.001, 60);
  if (!parse_or_help(schema, args)) return 0;

  const Machine m = look_at_machine();
  const CacheSizes& caches = cache_sizes();
  const int threads = std::max(1, m.cores);
  const double one = run::measure_sgemm(256, 256, 256, 1, seconds);
  const double all = threads > 1 ? run::measure_sgemm(256, 256, 256, threads, seconds) : one;
  const double peak_one = run::measure_fma_peak(1, seconds);
  const double peak_all = threads > 1 ? run::measure_fma_peak(threads, seconds) : peak_one;
  const std::vector<LibraryInfo> has = libraries();
  const std::vector<Offer> offers = {look_for_cuda(), look_for_mpi(), look_for_slurm(), look_for_gymnasium()};

  if (json) {
    nlohmann::json j{
        {"processor", m.processor},
        {"instruction_sets", m.instruction_sets},
        {"cores", m.cores},
        {"memory_bytes", m.memory_bytes},
        {"memory_free_bytes", m.memory_free_bytes},
        {"matrix_kernel", gemm_kernel_name()},
        {"cache_bytes", {{"l1", caches.l1}, {"l2", caches.l2}, {"l3", caches.l3}, {"known", caches.known}}},
        {"cuda_obstacle", cuda_obstacle()},
        {"sgemm_gflops", {{"one_thread", one}, {"all_threads", all}}},
        {"fma_peak_gflops", {{"one_thread", peak_one}, {"all_threads", peak_all}}}};
    for (const LibraryInfo& l : has) {
      j["libraries"][l.name] = {
          {"present", !l.version.empty()}, {"version", l.version}, {"package", l.package}};
    }
    j["mpi"] = comm::library();
    for (const Offer& o : offers) j["machine"][o.name] = {{"present", o.present}, {"about", o.about}};
    std::printf("%s\n", run::json_text(j).c_str());
    return 0;
  }

  std::string sets;
  for (const std::string& s : m.instruction_sets) sets += (sets.empty() ? "" : " ") + s;
  std::printf("this machine\n");
  line("processor", m.processor);
  line("instruction sets", sets.empty() ? "none that matter here" : sets);
  line("cores", std::to_string(m.cores));
  line("memory", printed("%.1f GiB, ", static_cast<double>(m.memory_bytes) / (1 << 30)) +
                     printed("%.1f GiB free", static_cast<double>(m.memory_free_bytes) / (1 << 30)));
  line("caches", caches_text(caches));
  line("multiply-add peak", printed("%.0f GFLOP/s on one thread, ", peak_one) +
                                printed("%.0f on ", peak_all) + std::to_string(threads));
  for (const Offer& o : offers) line(o.name.c_str(), o.about);
  std::printf("\nthis build\n");
  line("matrix kernel", kernel_text(m));
  line("large products", blocks_text(caches));
  line("256x256x256", printed("%.0f GFLOP/s on one thread ", one) +
                          printed("(%.0f %% of its peak), ", 100 * one / peak_one) +
                          printed("%.0f on ", all) + std::to_string(threads));
  std::string install;
  for (const LibraryInfo& l : has) {
    line(l.name.c_str(), l.version.empty() ? "missing" : l.version);
    if (l.version.empty()) install += " " + l.package;
  }
  line("CUDA", cuda_obstacle().empty() ? "usable: --device cuda" : cuda_obstacle());
  const std::string mpi = comm::library();
  line("MPI", !mpi.empty()
                  ? mpi + ": mpirun -n 2 hardy train ... --shards 2"
                  : "not in this build; install libopenmpi-dev (tools/setup --cluster), build again");
  std::printf("\n%s\n", install.empty() ? "nothing is missing"
                                        : ("to install and build again: apt-get install" + install).c_str());
  return 0;
}

const RegisterCommand kRegister({"doctor", "what this machine offers and what is missing", doctor});

}  // namespace
}  // namespace hardy::tools
