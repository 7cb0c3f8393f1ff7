// SPDX-License-Identifier: BSD-3-Clause
// The functions of tally.h for channels of groups and for groups that threads create.
#include "api/boundary.hpp"
#include "api/calls.hpp"
#include "api/endpoint.hpp"
#include "tally/tally.h"

using tally::Status;
using tally::api::boundary;
using tally::api::need;
using tally::api::resolve;

tally_status tally_group_create_keyed(tally_endpoint* endpoint, const int* ranks, int size, uint64_t key,
                                      tally_group** group) {
  return boundary("tally_group_create_keyed", [&]() -> Status {
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
    Status status = resolve(endpoint, &group);
    if (status.ok()) status = need("out", out);
    return status.ok() ? endpoint->open_channel(*group, channel, out) : status;
  });
}
