// An episode as it is played, into a video, a folder of PNG files, or both.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "tools/pictures/video.h"

namespace hardy::pictures {

struct FilmSettings {
  std::filesystem::path video, frames;  // where to; "": not
  int width = 480, height = 360;
};

class Film {
 public:
  // Errors, before anything is played: an environment or a machine without pictures, no ffmpeg, an odd size
  // of a video.
  Film(const std::string& environment, const FilmSettings& settings);

  // The first instance as it stands: where an episode begins, and after each of its steps.
  void take(const envs::BatchEnvironment& environment);
  // Writes what was taken; without it nothing is left.
  void finish();

  std::int64_t pictures() const { return taken_; }
  // "1001 pictures of 480 x 360, one a step, 125 a second, drawn by OSMesa".
  std::string about() const;

 private:
  FilmSettings settings_;
  std::unique_ptr<envs::View> view_;
  std::optional<VideoFile> video_;
  std::optional<run::AtomicFolder> frames_;
  envs::Picture picture_;
  std::int64_t taken_ = 0;
};

}  // namespace hardy::pictures
