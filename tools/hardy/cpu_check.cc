// A clear line instead of an illegal instruction, where this processor lacks what the build was made
// for. Runs before any initialiser of the libraries, which may already use such instructions; for the
// same reason this file is compiled for the plainest processor and calls nothing but write and _exit.
#include <unistd.h>

#include "tools/hardy/cpu_needs.h"

#if defined(__x86_64__)
namespace {

using hardy::tools::kCpuNeedCount;
using hardy::tools::kCpuNeeds;

bool has(int need) {  // in the order of kCpuNeeds; the built-in takes literals only
  switch (need) {
    case 0:
      return __builtin_cpu_supports("sse4.2");
    case 1:
      return __builtin_cpu_supports("popcnt");
    case 2:
      return __builtin_cpu_supports("avx");
    case 3:
      return __builtin_cpu_supports("avx2");
    case 4:
      return __builtin_cpu_supports("fma");
    case 5:
      return __builtin_cpu_supports("bmi2");
    case 6:
      return __builtin_cpu_supports("avx512f");
    case 7:
      return __builtin_cpu_supports("avx512dq");
    case 8:
      return __builtin_cpu_supports("avx512bw");
    case 9:
      return __builtin_cpu_supports("avx512vl");
    case 10:
      return __builtin_cpu_supports("avx512vnni");
  }
  return true;
}

void say(const char* text) {
  unsigned long n = 0;
  while (text[n]) ++n;
  if (::write(2, text, n) < 0) _exit(1);
}

void check_cpu() {
  __builtin_cpu_init();
  for (int i = 0; i < kCpuNeedCount; ++i) {
    if (!kCpuNeeds[i].needed || has(i)) continue;
    say("hardy: this processor lacks ");
    say(kCpuNeeds[i].name);
    say(", which this build was made for; build it here, or with -DHARDY_ARCH= for any processor\n");
    _exit(1);
  }
}

__attribute__((section(".preinit_array"), used)) void (*const kCheckFirst)() = check_cpu;

}  // namespace
#endif
