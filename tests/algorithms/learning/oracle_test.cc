// The oracles themselves: they must be right before anything is compared with them.
#include "tests/algorithms/oracle.h"

namespace hardy::test {
namespace {

TEST(PythonOracle, TheyAgreeWithCentralDifferencesAndWithOneAnother) {
  if (!oracle_runs()) GTEST_SKIP() << "skipped: " << oracle_python() << " has no numpy";
  for (const char* script :
       {"offline_update.py", "sac_update.py", "actor_critic_update.py", "dqn_update.py"}) {
    const std::string path =
        std::filesystem::path(HARDY_TEST_DATA).parent_path() / "algorithms/python" / script;
    EXPECT_EQ(std::system(("'" + oracle_python() + "' '" + path + "' --self-test").c_str()), 0) << script;
  }
}

}  // namespace
}  // namespace hardy::test
