// `hardy train` for programs that have another audience than a terminal.
#pragma once

#include <string>
#include <vector>

#include "engine/run/observer.h"

namespace hardy::tools {

// What `hardy train WORDS...` does, METHOD being the first of the words: the same run, the same bytes. It
// prints nothing and takes no signal; the observer hears all, the run's notes too. False where the watch's
// token stopped it: the run has a checkpoint, and goes on by the same words with --or-resume.
bool train(const std::vector<std::string>& words, const run::Watch& watch);

}  // namespace hardy::tools
