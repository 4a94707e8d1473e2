// The report, made by the real command from real runs and looked at from outside.
#include <gtest/gtest.h>

#include <sstream>

#include "datasets/formats/hdf5_file.h"
#include "tests/places.h"
#include "tests/tools/command.h"
#include "tests/tools/some_data.h"

namespace hardy {
namespace {

namespace fs = std::filesystem;

// One folder with two finished runs, a dataset with a trying name, and their report; made once.
class Report : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    dir_ = std::make_unique<test::Scratch>();
    const fs::path data = path("d<i>&x.hdf5");
    datasets::write_hdf5(data, test::some_data(600));
    for (const char* method : {"bc", "riql"}) {
      const test::Result r = test::hardy_command(
          std::string("train ") + method + " --dataset '" + data.string() +
          "' --env hopper --seeds 3 --steps 40 --hidden 32 --batch-size 32 --eval-every 20 --eval-episodes 2 "
          "--log-every 10 --keep-best --out " +
          path(method).string());
      ASSERT_EQ(r.code, 0) << r.err;
    }
    const test::Result r = test::hardy_command("report " + path("bc").string() + " " + path("riql").string() +
                                               " -o " + path("r.html").string());
    ASSERT_EQ(r.code, 0) << r.err;
  }
  static void TearDownTestSuite() { dir_.reset(); }
  static fs::path path(const std::string& name) { return *dir_ / name; }
  static int look(const std::string& what, const std::string& more = "", const std::string& page = "r.html") {
    const fs::path script = test::sources() / "tests/tools/python/report_check.py";
    return std::system(("'" + test::python() + "' '" + script.string() + "' " + what + " " +
                        path(page).string() + " " + more)
                           .c_str());
  }
  static std::unique_ptr<test::Scratch> dir_;
};
std::unique_ptr<test::Scratch> Report::dir_;

TEST_F(Report, IsWellFormedAndFetchesNothing) { EXPECT_EQ(look("parse"), 0); }

TEST_F(Report, TableEqualsTheRunsLogs) {
  EXPECT_EQ(look("numbers", path("bc").string() + " " + path("riql").string()), 0);
}

TEST_F(Report, FitsWideAndPhoneNarrowWindowsOfTheRealBrowser) {
  for (const char* browser : {"chromium", "chromium-browser", "google-chrome"})
    if (std::system((std::string("command -v ") + browser + " >/dev/null").c_str()) == 0) {
      EXPECT_EQ(look("browser", browser), 0);
      return;
    }
  GTEST_SKIP() << "there is no Chromium here";
}

// Two strips a run: the last policy, and that of the best evaluation.
TEST_F(Report, ShowsMomentsOfEpisodesOrSaysInALineWhyNot) {
  const std::string page = test::contents(path("r.html")), mark = "src=\"data:image/png;base64,iVBORw0KGgo";
  const auto count = [](const std::string& text, const std::string& what) {
    std::size_t n = 0;
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
    return n;
  };
  if (page.find("There are no pictures: ") == std::string::npos) {
    EXPECT_EQ(count(page, mark), 2u * 2 * 8);
    EXPECT_EQ(count(page, "The policy of the best evaluation, agent "), 2u * 9);  // a caption, 8 pictures
    EXPECT_EQ(count(page, "The last policy, agent "), 2u * 9);
    EXPECT_LT(page.size(), 1u << 20);
  }
  const test::Result none = test::hardy_command(
      "report " + path("bc").string() + " " + path("riql").string() + " -o " + path("none.html").string(),
      "HARDY_GL=/nowhere/libOSMesa.so.8 ");
  EXPECT_EQ(none.code, 0) << none.err;
  const std::string without = test::contents(path("none.html"));
  EXPECT_EQ(count(without, mark), 0u);
  EXPECT_EQ(count(without, "There are no pictures: "), 1u);
  EXPECT_NE(without.find("apt-get install libosmesa6"), std::string::npos);
  EXPECT_EQ(look("parse", "", "none.html"), 0);
}

TEST_F(Report, EscapesNamesFromOutside) {
  const std::string page = test::contents(path("r.html"));
  EXPECT_NE(page.find("d&lt;i&gt;&amp;"), std::string::npos);
  EXPECT_EQ(page.find("d<i>"), std::string::npos);
}

