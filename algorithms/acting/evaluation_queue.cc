#include "algorithms/acting/evaluation_queue.h"

#include <utility>

namespace hardy::algorithms {

EvaluationQueue::EvaluationQueue(const std::string& environment, int episodes, std::uint64_t seed)
    : environment_(envs::make_environment(environment, episodes)), seed_(seed), thread_([this] { work(); }) {}

EvaluationQueue::~EvaluationQueue() {
  {
    const std::scoped_lock lock(mutex_);
    stop_ = true;
    jobs_.clear();
  }
  changed_.notify_all();
  thread_.join();
}

void EvaluationQueue::push(Job job) {
  {
    const std::scoped_lock lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  changed_.notify_all();
}

std::vector<EvaluationQueue::Result> EvaluationQueue::finished() {
  const std::scoped_lock lock(mutex_);
  if (failure_) std::rethrow_exception(failure_);
  return std::exchange(results_, {});
}

std::vector<EvaluationQueue::Result> EvaluationQueue::drain() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return failure_ || (jobs_.empty() && !busy_); });
  if (failure_) std::rethrow_exception(failure_);
  return std::exchange(results_, {});
}

void EvaluationQueue::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stop_ || !jobs_.empty(); });
    if (stop_) return;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    busy_ = true;
    lock.unlock();
    Result result{job.step, {}, {}, {}};
    std::exception_ptr failure;
    try {
      for (const auto& parameters : job.parameters)
        result.agents.push_back(evaluate(job.spec, parameters, *environment_, seed_));
    } catch (...) {
      failure = std::current_exception();
    }
    result.spec = std::move(job.spec);
    result.parameters = std::move(job.parameters);
    lock.lock();
    busy_ = false;
    if (failure)
      failure_ = failure;
    else
      results_.push_back(std::move(result));
    changed_.notify_all();
  }
}

}  // namespace hardy::algorithms
