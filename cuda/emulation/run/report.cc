#include "cuda/emulation/run/report.h"

#include <dlfcn.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>

#include "cuda/emulation/control.h"
#include "cuda/emulation/ptx/modules.h"
#include "cuda/emulation/run/block.h"
#include "cuda/emulation/run/launch.h"
#include "cuda/emulation/run/sanitizers.h"

namespace hardy::emulation {
namespace {

std::string triple(uint3 v) {
  return "(" + std::to_string(v.x) + "," + std::to_string(v.y) + "," + std::to_string(v.z) + ")";
}

}  // namespace

std::string position() {
  const Launch* launch = running_launch();
  if (launch == nullptr) return "";
  std::string text = "kernel " + launch->name;
  if (block().current >= 0) text += ", block " + triple(blockIdx) + ", thread " + triple(threadIdx);
  return text;
}

std::string position_of(unsigned long long block_number, unsigned thread) {
  return "block " + triple(block_index(block_number)) + ", thread " + triple(thread_index(thread));
}

std::string place(Site site) { return std::string(site.file) + ":" + std::to_string(site.line); }

std::string place(const void* code_address) {
  if (std::string ptx_place = ptx::place_of(code_address); !ptx_place.empty()) return ptx_place;
  Dl_info info;
  if (code_address == nullptr || dladdr(code_address, &info) == 0 || info.dli_fname == nullptr) return "";
  char offset[32];
  // The return address is one past the call.
  std::snprintf(offset, sizeof offset, "0x%zx",
                static_cast<std::size_t>(static_cast<const char*>(code_address) -
                                         static_cast<const char*>(info.dli_fbase) - 1));
  const std::string command = std::string("addr2line -e '") + info.dli_fname + "' " + offset + " 2>/dev/null";
  std::string line;
  if (FILE* pipe = popen(command.c_str(), "r")) {  // NOLINT(cert-env33-c): a report, not a hot path
    char buffer[1024];
    if (std::fgets(buffer, sizeof buffer, pipe) != nullptr) line = buffer;
    pclose(pipe);
  }
  line = line.substr(0, line.find_first_of(" \n"));
  if (line.empty() || line.starts_with("??")) return std::string(info.dli_fname) + "+" + offset;
  return line;
}

void print_report(const std::string& message) {
  const std::string where = position();
  std::fprintf(stderr, "hardy emulation: %s%s%s\n", message.c_str(), where.empty() ? "" : "\n  in ",
               where.c_str());
  std::fflush(nullptr);
}

void fail(const std::string& message) {
  print_report(message);
  const bool in_device_code = running_launch() != nullptr && block().current >= 0;
  if (in_device_code && !options().abort_on_error) abandon_block(cudaErrorLaunchFailure);
  std::abort();
}

void fail(const char* format, ...) {
  char text[2048];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  fail(std::string(text));
}

}  // namespace hardy::emulation

#ifdef HARDY_EMULATION_ASAN
// AddressSanitizer calls this at a report: it knows the source line, this the thread.
extern "C" void __asan_on_error() {
  const std::string where = hardy::emulation::position();
  if (!where.empty())
    std::fprintf(stderr, "hardy emulation: the report below is of\n  in %s\n", where.c_str());
}
#endif
