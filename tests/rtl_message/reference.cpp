// SPDX-License-Identifier: BSD-3-Clause
#include "reference.hpp"

#include <algorithm>

namespace tally::test {

using device::Opcode;
using device::SpillReason;
using device::Status;

namespace {

enum MatchResult : unsigned { kAppended, kHit, kMiss, kReturned, kBusy };
enum ArrivalResult : unsigned { kArrivalHit, kArrivalStored, kArrivalSpill };
enum Event : unsigned {
  kMatchPosted,
  kMatchUnexpected,
  kStored,
  kTruncatedRx,
  kTruncatedCopy,
  kProtectionCmd,
  kProtectionRx,
  kNotPosted,
  kCancelled,
  kProbe,
  kDropped,
  kSpill
};

template <class E>
std::uint8_t code(E value) {
  return static_cast<std::uint8_t>(value);
}

bool is_rts(const device::MsgHeader& header) { return header.ptype == code(device::PacketType::kRts); }

}  // namespace

bool Reference::accepts(const Desc& desc, const device::MsgHeader& header) {
  return desc.context_id == header.context_id &&
         ((desc.flags & device::kMsgFlagAnySource) != 0 || desc.peer == header.src_rank) &&
         ((desc.flags & device::kMsgFlagAnyTag) != 0 || desc.tag == header.tag);
}

bool Reference::posted(unsigned ep, unsigned handle) const {
  return std::any_of(ep_[ep].posted.begin(), ep_[ep].posted.end(),
                     [&](const Post& post) { return post.desc.handle == handle; });
}

unsigned Reference::entries(unsigned ep) const {
  return static_cast<unsigned>(ep_[ep].unexpected.size() + ep_[ep].claimed.size());
}

unsigned Reference::slots(unsigned ep) const {
  unsigned used = 0;
  for (const auto& u : ep_[ep].unexpected) used += !u.message.payload.empty();
  for (const auto& [slot, u] : ep_[ep].claimed) used += !u.message.payload.empty();
  return used;
}

unsigned Reference::copies(unsigned ep) const {
  return static_cast<unsigned>(
      std::count_if(expected_[ep].begin(), expected_[ep].end(), [](const auto& entry) {
        return (entry.second.cqe.flags & device::kCqeFlagUnexpected) != 0 && entry.second.cqe.length != 0;
      }));
}

bool Reference::empty() const {
  for (unsigned ep = 0; ep < 4; ++ep) {
    if (!expected_[ep].empty() || !spills_[ep].empty()) return false;
  }
  return posts_.empty() && arrivals_.empty() && rendezvous_[0].empty() && rendezvous_[1].empty();
}

device::Cqe Reference::base(const Desc& desc, std::uint32_t arrival) const {
  device::Cqe cqe{};
  cqe.cookie = desc.cookie;
  cqe.opcode = desc.opcode;
  cqe.context_id = desc.context_id;
  cqe.cycles = arrival;
  return cqe;
}

void Reference::taken(unsigned ep, const Desc& desc, std::uint32_t arrival) {
  Expected e;
  e.cqe = base(desc, arrival);
  const auto opcode = static_cast<Opcode>(desc.opcode);
  const bool any_source = (desc.flags & device::kMsgFlagAnySource) != 0;
  const bool any_tag = (desc.flags & device::kMsgFlagAnyTag) != 0;
  const bool is_inline = (desc.flags & device::kMsgFlagInline) != 0;
  const bool sync = (desc.flags & device::kMsgFlagSync) != 0;
  const bool bad_handle = desc.handle >= config.posted[ep];
  const bool bad_peer = desc.peer >= config.ranks[ep];
  const bool bad_tag = desc.tag > 0x7fffffff;
  const auto field = [&](unsigned offset) {
    e.cqe.status = code(Status::kBadField);
    e.cqe.detail = offset;
  };
  const auto region = [&] {
    if (desc.length == 0 || region_ok(ep, desc.key, desc.addr, desc.length)) return;
    e.cqe.status = code(Status::kProtection);
    e.cqe.detail = desc.key;
    ++events[kProtectionCmd];
  };
  switch (opcode) {
    case Opcode::kNop:
      break;
    case Opcode::kSend:
      if (bad_peer)
        field(4);
      else if (bad_tag)
        field(8);
      else if (is_inline && sync)
        field(1);
      else if (is_inline && desc.length > device::kInlineBytes)
        field(24);
      else if (!is_inline)
        region();
      break;
    case Opcode::kRecv:
      if (bad_peer && !any_source)
        field(4);
      else if (bad_handle && (desc.flags & device::kMsgFlagNoAppend) == 0)
        field(6);
      else if (bad_tag && !any_tag)
        field(8);
      else
        region();
      break;
    case Opcode::kProbe:
      if (bad_peer && !any_source)
        field(4);
      else if (bad_tag && !any_tag)
        field(8);
      break;
    case Opcode::kMrecv:
      if (desc.handle >= device::kUnexpectedEntries)
        field(6);
      else
        region();
      e.cqe.opcode = code(Opcode::kRecv);
      break;
    case Opcode::kFetch:
      if (bad_peer)
        field(4);
      else
        region();
      e.cqe.opcode = code(Opcode::kRecv);
      break;
    case Opcode::kCancel:
      if (bad_handle) field(6);
      break;
    case Opcode::kSpillOn:
    case Opcode::kSpillOff:
      break;
    case Opcode::kCollective:
      if (ep == 0) return;
      e.cqe.status = code(Status::kUnsupported);
      e.cqe.cookie = static_cast<std::uint32_t>(desc.addr);  // where a collective has it
      break;
    default:
      e.cqe.status = code(Status::kBadOpcode);
  }
  if (e.cqe.status != 0 || opcode == Opcode::kNop) {
    expect(ep, e);
    return;
  }
  if (opcode == Opcode::kSend) {
    if (!is_rendezvous(desc, config.eager_max)) {
      e.cqe.length = desc.length;
      expect(ep, e);
    }
    return;
  }
  posts_.push_back({ep, desc, arrival});
  // No match operation: its turn comes when those before it are answered.
  if (opcode == Opcode::kFetch && posts_.size() == 1) post_done(~0u, 0, 0);
}

Matched Reference::matched(const Post& post, const device::MsgHeader& header) const {
  Matched m;
  m.ep = post.ep;
  m.tag = header.tag;
  m.context = post.desc.context_id;
  m.source = header.src_rank;
  m.key = post.desc.key;
  m.arrival = post.arrival;
  m.cookie = post.desc.cookie;
  m.room = post.desc.length;
  m.address = post.desc.addr;
  m.rts = 1;
  m.stamp = header.offset;
  m.remote_cookie = header.cookie;
  m.remote_key = header.key;
  m.length = header.length;
  m.remote_address = header.addr;
  return m;
}

void Reference::received(const Post& post, const Message& message, bool unexpected) {
  const auto& header = message.header;
  if (is_rts(header)) {
    Matched m = matched(post, header);
    m.unexpected = unexpected;
    rendezvous_[unexpected ? 0 : 1].push_back(m);
    return;
  }
  Expected e;
  e.cqe = base(post.desc, post.arrival);
  e.cqe.opcode = code(Opcode::kRecv);
  e.cqe.length = header.length;
  e.cqe.tag = header.tag;
  e.cqe.source = header.src_rank;
  if (unexpected) e.cqe.flags = device::kCqeFlagUnexpected;
  const std::uint32_t n = std::min(header.length, post.desc.length);
  e.address = post.desc.addr;
  e.bytes.assign(message.payload.begin(), message.payload.begin() + n);
  if (!unexpected && n != 0 && !region_ok(post.ep, post.desc.key, post.desc.addr, n)) {
    e.cqe.status = code(Status::kProtection);
    e.cqe.detail = post.desc.key;
    e.bytes.clear();
    ++events[kProtectionRx];
  } else if (header.length > post.desc.length) {
    e.cqe.status = code(Status::kTruncated);
    ++events[unexpected ? kTruncatedCopy : kTruncatedRx];
  }
  expect(post.ep, e);
}

std::string Reference::post_done(unsigned result, unsigned reason, unsigned slot) {
  if (posts_.empty()) return "an answer without a question";
  const Post post = posts_.front();
  posts_.pop_front();
  const Desc& desc = post.desc;
  Endpoint& ep = ep_[post.ep];
  Expected e;
  e.cqe = base(desc, post.arrival);
  std::string error;
  const auto want = [&](unsigned right) {
    if (result != right) error = "result " + std::to_string(result) + " instead of " + std::to_string(right);
  };
  const auto match = std::find_if(ep.unexpected.begin(), ep.unexpected.end(),
                                  [&](const Unexpected& u) { return accepts(desc, u.message.header); });
  const bool hit = match != ep.unexpected.end();
  switch (static_cast<Opcode>(desc.opcode)) {
    case Opcode::kRecv: {
      ++ep.posts;
      const bool search = (desc.flags & device::kMsgFlagNoAppend) != 0;
      if (hit) {
        want(kHit);
        received(post, match->message, true);
        ep.unexpected.erase(match);
        ++events[kMatchUnexpected];
        break;
      }
      if (!search && result == kBusy && posted(post.ep, desc.handle)) {
        e.cqe.status = code(Status::kBadField);
        e.cqe.detail = 6;
        expect(post.ep, e);
        break;
      }
      const bool conflict = result == kReturned && reason == code(SpillReason::kConflict);
      if (search || conflict || desc.spill_seen != ep.spills) {
        want(search ? kMiss : kReturned);
        const SpillReason why = search                         ? SpillReason::kNoAppend
                                : desc.spill_seen != ep.spills ? SpillReason::kOrder
                                                               : SpillReason::kConflict;
        e.cqe.status = code(Status::kNotPosted);
        e.cqe.flags = static_cast<std::uint16_t>(code(why) << 8);
        e.cqe.detail = ep.spills;
        expect(post.ep, e);
        ++events[kNotPosted];
        break;
      }
      want(kAppended);
      ep.posted.push_back(post);
      break;
    }
    case Opcode::kProbe:
      want(hit ? kHit : kMiss);
      ++events[kProbe];
      if (!hit) {
        e.cqe.status = code(Status::kNotFound);
      } else {
        e.cqe.length = match->message.header.length;
        e.cqe.tag = match->message.header.tag;
        e.cqe.source = match->message.header.src_rank;
        if ((desc.flags & device::kMsgFlagClaim) != 0) {
          e.cqe.detail = slot;
          ep.claimed.emplace(slot, *match);
          ep.unexpected.erase(match);
        }
      }
      expect(post.ep, e);
      break;
    case Opcode::kMrecv: {
      const auto claimed = ep.claimed.find(desc.handle);
      want(claimed != ep.claimed.end() ? kHit : kMiss);
      if (claimed == ep.claimed.end()) {
        e.cqe.opcode = code(Opcode::kRecv);
        e.cqe.status = code(Status::kNotFound);
        expect(post.ep, e);
        break;
      }
      received(post, claimed->second.message, true);
      ep.claimed.erase(claimed);
      ++events[kMatchUnexpected];
      break;
    }
    case Opcode::kCancel: {
      const auto entry = std::find_if(ep.posted.begin(), ep.posted.end(),
                                      [&](const Post& p) { return p.desc.handle == desc.handle; });
      want(entry != ep.posted.end() ? kHit : kMiss);
      if (entry == ep.posted.end()) {
        e.cqe.status = code(Status::kNotFound);
      } else {
        ep.posted.erase(entry);
        ++events[kCancelled];
      }
      expect(post.ep, e);
      break;
    }
    case Opcode::kSpillOn:
      want(kHit);
      ep.spill_mode = true;
      expect(post.ep, e);
      break;
    case Opcode::kSpillOff:
      want(desc.spill_seen == ep.spills ? kHit : kMiss);
      if (desc.spill_seen == ep.spills) {
        ep.spill_mode = false;
      } else {
        e.cqe.status = code(Status::kNotFound);
        e.cqe.detail = ep.spills;
      }
      expect(post.ep, e);
      break;
    default: {  // Fetch
      device::MsgHeader header{};
      header.tag = desc.tag;
      header.src_rank = desc.peer;
      header.offset = desc.remote_stamp;
      header.cookie = desc.remote_cookie;
      header.key = desc.remote_key;
      header.length = desc.remote_length;
      header.addr = desc.remote_addr;
      rendezvous_[0].push_back(matched(post, header));
    }
  }
  while (!posts_.empty() && posts_.front().desc.opcode == code(Opcode::kFetch)) {
    if (static_cast<Opcode>(desc.opcode) == Opcode::kFetch) break;
    post_done(~0u, 0, 0);
  }
  return error;
}

std::string Reference::arrival_done(unsigned result, unsigned reason, bool storable) {
  if (arrivals_.empty()) return "an answer without a message";
  const auto [index, message] = arrivals_.front();
  arrivals_.pop_front();
  Endpoint& ep = ep_[index];
  const auto match = std::find_if(ep.posted.begin(), ep.posted.end(),
                                  [&](const Post& p) { return accepts(p.desc, message.header); });
  std::string error;
  const auto want = [&](unsigned right) {
    if (result != right) error = "result " + std::to_string(result) + " instead of " + std::to_string(right);
  };
  if (match != ep.posted.end()) {
    want(kArrivalHit);
    const Post post = *match;
    ep.posted.erase(match);
    received(post, message, false);
    ++events[kMatchPosted];
    return error;
  }
  SpillReason why = SpillReason::kNone;
  if (ep.spill_mode)
    why = SpillReason::kOrder;
  else if (ep.unexpected.size() + ep.claimed.size() >= config.unexpected[index])
    why = SpillReason::kUnexpected;
  else if (!storable)
    why = SpillReason::kBounce;
  else if (result == kArrivalSpill && reason == code(SpillReason::kConflict))
    why = SpillReason::kConflict;
  if (why == SpillReason::kNone) {
    want(kArrivalStored);
    ep.unexpected.push_back({message, 0});
    ++events[kStored];
    return error;
  }
  want(kArrivalSpill);
  if (error.empty() && reason != code(why)) error = "spill reason " + std::to_string(reason);
  ++events[kSpill + code(why) - 1];
  Expected e;
  e.arrival_cycles = false;
  e.cqe.opcode = code(Opcode::kSpill);
  e.cqe.cookie = ep.spills;  // modulo the ring: the bench
  e.cqe.flags =
      static_cast<std::uint16_t>(code(why) << 8 | (is_rts(message.header) ? device::kCqeFlagRendezvous : 0));
  e.cqe.length = message.header.length;
  e.cqe.tag = message.header.tag;
  e.cqe.source = message.header.src_rank;
  e.cqe.context_id = message.header.context_id;
  e.cqe.detail = ep.posts;
  const auto* raw = reinterpret_cast<const std::uint8_t*>(&message.header);
  e.bytes.assign(raw, raw + sizeof message.header);
  e.bytes.insert(e.bytes.end(), message.payload.begin(), message.payload.end());
  spills_[index].push_back(e);
  ++ep.spills;
  ep.spill_mode = true;
  return error;
}

void Reference::fin(unsigned ep, const device::MsgHeader& header) {
  Expected e;
  e.cqe.cookie = header.cookie;
  e.cqe.opcode = code(Opcode::kSend);
  e.cqe.status = header.status;
  e.cqe.flags = device::kCqeFlagRendezvous;
  e.cqe.length = header.length;
  e.cqe.context_id = header.context_id;
  e.cqe.cycles = header.offset;
  expect(ep, e);
}

}  // namespace tally::test
