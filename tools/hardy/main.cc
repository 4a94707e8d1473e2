// `hardy COMMAND ...`: finds the command, and turns an error into one line and an exit code.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <new>
#include <stdexcept>

#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/base/json_problem.h"
#include "engine/base/nearest.h"
#include "engine/base/version.h"
#include "engine/comm/agree.h"
#include "tools/hardy/build_info.h"
#include "tools/hardy/command.h"
#include "tools/hardy/plugins.h"
#include "tools/hardy/rank_watch.h"
#include "tools/hardy/signals.h"

namespace {

std::string overview() {
  std::string text =
      "hardy - reinforcement learning under adversity\n\n"
      "usage: hardy [--plugin FILE ...] COMMAND [--help] ...\n\n";
  std::size_t width = 0;
  for (const auto& [name, c] : hardy::tools::commands()) width = std::max(width, name.size());
  for (const auto& [name, c] : hardy::tools::commands())
    text += "  " + name + std::string(width + 2 - name.size(), ' ') + c.summary + "\n";
  text +=
      "\n`hardy COMMAND --help` lists a command's keys; `hardy --version` says what this build has.\n"
      "--plugin loads a shared library of methods or environments (docs/adding_a_method.md).\n"
      "exit codes: 0 done; 2 bad input, nothing was changed; 3 a look at data found something; 1 a run that "
      "failed;\n75 stopped by SIGINT, SIGTERM or SIGHUP: a training has written a checkpoint (`hardy "
      "resume`), any "
      "other command left nothing half written\n";
  return text;
}

int carry_out(const hardy::tools::Command& command, const std::vector<std::string>& args) {
  if (const hardy::comm::Launch launch = hardy::comm::launch();
      launch.size > 1 && !command.across_processes) {
    if (launch.rank > 0) throw hardy::comm::FailedElsewhere();
    throw hardy::Error(
        "started " + std::to_string(launch.size) + " processes, and `hardy " + command.name + "` is one",
        "mpirun");
  }
  const int code = command.run(args);
  if (command.across_processes) hardy::comm::launched().finish();
  return hardy::comm::launch().rank == 0 ? code : 0;  // mpirun's exit code is the first one's
}

int dispatch(const std::vector<std::string>& words) {
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    std::fputs(overview().c_str(), stdout);
    return words.empty() ? 2 : 0;
  }
  if (words[0] == "--version") {
    const bool json = words.size() > 1 && words[1] == "--json";
    std::fputs(json ? hardy::tools::build_info_json().c_str() : hardy::tools::build_info_text().c_str(),
               stdout);
    return 0;
  }
  const auto& commands = hardy::tools::commands();
  if (words.size() >= 2)
    if (const hardy::tools::Command* c = commands.find(words[0] + " " + words[1]))
      return carry_out(*c, {words.begin() + 2, words.end()});
  if (const hardy::tools::Command* c = commands.find(words[0]))
    return carry_out(*c, {words.begin() + 1, words.end()});

  // The first word alone may be right: `hardy data`, `hardy data inspct`.
  std::vector<std::string> family;
  for (const std::string& name : commands.names())
    if (name.starts_with(words[0] + " ")) family.push_back(name);
  if (!family.empty() && (words.size() < 2 || words[1] == "--help" || words[1] == "-h")) {
    for (const std::string& name : family)
      std::printf("  hardy %-18s %s\n", name.c_str(), commands.get(name).summary.c_str());
    return words.size() < 2 ? 2 : 0;
  }
  const std::string given = words.size() >= 2 && words[1][0] != '-' ? words[0] + " " + words[1] : words[0];
  std::string best = hardy::nearest(given, commands.names());
  if (best.empty()) best = hardy::nearest(words[0], commands.names());
  throw hardy::Error(
      "there is no such command", family.empty() && best.find(' ') == std::string::npos ? words[0] : given,
      best.empty() ? "`hardy --help` lists the commands" : "did you mean 'hardy " + best + "'?");
}

int fail(const std::string& message, int code) {
  std::string line = message;
  std::replace(line.begin(), line.end(), '\n', ' ');
  std::fflush(stdout);
  std::fprintf(stderr, "hardy: %s\n", line.c_str());
  return code;
}

// What the file system refused. A path that cannot be followed is bad input; a disk that fails is not.
int fail_on_path(const std::filesystem::filesystem_error& e) {
  bool input = false;
  for (const std::errc bad :
       {std::errc::too_many_symbolic_link_levels, std::errc::filename_too_long, std::errc::not_a_directory,
        std::errc::permission_denied, std::errc::no_such_file_or_directory, std::errc::is_a_directory})
    input = input || e.code() == bad;
  return fail(e.path1().string() + ": " + e.code().message(), input ? 2 : 1);
}

// A standard descriptor that is closed would be the number of the next file or pipe, and be written into.
void open_standard_descriptors() {
  for (int d = STDIN_FILENO; d <= STDERR_FILENO; ++d)
    if (::fcntl(d, F_GETFD) < 0 && ::open("/dev/null", O_RDWR) != d) std::_Exit(1);
}

// A library that ends the program by itself, as HDF5 does where memory lacks, does not do so without a word
// and a code of ours.
bool g_done = false;
void ended_by_a_library() {
  if (g_done) return;
  std::fprintf(stderr, "hardy: a library ended the program; there may not be enough memory\n");
  std::_Exit(1);
}

int run(int argc, char** argv) {
  try {
    const int code = dispatch(hardy::tools::load_plugins({argv + 1, argv + argc}));
    if (std::fflush(stdout) != 0 || std::ferror(stdout)) return fail("the output cannot be written", 1);
    return code;
  } catch (const hardy::comm::FailedElsewhere&) {
    return 0;
  } catch (const hardy::Error& e) {
    return fail(e.message(), e.exit_code());
  } catch (const std::bad_alloc&) {
    return fail("there is not enough memory", 1);
  } catch (const std::length_error&) {
    return fail("a size that was asked for is more than any memory holds", 1);
  } catch (const std::filesystem::filesystem_error& e) {
    return fail_on_path(e);
  } catch (const nlohmann::json::exception& e) {
    return fail(
        "JSON that was read or is to be written is not as it should be (" + hardy::problem_of(e) + ")", 1);
  } catch (const std::exception& e) {
    return fail(std::string("it failed unexpectedly (") + e.what() + ")", 1);
  }
}

}  // namespace

int main(int argc, char** argv) {
  open_standard_descriptors();
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error of its write, not a killed process
  std::signal(SIGPIPE, SIG_DFL);
  hardy::tools::watch_over_rank();
  hardy::tools::leave_on_signals();
  std::atexit(ended_by_a_library);
  const int code = run(argc, argv);
  g_done = true;
  return code;
}
