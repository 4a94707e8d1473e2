// CUDA devices as the engine's (engine/device/device.h, backends.h): memory, streams, events and captured
// graphs.
#include <dlfcn.h>

#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "cuda/capability.h"
#include "cuda/nccl/exchange.h"
#include "cuda/ops/tensor_product.h"
#include "cuda/stream.h"
#include "engine/device/backends.h"

namespace hardy::cuda {
namespace {

constexpr std::size_t kWorkspace = std::size_t{32} << 20;  // what cuBLASLt asks for on Hopper, at most

// Calls that name no stream are about the calling thread's device: this one from now on.
void choose(int device) { check(cudaSetDevice(device), "choosing the device"); }

class CudaEvent final : public device::Event {
 public:
  explicit CudaEvent(int device) {
    choose(device);
    check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "creating an event");
  }
  ~CudaEvent() override { cudaEventDestroy(event_); }
  CudaEvent(const CudaEvent&) = delete;
  CudaEvent& operator=(const CudaEvent&) = delete;
  cudaEvent_t handle() const { return event_; }
  bool reached() const override {
    const cudaError_t status = cudaEventQuery(event_);
    if (status == cudaErrorNotReady) return false;
    check(status, "a kernel before this event");
    return true;
  }
  void wait() const override { check(cudaEventSynchronize(event_), "a kernel before this event"); }

 private:
  cudaEvent_t event_ = nullptr;
};

class CapturedGraph final : public device::Captured {
 public:
  explicit CapturedGraph(cudaGraph_t graph) : graph_(graph) {
    check(cudaGraphGetNodes(graph_, nullptr, &nodes_), "counting what was captured");
  }
  ~CapturedGraph() override {
    if (executable_) cudaGraphExecDestroy(executable_);
    if (graph_) cudaGraphDestroy(graph_);
  }
  CapturedGraph(const CapturedGraph&) = delete;
  CapturedGraph& operator=(const CapturedGraph&) = delete;
  // Made ready at the first use: other streams may still be captured when this one has been.
  cudaGraphExec_t handle() const {
    if (!executable_) {
      check(cudaGraphInstantiate(&executable_, graph_, 0), "making the captured step ready to run");
      cudaGraphDestroy(std::exchange(graph_, nullptr));
    }
    return executable_;
  }
  std::size_t nodes() const override { return nodes_; }

 private:
  mutable cudaGraph_t graph_;
  mutable cudaGraphExec_t executable_ = nullptr;
  std::size_t nodes_ = 0;
};

}  // namespace

CudaStream::CudaStream(int device, const Blas& blas, bool careful,
                       std::function<std::unique_ptr<device::Stream>()> another,
                       std::function<void(void*)> give_back)
    : device_(device),
      blas_(blas),
      careful_(careful),
      another_(std::move(another)),
      give_back_(std::move(give_back)) {
  choose(device);
  check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "creating a stream");
}
CudaStream::~CudaStream() {
  cudaStreamSynchronize(stream_);
  cudaStreamDestroy(stream_);
  for (void* memory : scratch_) cudaFree(memory);
  give_back_(blas_.workspace);
}
void* CudaStream::scratch(std::size_t bytes) {
  if (bytes > scratch_bytes_) {
    void* memory = nullptr;
    choose(device_);
    check(cudaMalloc(&memory, bytes), "allocating scratch memory");
    scratch_.push_back(memory);
    scratch_bytes_ = bytes;
  }
  return scratch_.empty() ? nullptr : scratch_.back();
}
void CudaStream::copy_in(void* device, const void* host, std::size_t bytes) {
  check(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, stream_), "a copy to the device");
}
void CudaStream::copy_out(void* host, const void* device, std::size_t bytes) {
  check(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, stream_), "a copy from the device");
}
void CudaStream::copy(void* to, const void* from, std::size_t bytes) {
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream_), "a copy within the device");
}
void CudaStream::record(device::Event& event) {
  check(cudaEventRecord(static_cast<CudaEvent&>(event).handle(), stream_), "recording an event");
}
void CudaStream::wait(const device::Event& event) {
  check(cudaStreamWaitEvent(stream_, static_cast<const CudaEvent&>(event).handle(), 0),
        "waiting for an event");
}
void CudaStream::synchronise() { check(cudaStreamSynchronize(stream_), "a kernel"); }

