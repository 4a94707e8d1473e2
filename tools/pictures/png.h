// A picture as a PNG file: eight bits a colour, compressed by zlib, the same bytes for the same picture.
#pragma once

#include <string>

#include "envs/view.h"

namespace hardy::pictures {

// The bytes of the file (PNG, ISO/IEC 15948).
std::string png(const envs::Picture& picture);

}  // namespace hardy::pictures
