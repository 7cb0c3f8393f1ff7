// SPDX-License-Identifier: BSD-3-Clause
#include "drivers/ofi/ofi_transport.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <iterator>
#include <thread>
#include <utility>

#include "job/job.hpp"

namespace tally::ofi {
namespace {

using namespace std::chrono_literals;

/// Receives that stand before any peer is known.
constexpr std::size_t kFirstReceives = 16;
/// More for each peer that is met: its window, and what may come beside it.
constexpr std::size_t kReceivesOfPeer = kWindow + 8;
constexpr std::size_t kControls = 16;

constexpr std::uint64_t bit(std::uint32_t peer) noexcept { return std::uint64_t{1} << peer; }
constexpr std::uint32_t bit(ParcelKind kind) noexcept { return 1u << static_cast<unsigned>(kind); }

template <typename Call>
void for_each_bit(std::uint64_t bits, Call call) {
  for (; bits != 0; bits &= bits - 1) call(static_cast<std::uint32_t>(std::countr_zero(bits)));
}

}  // namespace

Pages::Pages(std::size_t bytes) : bytes_(bytes) {
  void* memory =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw Error(fmt::format("no memory for {} bytes of network buffers", bytes));
  base_ = static_cast<std::byte*>(memory);
}

Pages::~Pages() { (void)::munmap(base_, bytes_); }

std::string OfiTransport::card(const Provider& provider, std::uint64_t job) {
  Card card;
  if (provider.address().size() > sizeof card.address || provider.name().size() >= sizeof card.provider) {
    throw Error(fmt::format("provider {}: an address of {} bytes is too long", provider.name(),
                            provider.address().size()));
  }
  card.remote_reads = provider.remote_reads() ? 1 : 0;
  card.address_bytes = static_cast<std::uint8_t>(provider.address().size());
  card.key = provider.key();
  card.job = job;
  std::memcpy(card.provider, provider.name().data(), provider.name().size());
  std::memcpy(card.address, provider.address().data(), provider.address().size());
  return {reinterpret_cast<const char*>(&card), sizeof card};
}

OfiTransport::OfiTransport(std::unique_ptr<Provider> provider, job::Header& header, std::uint32_t rank,
                           std::uint64_t far, const std::vector<std::string>& cards)
    : provider_(std::move(provider)),
      header_(header),
      rank_(rank),
      size_(static_cast<std::uint32_t>(cards.size())),
      out_pages_(std::size_t{kParcelBytes} * (size_ * kWindow + kControls)),
      in_pages_(std::size_t{kParcelBytes} * (kFirstReceives + size_ * kReceivesOfPeer)),
      out_ops_(size_ * kWindow),
      in_ops_(kFirstReceives + size_ * kReceivesOfPeer),
      control_ops_(kControls),
      next_ping_(Clock::now() + 1s) {
  for (std::uint32_t peer = 0; peer < size_; ++peer) {
    Card card;
    if (cards[peer].size() != sizeof card)
      throw Error(fmt::format("rank {} runs another version of Tally", peer));
    std::memcpy(&card, cards[peer].data(), sizeof card);
    if (card.order != Card::kOrder)
      throw Error(fmt::format("rank {} has the other byte order than rank {}", peer, rank_));
    if (card.magic != Card::kMagic) throw Error(fmt::format("rank {} runs another version of Tally", peer));
    if (card.pointer_bytes != sizeof(void*)) {
      throw Error(fmt::format("rank {} has addresses of {} bytes, rank {} of {}", peer, card.pointer_bytes,
                              rank_, sizeof(void*)));
    }
    card.provider[sizeof card.provider - 1] = '\0';
    if (provider_->name() != card.provider) {
      throw Error(fmt::format("TALLY_OFI_PROVIDER: rank {} uses provider {}, rank {} {}", peer, card.provider,
                              rank_, provider_->name()));
    }
    if (card.address_bytes > sizeof card.address) throw Error(fmt::format("rank {}: damaged address", peer));
    if (peer == 0) job_ = card.job;
    if (peer == rank_ || (far >> peer & 1) == 0) continue;
    peers_[peer].address = provider_->add_peer({card.address, card.address_bytes});
    peers_[peer].key = card.key;
    peers_[peer].readable = card.remote_reads != 0 && provider_->remote_reads();
  }
  out_descriptor_ = provider_->register_local(out_pages_.base(), out_pages_.bytes());
  in_descriptor_ = provider_->register_local(in_pages_.base(), in_pages_.bytes());
  std::byte* memory = out_pages_.base();
  for (std::size_t i = 0; i < out_ops_.size(); ++i, memory += kParcelBytes) {
    out_ops_[i].kind = OpKind::kParcel;
    out_ops_[i].peer = static_cast<std::uint32_t>(i / kWindow);
    out_ops_[i].memory = memory;
    peers_[i / kWindow].out[i % kWindow] = &out_ops_[i];
  }
  for (Op& op : control_ops_) {
    op.kind = OpKind::kControl;
    op.memory = memory;
    memory += kParcelBytes;
  }
  memory = in_pages_.base();
  for (Op& op : in_ops_) {
    op.memory = memory;
    memory += kParcelBytes;
  }
  for (Op& op : read_ops_) op.kind = OpKind::kRead;
  for (; receives_posted_ < kFirstReceives; ++receives_posted_) post_receive(in_ops_[receives_posted_]);
}

OfiTransport::~OfiTransport() {
  say_goodbye();
  provider_.reset();  // before the memory that it may still write to
}

// --- sending
// ---------------------------------------------------------------------------------------------------------

void OfiTransport::meet(std::uint32_t number) noexcept {
  Peer& peer = peers_[number];
  if (peer.met) return;
  peer.met = true;
  for (std::size_t i = 0; i < kReceivesOfPeer && receives_posted_ < in_ops_.size(); ++i) {
    post_receive(in_ops_[receives_posted_++]);
  }
}

bool OfiTransport::room(const Peer& peer) const noexcept {
  return peer.sent - peer.acked < kWindow && !peer.out[peer.sent % kWindow]->busy;
}

bool OfiTransport::may_reserve() const noexcept {
  return std::any_of(peers_.begin(), peers_.begin() + size_,
                     [this](const Peer& peer) { return peer.wanted && (peer.gone || room(peer)); });
}

soft::FrameSlot OfiTransport::reserve(std::uint32_t number, std::uint32_t bytes) noexcept {
  Peer& peer = peers_[number];
  const std::uint32_t need = frame_bytes(bytes);
  reserved_for_ = kNobody;
  if (peer.fill != 0 && peer.fill + need > kParcelBytes) {
    close_parcel(number);
    post_parcels(number);
  }
  if (peer.fill == 0) {
    if (peer.gone || !room(peer)) {
      peer.wanted = true;
      return {};
    }
    meet(number);
  }
  peer.wanted = false;
  peer.reserved = need;
  reserved_for_ = number;
  std::byte* at = peer.out[peer.sent % kWindow]->memory + (peer.fill == 0 ? sizeof(Parcel) : peer.fill);
  return {reinterpret_cast<soft::FrameHeader*>(at), at + sizeof(soft::FrameHeader)};
}

void OfiTransport::commit(std::uint32_t number) noexcept {
  Peer& peer = peers_[number];
  peer.fill = (peer.fill == 0 ? static_cast<std::uint32_t>(sizeof(Parcel)) : peer.fill) + peer.reserved;
  open_ |= bit(number);
  reserved_for_ = kNobody;
}

Parcel OfiTransport::make_head(std::uint32_t number, ParcelKind kind) const noexcept {
  const Peer& peer = peers_[number];
  Parcel parcel;
  parcel.job = job_;
  parcel.taken = peer.taken;
  parcel.source = static_cast<std::uint16_t>(rank_);
  parcel.kind = kind;
  return parcel;
}

void OfiTransport::close_parcel(std::uint32_t number) noexcept {
  Peer& peer = peers_[number];
  Op& op = *peer.out[peer.sent % kWindow];
  head(op) = make_head(number, ParcelKind::kData);
  head(op).number = peer.sent;
  head(op).bytes = peer.fill - static_cast<std::uint32_t>(sizeof(Parcel));
  op.busy = true;
  peer.told = head(op).taken;
  peer.controls &= ~bit(ParcelKind::kCredit);
  peer.fill = 0;
  ++peer.sent;
  open_ &= ~bit(number);
  pending_ |= bit(number);
}

void OfiTransport::post_parcels(std::uint32_t number) noexcept {
  Peer& peer = peers_[number];
  while (peer.posted != peer.sent) {
    Op& op = *peer.out[peer.posted % kWindow];
    if (peer.gone) {
      op.busy = false;
      ++peer.posted;
      continue;
    }
    const ssize_t result = ::fi_send(provider_->endpoint(), op.memory, sizeof(Parcel) + head(op).bytes,
                                     out_descriptor_, peer.address, &op.context);
    if (result == -FI_EAGAIN) return stalled(number);  // the connection is being made, or the queue is full
    ++peer.posted;
    peer.stalled = false;
    if (result == 0) continue;
    op.busy = false;
    lose(number, reason(result));
  }
  if (peer.controls == 0) pending_ &= ~bit(number);
}

void OfiTransport::want(std::uint32_t number, ParcelKind kind) noexcept {
  meet(number);
  peers_[number].controls |= bit(kind);
  pending_ |= bit(number);
}

OfiTransport::Op* OfiTransport::free_control() noexcept {
  const auto free =
      std::find_if(control_ops_.begin(), control_ops_.end(), [](const Op& op) { return !op.busy; });
  return free == control_ops_.end() ? nullptr : &*free;
}

bool OfiTransport::post_control(std::uint32_t number, Op& op) noexcept {
  Peer& peer = peers_[number];
  const ssize_t result = ::fi_send(provider_->endpoint(), op.memory, sizeof(Parcel) + head(op).bytes,
                                   out_descriptor_, peer.address, &op.context);
  if (result == -FI_EAGAIN) {
    stalled(number);
    return false;
  }
  if (result != 0) {
    lose(number, reason(result));
    return false;
  }
  peer.stalled = false;
  op.busy = true;
  op.peer = number;
  peer.told = head(op).taken;
  peer.controls &= ~bit(ParcelKind::kCredit);
  return true;
}

void OfiTransport::post_controls(std::uint32_t number) noexcept {
  Peer& peer = peers_[number];
  if (peer.gone) peer.controls = 0;
  // What is not a goodbye comes before it.
  static constexpr std::array kOrder{ParcelKind::kBroken, ParcelKind::kFailed,  ParcelKind::kCredit,
                                     ParcelKind::kPing,   ParcelKind::kByeSeen, ParcelKind::kBye};
  for (const ParcelKind kind : kOrder) {
    if ((peer.controls & bit(kind)) == 0) continue;
    // A goodbye counts the parcels before it: they are all to be on the way.
    if (kind == ParcelKind::kBye && peer.posted != peer.sent) continue;
    if (kind == ParcelKind::kBroken) {
      if (!post_broken(number)) return;
    } else {
      Op* op = free_control();
      if (op == nullptr) return;
      head(*op) = make_head(number, kind);
      head(*op).number = peer.sent;
      if (!post_control(number, *op)) return;
    }
    peer.controls &= ~bit(kind);
  }
  if (peer.controls == 0 && peer.posted == peer.sent) pending_ &= ~bit(number);
}

bool OfiTransport::post_broken(std::uint32_t number) noexcept {
  Peer& peer = peers_[number];
  for (; peer.broken_told < broken_.size(); ++peer.broken_told) {
    const std::uint32_t context = broken_[peer.broken_told];
    Op* op = free_control();
    if (op == nullptr) return false;
    BrokenNote note{context, header_.broken[context].rank, {}};
    static_assert(sizeof note.reason == sizeof header_.broken[context].reason);
    std::memcpy(note.reason, header_.broken[context].reason, sizeof note.reason);
    head(*op) = make_head(number, ParcelKind::kBroken);
    head(*op).bytes = sizeof note;
    std::memcpy(op->memory + sizeof(Parcel), &note, sizeof note);
    if (!post_control(number, *op)) return false;
  }
  return true;
}

void OfiTransport::post_pending() noexcept {
  for_each_bit(pending_, [this](std::uint32_t number) {
    post_parcels(number);
    if (peers_[number].controls != 0) post_controls(number);
  });
}

void OfiTransport::flush() noexcept {
  for_each_bit(open_, [this](std::uint32_t number) {
    if (number == reserved_for_) return;
    close_parcel(number);
    post_parcels(number);
  });
}

// --- receiving
// -------------------------------------------------------------------------------------------------------

void OfiTransport::post_receive(Op& op) noexcept {
  for (int tries = 0;; ++tries) {
    const ssize_t result = ::fi_recv(provider_->endpoint(), op.memory, kParcelBytes, in_descriptor_,
                                     FI_ADDR_UNSPEC, &op.context);
    op.busy = result == 0;
    if (result != -FI_EAGAIN || tries == 100) return;
    // The queue of receives is longer than what this driver posts; a provider may take a moment all the same.
    (void)::sched_yield();
  }
}

std::uint64_t OfiTransport::progress() noexcept {
  std::array<fi_cq_msg_entry, 16> entries;
  for (int turn = 0; turn < 8; ++turn) {
    const ssize_t got = ::fi_cq_read(provider_->completions(), entries.data(), entries.size());
    if (got == -FI_EAVAIL) {
      read_error();
      continue;
    }
    if (got <= 0) break;
    for (ssize_t i = 0; i < got; ++i) {
      const fi_cq_msg_entry& entry = entries[static_cast<std::size_t>(i)];
      complete(*static_cast<Op*>(entry.op_context), entry.len);
    }
    if (got < static_cast<ssize_t>(entries.size())) break;
  }
  if (header_.broken_count.load(std::memory_order_relaxed) != broken_seen_) find_broken();
  if (pending_ != 0) post_pending();
  return ready_;
}

void OfiTransport::complete(Op& op, std::size_t bytes) noexcept {
  op.busy = false;
  if (op.kind == OpKind::kReceive) return arrive(op, bytes);
  peers_[op.peer].connected = true;
}

void OfiTransport::read_error() noexcept {
  fi_cq_err_entry entry{};
  if (::fi_cq_readerr(provider_->completions(), &entry, 0) != 1 || entry.op_context == nullptr) return;
  Op& op = *static_cast<Op*>(entry.op_context);
  op.busy = false;
  op.failed = entry.err == 0 ? FI_EIO : entry.err;
  if (op.kind == OpKind::kReceive) {
    if (entry.err != FI_ECANCELED && !closing_) post_receive(op);
    return;
  }
  // The own queue was given up, not the peer.
  if (entry.err == FI_ECANCELED && closing_) return;
  lose(op.peer, reason(entry.err));
}

void OfiTransport::arrive(Op& op, std::size_t bytes) noexcept {
  const Parcel& parcel = head(op);
  if (bytes < sizeof(Parcel) || parcel.job != job_ || parcel.source >= size_ ||
      peers_[parcel.source].address == FI_ADDR_UNSPEC || parcel.bytes != bytes - sizeof(Parcel)) {
    return post_receive(op);  // of another job that had this address before
  }
  const std::uint32_t number = parcel.source;
  Peer& peer = peers_[number];
  meet(number);
  peer.heard = true;
  // Numbers are serial (RFC 1982): an older parcel may be reported later.
  if (static_cast<std::int32_t>(parcel.taken - peer.acked) > 0 &&
      parcel.taken - peer.acked <= peer.sent - peer.acked) {
    peer.acked = parcel.taken;
  }
  if (parcel.kind != ParcelKind::kData) {
    arrive_control(number, parcel);
    return post_receive(op);
  }
  if (parcel.number - peer.taken >= kWindow || peer.in[parcel.number % kWindow] != nullptr) {
    lose(number, "it sends more than it may");
    return post_receive(op);
  }
  peer.in[parcel.number % kWindow] = &op;
  while (peer.arrived - peer.taken < kWindow && peer.in[peer.arrived % kWindow] != nullptr) ++peer.arrived;
  if (peer.arrived != peer.taken) ready_ |= bit(number);
  check_bye(number);
}

void OfiTransport::arrive_control(std::uint32_t number, const Parcel& parcel) noexcept {
  Peer& peer = peers_[number];
  switch (parcel.kind) {
    case ParcelKind::kBye:
      peer.bye_said = true;
      peer.bye_at = parcel.number;
      check_bye(number);
      break;
    case ParcelKind::kByeSeen:
      peer.bye_seen = true;
      break;
    case ParcelKind::kFailed:
      if (header_.failed.load(std::memory_order_relaxed) == 0) say(number, "the job has failed there");
      told_failed_ = true;
      fail_job();
      break;
    case ParcelKind::kBroken: {
      BrokenNote note{};
      if (parcel.bytes != sizeof note) break;
      std::memcpy(&note, &parcel + 1, sizeof note);
      if (note.context >= std::size(header_.broken)) break;
      job::BrokenContext& record = header_.broken[note.context];
      std::uint32_t intact = 0;
      if (!record.state.compare_exchange_strong(intact, 1)) break;
      record.rank = note.rank;
      std::memcpy(record.reason, note.reason, sizeof record.reason);
      record.reason[sizeof record.reason - 1] = '\0';
      record.state.store(2, std::memory_order_release);
      header_.broken_count.fetch_add(1, std::memory_order_release);
      job::wake_all(header_);
      break;
    }
    case ParcelKind::kData:
    case ParcelKind::kCredit:
    case ParcelKind::kPing:
      break;
  }
}

void OfiTransport::check_bye(std::uint32_t number) noexcept {
  Peer& peer = peers_[number];
  if (!peer.bye_said || peer.arrived != peer.bye_at) return;
  want(number, ParcelKind::kByeSeen);
  if (peer.bye) return;
  peer.bye = true;
  peer.bye_time = Clock::now();
  header_.rank[number].closed.store(1, std::memory_order_release);
}

soft::FrameView OfiTransport::front(std::uint32_t number) noexcept {
  Peer& peer = peers_[number];
  if (peer.taken == peer.arrived) return {};
  const Op& op = *peer.in[peer.taken % kWindow];
  const std::uint32_t left = head(op).bytes - peer.offset;
  const std::byte* at = op.memory + sizeof(Parcel) + peer.offset;
  const auto* frame = reinterpret_cast<const soft::FrameHeader*>(at);
  if (left < sizeof(soft::FrameHeader) || frame->bytes > soft::kMaxPayload ||
      frame_bytes(frame->bytes) > left) {
    drop_front(number);
    lose(number, "it sent a damaged frame");
    return {};
  }
  return {frame, at + sizeof(soft::FrameHeader)};
}

soft::FrameView OfiTransport::next(std::uint32_t* number) noexcept {
  if (*number == 0) (void)progress();
  while (*number < size_) {
    const std::uint64_t rest = ready_ >> *number;
    if (rest == 0) return {};
    *number += static_cast<std::uint32_t>(std::countr_zero(rest));
    if (const soft::FrameView frame = front(*number); frame.header != nullptr) return frame;
    ready_ &= ~bit(*number);
  }
  return {};
}

void OfiTransport::pop(std::uint32_t number) noexcept {
  Peer& peer = peers_[number];
  const Op& op = *peer.in[peer.taken % kWindow];
  const auto* frame = reinterpret_cast<const soft::FrameHeader*>(op.memory + sizeof(Parcel) + peer.offset);
  peer.offset += frame_bytes(frame->bytes);
  if (peer.offset == head(op).bytes) drop_front(number);
}

void OfiTransport::drop_front(std::uint32_t number) noexcept {
  Peer& peer = peers_[number];
  Op& op = *peer.in[peer.taken % kWindow];
  peer.in[peer.taken % kWindow] = nullptr;
  peer.offset = 0;
  ++peer.taken;
  post_receive(op);
  if (peer.taken == peer.arrived) ready_ &= ~bit(number);
  if (peer.taken - peer.told >= kWindow / 4) want(number, ParcelKind::kCredit);
}

// --- a peer's memory
// -------------------------------------------------------------------------------------------------

bool OfiTransport::read(std::uint32_t number, void* to, std::uint64_t from, std::size_t bytes) noexcept {
  Peer& peer = peers_[number];
  for (std::size_t done = 0; done < bytes;) {
    const auto free = std::find_if(read_ops_.begin(), read_ops_.end(), [](const Op& op) { return !op.busy; });
    if (free == read_ops_.end() || peer.gone || !peer.readable) return false;
    Op& op = *free;
    op.peer = number;
    op.failed = 0;
    const std::size_t part = std::min(bytes - done, provider_->max_transfer());
    const ssize_t result = ::fi_read(provider_->endpoint(), static_cast<std::byte*>(to) + done, part, nullptr,
                                     peer.address, from + done, peer.key, &op.context);
    if (result == -FI_EAGAIN) {
      (void)progress();
      if (header_.failed.load(std::memory_order_relaxed) != 0) return false;
      continue;
    }
    if (result != 0) {
      lose(number, reason(result));
      return false;
    }
    op.busy = true;
    const auto start = Clock::now();
    auto warn_after = 30s;
    for (unsigned tries = 0; op.busy; ++tries) {
      (void)progress();
      if (!op.busy) break;
      if (tries < 100) continue;
      // The record of the operation stays out of use: its end may still come.
      if (header_.failed.load(std::memory_order_relaxed) != 0) return false;
      pause(1ms);
      ping();
      if (Clock::now() - start < warn_after) continue;
      say(number, "no progress of a read from its memory; is the process stopped?");
      warn_after *= 2;
    }
    if (op.failed != 0) return false;
    done += part;
  }
  return true;
}

// --- waiting, failing, leaving
// ---------------------------------------------------------------------------------------

void OfiTransport::pause(std::chrono::microseconds timeout) noexcept {
  if (pending_ != 0) timeout = std::min<std::chrono::microseconds>(timeout, 500us);
  if (!provider_->may_sleep()) {
    if (provider_->wait_fd() < 0)
      std::this_thread::sleep_for(std::min<std::chrono::microseconds>(timeout, 100us));
    return;
  }
  pollfd ready{provider_->wait_fd(), POLLIN, 0};
  timespec limit{};
  limit.tv_sec = static_cast<time_t>(timeout.count() / 1000000);
  limit.tv_nsec = static_cast<long>(timeout.count() % 1000000 * 1000);
  (void)::ppoll(&ready, 1, &limit, nullptr);
}

void OfiTransport::before_sleep() noexcept {
  reserved_for_ = kNobody;  // one that was not used
  flush();
  tell_failure();
  // Who waits for the last credits may be asleep: all that is owed is paid before a sleep.
  for (std::uint32_t number = 0; number < size_; ++number) {
    if (peers_[number].taken != peers_[number].told) want(number, ParcelKind::kCredit);
  }
  ping();
  if (pending_ != 0) post_pending();
}

void OfiTransport::after_sleep() noexcept {
  (void)progress();
  for (Peer& peer : peers_) peer.wanted = false;
}

void OfiTransport::wait(std::chrono::microseconds timeout, bool busy) noexcept {
  flush();
  if (something_to_do()) return;
  if (busy) {
    (void)::sched_yield();
    return;
  }
  before_sleep();
  for (int i = 0; i < 20; ++i) {
    (void)::sched_yield();
    if (something_to_do()) return;
  }
  pause(timeout);
  after_sleep();
}

}  // namespace tally::ofi
