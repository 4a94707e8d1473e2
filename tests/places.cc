#include "tests/places.h"

#include <cstdlib>

namespace hardy::test {

std::filesystem::path sources() { return HARDY_TEST_SOURCES; }
const char* command() { return HARDY_TEST_COMMAND; }
std::string examples() { return HARDY_TEST_EXAMPLES; }
std::string python() {
  const char* chosen = std::getenv("HARDY_PYTHON");
  return chosen && *chosen ? chosen : HARDY_TEST_PYTHON;
}
bool has_modules(const std::string& modules) {
  return std::system(("'" + python() + "' -c 'import " + modules + "' 2>/dev/null").c_str()) == 0;
}

}  // namespace hardy::test
