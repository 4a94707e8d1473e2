// The actions of a batch of instances: numbers within bounds where a task is continuous, choices by index
// where it is discrete.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <vector>

namespace hardy {

// A view, as std::span is: float32 [n, action_size], or int32 [n].
class Actions {
 public:
  template <class Range>
  requires std::convertible_to<const Range&, std::span<const float>> Actions(const Range& numbers)
      : numbers_(numbers) {}
  template <class Range>
  requires std::convertible_to<const Range&, std::span<const std::int32_t>> Actions(const Range& choices)
      : choices_(choices), discrete_(true) {}

  bool discrete() const { return discrete_; }
  std::size_t size() const { return discrete_ ? choices_.size() : numbers_.size(); }
  std::span<const float> numbers() const { return numbers_; }         // empty: they are choices
  std::span<const std::int32_t> choices() const { return choices_; }  // empty: they are numbers

 private:
  std::span<const float> numbers_;
  std::span<const std::int32_t> choices_;
  bool discrete_ = false;
};

// Memory for them: one of the two is empty.
struct ActionMemory {
  std::vector<float> numbers;
  std::vector<std::int32_t> choices;

  ActionMemory() = default;
  // action_choices 0: numbers.
  ActionMemory(int action_size, int action_choices, std::size_t rows)
      : numbers(action_choices > 0 ? 0 : rows * static_cast<std::size_t>(action_size)),
        choices(action_choices > 0 ? rows : 0) {}
  operator Actions() const { return choices.empty() ? Actions(numbers) : Actions(choices); }
};

}  // namespace hardy
