#include "tools/hardy/machine.h"

#include <dlfcn.h>
#include <sched.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "engine/base/memory.h"

namespace hardy::tools {
namespace {

std::string value_after_colon(const std::string& line) {
  const std::size_t colon = line.find(':');
  const std::size_t begin = colon == std::string::npos ? colon : line.find_first_not_of(" \t", colon + 1);
  return begin == std::string::npos ? "" : line.substr(begin);
}

std::string on_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');)
    if (const std::string file = folder + "/" + program; !folder.empty() && ::access(file.c_str(), X_OK) == 0)
      return file;
  return "";
}

}  // namespace

Machine look_at_machine() {
  Machine m;
  std::ifstream cpu("/proc/cpuinfo");
  for (std::string line; std::getline(cpu, line) && (m.processor.empty() || m.instruction_sets.empty());) {
    if (line.starts_with("model name")) m.processor = value_after_colon(line);
    if (!line.starts_with("flags") && !line.starts_with("Features")) continue;
    std::istringstream flags(value_after_colon(line));
    for (std::string flag; flags >> flag;)
      for (const char* known :
           {"sse4_2", "avx", "avx2", "fma", "bmi2", "avx512f", "avx512dq", "avx512bw", "avx512vl",
            "avx512_vnni", "avx512_bf16", "amx_tile", "sha_ni", "asimd", "sve", "sve2"})
        if (flag == known) m.instruction_sets.push_back(flag);
  }
  if (m.processor.empty()) m.processor = "unknown";
  cpu_set_t set;
  CPU_ZERO(&set);
  m.cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set)
                                                        : static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  const MachineMemory memory = machine_memory();
  m.memory_bytes = memory.total;
  m.memory_free_bytes = memory.available;
  return m;
}

std::string path_of_nvcc() {
  const std::string found = on_path("nvcc"), usual = "/usr/local/cuda/bin/nvcc";
  return found.empty() && ::access(usual.c_str(), X_OK) == 0 ? usual : found;
}

Offer look_for_cuda() {
  Offer cuda{"CUDA", false, ""};
  using Init = int (*)(unsigned);
  using Count = int (*)(int*);
  using Version = int (*)(int*);
  int devices = 0, version = 0;
  bool driver = false;
  if (void* library =
          dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL)) {  // stays loaded: drivers dislike being closed
    const auto init = reinterpret_cast<Init>(dlsym(library, "cuInit"));
    const auto count = reinterpret_cast<Count>(dlsym(library, "cuDeviceGetCount"));
    const auto ask = reinterpret_cast<Version>(dlsym(library, "cuDriverGetVersion"));
    driver = init && count && init(0) == 0 && count(&devices) == 0;
    if (driver && ask) ask(&version);
  }
  const std::string nvcc = path_of_nvcc();
  cuda.present = driver && devices > 0;
  cuda.about = cuda.present ? std::to_string(devices) + (devices == 1 ? " device" : " devices") +
                                  ", driver for CUDA " + std::to_string(version / 1000) + "." +
                                  std::to_string(version % 1000 / 10)
                            : "no device; a driver comes with the packages nvidia-driver and libcuda1";
  cuda.about += nvcc.empty() ? "; no compiler, install nvidia-cuda-toolkit" : "; compiler " + nvcc;
  return cuda;
}

Offer look_for_mpi() {
  Offer mpi{"MPI", false, "none; install libopenmpi-dev and openmpi-bin"};
  const std::string compiler = on_path("mpicxx"), launcher = on_path("mpirun");
  if (compiler.empty() && launcher.empty()) return mpi;
  mpi.present = !compiler.empty() && !launcher.empty();
  mpi.about = mpi.present        ? launcher
              : compiler.empty() ? launcher + "; no compiler wrapper, install libopenmpi-dev"
                                 : compiler + "; no launcher, install openmpi-bin";
  return mpi;
}

Offer look_for_slurm() {
  const std::string submit = on_path("sbatch");
  return submit.empty()
             ? Offer{"Slurm", false,
                     "none; `hardy grid run` needs none, `hardy grid slurm` is for machines with one"}
             : Offer{"Slurm", true, submit};
}

Offer look_for_gymnasium() {
  std::string version;
  if (FILE* const answer = ::popen(
          "\"${HARDY_PYTHON:-python3}\" -c 'import gymnasium; print(gymnasium.__version__)' 2>/dev/null",
          "r")) {
    char text[100];
    if (std::fgets(text, sizeof text, answer) != nullptr) version = text;
    if (::pclose(answer) != 0) version.clear();
  }
  version = version.substr(0, version.find('\n'));
  const char* const chosen = std::getenv("HARDY_PYTHON");
  const std::string python = chosen != nullptr && *chosen != '\0' ? chosen : "python3";
  if (version.empty())
    return {"Gymnasium", false,
            "none in " + python + "; pip install gymnasium, or name a Python by HARDY_PYTHON"};
  return {"Gymnasium", true, version + " in " + python};
}

}  // namespace hardy::tools
