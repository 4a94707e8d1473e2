#include "engine/run/schema.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/base/error.h"
#include "engine/base/json.h"
#include "tests/engine/run/scratch.h"

namespace hardy::run {
namespace {

using test::error_of;
using test::put;
using test::Scratch;

struct Settings {
  double tau = 0.7;
  std::int64_t steps = 1000;
  bool normalise = true;
  std::string loss = "huber", out;
  std::vector<std::string> names = {"a", "b"};
  std::string method;
  std::vector<std::string> files;
  Schema schema{"train", "a test"};
  Settings() {
    schema.option("tau", &tau, "expectile", 0.5, 1.0)
        .option("steps", &steps, "how long", 1, 1000000)
        .option("normalise", &normalise, "inputs")
        .option("loss", &loss, "of the TD error", {"huber", "squared"})
        .option("out,o", &out, "where to")
        .option("names", &names, "a list")
        .presets(
            [](const std::string& name) -> std::map<std::string, std::string> {
              if (name != "hopper") throw Error("no such preset", name);
              return {{"tau", "0.8"}, {"steps", "300"}, {"loss", "squared"}};
            },
            "a published setting")
        .positional("METHOD", &method, "the method", false)
        .positional("FILE", &files, "files", false);
  }
  void parse(const std::vector<std::string>& args) { schema.parse(args); }
};

TEST(Schema, AnOptionWithoutItsValueIsNamedAndTakesNoOtherOption) {
  std::vector<std::string> names;
  bool flag = false;
  double shift = 0;
  Schema s("x", "x");
  s.option("names", &names, "n").option("flag", &flag, "f").option("shift", &shift, "s", -9.0, 9.0);
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"--names", "--flag"}, {"--flag", "--names"}, {"--names", "--shift", "-5"}})
    EXPECT_NE(error_of([&] { s.parse(words); }).find("--names: a value is missing"), std::string::npos);
  s.parse({"--shift", "-5", "--flag", "--names=--flag"});
  EXPECT_EQ(shift, -5);
  EXPECT_EQ(names, std::vector<std::string>{"--flag"});
  for (const char* value : {"=", "a="}) {
    s.parse({"--names", value});
    EXPECT_EQ(names, std::vector<std::string>{value});
  }
}

TEST(Schema, AWordThatBeginsWithADashIsNoFileUnlessAllWordsAre) {
  std::string file;
  Schema s("x", "x");
  s.positional("FILE", &file, "f");
  for (const char* word : {"-inf", "-5", "-x"})
    EXPECT_NE(error_of([&] { s.parse({word}); }).find("there is no such option"), std::string::npos) << word;
  s.parse({"--", "-inf"});
  EXPECT_EQ(file, "-inf");
}

TEST(Schema, CommandLineBeatsFileBeatsPresetBeatsDefault) {
  const Scratch dir;
  put(dir / "f.ini", "steps = 200\ntau = 0.6\n");
  Settings s;
  s.parse({"--config", (dir / "f.ini").string(), "--preset", "hopper", "--tau", "0.9"});
  EXPECT_EQ(s.tau, 0.9);         // command line over file and preset
  EXPECT_EQ(s.steps, 200);       // file over preset
  EXPECT_EQ(s.loss, "squared");  // preset over default
  EXPECT_TRUE(s.normalise);      // default
  EXPECT_EQ(s.schema.source_of("steps"), Schema::Source::kConfig);
  EXPECT_FALSE(s.schema.was_set("normalise"));
}

TEST(Schema, APresetNamedInTheFileLiesBelowTheFile) {
  const Scratch dir;
  put(dir / "f.ini", "preset = hopper\nsteps = 200\n");
  Settings s;
  s.parse({"--config", (dir / "f.ini").string()});
  EXPECT_EQ(s.steps, 200);
  EXPECT_EQ(s.tau, 0.8);
}

