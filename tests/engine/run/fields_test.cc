#include "engine/run/fields.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/run/json_text.h"
#include "engine/run/metrics.h"
#include "engine/run/run_directory.h"
#include "tests/engine/run/scratch.h"

namespace hardy::run {
namespace {

using nlohmann::json;
using test::error_of;

const json kRun = json::parse(
    R"({"method":"bc","agents":2,"seconds":1.5,"finished":true,"nothing":null,"list":[1,null,2.5],)"
    R"("dataset":{"sha256":7},"each":[{"status":"ok"},{"status":3}]})");

TEST(Fields, GiveWhatIsThere) {
  const Fields f(kRun, "a/run.json");
  EXPECT_EQ(f.text("method"), "bc");
  EXPECT_EQ(f.integer("agents"), 2);
  EXPECT_EQ(f.number("seconds"), 1.5);
  EXPECT_EQ(f.number("agents"), 2);
  EXPECT_TRUE(f.flag("finished"));
  EXPECT_EQ(f.numbers("list")[2], 2.5);
  EXPECT_TRUE(std::isnan(f.numbers("list")[1]));
  EXPECT_EQ(f.shown("list"), "[1,null,2.5]");
  EXPECT_EQ(f.text("nothing", "else"), "else");
  EXPECT_TRUE(f.list("absent").empty());
  EXPECT_FALSE(f.has("nothing"));
}

TEST(Fields, NameTheFileTheKeyAndWhatWouldBeRight) {
  const Fields f(kRun, "a/run.json");
  EXPECT_EQ(error_of([&] { f.text("seeds"); }),
            "a/run.json: the key 'seeds' is missing; a text would be right");
  EXPECT_EQ(error_of([&] { f.integer("seconds"); }),
            "a/run.json: the key 'seconds' is 1.5; a whole number would be right");
  EXPECT_EQ(error_of([&] { f.at("dataset").text("sha256"); }),
            "a/run.json: the key 'dataset.sha256' is 7; a text would be right");
  EXPECT_EQ(error_of([&] { f.list("each")[1].text("status"); }),
            "a/run.json: the key 'each[1].status' is 3; a text would be right");
  EXPECT_EQ(error_of([&] { f.list("list"); }),
            "a/run.json: list[0] is 1; an object in braces would be right");
  // A value of another kind is refused also where an absent one has a default.
  EXPECT_NE(error_of([&] { f.text("agents", "x"); }), "");
  EXPECT_NE(error_of([&] { f.number("method", 0); }), "");
}

// Every key of every file that a run has, taken away or of another kind, ends in one line that names the
// file.
TEST(Fields, ARunsFilesAreReadThroughThem) {
  const test::Scratch dir;
  std::filesystem::create_directory(dir / "run");
  test::put(dir / "run/run.json", "[1]");
  EXPECT_EQ(error_of([&] { read_run(dir / "run"); }),
            (dir / "run/run.json").string() + ": is [1]; an object in braces would be right");
  test::put(dir / "run/run.json", "{");
  EXPECT_NE(error_of([&] { read_run(dir / "run"); }).find("run.json: the file is not JSON"),
            std::string::npos);
  test::put(dir / "run/metrics.jsonl", "{\"kind\":\"eval\",\"step\":1.5,\"seconds\":2,\"values\":{}}\n");
  EXPECT_NE(error_of([&] { read_metrics(dir / "run/metrics.jsonl"); }).find("line 1: the key 'step' is 1.5"),
            std::string::npos);
  test::put(dir / "run/metrics.jsonl",
            "{\"kind\":\"eval\",\"step\":1,\"seconds\":2,\"values\":{\"x\":[\"a\"]}}\n");
  EXPECT_NE(error_of([&] { read_metrics(dir / "run/metrics.jsonl"); }).find("the key 'values.x' is"),
            std::string::npos);
}

TEST(JsonText, BytesThatAreNoUtf8BecomeTheReplacementCharacter) {
  EXPECT_EQ(json_text({{"path",
                        "a\xff"
                        "b"}},
                      -1),
            "{\"path\":\"a\uFFFD"
            "b\"}");
  EXPECT_EQ(valid_utf8("\xc3\xa9\xc3"), "\u00e9\uFFFD");
  const test::Scratch dir;
  RunDirectory::create(dir / "run").write_run({{"method", "bc"}, {"command", "hardy train bc --out r\xfe"}});
  EXPECT_EQ(read_run(dir / "run").text("command"), "hardy train bc --out r\uFFFD");
}

}  // namespace
}  // namespace hardy::run
