// "did you mean ...": the known word nearest to a misspelt one.
#pragma once

#include <string>
#include <vector>

namespace hardy {

// The candidate with the least edit distance, if it is near enough to be meant; "" otherwise.
std::string nearest(const std::string& word, const std::vector<std::string>& candidates);
// "did you mean 'riql'?" or "known: bc, iql, riql".
std::string suggestion(const std::string& word, const std::vector<std::string>& candidates);

}  // namespace hardy