TEST(Schema, ResolvedConfigurationReadsBackAsTheSameSettings) {
  const Scratch dir;
  Settings a;
  a.parse({"--tau", "0.7123456789012345", "--steps=77", "--normalise", "false", "-o", "runs/try #2",
           "--names", "x,y", "--preset", "hopper"});
  put(dir / "f.ini", a.schema.resolved());
  Settings b;
  b.parse({"--config", (dir / "f.ini").string()});
  EXPECT_EQ(a.schema.resolved_json(), b.schema.resolved_json());
  EXPECT_EQ(b.tau, 0.7123456789012345);
  EXPECT_EQ(b.out, "runs/try #2");
  EXPECT_EQ(b.names, (std::vector<std::string>{"x", "y"}));
}

// As editors on Windows save texts.
TEST(Schema, AFileMayBeginWithAMarkOfUtf8AndIsRefusedWithOneOfUtf16) {
  const Scratch dir;
  put(dir / "f.ini", "\xef\xbb\xbfsteps = 77\r\n");
  Settings s;
  s.parse({"--config", (dir / "f.ini").string()});
  EXPECT_EQ(s.steps, 77);
  put(dir / "f.ini", std::string("\xff\xfes\0t\0", 6));
  const std::string line = error_of([&] { s.parse({"--config", (dir / "f.ini").string()}); });
  EXPECT_NE(line.find("f.ini: the text is UTF-16; save it as UTF-8"), std::string::npos) << line;
}

TEST(Schema, AKeyThatNoParameterInPythonCanBeCalledIsRefusedWhereItIsDeclared) {
  for (const char* key : {"3xtf32", "", "-tau", "tau-", "tau.first", "tau rate", "t\xc3\xa4u", "2,t"}) {
    double v = 0;
    Schema s("x", "x");
    EXPECT_NE(error_of([&] { s.option(key, &v, "v"); }).find("cannot be a key"), std::string::npos) << key;
  }
  double v = 0;
  Schema s("x", "x");
  for (const char* key : {"tf32x3", "batch-size", "of_all", "D,d", "lambda"}) s.option(key, &v, "v");
  EXPECT_EQ(s.keys(), (std::vector<std::string>{"tf32x3", "batch-size", "of-all", "D", "lambda"}));
}

TEST(Schema, AnUnknownKeyNamesTheNearestOne) {
  Settings s;
  const std::string line = error_of([&] { s.parse({"--stepz", "5"}); });
  EXPECT_NE(line.find("--stepz"), std::string::npos) << line;
  EXPECT_NE(line.find("did you mean '--steps'"), std::string::npos) << line;
  const Scratch dir;
  put(dir / "f.ini", "normalize = true\n");
  const std::string in_file = error_of([&] { s.parse({"--config", (dir / "f.ini").string()}); });
  EXPECT_NE(in_file.find("f.ini"), std::string::npos) << in_file;
  EXPECT_NE(in_file.find("'normalise'"), std::string::npos) << in_file;
}

TEST(Schema, AnIntegerOfTooManyDigitsIsOutOfRangeAndNoOtherText) {
  std::int64_t seed = 0;
  std::vector<std::int64_t> widths;
  Schema s("x", "x");
  s.option("seed", &seed, "s").option("widths", &widths, "w", 1, 4096);
  for (const char* key : {"--seed=", "--widths=3,"}) {
    const auto line = [&](const std::string& value) { return error_of([&] { s.parse({key + value}); }); };
    EXPECT_NE(line("18446744073709551615")
                  .find("'18446744073709551615' is out of range: integers end at 9223372036854775807"),
              std::string::npos);
    EXPECT_NE(line("-9223372036854775809").find("is out of range: integers begin at -9223372036854775808"),
              std::string::npos);
    for (const char* none : {"9223372036854775808x", "-", "1.5"})
      EXPECT_NE(line(none).find("is not an integer"), std::string::npos) << none;
  }
}