TEST_F(Report, PrintsTheTableOfThePage) {
  const test::Result r = test::hardy_command("report " + path("bc").string() + " " + path("riql").string() +
                                             " -o " + path("table.html").string());
  ASSERT_EQ(r.code, 0) << r.err;
  EXPECT_TRUE(r.out.starts_with("report: " + path("table.html").string() + "\nrun ")) << r.out;
  const std::string page = test::contents(path("table.html"));
  std::istringstream lines(r.out);
  std::string line, name, task, method, score;
  std::getline(lines, line);
  std::getline(lines, line);
  for (const std::string expected : {"bc", "riql"}) {
    lines >> name >> task >> method >> score;
    EXPECT_EQ(name, expected);
    EXPECT_EQ(task, "hopper");
    EXPECT_NE(page.find(">" + score + " <span class=\"pm\">"), std::string::npos) << score;
    std::getline(lines, line);
  }
}

// A file's record of its corruption is anybody's text: on the dataset's own page, and on that of a run on it.
TEST_F(Report, TextsOfADatasetStayTexts) {
  const std::string bad = "<img src=x onerror=alert(1)>";
  datasets::Arrays arrays = test::some_data(600);
  arrays["hardy/corruption/manifest"] = datasets::Array::text(
      R"({"generator":")" + bad + R"(","seed":")" + bad + R"(","pattern":")" + bad + R"(","copies":")" + bad +
      R"(","elements":[{"element":"rewards","mode":")" + bad + R"(","scale":1,"rows_changed":1}]})");
  arrays["infos/" + bad] = datasets::Array::of(datasets::ArrayType::kF32, {600});
  const std::string data = path("m.hdf5").string(), run = path("m").string();
  datasets::write_hdf5(data, arrays);
  ASSERT_EQ(test::hardy_command("train bc --dataset " + data +
                                " --seeds 2 --steps 4 --hidden 8 --batch-size 8 --out " + run)
                .code,
            0);
  for (const std::string& what : {data, run}) {
    const test::Result r = test::hardy_command("report " + what + " -o " + path("texts.html").string());
    ASSERT_EQ(r.code, 0) << r.err;
    EXPECT_EQ(look("parse", "", "texts.html"), 0);
    EXPECT_NE(test::contents(path("texts.html")).find("&lt;img src=x onerror=alert(1)&gt;"),
              std::string::npos);
  }
}

TEST_F(Report, IsTheSameForTheSameRuns) {
  ASSERT_EQ(test::hardy_command("report " + path("bc").string() + " " + path("riql").string() + " -o " +
                                path("again.html").string())
                .code,
            0);
  EXPECT_EQ(test::contents(path("again.html")), test::contents(path("r.html")));
}

TEST_F(Report, RefusesWhatIsNoRunAndLeavesTheOldPageAlone) {
  fs::create_directory(path("empty"));
  fs::copy_file(path("r.html"), path("old.html"));
  for (const std::string& bad : {path("empty").string(), path("nowhere").string()}) {
    const test::Result r =
        test::hardy_command("report " + path("bc").string() + " " + bad + " -o " + path("old.html").string());
    EXPECT_EQ(r.code, 2) << bad;
    EXPECT_TRUE(test::one_line(r.err)) << r.err;
    EXPECT_NE(r.err.find(bad), std::string::npos) << r.err;
    EXPECT_EQ(test::contents(path("old.html")), test::contents(path("r.html")));
  }
}

TEST_F(Report, LeavesNoPartialPageWhereItCannotWrite) {
  const std::size_t before = test::files_in(dir_->path());
  const test::Result full = test::hardy_command(
      "report " + path("bc").string() + " -o " + path("full.html").string(), "trap '' XFSZ; ulimit -f 1; ");
  EXPECT_EQ(full.code, 1);
  EXPECT_NE(full.err.find("full.html"), std::string::npos) << full.err;
  EXPECT_EQ(test::files_in(dir_->path()), before);
  const test::Result nowhere =
      test::hardy_command("report " + path("bc").string() + " -o " + path("no/such/folder/r.html").string());
  EXPECT_EQ(nowhere.code, 2);
  EXPECT_TRUE(test::one_line(nowhere.err)) << nowhere.err;
}

}  // namespace
}  // namespace hardy
