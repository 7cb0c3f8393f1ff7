// SPDX-License-Identifier: BSD-3-Clause
// The collectives of tally.h: each call as one CollectiveCall, blocking, started and persistent.
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

tally_status init(const char* name, tally_endpoint* endpoint, tally_group* group, const CollectiveCall& call,
                  tally_request** request) {
  return tally::api::start_call(name, endpoint, group, request,
                                [&call](tally_endpoint& where, tally_group& in, tally_request** made) {
                                  return where.make_collective(in, call, made);
                                });
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

// The three functions of a collective: `call` is made of the parameters that follow it.
#define COLLECTIVE(name, call, ...)                                                                          \
  tally_status tally_##name(tally_endpoint* endpoint, tally_group* group __VA_OPT__(, ) __VA_ARGS__) {       \
    return run("tally_" #name, endpoint, group, call);                                                       \
  }                                                                                                          \
  tally_status tally_##name##_start(tally_endpoint* endpoint, tally_group* group __VA_OPT__(, ) __VA_ARGS__, \
                                    tally_request** request) {                                               \
    return start("tally_" #name "_start", endpoint, group, call, request);                                   \
  }                                                                                                          \
  tally_status tally_##name##_init(tally_endpoint* endpoint, tally_group* group __VA_OPT__(, ) __VA_ARGS__,  \
                                   tally_request** request) {                                                \
    return init("tally_" #name "_init", endpoint, group, call, request);                                     \
  }

// What most of them are given.
#define VECTORS const void *input, void *output, size_t count, tally_dtype dtype
#define ARRAYS const size_t *counts, const size_t *displacements

COLLECTIVE(barrier, (CollectiveCall{.collective = Collective::kBarrier}))
COLLECTIVE(bcast, moves(Collective::kBcast, buffer, buffer, count, dtype, root), void* buffer, size_t count,
           tally_dtype dtype, int root)
COLLECTIVE(allreduce, reduces(Collective::kAllreduce, input, output, count, dtype, op), VECTORS, tally_op op)
COLLECTIVE(reduce, reduces(Collective::kReduce, input, output, count, dtype, op, root), VECTORS, tally_op op,
           int root)
COLLECTIVE(reduce_scatter_block, reduces(Collective::kReduceScatter, input, output, count, dtype, op),
           VECTORS, tally_op op)
COLLECTIVE(reduce_scatter, reduces_varying(Collective::kReduceScatter, input, output, counts, dtype, op),
           const void* input, void* output, const size_t* counts, tally_dtype dtype, tally_op op)
COLLECTIVE(scan, reduces(Collective::kScan, input, output, count, dtype, op), VECTORS, tally_op op)
COLLECTIVE(exscan, reduces(Collective::kExscan, input, output, count, dtype, op), VECTORS, tally_op op)
COLLECTIVE(gather, moves(Collective::kGather, input, output, count, dtype, root), VECTORS, int root)
COLLECTIVE(gatherv,
           varying(Collective::kGather, {input}, {output, {counts, displacements}}, count, dtype, root),
           const void* input, size_t count, void* output, ARRAYS, tally_dtype dtype, int root)
COLLECTIVE(scatter, moves(Collective::kScatter, input, output, count, dtype, root), VECTORS, int root)
COLLECTIVE(scatterv,
           varying(Collective::kScatter, {input, {counts, displacements}}, {output}, count, dtype, root),
           const void* input, ARRAYS, void* output, size_t count, tally_dtype dtype, int root)
COLLECTIVE(allgather, moves(Collective::kAllgather, input, output, count, dtype), VECTORS)
COLLECTIVE(allgatherv,
           varying(Collective::kAllgather, {input}, {output, {counts, displacements}}, count, dtype),
           const void* input, size_t count, void* output, ARRAYS, tally_dtype dtype)
COLLECTIVE(alltoall, moves(Collective::kAlltoall, input, output, count, dtype), VECTORS)
COLLECTIVE(alltoallv,
           varying(Collective::kAlltoall, {input, {input_counts, input_displacements}},
                   {output, {output_counts, output_displacements}}, 0, dtype),
           const void* input, const size_t* input_counts, const size_t* input_displacements, void* output,
           const size_t* output_counts, const size_t* output_displacements, tally_dtype dtype)
