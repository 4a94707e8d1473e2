#include "envs/mujoco/off_screen.h"

#include <dlfcn.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "engine/base/error.h"

// The few words of EGL and OSMesa that are used, by their published values: their headers are no part of a
// build.
namespace hardy::envs {
namespace {

constexpr const char* kInstall =
    "apt-get install libosmesa6 (or, beside a GPU's driver, libegl1 libgl1-mesa-dri)";

// Open for good: MuJoCo keeps pointers to its functions. Visible to it under its own name, by which MuJoCo
// tells what it is.
class Library {
 public:
  explicit Library(const std::string& file) : file_(file) {
    handle_ = ::dlopen(file.c_str(), RTLD_NOW | RTLD_GLOBAL);
    if (handle_ != nullptr) return;
    const char* const why = ::dlerror();
    throw Error(why != nullptr ? why : "cannot be opened", "");
  }
  template <class Function>
  Function* get(const char* name) const {
    if (void* const found = ::dlsym(handle_, name)) return reinterpret_cast<Function*>(found);
    throw Error(std::string("has no ") + name, file_);
  }

 private:
  std::string file_;
  void* handle_;
};

class OsMesa final : public OffScreen {
 public:
  explicit OsMesa(const std::string& file) : library_(file) {
    constexpr unsigned kRgba = 0x1908;
    constexpr int kDepthBits = 24, kStencilBits = 8, kAccumulationBits = 0;
    context_ = library_.get<void*(unsigned, int, int, int, void*)>("OSMesaCreateContextExt")(
        kRgba, kDepthBits, kStencilBits, kAccumulationBits, nullptr);
    if (context_ == nullptr) throw Error("makes no context", file);
  }
  ~OsMesa() override {
    library_.get<MakeCurrent>("OSMesaMakeCurrent")(nullptr, nullptr, 0, 0, 0);
    library_.get<void(void*)>("OSMesaDestroyContext")(context_);
  }

  void make_current() override {
    constexpr unsigned kUnsignedByte = 0x1401;
    const auto current = library_.get<MakeCurrent>("OSMesaMakeCurrent");
    if (current(context_, screen_.data(), kUnsignedByte, kSide, kSide) == 0)
      throw Error::failed_run("cannot draw on this thread", name());
  }
  std::string name() const override { return "OSMesa"; }

 private:
  using MakeCurrent = unsigned char(void*, void*, unsigned, int, int);
  static constexpr int kSide = 16;  // of the screen that it wants; MuJoCo draws in a buffer of its own
  Library library_;
  void* context_ = nullptr;
  std::array<unsigned char, 4 * kSide * kSide> screen_{};
};

class Egl final : public OffScreen {
 public:
  explicit Egl(const std::string& file) : library_(file) {
    if (!find_display()) throw Error("finds no display that needs no screen", file);
    constexpr unsigned kOpenGl = 0x30A2;
    constexpr std::array<int, 15> kWanted{0x3033, 1,  // a pixel buffer's surface,
                                          0x3040, 8,  // OpenGL,
                                          0x3024, 8,  0x3023, 8, 0x3022, 8, 0x3021, 8,  // bits of a colour,
                                          0x3025, 24, 0x3038};                          // and of the depth
    void* config = nullptr;
    int found = 0;
    constexpr int kNone = 0x3038;
    if (library_.get<unsigned(unsigned)>("eglBindAPI")(kOpenGl) == 0 ||
        library_.get<unsigned(void*, const int*, void**, int, int*)>("eglChooseConfig")(
            display_, kWanted.data(), &config, 1, &found) == 0 ||
        found == 0)
      throw Error("has no OpenGL", file);
    context_ = library_.get<void*(void*, void*, void*, const int*)>("eglCreateContext")(display_, config,
                                                                                        nullptr, &kNone);
    if (context_ == nullptr) throw Error("makes no context", file);
  }
  ~Egl() override {
    library_.get<unsigned(void*, void*, void*, void*)>("eglMakeCurrent")(display_, nullptr, nullptr, nullptr);
    library_.get<unsigned(void*, void*)>("eglDestroyContext")(display_, context_);
  }

  void make_current() override {
    if (library_.get<unsigned(void*, void*, void*, void*)>("eglMakeCurrent")(display_, nullptr, nullptr,
                                                                             context_) == 0)
      throw Error::failed_run("cannot draw on this thread", name());
  }
  std::string name() const override { return "EGL"; }

 private:
  // Mesa's without a surface, else those of the devices, one after the other.
  bool find_display() {
    constexpr unsigned kSurfaceless = 0x31DD, kDevice = 0x313F;
    using Display = void*(unsigned, void*, const int*);
    using Devices = unsigned(int, void**, int*);
    const auto extension = library_.get<void*(const char*)>("eglGetProcAddress");
    const auto display = reinterpret_cast<Display*>(extension("eglGetPlatformDisplayEXT"));
    const auto devices = reinterpret_cast<Devices*>(extension("eglQueryDevicesEXT"));
    if (display == nullptr) return false;
    const auto initialise = library_.get<unsigned(void*, int*, int*)>("eglInitialize");
    const auto works = [&](unsigned platform, void* of) {
      int major = 0, minor = 0;
      display_ = display(platform, of, nullptr);
      return display_ != nullptr && initialise(display_, &major, &minor) != 0;
    };
    if (works(kSurfaceless, nullptr)) return true;
    std::array<void*, 32> all{};
    int n = 0;
    if (devices == nullptr || devices(static_cast<int>(all.size()), all.data(), &n) == 0) return false;
    for (int i = 0; i < n; ++i)
      if (works(kDevice, all[static_cast<std::size_t>(i)])) return true;
    return false;
  }

  Library library_;
  void *display_ = nullptr, *context_ = nullptr;
};

}  // namespace

std::unique_ptr<OffScreen> make_off_screen() {
  const char* const set = std::getenv("HARDY_GL");
  const std::string wanted = set != nullptr ? set : "";
  std::vector<std::string> files;
  if (wanted.find('/') != std::string::npos)
    files = {wanted};
  else if (wanted == "osmesa")
    files = {"libOSMesa.so.8"};
  else if (wanted == "egl")
    files = {"libEGL.so.1"};
  else if (wanted.empty())
    files = {"libOSMesa.so.8", "libEGL.so.1"};
  else
    throw Error("is not known", "HARDY_GL=" + wanted, "give osmesa, egl, or the path of such a library");
  std::string why;
  for (const std::string& file : files) try {
      std::unique_ptr<OffScreen> made;
      if (std::filesystem::path(file).filename().string().find("EGL") != std::string::npos)
        made = std::make_unique<Egl>(file);
      else
        made = std::make_unique<OsMesa>(file);
      made->make_current();
      return made;
    } catch (const Error& e) {
      why += (why.empty() ? "" : "; ") + e.message();
    }
  throw Error("nothing can be drawn on this machine (" + why + ")", "", kInstall);
}

}  // namespace hardy::envs
