#include "engine/base/registry.h"

#include <gtest/gtest.h>

#include <functional>

namespace hardy::test {
namespace {

std::string message_of(const std::function<void()>& what) {
  try {
    what();
  } catch (const Error& e) {
    return e.message();
  }
  return "no error";
}

TEST(Registry, GivesWhatWasAddedByNameInOrder) {
  Registry<int> r("number", "a test");
  r.add("two", 2);
  r.add("one", 1);
  EXPECT_EQ(r.get("two"), 2);
  EXPECT_EQ(r.find("three"), nullptr);
  EXPECT_EQ(r.names(), (std::vector<std::string>{"one", "two"}));
}

TEST(Registry, ANameTwiceIsAnError) {
  Registry<int> r("number", "a test");
  r.add("two", 2);
  EXPECT_EQ(message_of([&] { r.add("two", 3); }), "a test: the name 'two' is registered twice as number");
  EXPECT_EQ(r.get("two"), 2);
}

TEST(Registry, AnUnknownNameSaysTheNearestAndWhereItWasGiven) {
  Registry<int> r("number", "hardy count");
  r.add("seven", 7);
  r.add("eight", 8);
  EXPECT_EQ(message_of([&] { r.get("sevn"); }),
            "hardy count: there is no number 'sevn'; did you mean 'seven'?");
  EXPECT_EQ(message_of([&] { r.get("thousand", ", or a file"); }),
            "hardy count: there is no number 'thousand'; known: eight, seven, or a file");
}

}  // namespace
}  // namespace hardy::test