device::Stream& CudaStream::branch(std::size_t index) {
  while (branches_.size() <= index) branches_.push_back(another_());
  return *branches_[index];
}

std::unique_ptr<device::Captured> CudaStream::capture(const std::function<void()>& body) {
  check(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal), "capturing a step");
  cudaGraph_t graph = nullptr;
  try {
    body();
  } catch (...) {  // the stream must leave the capture, whatever came of it
    if (cudaStreamEndCapture(stream_, &graph) == cudaSuccess && graph) cudaGraphDestroy(graph);
    static_cast<void>(cudaGetLastError());
    throw;
  }
  check(cudaStreamEndCapture(stream_, &graph), "capturing a step");
  return std::make_unique<CapturedGraph>(graph);
}
void CudaStream::replay(const device::Captured& captured) {
  const cudaStream_t own = handle();  // made ready, at the first replay, on the stream's device
  check(cudaGraphLaunch(static_cast<const CapturedGraph&>(captured).handle(), own), "launching a step");
}

namespace {

device::Info info_of(int index) {
  cudaDeviceProp p{};
  check(cudaGetDeviceProperties(&p, index), "asking for the device's properties");
  device::Info info;
  info.name = std::string(kBackend) + ":" + std::to_string(index);
  info.about = std::string(p.name) + ", compute capability " + capability_text(capability_of(index)) + ", " +
               std::to_string(p.multiProcessorCount) + " multiprocessors";
  choose(index);
  check(cudaMemGetInfo(&info.memory_free_bytes, &info.memory_bytes), "asking for the device's free memory");
  return info;
}

class CudaDevice final : public device::Device {
 public:
  CudaDevice(int index, const device::Options& options) : Device(options), index_(index), backend_(kBackend) {
    choose(index_);
    check(cublasLtCreate(&blas_), "starting cuBLASLt");
    workspace_bytes_ = std::min(kWorkspace, info().memory_bytes / 4096);
  }
  ~CudaDevice() override {
    cudaSetDevice(index_);
    for (void* workspace : workspaces_) cudaFree(workspace);
    cublasLtDestroy(blas_);
  }
  CudaDevice(const CudaDevice&) = delete;
  CudaDevice& operator=(const CudaDevice&) = delete;

  int index() const { return index_; }
  device::Info info() const override { return info_of(index_); }
  const std::string& backend() const override { return backend_; }

  void* allocate(std::size_t bytes) override {
    choose(index_);
    void* memory = nullptr;
    const std::size_t size = std::max<std::size_t>(bytes, 1);
    if (cudaMalloc(&memory, size) == cudaErrorMemoryAllocation) {
      static_cast<void>(cudaGetLastError());
      require(size);
      throw Error("its free memory is in pieces that are too small", info().name);
    }
    check(cudaGetLastError(), "allocating memory");
    check(cudaMemset(memory, 0, size), "clearing memory");
    wait_for_default_stream("clearing memory");
    return memory;
  }
  void release(void* memory) noexcept override { cudaFree(memory); }
  void upload(void* device, const void* host, std::size_t bytes) override {
    choose(index_);
    check(cudaDeviceSynchronize(), "a kernel");
    check(cudaMemcpy(device, host, bytes, cudaMemcpyHostToDevice), "a copy to the device");
    // Out of pageable memory the call returns once the bytes are staged; their transfer goes on.
    wait_for_default_stream("a copy to the device");
  }
  void download(void* host, const void* device, std::size_t bytes) override {
    choose(index_);
    check(cudaDeviceSynchronize(), "a kernel");
    check(cudaMemcpy(host, device, bytes, cudaMemcpyDeviceToHost), "a copy from the device");
  }
  void* allocate_pinned(std::size_t bytes) override {
    choose(index_);
    void* memory = nullptr;
    check(cudaMallocHost(&memory, std::max<std::size_t>(bytes, 1)), "allocating pinned memory");
    return memory;
  }
  void release_pinned(void* memory) noexcept override { cudaFreeHost(memory); }
  std::unique_ptr<device::Stream> stream() override {
    return std::make_unique<CudaStream>(
        index_, Blas{blas_, workspace(), workspace_bytes_, options().products}, options().check,
        [this] { return stream(); }, [this](void* memory) { workspaces_.push_back(memory); });
  }
  std::unique_ptr<device::Event> event() override { return std::make_unique<CudaEvent>(index_); }

