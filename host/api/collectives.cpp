// SPDX-License-Identifier: BSD-3-Clause
// Collectives from checked arguments to the engine.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "api/boundary.hpp"
#include "api/collective_checks.hpp"
#include "api/endpoint.hpp"
#include "api/posting.hpp"
#include "engine/numerics/reduce.hpp"

using tally::Status;
using tally::api::bad_argument;
using tally::api::Blocks;
using tally::api::Buffers;
using tally::api::CallPlace;
using tally::api::CheckedCollective;
using tally::api::CollectiveCall;
using tally::api::Compiled;
using tally::api::Extents;
using tally::api::LastCollective;
using tally::schedule::Collective;

namespace {

/// Where the own block begins in the buffer that has all blocks, of a call with arrays; unchecked.
std::uint64_t own_offset(const CollectiveCall& call, int rank, std::size_t element) {
  const Blocks& blocks = call.collective == Collective::kScatter ? call.input_blocks : call.output_blocks;
  return blocks.displacements == nullptr ? 0 : blocks.displacements[rank] * element;
}

/// TALLY_COLLECTIVES=software; open() has checked it.
bool asked_for_software() {
  static const bool asked = [] {
    const char* text = std::getenv("TALLY_COLLECTIVES");
    return text != nullptr && std::strcmp(text, "software") == 0;
  }();
  return asked;
}

}  // namespace

Status tally_endpoint::start_collective(tally_group& group, const CollectiveCall& given,
                                        tally_request** out) {
  const CallPlace at{group.rank, group.ranks.size(), capabilities()};
  if (group.is_channel()) return bad_argument("group is a channel: it takes messages and probes only");
  LastCollective& last = group.last[static_cast<std::size_t>(given.collective)];
  if (out != nullptr && last.same(given) && last.memory_changes == memory_changes_ &&
      last.algorithm_changes == group.schedules.changes() && !broken(group.context))
    return start_checked(group, last.checked, out);
  CollectiveCall call = given;
  const bool own_dtype = static_cast<int>(call.dtype) >= tally::api::kFirstOwn;
  call.element = own_dtype ? own_types_.bytes(call.dtype) : tally::numerics::element_bytes(call.dtype);
  if (tally::schedule::has_reduction(call.collective)) call.own = own_types_.find(call.op);
  Status status = tally::api::check_elements(at, call);
  if (status.ok() && call.varying) status = tally::api::check_arrays(at, call);
  if (!status.ok()) return status;
  const std::size_t element = call.element;
  // Schedules for any element type take those whose sizes divide that of the largest.
  call.ordered =
      call.own != nullptr && (!call.own->commutes || tally::schedule::kMaxElementBytes % element != 0);
  if (call.varying) call = tally::api::used_arrays(at, call);

  Extents extents;
  Buffers buffers;
  Compiled* compiled = nullptr;
  if (call.varying) {
    status = tally::api::place_buffers(at, call, own_offset(call, group.rank, element), &buffers);
    if (!status.ok()) return status;
    compiled = group.schedules.find_varying(call, element, buffers.in_place);
    if (compiled != nullptr) {
      extents = compiled->extents;
    } else {
      status = tally::api::measure_varying(at, call, buffers.in_place, &extents);
    }
  } else {
    status = tally::api::measure(at, call, &extents);
    if (status.ok()) status = tally::api::place_buffers(at, call, extents.own_offset, &buffers);
  }
  if (status.ok()) status = tally::api::check_overlap(at, call, extents, buffers);
  if (!status.ok()) return status;

  tally_memory* input_region = nullptr;
  tally_memory* output_region = nullptr;
  const bool with_input = tally::api::uses_input(call.collective, at.is_root(call));
  const bool with_output = tally::api::uses_output(call.collective, at.is_root(call));
  if (with_input)
    status = find_region(buffers.input_name, buffers.input, extents.input_bytes, nullptr, &input_region);
  if (status.ok() && with_output)
    status =
        find_region(buffers.output_name, buffers.output, extents.output_bytes, input_region, &output_region);
  if (!status.ok()) return status;
  if (broken(group.context)) {
    return {TALLY_ERR_ABORTED, fmt::format("group is broken: {}", broken_text(group.context))};
  }
  if (out == nullptr) return status;  // to be started later
  if (!call.varying) {
    const std::uint64_t bytes = extents.count * element;
    status = call.ordered
                 ? group.schedules.get_ordered(call.collective, call.root, bytes, buffers.in_place, &compiled)
                 : group.schedules.get(call.collective, call.root, bytes, buffers.in_place, &compiled);
  } else if (compiled == nullptr) {
    status = group.schedules.make_varying(call, element, buffers.in_place, extents, &compiled);
  }
  if (!status.ok()) return status;

  // What is in the cache's regions may be registered anew each time, and the program's own types and operations freed.
  const bool software =
      call.own != nullptr || group.context >= capabilities().collective_contexts || asked_for_software();
  const bool lasts = !software && !call.varying && !own_dtype && !group.schedules.fell_back() &&
                     (!cache_ || cache_->all() != nullptr);
  CheckedCollective once;
  if (lasts) last.valid = false;
  CheckedCollective& checked = lasts ? last.checked : once;
  checked.regions[0] = input_region;
  checked.regions[1] = output_region;
  checked.length = std::max(with_input ? extents.input_bytes : 0, with_output ? extents.output_bytes : 0);
  checked.count = extents.count;
  checked.parts = call.count == 0 || call.varying ? 1 : extents.count / call.count;
  checked.dtype = call.dtype;
  checked.op = call.op;
  checked.collective = call.collective;
  checked.compiled = compiled;
  tally::CollectiveDescriptor& descriptor = checked.descriptor;
  descriptor.program = &compiled->program;
  descriptor.input = buffers.input;
  descriptor.output = buffers.output;
  descriptor.input_key = input_region == nullptr ? 0 : input_region->key;
  descriptor.output_key = output_region == nullptr ? 0 : output_region->key;
  descriptor.count = extents.count;
  descriptor.dtype = call.dtype;
  descriptor.redop = call.op;
  descriptor.context = group.context;
  descriptor.signature = compiled->signature;
  if (software) {
    tally_request* request = request_of(group, checked);
    return start_in_software(call, descriptor, request, out);
  }
  if (own_dtype) {  // nothing is reduced: bytes to an engine
    descriptor.dtype = TALLY_BYTE;
    descriptor.count *= element;
    checked.count *= element;
    checked.parts *= element;
  }
  if (lasts) {
    last.set(given);
    last.memory_changes = memory_changes_;
    last.algorithm_changes = group.schedules.changes();
  }
  status = start_checked(group, checked, out);
  if (status.ok() && group.schedules.fell_back()) [[unlikely]]
    tell_fallback(group, *compiled);
  return status;
}

