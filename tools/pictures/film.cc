#include "tools/pictures/film.h"

#include <cstdio>
#include <utility>

#include "engine/base/error.h"
#include "engine/base/text.h"
#include "tools/pictures/png.h"

namespace hardy::pictures {

Film::Film(const std::string& environment, const FilmSettings& settings) : settings_(settings) {
  for (const auto& [key, size] : {std::pair{"--width", settings.width}, {"--height", settings.height}})
    if (!settings.video.empty() && size % 2 != 0)
      throw Error("is odd, and a video's width and height are even", key + (" " + std::to_string(size)),
                  "give " + std::to_string(size + 1));
  view_ = envs::make_view(environment, settings.width, settings.height);
  if (!settings.video.empty())
    video_.emplace(settings.video, settings.width, settings.height, view_->steps_per_second());
  if (!settings.frames.empty()) frames_.emplace(settings.frames);
}

void Film::take(const envs::BatchEnvironment& environment) {
  view_->draw(environment, 0, picture_);
  if (video_) video_->add(picture_);
  if (frames_) {
    char name[32];
    std::snprintf(name, sizeof name, "frame_%06lld.png", static_cast<long long>(taken_));
    run::write_atomically(frames_->temporary() / name, png(picture_));
  }
  ++taken_;
}

void Film::finish() {
  if (video_) video_->finish();
  if (frames_) frames_->commit();
}

std::string Film::about() const {
  return std::to_string(taken_) + " pictures of " + std::to_string(settings_.width) + " x " +
         std::to_string(settings_.height) + ", one a step, " + to_text(view_->steps_per_second()) +
         " a second, drawn by " + view_->drawn_by();
}

}  // namespace hardy::pictures