 private:
  // Streams of ours are not ordered with the default one, which such calls use.
  static void wait_for_default_stream(const char* doing) { check(cudaStreamSynchronize(nullptr), doing); }
  void* workspace() {
    if (workspaces_.empty()) return allocate(workspace_bytes_);
    void* memory = workspaces_.back();
    workspaces_.pop_back();
    return memory;
  }

  int index_;
  std::string backend_;
  cublasLtHandle_t blas_ = nullptr;
  std::size_t workspace_bytes_ = 0;
  std::vector<void*> workspaces_;  // of streams that are gone
};

std::string version(int number) {
  return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
}

std::string obstacle() {
  int driver = 0, runtime = 0, count = 0;
  if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0)
    return "no NVIDIA driver is loaded on this machine; install one (Debian: nvidia-driver) or use --device "
           "cpu";
  check(cudaRuntimeGetVersion(&runtime), "asking for the toolkit's version");
  // Within a major release, newer toolkits run on older drivers.
  if (driver / 1000 < runtime / 1000)
    return "the NVIDIA driver is for CUDA " + version(driver) + ", older than this build's toolkit " +
           version(runtime) + "; install a newer driver";
  if (const cudaError_t status = cudaGetDeviceCount(&count); status != cudaSuccess || count == 0) {
    static_cast<void>(cudaGetLastError());
    return "this machine has no CUDA device" + (status == cudaSuccess || status == cudaErrorNoDevice
                                                    ? std::string()
                                                    : std::string(" (") + cudaGetErrorString(status) + ")");
  }
  return "";
}

std::vector<device::Info> devices() {
  std::vector<device::Info> all;
  int count = 0;
  if (!obstacle().empty() || cudaGetDeviceCount(&count) != cudaSuccess) return all;
  for (int i = 0; i < count; ++i) all.push_back(info_of(i));
  return all;
}

std::unique_ptr<device::Device> open(int index, const device::Options& options) {
  if (options.products == device::Products::kThreeTf32)
    if (const std::optional<Error> lack = lack_of_tensor_cores(index)) throw *lack;
  return std::make_unique<CudaDevice>(index, options);
}

// An exchange over NCCL, whose library is looked for when one is needed.
class CudaGroup final : public device::Group {
 public:
  explicit CudaGroup(std::span<device::Device* const> devices) {
    std::vector<int> indices;
    for (const device::Device* d : devices) indices.push_back(static_cast<const CudaDevice*>(d)->index());
    exchange_.reset(maker()(static_cast<int>(indices.size()), indices.data()));
  }

  void gather(std::span<device::Stream* const> streams, std::span<void* const> all,
              std::size_t bytes) override {
    std::vector<cudaStream_t> handles;
    for (device::Stream* s : streams) handles.push_back(as_cuda(*s).handle());
    exchange_->gather(handles.data(), all.data(), bytes);
  }
  void abandon() noexcept override { exchange_->abandon(); }

 private:
  using Maker = decltype(&hardy_nccl_exchange);
  static Maker maker() {
#ifdef HARDY_CUDA_EMULATION
    return &hardy_nccl_exchange;  // over the emulation's NCCL
#else
    Dl_info here{};
    if (dladdr(reinterpret_cast<const void*>(&obstacle), &here) == 0)
      throw Error("does not know where it lies", "libhardy_cuda.so");
    const std::filesystem::path path =
        std::filesystem::absolute(here.dli_fname).parent_path() / "libhardy_nccl.so";
    if (!std::filesystem::exists(path))
      throw Error("several GPUs exchange by NCCL, which this build has not", "libhardy_nccl.so",
                  "install NVIDIA's libnccl-dev (or the wheel nvidia-nccl-cu13, as tools/setup --tests does) "
                  "and build again");
    void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) throw Error(std::string("cannot be loaded: ") + dlerror(), path.string());
    return reinterpret_cast<Maker>(dlsym(library, "hardy_nccl_exchange"));
#endif
  }

  std::unique_ptr<Exchange> exchange_;
};

std::unique_ptr<device::Group> group(std::span<device::Device* const> devices) {
  return std::make_unique<CudaGroup>(devices);
}

const device::RegisterBackend registration({kBackend, devices, obstacle, open, group});

}  // namespace
}  // namespace hardy::cuda