/// Notes what they share in a new request and in the descriptor.
tally_request* tally_endpoint::request_of(tally_group& group, CheckedCollective& call) {
  tally_request* request = new_request(tally_request::Kind::kCollective, group);
  request->regions[0] = call.regions[0];
  request->regions[1] = call.regions[1];
  request->length = call.length;
  request->count = call.count;
  request->parts = call.parts;
  request->dtype = call.dtype;
  request->op = call.op;
  request->collective = call.collective;
  request->seq = call.descriptor.seq = group.next_seq;
  request->compiled = call.compiled;
  call.descriptor.cookie = request->cookie;
  return request;
}

Status tally_endpoint::start_checked(tally_group& group, CheckedCollective& call, tally_request** out) {
  tally_request* request = request_of(group, call);
  bool complete_now = false;
  tally_memory* output = call.regions[1];
  ++call.compiled->users;
  if (output != nullptr) ++output->users;
  Status status = engine_->start_collective(call.descriptor, &request->completion, &complete_now);
  status = posted(request, std::move(status), complete_now, out);
  if (status.ok()) {
    ++group.next_seq;
  } else {
    --call.compiled->users;
    if (output != nullptr) --output->users;
  }
  return status;
}

Status tally_endpoint::start_in_software(const CollectiveCall& call,
                                         const tally::CollectiveDescriptor& descriptor,
                                         tally_request* request, tally_request** out) {
  tally::api::SoftwareCollectives::Call work;
  work.descriptor = descriptor;
  work.element = call.element;
  if (call.own != nullptr) work.own = *call.own;
  work.input_region = request->regions[0];
  work.output_region = request->regions[1];
  request->marks.software = true;
  Status status = posted(request, {}, false, out);
  if (!status.ok()) return status;
  ++request->compiled->users;
  if (work.output_region != nullptr) ++work.output_region->users;
  ++(call.own != nullptr ? counts_.fallback_user_op : counts_.fallback_collective_context);
  if (request->group->schedules.fell_back()) [[unlikely]]
    tell_fallback(*request->group, *request->compiled);
  if (software_ == nullptr) software_ = std::make_unique<tally::api::SoftwareCollectives>(*this);
  software_->start(work, request);
  news_ += software_->advance();
  return {};
}

void tally_endpoint::tell_fallback(tally_group& group, const Compiled& compiled) {
  ++counts_.fallback_algorithm;
  const std::string reason = group.schedules.take_reason();
  if (!tell_fallbacks_ || reason.empty()) return;
  std::fputs(fmt::format("tally: rank {}: a collective runs by '{}' instead of '{}': {}\n", rank(),
                         compiled.algorithm, group.schedules.algorithm(), reason)
                 .c_str(),
             stderr);
}
