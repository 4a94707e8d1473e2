// Compiled with the options of everything else, to see what they allow; constants only, no code.
#include "tools/hardy/cpu_needs.h"

namespace hardy::tools {
namespace {

constexpr bool kAvx =
#ifdef __AVX__
    true;
#else
    false;
#endif
constexpr bool kSse42 =
#ifdef __SSE4_2__
    true;
#else
    false;
#endif
constexpr bool kPopcnt =
#ifdef __POPCNT__
    true;
#else
    false;
#endif
constexpr bool kAvx2 =
#ifdef __AVX2__
    true;
#else
    false;
#endif
constexpr bool kFma =
#ifdef __FMA__
    true;
#else
    false;
#endif
constexpr bool kBmi2 =
#ifdef __BMI2__
    true;
#else
    false;
#endif
constexpr bool kAvx512f =
#ifdef __AVX512F__
    true;
#else
    false;
#endif
constexpr bool kAvx512dq =
#ifdef __AVX512DQ__
    true;
#else
    false;
#endif
constexpr bool kAvx512bw =
#ifdef __AVX512BW__
    true;
#else
    false;
#endif
constexpr bool kAvx512vl =
#ifdef __AVX512VL__
    true;
#else
    false;
#endif
constexpr bool kAvx512vnni =
#ifdef __AVX512VNNI__
    true;
#else
    false;
#endif

}  // namespace

constinit const CpuNeed kCpuNeeds[] = {{"sse4.2", kSse42},
                                       {"popcnt", kPopcnt},
                                       {"avx", kAvx},
                                       {"avx2", kAvx2},
                                       {"fma", kFma},
                                       {"bmi2", kBmi2},
                                       {"avx512f", kAvx512f},
                                       {"avx512dq", kAvx512dq},
                                       {"avx512bw", kAvx512bw},
                                       {"avx512vl", kAvx512vl},
                                       {"avx512vnni", kAvx512vnni}};
constinit const int kCpuNeedCount = sizeof kCpuNeeds / sizeof *kCpuNeeds;

}  // namespace hardy::tools
