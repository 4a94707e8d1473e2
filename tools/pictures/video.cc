#include "tools/pictures/video.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/text.h"

extern char** environ;

namespace hardy::pictures {
namespace {

// The last line of a file, without its end.
std::string last_line(int file) {
  std::array<char, 4096> text{};
  const off_t size = ::lseek(file, 0, SEEK_END);
  const off_t from = std::max<off_t>(0, size - static_cast<off_t>(text.size()));
  const ssize_t n = ::pread(file, text.data(), text.size(), from);
  std::string all(text.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
  while (!all.empty() && (all.back() == '\n' || all.back() == ' ')) all.pop_back();
  return all.substr(all.rfind('\n') + 1);
}

}  // namespace

VideoFile::VideoFile(const std::filesystem::path& target, int width, int height, double frames_per_second)
    : target_(target), file_(target) {
  start(width, height, frames_per_second);
}

VideoFile::~VideoFile() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    static_cast<void>(wait());
  }
  if (pictures_ >= 0) ::close(pictures_);
  if (words_ >= 0) ::close(words_);
}

void VideoFile::start(int width, int height, double frames_per_second) {
  // The file is made here and given to ffmpeg as its standard output: where this process is killed, ffmpeg
  // makes no file any more.
  const int out = ::open(file_.temporary().c_str(), O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0644);
  if (out < 0)
    throw Error::failed_run("cannot be written (" + std::string(std::strerror(errno)) + ")",
                            target_.string());
  words_ = ::memfd_create("hardy-ffmpeg", MFD_CLOEXEC);
  int ends[2] = {-1, -1};
  if (words_ < 0 || ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    ::close(out);
    throw Error::failed_run("there are no descriptors for ffmpeg", target_.string());
  }
  pictures_ = ends[0];
  std::vector<std::string> words{
      "ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-y",
      // what comes
      "-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size",
      std::to_string(width) + "x" + std::to_string(height), "-framerate", to_text(frames_per_second), "-i",
      "pipe:0",
      // what becomes of it: what every player and browser shows, without the encoder's name and the time
      "-an", "-c:v", "libx264", "-crf", "20", "-pix_fmt", "yuv420p", "-movflags", "+faststart", "-fflags",
      "+bitexact", "-flags:v", "+bitexact", "-f", "mp4", "/proc/self/fd/1"};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, ends[1], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&files, words_, STDERR_FILENO);
  const int failed = ::posix_spawnp(&pid_, "ffmpeg", &files, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  ::close(out);
  ::close(ends[1]);
  if (failed == 0) return;
  pid_ = 0;
  throw Error("ffmpeg cannot be started (" + std::string(std::strerror(failed)) + "), which encodes videos",
              target_.string(), "apt-get install ffmpeg; --frames writes PNG files without it");
}

void VideoFile::add(const envs::Picture& picture) {
  const std::uint8_t* at = picture.rgb.data();
  for (std::size_t left = picture.rgb.size(); left > 0;) {
    const ssize_t n =
        ::send(pictures_, at, left, MSG_NOSIGNAL);  // an end that is gone is an error, no signal
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail();
    at += n;
    left -= static_cast<std::size_t>(n);
  }
}

void VideoFile::finish() {
  ::close(pictures_);  // ffmpeg writes the rest
  pictures_ = -1;
  if (wait() != 0) fail();
  file_.commit();
}

int VideoFile::wait() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void VideoFile::fail() {
  if (pid_ > 0) static_cast<void>(wait());  // its end of the socket is closed: it has ended, or is about to
  const std::string said = last_line(words_);
  throw Error::failed_run("ffmpeg failed (" + (said.empty() ? "it does not say why" : said) + ")",
                          target_.string());
}

}  // namespace hardy::pictures
