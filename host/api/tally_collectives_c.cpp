// SPDX-License-Identifier: BSD-3-Clause
// The collectives of tally.h: each call as one CollectiveCall, blocking and started.
#include "api/calls.hpp"
#include "tally/tally.h"

using tally::api::CollectiveCall;
using tally::schedule::Collective;

namespace {

tally_status run(const char* name, tally_endpoint* endpoint, tally_group* group, const CollectiveCall& call) {
  return tally::api::blocking_call(name, endpoint, group, nullptr,
                                   [&](tally_endpoint& where, tally_group& in, tally_request** made) {
                                     return where.start_collective(in, call, made);
                                   });
}

tally_status start(const char* name, tally_endpoint* endpoint, tally_group* group, const CollectiveCall& call,
                   tally_request** request) {
  return tally::api::start_call(name, endpoint, group, request,
                                [&](tally_endpoint& where, tally_group& in, tally_request** made) {
                                  return where.start_collective(in, call, made);
                                });
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
  return run("tally_bcast", endpoint, group,
             {.collective = Collective::kBcast,
              .input = buffer,
              .output = buffer,
              .count = count,
              .dtype = dtype,
              .root = root});
}
tally_status tally_bcast_start(tally_endpoint* endpoint, tally_group* group, void* buffer, size_t count,
                               tally_dtype dtype, int root, tally_request** request) {
  return start("tally_bcast_start", endpoint, group,
               {.collective = Collective::kBcast,
                .input = buffer,
                .output = buffer,
                .count = count,
                .dtype = dtype,
                .root = root},
               request);
}

tally_status tally_allreduce(tally_endpoint* endpoint, tally_group* group, const void* input, void* output,
                             size_t count, tally_dtype dtype, tally_op op) {
  return run("tally_allreduce", endpoint, group,
             {.collective = Collective::kAllreduce,
              .input = input,
              .output = output,
              .count = count,
              .dtype = dtype,
              .op = op});
}
tally_status tally_allreduce_start(tally_endpoint* endpoint, tally_group* group, const void* input,
                                   void* output, size_t count, tally_dtype dtype, tally_op op,
                                   tally_request** request) {
  return start("tally_allreduce_start", endpoint, group,
               {.collective = Collective::kAllreduce,
                .input = input,
                .output = output,
                .count = count,
                .dtype = dtype,
                .op = op},
               request);
}

tally_status tally_reduce(tally_endpoint* endpoint, tally_group* group, const void* input, void* output,
                          size_t count, tally_dtype dtype, tally_op op, int root) {
  return run("tally_reduce", endpoint, group,
             {.collective = Collective::kReduce,
              .input = input,
              .output = output,
              .count = count,
              .dtype = dtype,
              .op = op,
              .root = root});
}
tally_status tally_reduce_start(tally_endpoint* endpoint, tally_group* group, const void* input, void* output,
                                size_t count, tally_dtype dtype, tally_op op, int root,
                                tally_request** request) {
  return start("tally_reduce_start", endpoint, group,
               {.collective = Collective::kReduce,
                .input = input,
                .output = output,
                .count = count,
                .dtype = dtype,
                .op = op,
                .root = root},
               request);
}

tally_status tally_reduce_scatter_block(tally_endpoint* endpoint, tally_group* group, const void* input,
                                        void* output, size_t count, tally_dtype dtype, tally_op op) {
  return run("tally_reduce_scatter_block", endpoint, group,
             {.collective = Collective::kReduceScatter,
              .input = input,
              .output = output,
              .count = count,
              .dtype = dtype,
              .op = op});
}
tally_status tally_reduce_scatter_block_start(tally_endpoint* endpoint, tally_group* group, const void* input,
                                              void* output, size_t count, tally_dtype dtype, tally_op op,
                                              tally_request** request) {
  return start("tally_reduce_scatter_block_start", endpoint, group,
               {.collective = Collective::kReduceScatter,
                .input = input,
                .output = output,
                .count = count,
                .dtype = dtype,
                .op = op},
               request);
}

tally_status tally_reduce_scatter(tally_endpoint* endpoint, tally_group* group, const void* input,
                                  void* output, const size_t* counts, tally_dtype dtype, tally_op op) {
  return run("tally_reduce_scatter", endpoint, group,
             {.collective = Collective::kReduceScatter,
              .varying = true,
              .input = input,
              .output = output,
              .input_blocks = {counts, nullptr},
              .dtype = dtype,
              .op = op});
}
tally_status tally_reduce_scatter_start(tally_endpoint* endpoint, tally_group* group, const void* input,
                                        void* output, const size_t* counts, tally_dtype dtype, tally_op op,
                                        tally_request** request) {
  return start("tally_reduce_scatter_start", endpoint, group,
               {.collective = Collective::kReduceScatter,
                .varying = true,
                .input = input,
                .output = output,
                .input_blocks = {counts, nullptr},
                .dtype = dtype,
                .op = op},
               request);
}

tally_status tally_scan(tally_endpoint* endpoint, tally_group* group, const void* input, void* output,
                        size_t count, tally_dtype dtype, tally_op op) {
  return run("tally_scan", endpoint, group,
             {.collective = Collective::kScan,
              .input = input,
              .output = output,
              .count = count,
              .dtype = dtype,
              .op = op});
}
tally_status tally_scan_start(tally_endpoint* endpoint, tally_group* group, const void* input, void* output,
                              size_t count, tally_dtype dtype, tally_op op, tally_request** request) {
  return start("tally_scan_start", endpoint, group,
               {.collective = Collective::kScan,
                .input = input,
                .output = output,
                .count = count,
                .dtype = dtype,
                .op = op},
               request);
}

tally_status tally_exscan(tally_endpoint* endpoint, tally_group* group, const void* input, void* output,
                          size_t count, tally_dtype dtype, tally_op op) {
  return run("tally_exscan", endpoint, group,
             {.collective = Collective::kExscan,
              .input = input,
              .output = output,
              .count = count,
              .dtype = dtype,
              .op = op});
}
tally_status tally_exscan_start(tally_endpoint* endpoint, tally_group* group, const void* input, void* output,
                                size_t count, tally_dtype dtype, tally_op op, tally_request** request) {
  return start("tally_exscan_start", endpoint, group,
               {.collective = Collective::kExscan,
                .input = input,
                .output = output,
                .count = count,
                .dtype = dtype,
                .op = op},
               request);
}

tally_status tally_gather(tally_endpoint* endpoint, tally_group* group, const void* input, void* output,
                          size_t count, tally_dtype dtype, int root) {
  return run("tally_gather", endpoint, group,
             {.collective = Collective::kGather,
              .input = input,
              .output = output,
              .count = count,
              .dtype = dtype,
              .root = root});
}
tally_status tally_gather_start(tally_endpoint* endpoint, tally_group* group, const void* input, void* output,
                                size_t count, tally_dtype dtype, int root, tally_request** request) {
  return start("tally_gather_start", endpoint, group,
               {.collective = Collective::kGather,
                .input = input,
                .output = output,
                .count = count,
                .dtype = dtype,
                .root = root},
               request);
}

tally_status tally_gatherv(tally_endpoint* endpoint, tally_group* group, const void* input, size_t count,
                           void* output, const size_t* counts, const size_t* displacements, tally_dtype dtype,
                           int root) {
  return run("tally_gatherv", endpoint, group,
             {.collective = Collective::kGather,
              .varying = true,
              .input = input,
              .output = output,
              .count = count,
              .output_blocks = {counts, displacements},
              .dtype = dtype,
              .root = root});
}
tally_status tally_gatherv_start(tally_endpoint* endpoint, tally_group* group, const void* input,
                                 size_t count, void* output, const size_t* counts,
                                 const size_t* displacements, tally_dtype dtype, int root,
                                 tally_request** request) {
  return start("tally_gatherv_start", endpoint, group,
               {.collective = Collective::kGather,
                .varying = true,
                .input = input,
                .output = output,
                .count = count,
                .output_blocks = {counts, displacements},
                .dtype = dtype,
                .root = root},
               request);
}

tally_status tally_scatter(tally_endpoint* endpoint, tally_group* group, const void* input, void* output,
                           size_t count, tally_dtype dtype, int root) {
  return run("tally_scatter", endpoint, group,
             {.collective = Collective::kScatter,
              .input = input,
              .output = output,
              .count = count,
              .dtype = dtype,
              .root = root});
}
tally_status tally_scatter_start(tally_endpoint* endpoint, tally_group* group, const void* input,
                                 void* output, size_t count, tally_dtype dtype, int root,
                                 tally_request** request) {
  return start("tally_scatter_start", endpoint, group,
               {.collective = Collective::kScatter,
                .input = input,
                .output = output,
                .count = count,
                .dtype = dtype,
                .root = root},
               request);
}

tally_status tally_scatterv(tally_endpoint* endpoint, tally_group* group, const void* input,
                            const size_t* counts, const size_t* displacements, void* output, size_t count,
                            tally_dtype dtype, int root) {
  return run("tally_scatterv", endpoint, group,
             {.collective = Collective::kScatter,
              .varying = true,
              .input = input,
              .output = output,
              .count = count,
              .input_blocks = {counts, displacements},
              .dtype = dtype,
              .root = root});
}
tally_status tally_scatterv_start(tally_endpoint* endpoint, tally_group* group, const void* input,
                                  const size_t* counts, const size_t* displacements, void* output,
                                  size_t count, tally_dtype dtype, int root, tally_request** request) {
  return start("tally_scatterv_start", endpoint, group,
               {.collective = Collective::kScatter,
                .varying = true,
                .input = input,
                .output = output,
                .count = count,
                .input_blocks = {counts, displacements},
                .dtype = dtype,
                .root = root},
               request);
}

tally_status tally_allgather(tally_endpoint* endpoint, tally_group* group, const void* input, void* output,
                             size_t count, tally_dtype dtype) {
  return run("tally_allgather", endpoint, group,
             {.collective = Collective::kAllgather,
              .input = input,
              .output = output,
              .count = count,
              .dtype = dtype});
}
tally_status tally_allgather_start(tally_endpoint* endpoint, tally_group* group, const void* input,
                                   void* output, size_t count, tally_dtype dtype, tally_request** request) {
  return start("tally_allgather_start", endpoint, group,
               {.collective = Collective::kAllgather,
                .input = input,
                .output = output,
                .count = count,
                .dtype = dtype},
               request);
}

tally_status tally_allgatherv(tally_endpoint* endpoint, tally_group* group, const void* input, size_t count,
                              void* output, const size_t* counts, const size_t* displacements,
                              tally_dtype dtype) {
  return run("tally_allgatherv", endpoint, group,
             {.collective = Collective::kAllgather,
              .varying = true,
              .input = input,
              .output = output,
              .count = count,
              .output_blocks = {counts, displacements},
              .dtype = dtype});
}
tally_status tally_allgatherv_start(tally_endpoint* endpoint, tally_group* group, const void* input,
                                    size_t count, void* output, const size_t* counts,
                                    const size_t* displacements, tally_dtype dtype, tally_request** request) {
  return start("tally_allgatherv_start", endpoint, group,
               {.collective = Collective::kAllgather,
                .varying = true,
                .input = input,
                .output = output,
                .count = count,
                .output_blocks = {counts, displacements},
                .dtype = dtype},
               request);
}

tally_status tally_alltoall(tally_endpoint* endpoint, tally_group* group, const void* input, void* output,
                            size_t count, tally_dtype dtype) {
  return run("tally_alltoall", endpoint, group,
             {.collective = Collective::kAlltoall,
              .input = input,
              .output = output,
              .count = count,
              .dtype = dtype});
}
tally_status tally_alltoall_start(tally_endpoint* endpoint, tally_group* group, const void* input,
                                  void* output, size_t count, tally_dtype dtype, tally_request** request) {
  return start(
      "tally_alltoall_start", endpoint, group,
      {.collective = Collective::kAlltoall, .input = input, .output = output, .count = count, .dtype = dtype},
      request);
}

tally_status tally_alltoallv(tally_endpoint* endpoint, tally_group* group, const void* input,
                             const size_t* input_counts, const size_t* input_displacements, void* output,
                             const size_t* output_counts, const size_t* output_displacements,
                             tally_dtype dtype) {
  return run("tally_alltoallv", endpoint, group,
             {.collective = Collective::kAlltoall,
              .varying = true,
              .input = input,
              .output = output,
              .input_blocks = {input_counts, input_displacements},
              .output_blocks = {output_counts, output_displacements},
              .dtype = dtype});
}
tally_status tally_alltoallv_start(tally_endpoint* endpoint, tally_group* group, const void* input,
                                   const size_t* input_counts, const size_t* input_displacements,
                                   void* output, const size_t* output_counts,
                                   const size_t* output_displacements, tally_dtype dtype,
                                   tally_request** request) {
  return start("tally_alltoallv_start", endpoint, group,
               {.collective = Collective::kAlltoall,
                .varying = true,
                .input = input,
                .output = output,
                .input_blocks = {input_counts, input_displacements},
                .output_blocks = {output_counts, output_displacements},
                .dtype = dtype},
               request);
}
