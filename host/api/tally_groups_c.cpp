// SPDX-License-Identifier: BSD-3-Clause
// The functions of tally.h for channels of groups, groups that threads create, and own types and operations.
#include "api/boundary.hpp"
#include "api/calls.hpp"
#include "api/endpoint.hpp"
#include "tally/tally.h"

using tally::Status;
using tally::api::bad_argument;
using tally::api::boundary;
using tally::api::Entry;
using tally::api::need;
using tally::api::resolve;

tally_status tally_group_create_keyed(tally_endpoint* endpoint, const int* ranks, int size, uint64_t key,
                                      tally_group** group) {
  return boundary("tally_group_create_keyed", [&]() -> Status {
    const Entry entry(endpoint);
    Status status = need("endpoint", endpoint);
    if (status.ok()) status = need("group", group);
    return status.ok() ? endpoint->create_group(ranks, size, key, group) : status;
  });
}

tally_status tally_group_id(const tally_group* group, uint32_t* id) {
  return boundary("tally_group_id", [&]() -> Status {
    Status status = need("group", group);
    if (status.ok()) status = need("id", id);
    if (status.ok()) *id = group->context;
    return status;
  });
}

tally_status tally_group_channel(tally_endpoint* endpoint, tally_group* group, int channel,
                                 tally_group** out) {
  return boundary("tally_group_channel", [&]() -> Status {
    const Entry entry(endpoint);
    Status status = resolve(endpoint, &group);
    if (status.ok()) status = need("out", out);
    return status.ok() ? endpoint->open_channel(*group, channel, out) : status;
  });
}

tally_status tally_op_create(tally_endpoint* endpoint, tally_reduce_function function, void* argument,
                             int commutative, tally_op* op) {
  return boundary("tally_op_create", [&]() -> Status {
    const Entry entry(endpoint);
    Status status = need("endpoint", endpoint);
    if (status.ok() && function == nullptr) status = bad_argument("function is NULL");
    if (status.ok()) status = need("op", op);
    if (status.ok()) *op = endpoint->own_types().add({function, argument, commutative != 0});
    return status;
  });
}

tally_status tally_op_free(tally_endpoint* endpoint, tally_op op) {
  return boundary("tally_op_free", [&]() -> Status {
    const Entry entry(endpoint);
    Status status = need("endpoint", endpoint);
    if (status.ok() && !endpoint->own_types().remove(op))
      status = bad_argument("op {} is not an operation of the program's own", static_cast<int>(op));
    return status;
  });
}

tally_status tally_dtype_create(tally_endpoint* endpoint, size_t bytes, tally_dtype* dtype) {
  return boundary("tally_dtype_create", [&]() -> Status {
    const Entry entry(endpoint);
    Status status = need("endpoint", endpoint);
    if (status.ok() && bytes == 0) status = bad_argument("bytes is 0");
    if (status.ok()) status = tally::api::check_sign("bytes", bytes);
    if (status.ok()) status = need("dtype", dtype);
    if (status.ok()) *dtype = endpoint->own_types().add(bytes);
    return status;
  });
}

tally_status tally_dtype_free(tally_endpoint* endpoint, tally_dtype dtype) {
  return boundary("tally_dtype_free", [&]() -> Status {
    const Entry entry(endpoint);
    Status status = need("endpoint", endpoint);
    if (status.ok() && !endpoint->own_types().remove(dtype))
      status = bad_argument("dtype {} is not a type of the program's own", static_cast<int>(dtype));
    return status;
  });
}
