// The oracles themselves: they must be right before anything is compared with them.
#include "tests/algorithms/oracle.h"

#include "tests/places.h"

namespace hardy::test {
namespace {

TEST(PythonOracle, TheyAgreeWithCentralDifferencesAndWithOneAnother) {
  if (!has_modules("numpy")) GTEST_SKIP() << "skipped: " << python() << " has no numpy";
  for (const char* script :
       {"offline_update.py", "sac_update.py", "actor_critic_update.py", "dqn_update.py"}) {
    const std::string path = test::sources() / "tests/algorithms/python" / script;
    EXPECT_EQ(std::system(("'" + python() + "' '" + path + "' --self-test").c_str()), 0) << script;
  }
}

}  // namespace
}  // namespace hardy::test
