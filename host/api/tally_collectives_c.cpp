// SPDX-License-Identifier: BSD-3-Clause
// The collectives of tally.h: each call as one CollectiveCall, blocking and started.
#include "api/calls.hpp"
#include "tally/tally.h"

using tally::api::Blocks;
using tally::api::CollectiveCall;
using tally::schedule::Collective;

namespace {

auto starts(const CollectiveCall& call) {
  return [&call](tally_endpoint& where, tally_group& in, tally_request** made) {
    return where.start_collective(in, call, made);
  };
}

tally_status run(const char* name, tally_endpoint* endpoint, tally_group* group, const CollectiveCall& call) {
  return tally::api::blocking_call(name, endpoint, group, nullptr, starts(call));
}

tally_status start(const char* name, tally_endpoint* endpoint, tally_group* group, const CollectiveCall& call,
                   tally_request** request) {
  return tally::api::start_call(name, endpoint, group, request, starts(call));
}

/// Vectors, or blocks of one size, that move as they are.
CollectiveCall moves(Collective collective, const void* input, void* output, size_t count, tally_dtype dtype,
                     int root = 0) {
  return {.collective = collective,
          .input = input,
          .output = output,
          .count = count,
          .dtype = dtype,
          .root = root};
}

/// The same, reduced on the way.
CollectiveCall reduces(Collective collective, const void* input, void* output, size_t count,
                       tally_dtype dtype, tally_op op, int root = 0) {
  CollectiveCall call = moves(collective, input, output, count, dtype, root);
  call.op = op;
  return call;
}

struct Input {
  const void* data;
  Blocks blocks = {};
};
struct Output {
  void* data;
  Blocks blocks = {};
};

/// Blocks that differ in size. The side that has one block alone has no Blocks but `count` elements.
CollectiveCall varying(Collective collective, Input input, Output output, size_t count, tally_dtype dtype,
                       int root = 0) {
  CollectiveCall call = moves(collective, input.data, output.data, count, dtype, root);
  call.varying = true;
  call.input_blocks = input.blocks;
  call.output_blocks = output.blocks;
  return call;
}

/// Vectors whose reduced blocks differ in size: each rank gets counts[rank] elements.
CollectiveCall reduces_varying(Collective collective, const void* input, void* output, const size_t* counts,
                               tally_dtype dtype, tally_op op) {
  CollectiveCall call = varying(collective, {input, {counts, nullptr}}, {output}, 0, dtype);
  call.op = op;
  return call;
}

}  // namespace

tally_status tally_barrier(tally_endpoint* endpoint, tally_group* group) {
  return run("tally_barrier", endpoint, group, {.collective = Collective::kBarrier});
}
tally_status tally_barrier_start(tally_endpoint* endpoint, tally_group* group, tally_request** request) {
  return start("tally_barrier_start", endpoint, group, {.collective = Collective::kBarrier}, request);
}

tally_status tally_bcast(tally_endpoint* endpoint, tally_group* group, void* buffer, size_t count,
                         tally_dtype dtype, int root) {
  return run("tally_bcast", endpoint, group, moves(Collective::kBcast, buffer, buffer, count, dtype, root));
}
tally_status tally_bcast_start(tally_endpoint* endpoint, tally_group* group, void* buffer, size_t count,
                               tally_dtype dtype, int root, tally_request** request) {
  return start("tally_bcast_start", endpoint, group,
               moves(Collective::kBcast, buffer, buffer, count, dtype, root), request);
}

tally_status tally_allreduce(tally_endpoint* endpoint, tally_group* group, const void* input, void* output,
                             size_t count, tally_dtype dtype, tally_op op) {
  return run("tally_allreduce", endpoint, group,
             reduces(Collective::kAllreduce, input, output, count, dtype, op));
}
tally_status tally_allreduce_start(tally_endpoint* endpoint, tally_group* group, const void* input,
                                   void* output, size_t count, tally_dtype dtype, tally_op op,
                                   tally_request** request) {
  return start("tally_allreduce_start", endpoint, group,
               reduces(Collective::kAllreduce, input, output, count, dtype, op), request);
}

