// Evaluations beside the training: a thread of its own plays copies of the policies, in order, and
// hands the results back when they are ready. Results depend on the step, not on when they come.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "algorithms/acting/evaluate.h"

namespace hardy::algorithms {

class EvaluationQueue {
 public:
  struct Job {
    std::int64_t step;
    PolicySpec spec;
    std::vector<std::vector<std::vector<float>>> parameters;  // by agent
  };
  struct Result {
    std::int64_t step;
    std::vector<Evaluation> agents;
    // What was played.
    PolicySpec spec;
    std::vector<std::vector<std::vector<float>>> parameters;
  };

  // The environment is made here, once: every evaluation plays in it. stop: ends the one under way.
  EvaluationQueue(const std::string& environment, int episodes, std::uint64_t seed, StopToken stop = {});
  ~EvaluationQueue();

  void push(Job job);
  std::vector<Result> finished();  // since the last call, in the order of their steps
  std::vector<Result> drain();     // waits for all that were pushed, or until it was stopped
  std::vector<Job> unfinished();   // after drain(): what it was stopped before
  const envs::BatchEnvironment& environment() const { return *environment_; }  // for its breaks

 private:
  void work();

  std::unique_ptr<envs::BatchEnvironment> environment_;
  std::int64_t episodes_;
  std::uint64_t seed_;
  StopToken stop_token_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  std::vector<Result> results_;
  std::exception_ptr failure_;
  bool busy_ = false, stop_ = false, stopped_ = false;
  std::thread thread_;
};

}  // namespace hardy::algorithms
