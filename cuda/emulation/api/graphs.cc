// Capture, instantiation and launch of graphs. A graph runs its nodes in any order that their edges allow, so
// that a dependency that nobody said shows.
#include <algorithm>
#include <random>

#include "cuda/emulation/control.h"
#include "cuda/emulation/run/statistics.h"
#include "cuda/emulation/run/streams.h"

namespace hardy::emulation {
namespace {

// True where the stream's end waits for all that was captured.
bool joined(const CUgraph_st& graph, const std::vector<std::size_t>& tips) {
  std::vector<char> seen(graph.nodes.size(), 0);
  for (const std::size_t tip : tips) seen[tip] = 1;
  for (std::size_t node = graph.nodes.size(); node-- > 0;) {
    if (!seen[node]) return false;
    for (const std::size_t before : graph.nodes[node].after) seen[before] = 1;
  }
  return true;
}

// The nodes as options().schedule has it: as they were captured, the latest that can run first, or by chance.
void run_graph(const std::vector<CUgraphNode_st>& nodes) {
  std::vector<std::vector<std::size_t>> next(nodes.size());
  std::vector<std::size_t> waits(nodes.size()), ready;
  std::vector<std::uint64_t> length(nodes.size(), 1);
  counters().longest_path = 0;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    waits[i] = nodes[i].after.size();
    for (const std::size_t before : nodes[i].after) {
      next[before].push_back(i);
      length[i] = std::max(length[i], length[before] + 1);
    }
    counters().longest_path = std::max(counters().longest_path, length[i]);
    if (waits[i] == 0) ready.push_back(i);
  }
  std::mt19937 chance(options().seed);
  while (!ready.empty()) {
    std::size_t pick = 0;  // of `ready`
    if (options().schedule == Schedule::kRandom) {
      pick = chance() % ready.size();
    } else {
      const bool forward = options().schedule == Schedule::kForward;
      const auto chosen = forward ? std::ranges::min_element(ready) : std::ranges::max_element(ready);
      pick = static_cast<std::size_t>(chosen - ready.begin());
    }
    const std::size_t node = ready[pick];
    ready.erase(ready.begin() + static_cast<std::ptrdiff_t>(pick));
    if (sticky_error(working_device()) == cudaSuccess) nodes[node].work.run();
    if (is_stuck()) return;
    for (const std::size_t i : next[node])
      if (--waits[i] == 0) ready.push_back(i);
  }
}

}  // namespace
}  // namespace hardy::emulation

using namespace hardy::emulation;  // NOLINT(google-build-using-namespace): the API is C's

extern "C" {

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  const ApiCall api;
  if (resolve(stream) != stream) return remember(cudaErrorStreamCaptureUnsupported);
  if (stream->capture != nullptr) return remember(cudaErrorIllegalState);
  stream->capture = new CUgraph_st;
  stream->tips.clear();
  stream->capture_origin = true;
  stream->capture_spoilt = false;
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  const ApiCall api;
  *graph = nullptr;
  if (resolve(stream)->capture == nullptr || !stream->capture_origin) return remember(cudaErrorIllegalState);
  CUgraph_st* captured = stream->capture;
  const bool whole = joined(*captured, stream->tips);
  bool spoilt = false;
  for (CUstream_st* s : all_streams()) {
    if (s->capture != captured) continue;
    spoilt = spoilt || s->capture_spoilt;
    s->capture = nullptr;
    s->capture_origin = s->capture_spoilt = false;
  }
  if (spoilt) {
    delete captured;
    return remember(cudaErrorStreamCaptureInvalidated);
  }
  if (!whole) {
    delete captured;
    return remember(cudaErrorStreamCaptureUnjoined);
  }
  *graph = captured;
  return cudaSuccess;
}
cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  const ApiCall api;
  const CUstream_st* s = resolve(stream);
  *status = s->capture == nullptr ? cudaStreamCaptureStatusNone
            : s->capture_spoilt   ? cudaStreamCaptureStatusInvalidated
                                  : cudaStreamCaptureStatusActive;
  return cudaSuccess;
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, std::size_t* count) {
  const ApiCall api;
  if (nodes != nullptr)
    for (std::size_t i = 0; i < *count && i < graph->nodes.size(); ++i) nodes[i] = &graph->nodes[i];
  *count = graph->nodes.size();
  return cudaSuccess;
}
cudaError_t cudaGraphNodeGetType(cudaGraphNode_t node, cudaGraphNodeType* type) {
  switch (node->work.kind) {
    case WorkKind::kKernel:
      *type = cudaGraphNodeTypeKernel;
      break;
    case WorkKind::kCopy:
      *type = cudaGraphNodeTypeMemcpy;
      break;
    case WorkKind::kSet:
      *type = cudaGraphNodeTypeMemset;
      break;
    case WorkKind::kHost:
      *type = cudaGraphNodeTypeHost;
      break;
    case WorkKind::kGraph:
      *type = cudaGraphNodeTypeGraph;
      break;
    case WorkKind::kEvent:
      *type = cudaGraphNodeTypeEmpty;
      break;
  }
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  const ApiCall api;
  *executable = new CUgraphExec_st{graph->nodes};
  return cudaSuccess;
}
cudaError_t cudaGraphUpload(cudaGraphExec_t, cudaStream_t) { return cudaSuccess; }
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  const ApiCall api;
  const bool meets =
      std::ranges::any_of(executable->nodes, [](const CUgraphNode_st& node) { return node.work.meets; });
  const auto work = [executable] {
    ++counters().graph_launches;
    run_graph(executable->nodes);
  };
  return enqueue(stream, {WorkKind::kGraph, work, meets});
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  const ApiCall api;
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  const ApiCall api;
  run_all();
  delete executable;
  return cudaSuccess;
}
}