tally_status tally_reduce(tally_endpoint* endpoint, tally_group* group, const void* input, void* output,
                          size_t count, tally_dtype dtype, tally_op op, int root) {
  return run("tally_reduce", endpoint, group,
             reduces(Collective::kReduce, input, output, count, dtype, op, root));
}
tally_status tally_reduce_start(tally_endpoint* endpoint, tally_group* group, const void* input, void* output,
                                size_t count, tally_dtype dtype, tally_op op, int root,
                                tally_request** request) {
  return start("tally_reduce_start", endpoint, group,
               reduces(Collective::kReduce, input, output, count, dtype, op, root), request);
}

tally_status tally_reduce_scatter_block(tally_endpoint* endpoint, tally_group* group, const void* input,
                                        void* output, size_t count, tally_dtype dtype, tally_op op) {
  return run("tally_reduce_scatter_block", endpoint, group,
             reduces(Collective::kReduceScatter, input, output, count, dtype, op));
}
tally_status tally_reduce_scatter_block_start(tally_endpoint* endpoint, tally_group* group, const void* input,
                                              void* output, size_t count, tally_dtype dtype, tally_op op,
                                              tally_request** request) {
  return start("tally_reduce_scatter_block_start", endpoint, group,
               reduces(Collective::kReduceScatter, input, output, count, dtype, op), request);
}

tally_status tally_reduce_scatter(tally_endpoint* endpoint, tally_group* group, const void* input,
                                  void* output, const size_t* counts, tally_dtype dtype, tally_op op) {
  return run("tally_reduce_scatter", endpoint, group,
             reduces_varying(Collective::kReduceScatter, input, output, counts, dtype, op));
}
tally_status tally_reduce_scatter_start(tally_endpoint* endpoint, tally_group* group, const void* input,
                                        void* output, const size_t* counts, tally_dtype dtype, tally_op op,
                                        tally_request** request) {
  return start("tally_reduce_scatter_start", endpoint, group,
               reduces_varying(Collective::kReduceScatter, input, output, counts, dtype, op), request);
}

tally_status tally_scan(tally_endpoint* endpoint, tally_group* group, const void* input, void* output,
                        size_t count, tally_dtype dtype, tally_op op) {
  return run("tally_scan", endpoint, group, reduces(Collective::kScan, input, output, count, dtype, op));
}
tally_status tally_scan_start(tally_endpoint* endpoint, tally_group* group, const void* input, void* output,
                              size_t count, tally_dtype dtype, tally_op op, tally_request** request) {
  return start("tally_scan_start", endpoint, group,
               reduces(Collective::kScan, input, output, count, dtype, op), request);
}

tally_status tally_exscan(tally_endpoint* endpoint, tally_group* group, const void* input, void* output,
                          size_t count, tally_dtype dtype, tally_op op) {
  return run("tally_exscan", endpoint, group, reduces(Collective::kExscan, input, output, count, dtype, op));
}
tally_status tally_exscan_start(tally_endpoint* endpoint, tally_group* group, const void* input, void* output,
                                size_t count, tally_dtype dtype, tally_op op, tally_request** request) {
  return start("tally_exscan_start", endpoint, group,
               reduces(Collective::kExscan, input, output, count, dtype, op), request);
}

tally_status tally_gather(tally_endpoint* endpoint, tally_group* group, const void* input, void* output,
                          size_t count, tally_dtype dtype, int root) {
  return run("tally_gather", endpoint, group, moves(Collective::kGather, input, output, count, dtype, root));
}
tally_status tally_gather_start(tally_endpoint* endpoint, tally_group* group, const void* input, void* output,
                                size_t count, tally_dtype dtype, int root, tally_request** request) {
  return start("tally_gather_start", endpoint, group,
               moves(Collective::kGather, input, output, count, dtype, root), request);
}

tally_status tally_gatherv(tally_endpoint* endpoint, tally_group* group, const void* input, size_t count,
                           void* output, const size_t* counts, const size_t* displacements, tally_dtype dtype,
                           int root) {
  return run("tally_gatherv", endpoint, group,
             varying(Collective::kGather, {input}, {output, {counts, displacements}}, count, dtype, root));
}
tally_status tally_gatherv_start(tally_endpoint* endpoint, tally_group* group, const void* input,
                                 size_t count, void* output, const size_t* counts,
                                 const size_t* displacements, tally_dtype dtype, int root,
                                 tally_request** request) {
  return start("tally_gatherv_start", endpoint, group,
               varying(Collective::kGather, {input}, {output, {counts, displacements}}, count, dtype, root),
               request);
}

