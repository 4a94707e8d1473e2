// An MP4 file (H.264) of pictures, encoded by ffmpeg in a process of its own, which reads them from a socket.
//
//   VideoFile video(out.path(), 480, 360, 125);
//   video.add(picture); ...
//   video.finish();          // else nothing is left of it
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

#include "engine/run/atomic_file.h"
#include "envs/view.h"

namespace hardy::pictures {

class VideoFile {
 public:
  // width and height are even, as H.264's colours want them. An Error where ffmpeg is not there.
  VideoFile(const std::filesystem::path& target, int width, int height, double frames_per_second);
  ~VideoFile();
  VideoFile(const VideoFile&) = delete;
  VideoFile& operator=(const VideoFile&) = delete;

  // Errors are failed runs, in ffmpeg's words.
  void add(const envs::Picture& picture);
  void finish();

 private:
  void start(int width, int height, double frames_per_second);
  int wait();  // for the process to end; its exit code
  [[noreturn]] void fail();

  std::filesystem::path target_;
  run::AtomicFile file_;
  pid_t pid_ = 0;
  int pictures_ = -1, words_ = -1;  // what it reads; what it says
};

}  // namespace hardy::pictures
