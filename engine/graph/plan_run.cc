// A plan's passes, on the CPU and in a device's streams.
#include "engine/base/error.h"
#include "engine/graph/plan_impl.h"

namespace hardy::graph {

void Plan::Impl::run_agent(std::size_t agent, ThreadTeam& team, bool on_demand) const {
  for (const PlannedStep& step : part(agent, on_demand)) run_step(step, team);
}

void Plan::Impl::run(ThreadTeam& team, bool on_demand) {
  if (stale) resolve();
  const auto passes = static_cast<std::int64_t>(steps.size());
  const std::int64_t apart = passes > 1 ? passes / team.size() * team.size() : 0;
  team.run(apart, [&](std::int64_t agent) { run_agent(static_cast<std::size_t>(agent), alone, on_demand); });
  for (std::int64_t agent = apart; agent < passes; ++agent)
    run_agent(static_cast<std::size_t>(agent), team, on_demand);
}

void Plan::Impl::put(const PlannedStep& step, device::Stream& stream) const {
  const Launch& l = step.launches.front();
  try {
    if (step.links.empty())
      l.kernel(l.call(), stream);
    else
      find_chains(device->backend()).run(step.links, stream);
    if (device->options().check) stream.synchronise();
  } catch (const Error& e) {
    std::string names;
    for (const Launch& each : step.launches)
      names += (names.empty() ? "" : " -> ") + kernel_key(*each.node.op);
    throw Error::failed_run(e.message(), "op " + names + " " + l.outputs.front().shape.str());
  }
}

void Plan::enqueue(device::Stream& stream) {
  Impl& p = *impl_;
  if (p.stale) p.resolve();
  const auto branch = [&](std::size_t b) -> device::Stream& {
    return b == 0 ? stream : stream.branch(b - 1);
  };
  if (p.meets.size() > 1) stream.record(*p.meets[0]);
  for (std::size_t b = 1; b < p.meets.size(); ++b) branch(b).wait(*p.meets[0]);
  for (std::size_t s = 0; s < p.always; ++s) {
    device::Stream& own = branch(static_cast<std::size_t>(p.branch[s]));
    for (const std::size_t before : p.waits[s]) own.wait(*p.over[before]);
    p.put(p.steps[0][s], own);
    if (p.over[s]) own.record(*p.over[s]);
  }
  for (std::size_t b = 1; b < p.meets.size(); ++b) {
    branch(b).record(*p.meets[b]);
    stream.wait(*p.meets[b]);
  }
}

void Plan::enqueue_on_demand(device::Stream& stream) {
  if (impl_->stale) impl_->resolve();
  for (const PlannedStep& step : impl_->part(0, true)) impl_->put(step, stream);
}

void Plan::run(ThreadTeam& team) {
  if (!impl_->device) return impl_->run(team, false);
  const std::unique_ptr<device::Stream> stream = impl_->device->stream();
  enqueue(*stream);
  stream->synchronise();
}
void Plan::run_on_demand(ThreadTeam& team) {
  if (!impl_->device) return impl_->run(team, true);
  const std::unique_ptr<device::Stream> stream = impl_->device->stream();
  enqueue_on_demand(*stream);
  stream->synchronise();
}

}  // namespace hardy::graph
