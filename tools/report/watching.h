// What the policies of runs do, as strips of pictures: some moments of one episode each, in the page itself.
#pragma once

#include <vector>

#include "tools/report/html.h"
#include "tools/report/runs.h"

namespace hardy::report {

// The section; nothing where no run's task has pictures. Plays the first episode of the evaluations' seed
// with the run's last policy, and, where it was kept, with that of its best evaluation: of the agent that
// stood best. What cannot be drawn or played is said in a line, and is no failure.
Html watching_section(const std::vector<Run>& runs);

}  // namespace hardy::report
