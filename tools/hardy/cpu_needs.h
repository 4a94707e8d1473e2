// The instruction sets that the compiler was allowed to use, against those that this processor has.
#pragma once

namespace hardy::tools {

struct CpuNeed {
  const char* name;
  bool needed;  // by this build
};
extern const CpuNeed kCpuNeeds[];
extern const int kCpuNeedCount;

}  // namespace hardy::tools
