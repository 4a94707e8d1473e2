// Capture, instantiation and launch of graphs.
#include "cuda/emulation/run/statistics.h"
#include "cuda/emulation/run/streams.h"

using namespace hardy::emulation;  // NOLINT(google-build-using-namespace): the API is C's

extern "C" {

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  const ApiCall api;
  if (resolve(stream) != stream) return remember(cudaErrorStreamCaptureUnsupported);
  if (stream->capture != nullptr) return remember(cudaErrorIllegalState);
  stream->capture = new CUgraph_st;
  stream->capture_origin = true;
  stream->capture_spoilt = false;
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  const ApiCall api;
  *graph = nullptr;
  if (resolve(stream)->capture == nullptr || !stream->capture_origin) return remember(cudaErrorIllegalState);
  CUgraph_st* captured = stream->capture;
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
  return enqueue(stream, {WorkKind::kGraph, [executable] {
                            ++counters().graph_launches;
                            for (const CUgraphNode_st& node : executable->nodes)
                              if (sticky_error() == cudaSuccess) node.work.run();
                          }});
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
