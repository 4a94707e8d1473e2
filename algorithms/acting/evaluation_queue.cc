#include "algorithms/acting/evaluation_queue.h"

#include <algorithm>
#include <utility>

namespace hardy::algorithms {

EvaluationQueue::EvaluationQueue(const std::string& environment, int episodes, std::uint64_t seed,
                                 StopToken stop)
    : environment_(envs::make_environment(environment, std::min(episodes, kEvaluationWave))),
      episodes_(episodes),
      seed_(seed),
      stop_token_(stop),
      thread_([this] { work(); }) {}

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
  changed_.wait(lock, [this] { return failure_ || stopped_ || (jobs_.empty() && !busy_); });
  if (failure_) std::rethrow_exception(failure_);
  return std::exchange(results_, {});
}

std::vector<EvaluationQueue::Job> EvaluationQueue::unfinished() {
  const std::scoped_lock lock(mutex_);
  return {jobs_.begin(), jobs_.end()};
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
        result.agents.push_back(
            evaluate(job.spec, parameters, *environment_, seed_, {}, episodes_, stop_token_));
    } catch (const Stopped&) {
      lock.lock();
      jobs_.push_front(std::move(job));
      busy_ = false, stopped_ = true;
      changed_.notify_all();
      return;
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