tally_status tally_scatter(tally_endpoint* endpoint, tally_group* group, const void* input, void* output,
                           size_t count, tally_dtype dtype, int root) {
  return run("tally_scatter", endpoint, group,
             moves(Collective::kScatter, input, output, count, dtype, root));
}
tally_status tally_scatter_start(tally_endpoint* endpoint, tally_group* group, const void* input,
                                 void* output, size_t count, tally_dtype dtype, int root,
                                 tally_request** request) {
  return start("tally_scatter_start", endpoint, group,
               moves(Collective::kScatter, input, output, count, dtype, root), request);
}

tally_status tally_scatterv(tally_endpoint* endpoint, tally_group* group, const void* input,
                            const size_t* counts, const size_t* displacements, void* output, size_t count,
                            tally_dtype dtype, int root) {
  return run("tally_scatterv", endpoint, group,
             varying(Collective::kScatter, {input, {counts, displacements}}, {output}, count, dtype, root));
}
tally_status tally_scatterv_start(tally_endpoint* endpoint, tally_group* group, const void* input,
                                  const size_t* counts, const size_t* displacements, void* output,
                                  size_t count, tally_dtype dtype, int root, tally_request** request) {
  return start("tally_scatterv_start", endpoint, group,
               varying(Collective::kScatter, {input, {counts, displacements}}, {output}, count, dtype, root),
               request);
}

tally_status tally_allgather(tally_endpoint* endpoint, tally_group* group, const void* input, void* output,
                             size_t count, tally_dtype dtype) {
  return run("tally_allgather", endpoint, group, moves(Collective::kAllgather, input, output, count, dtype));
}
tally_status tally_allgather_start(tally_endpoint* endpoint, tally_group* group, const void* input,
                                   void* output, size_t count, tally_dtype dtype, tally_request** request) {
  return start("tally_allgather_start", endpoint, group,
               moves(Collective::kAllgather, input, output, count, dtype), request);
}

tally_status tally_allgatherv(tally_endpoint* endpoint, tally_group* group, const void* input, size_t count,
                              void* output, const size_t* counts, const size_t* displacements,
                              tally_dtype dtype) {
  return run("tally_allgatherv", endpoint, group,
             varying(Collective::kAllgather, {input}, {output, {counts, displacements}}, count, dtype));
}
tally_status tally_allgatherv_start(tally_endpoint* endpoint, tally_group* group, const void* input,
                                    size_t count, void* output, const size_t* counts,
                                    const size_t* displacements, tally_dtype dtype, tally_request** request) {
  return start("tally_allgatherv_start", endpoint, group,
               varying(Collective::kAllgather, {input}, {output, {counts, displacements}}, count, dtype),
               request);
}

tally_status tally_alltoall(tally_endpoint* endpoint, tally_group* group, const void* input, void* output,
                            size_t count, tally_dtype dtype) {
  return run("tally_alltoall", endpoint, group, moves(Collective::kAlltoall, input, output, count, dtype));
}
tally_status tally_alltoall_start(tally_endpoint* endpoint, tally_group* group, const void* input,
                                  void* output, size_t count, tally_dtype dtype, tally_request** request) {
  return start("tally_alltoall_start", endpoint, group,
               moves(Collective::kAlltoall, input, output, count, dtype), request);
}

tally_status tally_alltoallv(tally_endpoint* endpoint, tally_group* group, const void* input,
                             const size_t* input_counts, const size_t* input_displacements, void* output,
                             const size_t* output_counts, const size_t* output_displacements,
                             tally_dtype dtype) {
  return run("tally_alltoallv", endpoint, group,
             varying(Collective::kAlltoall, {input, {input_counts, input_displacements}},
                     {output, {output_counts, output_displacements}}, 0, dtype));
}
tally_status tally_alltoallv_start(tally_endpoint* endpoint, tally_group* group, const void* input,
                                   const size_t* input_counts, const size_t* input_displacements,
                                   void* output, const size_t* output_counts,
                                   const size_t* output_displacements, tally_dtype dtype,
                                   tally_request** request) {
  return start("tally_alltoallv_start", endpoint, group,
               varying(Collective::kAlltoall, {input, {input_counts, input_displacements}},
                       {output, {output_counts, output_displacements}}, 0, dtype),
               request);
}
