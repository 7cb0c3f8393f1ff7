// SPDX-License-Identifier: BSD-3-Clause
// One-sided operations: checks of arguments, and who carries them out.
#include <algorithm>

#include "api/boundary.hpp"
#include "api/endpoint.hpp"
#include "api/posting.hpp"

using tally::Status;
using tally::api::bad_argument;
using tally::api::OneSided;
using tally::api::OneSidedCall;
using tally::api::OneSidedKind;
using tally::api::Refusal;
using tally::api::refusal_status;
using tally::api::RemoteKey;

OneSided& tally_endpoint::one_sided() {
  if (one_sided_ == nullptr) one_sided_ = std::make_unique<OneSided>(*this);
  return *one_sided_;
}

Status tally_endpoint::export_memory(tally_memory* memory, unsigned access, tally_remote_key* key) {
  if (std::none_of(regions_.begin(), regions_.end(), [&](const auto& region) { return region.get() == memory; }))
    return bad_argument("memory {} is not registered", static_cast<void*>(memory));
  if (access == 0 || (access & ~unsigned{TALLY_ACCESS_ALL}) != 0)
    return bad_argument("access {:#x} is not one or more of TALLY_ACCESS_*", access);
  return one_sided().export_region(*memory, access, key);
}

Status tally_endpoint::open_key(const tally_remote_key& bytes, RemoteKey* key) const {
  Status status = tally::api::read_key(bytes, key);
  if (status.ok() && (key->job != job_.id || key->rank >= size())) return bad_argument("key is of another job");
  return status;
}

Status tally_endpoint::release_key(const tally_remote_key& bytes) {
  RemoteKey key;
  Status status = open_key(bytes, &key);
  if (!status.ok()) return status;
  if (key.rank != rank()) return bad_argument("key is of rank {}, which alone releases it", key.rank);
  status = one_sided().withdraw(key);
  if (!status.ok()) return status;
  Waiting waiting(*this);
  while (one_sided_->in_use(key)) {
    if (progress() != 0) continue;
    status = idle(waiting, nullptr);
    if (!status.ok()) return status;
  }
  one_sided_->forget(key);
  return {};
}

Status tally_endpoint::start_one_sided(OneSidedCall call, const tally_remote_key& bytes, tally_request** out) {
  Status status = open_key(bytes, &call.key);
  if (!status.ok()) return status;
  const RemoteKey& key = call.key;
  const bool put = call.kind == OneSidedKind::kPut;
  const bool get = call.kind == OneSidedKind::kGet;
  const unsigned right = put ? TALLY_ACCESS_WRITE : get ? TALLY_ACCESS_READ : TALLY_ACCESS_ATOMIC;
  if (put || get) {
    status = check_buffer(call.buffer, call.length, &call.region);
    if (!status.ok()) return status;
  }
  // What the key tells; whether it is true is for its owner to say.
  const Refusal refusal =
      (key.access & right) == 0                                              ? Refusal::kRight
      : call.offset > key.length || call.length > key.length - call.offset   ? Refusal::kRange
      : !put && !get && (key.low_address + call.offset) % call.length != 0 ? Refusal::kAlignment
                                                                             : Refusal::kNone;
  if (refusal != Refusal::kNone) return refusal_status(refusal, call.kind, key.rank, call.offset, call.length, key.length);
  status = one_sided().stand();
  if (!status.ok()) return status;
  // Who looks at a lock of its own again and again must let the others' asks in.
  if (key.rank == rank()) progress();
  tally_request* request = new_request(tally_request::Kind::kOneSided, *all_ranks());
  request->regions[0] = call.region;
  request->length = call.length;
  request->count = call.offset;
  request->seq = static_cast<std::uint16_t>(call.kind);
  request->peer = key.rank;
  status = posted(request, {}, false, out);
  one_sided_->start(call, request);
  news_ += one_sided_->advance();
  return status;
}

Status tally_endpoint::start_flush(int rank, tally_request** out) {
  if (rank != TALLY_ALL_RANKS && (rank < 0 || rank >= size()))
    return bad_argument("rank {} is out of range (0 to {}, or TALLY_ALL_RANKS)", rank, size() - 1);
  tally_request* request = new_request(tally_request::Kind::kOneSided, *all_ranks());
  request->length = 0;
  request->count = 0;
  request->seq = static_cast<std::uint16_t>(OneSidedKind::kFlush);
  request->peer = 0;
  Status status = posted(request, {}, false, out);
  one_sided().start_flush(rank, request);
  news_ += one_sided_->advance();
  return status;
}

void tally_endpoint::count_one_sided(const tally_request& request) noexcept {
  switch (static_cast<OneSidedKind>(request.seq)) {
    case OneSidedKind::kPut:
      ++counts_.puts;
      counts_.put_bytes += request.length;
      break;
    case OneSidedKind::kGet:
      ++counts_.gets;
      counts_.got_bytes += request.length;
      break;
    case OneSidedKind::kFlush:
      break;
    default:
      ++counts_.atomics;
      break;
  }
}