TEST(Schema, OutOfRangeNamesKeyValueAndRange) {
  for (const char* bad : {"0", "1000001", "1.5", "many", ""}) {
    Settings s;
    const std::string line = error_of([&] { s.parse({std::string("--steps=") + bad}); });
    EXPECT_NE(line.find("--steps"), std::string::npos) << line;
    EXPECT_NE(line.find("from 1 to 1000000"), std::string::npos) << line;
    EXPECT_EQ(s.steps, 1000);
  }
  Settings s;
  EXPECT_NE(error_of([&] { s.parse({"--tau", "nan"}); }), "");
  EXPECT_NE(error_of([&] { s.parse({"--tau", "-5"}); }).find("'-5' is out of range"), std::string::npos);
  for (const char* none : {"inf", "-inf", "nan", "1e999"})
    EXPECT_FALSE(error_of([&] { s.parse({"--tau", none}); }).empty()) << none;
  EXPECT_NE(error_of([&] { s.parse({"--loss", "hubr"}); }).find("'huber'"), std::string::npos);
  EXPECT_NE(error_of([&] {
              s.parse({"--steps", "1", "--steps", "2"});
            }).find("more than once"),
            std::string::npos);
  EXPECT_NE(error_of([&] { s.parse({"--steps"}); }), "");
}

TEST(Schema, FlagsNumbersAndWordsAreUnderstood) {
  Settings s;
  s.parse({"riql", "--normalise", "x.hdf5", "--steps", "5e4", "--names", "p", "--names", "q", "y.hdf5"});
  EXPECT_TRUE(s.normalise);
  EXPECT_EQ(s.method, "riql");
  EXPECT_EQ(s.files, (std::vector<std::string>{"x.hdf5", "y.hdf5"}));
  EXPECT_EQ(s.steps, 50000);
  EXPECT_EQ(s.names, (std::vector<std::string>{"p", "q"}));
}

TEST(Schema, AnEmptyTextCanBeGiven) {
  for (const std::vector<std::string>& args : {std::vector<std::string>{"--out="}, {"--out", ""}}) {
    Settings s;
    s.out = "somewhere";
    s.parse(args);
    EXPECT_EQ(s.out, "");
  }
}

TEST(Schema, AMissingWordAndOneTooManyAreRefused) {
  std::string in;
  Schema s("data corrupt");
  s.positional("IN", &in, "the dataset");
  EXPECT_NE(error_of([&] { s.parse({}); }).find("IN"), std::string::npos);
  EXPECT_NE(error_of([&] { s.parse({"a", "b"}); }).find("b"), std::string::npos);
}

TEST(Schema, HelpListsEveryKeyItsDefaultAndItsRange) {
  Settings s;
  s.parse({"--steps", "wrong", "--help"});
  ASSERT_TRUE(s.schema.help_requested());
  const std::string help = s.schema.help();
  for (const std::string& key : s.schema.keys()) EXPECT_NE(help.find("--" + key), std::string::npos) << key;
  EXPECT_NE(help.find("from 0.5 to 1; default 0.7"), std::string::npos) << help;
}

TEST(Schema, AListOfIntegersTakesCommasAndRepeatsAndComesBackAsItWas) {
  std::vector<std::int64_t> widths{256};
  Schema schema("train", "a test");
  schema.option("hidden", &widths, "widths", 1, 8192);
  EXPECT_EQ(schema.resolved_json().at("hidden"), "256");
  schema.parse({"--hidden", "64,1e2", "--hidden", "32"});
  EXPECT_EQ(widths, (std::vector<std::int64_t>{64, 100, 32}));
  EXPECT_EQ(schema.resolved_json().at("hidden"), "64,100,32");
  const Scratch dir;
  put(dir / "f.ini", schema.resolved());
  std::vector<std::int64_t> again;
  Schema other("train", "a test");
  other.option("hidden", &again, "widths", 1, 8192);
  other.parse({"--config", (dir / "f.ini").string()});
  EXPECT_EQ(again, widths);
  for (const char* bad : {"64,0", "64,8193", "64,x", ","}) {
    const std::string said = error_of([&] { schema.parse({"--hidden", bad}); });
    EXPECT_NE(said.find("--hidden"), std::string::npos) << bad << ": " << said;
    EXPECT_NE(said.find("from 1 to 8192"), std::string::npos) << bad << ": " << said;
  }
  EXPECT_EQ(widths, (std::vector<std::int64_t>{64, 100, 32}));
}

}  // namespace
}  // namespace hardy::run
