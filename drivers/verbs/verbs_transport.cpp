// SPDX-License-Identifier: BSD-3-Clause
// Frames, loans and reads: what is asked of the device.
#include "drivers/verbs/verbs_transport.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "job/job.hpp"

namespace tally::verbs {
namespace {

using namespace std::chrono_literals;
using soft::ReadState;

/// A work request out of so many reports its end; the others end with it.
constexpr std::uint32_t kSignalEvery = 8;
constexpr std::uint32_t kControlBytes = 64 + sizeof(BrokenNote);
/// Of the memory that is registered for a peer.
constexpr std::size_t kOutBytes = std::size_t{kWindow} * kBufferBytes + kControls * kControlBytes;
constexpr std::size_t kOutStride = (kOutBytes + 4095) / 4096 * 4096;
constexpr std::uint32_t kReceivesOfPeer = kWindow + kControls;

constexpr std::uint64_t bit(std::uint32_t peer) noexcept { return std::uint64_t{1} << peer; }
constexpr std::uint32_t bit(Control control) noexcept { return 1u << (static_cast<unsigned>(control) & 31); }

}  // namespace

Pages::Pages(std::size_t bytes) : bytes_(bytes) {
  void* memory =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw Error(fmt::format("no memory for {} bytes of network buffers", bytes));
  base_ = static_cast<std::byte*>(memory);
}

Pages::~Pages() { (void)::munmap(base_, bytes_); }

VerbsTransport::VerbsTransport(std::unique_ptr<Link> link, job::Header& header, std::uint32_t rank,
                               std::uint64_t far, const std::vector<std::string>& cards)
    : link_(std::move(link)),
      library_(link_->library()),
      header_(header),
      rank_(rank),
      size_(static_cast<std::uint32_t>(cards.size())),
      out_pages_(kOutStride * size_),
      in_pages_(std::size_t{kBufferBytes} * kReceivesOfPeer * size_),
      registrations_(link_->device, keep_of_environment()),
      next_ping_(Clock::now() + 1s) {
  const Address& own = link_->device.address();
  for (std::uint32_t number = 0; number < size_; ++number) {
    Peer& peer = peers_[number];
    Card& card = peer.card;
    if (cards[number].size() != sizeof card)
      throw Error(fmt::format("rank {} runs another version of Tally, or another transport (TALLY_ENGINE, TALLY_TRANSPORT)", number));
    std::memcpy(&card, cards[number].data(), sizeof card);
    card.device[sizeof card.device - 1] = '\0';
    if (card.order != Card::kOrder)
      throw Error(fmt::format("rank {} has the other byte order than rank {}", number, rank_));
    if (card.magic != Card::kMagic)
      throw Error(fmt::format("rank {} runs another version of Tally, or another transport (TALLY_ENGINE, TALLY_TRANSPORT)", number));
    if (card.pointer_bytes != sizeof(void*)) {
      throw Error(fmt::format("rank {} has addresses of {} bytes, rank {} of {}", number, card.pointer_bytes,
                              rank_, sizeof(void*)));
    }
    if (card.address.ethernet != own.ethernet) {
      throw Error(fmt::format("TALLY_VERBS_DEVICE: device {} of rank {} is on {}, device {} of rank {} is not",
                              card.device, number, card.address.ethernet != 0 ? "Ethernet" : "InfiniBand",
                              link_->device.name(), rank_));
    }
    if (number == 0) job_ = card.job;
    if (number == rank_ || (far >> number & 1) == 0) continue;
    peer.far = true;
    link_->greeter.add_peer(number, card.address, card.greeter_qpn);
  }
}

VerbsTransport::~VerbsTransport() {
  say_goodbye();
  if (events_ != 0) library_.ack_cq_events(link_->completions.get(), events_);
}

std::byte* VerbsTransport::out_buffer(std::uint32_t peer, std::uint32_t number) const noexcept {
  return out_pages_.base() + kOutStride * peer + std::size_t{number % kWindow} * kBufferBytes;
}

std::byte* VerbsTransport::control_buffer(std::uint32_t peer, std::uint32_t number) const noexcept {
  return out_pages_.base() + kOutStride * peer + std::size_t{kWindow} * kBufferBytes +
         std::size_t{number % kControls} * kControlBytes;
}

std::byte* VerbsTransport::in_buffer(std::uint32_t buffer) const noexcept {
  return in_pages_.base() + std::size_t{buffer} * kBufferBytes;
}

// --- sending -----------------------------------------------------------------------------------------------

bool VerbsTransport::may_reserve() const noexcept {
  return std::any_of(peers_.begin(), peers_.begin() + size_, [](const Peer& peer) {
    return peer.wanted && (peer.gone || peer.sent - peer.acked < kWindow);
  });
}

soft::FrameSlot VerbsTransport::reserve(std::uint32_t number, std::uint32_t) noexcept {
  Peer& peer = peers_[number];
  reserved_for_ = kNobody;
  // A buffer whose message the peer has taken is free, whatever the device has reported.
  if (peer.gone || peer.sent - peer.acked == kWindow) {
    peer.wanted = true;
    return {};
  }
  if (peer.state == State::kUnmet) meet(number);
  peer.wanted = false;
  reserved_for_ = number;
  return {&draft_, out_buffer(number, peer.sent) + kHeaderBytes};
}

void VerbsTransport::commit(std::uint32_t number) noexcept {
  Peer& peer = peers_[number];
  std::byte* at = out_buffer(number, peer.sent);
  std::uint32_t payload_bytes = 0;
  write_header(*reinterpret_cast<MsgHeader*>(at), draft_, at + kHeaderBytes, static_cast<std::uint16_t>(rank_),
               static_cast<std::uint16_t>(number), taken(peer), &payload_bytes);
  ++peer.sent;
  reserved_for_ = kNobody;
  pending_ |= bit(number);
  if (peer.state == State::kReady) post_frames(number);
}

bool VerbsTransport::post_message(std::uint32_t number, std::byte* at, std::uint32_t bytes, bool signaled) noexcept {
  Peer& peer = peers_[number];
  if (peer.posted - peer.retired >= kSendDepth) return false;
  ibv_sge piece{reinterpret_cast<std::uintptr_t>(at), bytes, peer.out_memory->lkey};
  ibv_send_wr work{};
  const std::uint32_t post = peer.posted + 1;
  work.wr_id = work_id(Work::kSend, number, post);
  work.sg_list = &piece;
  work.num_sge = bytes != 0 ? 1 : 0;
  work.opcode = bytes != 0 ? IBV_WR_SEND : IBV_WR_RDMA_WRITE;  // of nothing: is the peer there?
  if (signaled || post % kSignalEvery == 0) work.send_flags |= IBV_SEND_SIGNALED;
  if (bytes != 0 && bytes <= peer.max_inline) work.send_flags |= IBV_SEND_INLINE;
  ibv_send_wr* bad = nullptr;
  const int error = library_.post_send(peer.messages.get(), &work, &bad);
  if (error == ENOMEM) return false;
  if (error != 0) {
    lose(number, std::strerror(error));
    return false;
  }
  peer.posted = post;
  return true;
}

void VerbsTransport::post_frames(std::uint32_t number) noexcept {
  Peer& peer = peers_[number];
  while (peer.on_way != peer.sent && !peer.gone) {
    std::byte* at = out_buffer(number, peer.on_way);
    auto& header = *reinterpret_cast<MsgHeader*>(at);
    set_taken(header, taken(peer));
    if (!post_message(number, at, kHeaderBytes + header.payload_len, false)) return;
    peer.told = taken(peer);
    ++peer.on_way;
  }
  if (peer.controls == 0 || peer.gone) pending_ &= ~bit(number);
}

void VerbsTransport::want(std::uint32_t number, Control control) noexcept {
  Peer& peer = peers_[number];
  if (peer.gone || peer.state == State::kUnmet) return;
  peer.controls |= bit(control);
  pending_ |= bit(number);
}

void VerbsTransport::post_controls(std::uint32_t number) noexcept {
  Peer& peer = peers_[number];
  static constexpr std::array kOrder{Control::kBroken, Control::kFailed, Control::kCredit, Control::kByeSeen,
                                     Control::kBye};
  for (const Control kind : kOrder) {
    if ((peer.controls & bit(kind)) == 0 || peer.gone) continue;
    if (kind == Control::kBroken) {
      if (!add_broken_note(number)) return;
    } else {
      if (kind == Control::kBye && peer.on_way != peer.sent) continue;  // it comes behind all else
      if (kind == Control::kCredit && taken(peer) == peer.told && peer.posted != 0) {
        peer.controls &= ~bit(kind);  // a frame has told it since
        continue;
      }
      const std::uint32_t place = peer.next_control % kControls;
      if (static_cast<std::int32_t>(peer.control_post[place] - peer.retired) > 0) return;
      std::byte* at = control_buffer(number, place);
      write_control(*reinterpret_cast<MsgHeader*>(at), kind, static_cast<std::uint16_t>(rank_),
                    static_cast<std::uint16_t>(number), taken(peer), 0);
      if (!post_message(number, at, kHeaderBytes, true)) return;
      peer.told = taken(peer);
      peer.control_post[place] = peer.posted;
      ++peer.next_control;
    }
    peer.controls &= ~bit(kind);
  }
  if ((peer.controls == 0 && peer.on_way == peer.sent) || peer.gone) pending_ &= ~bit(number);
}

/// Notes count as frames: there may be many of them.
bool VerbsTransport::add_broken_note(std::uint32_t number) noexcept {
  Peer& peer = peers_[number];
  for (; peer.broken_told < broken_.size(); ++peer.broken_told) {
    if (peer.sent - peer.acked == kWindow || reserved_for_ == number) return false;
    const std::uint32_t context = broken_[peer.broken_told];
    BrokenNote note{context, header_.broken[context].rank, {}};
    static_assert(sizeof note.reason == sizeof header_.broken[context].reason);
    std::memcpy(note.reason, header_.broken[context].reason, sizeof note.reason);
    std::byte* at = out_buffer(number, peer.sent);
    write_control(*reinterpret_cast<MsgHeader*>(at), Control::kBroken, static_cast<std::uint16_t>(rank_),
                  static_cast<std::uint16_t>(number), taken(peer), sizeof note);
    std::memcpy(at + kHeaderBytes, &note, sizeof note);
    ++peer.sent;
  }
  post_frames(number);
  return true;
}

void VerbsTransport::post_pending() noexcept {
  for (std::uint64_t rest = pending_; rest != 0; rest &= rest - 1) {
    const auto number = static_cast<std::uint32_t>(std::countr_zero(rest));
    Peer& peer = peers_[number];
    if (peer.gone) {
      pending_ &= ~bit(number);
    } else if (peer.state == State::kReady) {
      post_frames(number);
      if (peer.controls != 0) post_controls(number);
    }
  }
}

// --- receiving ---------------------------------------------------------------------------------------------

soft::FrameView VerbsTransport::front(std::uint32_t number) noexcept {
  Peer& peer = peers_[number];
  if (peer.popped == peer.arrived) return {};
  const InFrame& in = peer.in[peer.popped % kWindow];
  return {&in.frame, in_buffer(in.buffer) + kHeaderBytes};
}

soft::FrameView VerbsTransport::next(std::uint32_t* number) noexcept {
  if (*number == 0) (void)progress();
  const std::uint64_t rest = *number < 64 ? ready_ >> *number : 0;
  if (rest == 0) return {};
  *number += static_cast<std::uint32_t>(std::countr_zero(rest));
  return front(*number);
}

void VerbsTransport::pop(std::uint32_t number) noexcept {
  Peer& peer = peers_[number];
  post_receive(peer.in[peer.popped % kWindow].buffer);
  if (++peer.popped == peer.arrived) ready_ &= ~bit(number);
  if (taken(peer) - peer.told >= kWindow / 4) want(number, Control::kCredit);
}

void VerbsTransport::post_receive(std::uint32_t buffer) noexcept {
  // A buffer belongs to the memory of the peer for which it was first posted, and serves all.
  const Peer& owner = peers_[buffer / kReceivesOfPeer];
  ibv_sge piece{reinterpret_cast<std::uintptr_t>(in_buffer(buffer)), kBufferBytes, owner.in_memory->lkey};
  ibv_recv_wr work{};
  work.wr_id = work_id(Work::kReceive, 0, buffer);
  work.sg_list = &piece;
  work.num_sge = 1;
  ibv_recv_wr* bad = nullptr;
  const int error = library_.post_srq_recv(link_->receives.get(), &work, &bad);
  if (error != 0 && !dead_) lose_all(std::strerror(error));
}

// --- a peer's memory ---------------------------------------------------------------------------------------

bool VerbsTransport::lend(std::uint32_t, const void* base, std::size_t bytes, soft::Loan* loan) noexcept {
  Region* region = registrations_.acquire(base, bytes, false);
  if (region == nullptr) return false;
  if (free_loans_.empty()) {
    loans_.push_back(nullptr);
    free_loans_.push_back(static_cast<std::uint32_t>(loans_.size()));
    free_loans_.reserve(loans_.capacity());
  }
  loan->number = free_loans_.back();
  loan->key = region->memory->rkey;
  free_loans_.pop_back();
  loans_[loan->number - 1] = region;
  return true;
}

void VerbsTransport::take_back(std::uint32_t loan) noexcept {
  if (loan == 0 || loan > loans_.size() || loans_[loan - 1] == nullptr) return;
  registrations_.release(std::exchange(loans_[loan - 1], nullptr));
  free_loans_.push_back(loan);
}

std::uint32_t VerbsTransport::start_read(std::uint32_t number, void* to, std::uint64_t from, std::size_t bytes,
                                         std::uint32_t key) noexcept {
  if (!known(number)) return kNoRead;
  Region* region = registrations_.acquire(to, bytes, true);
  if (region == nullptr) return kNoRead;
  if (free_reads_.empty()) {
    free_reads_.push_back(static_cast<std::uint32_t>(reads_.size()));
    reads_.emplace_back();
    free_reads_.reserve(reads_.capacity());
    read_queue_.reserve(reads_.capacity());
  }
  const std::uint32_t read = free_reads_.back();
  free_reads_.pop_back();
  reads_[read] = {number, key, static_cast<std::byte*>(to), from, bytes, 0, region, ReadState::kLater, false, true};
  post_read(read);
  return read;
}

void VerbsTransport::post_read(std::uint32_t number) noexcept {
  Read& read = reads_[number];
  Peer& peer = peers_[read.peer];
  if (peer.gone || peer.reads == nullptr) {
    read.state = ReadState::kFailed;
    ++ended_reads_;
    return;
  }
  if (peer.reading == kReadDepth) {
    read_queue_.push_back(number);
    return;
  }
  read.part = static_cast<std::uint32_t>(std::min<std::uint64_t>(read.left, link_->device.max_message()));
  ibv_sge piece{reinterpret_cast<std::uintptr_t>(read.to), read.part, read.region->memory->lkey};
  ibv_send_wr work{};
  work.wr_id = work_id(Work::kRead, read.peer, number);
  work.sg_list = &piece;
  work.num_sge = 1;
  work.opcode = IBV_WR_RDMA_READ;
  work.send_flags = IBV_SEND_SIGNALED;
  work.wr.rdma.remote_addr = read.from;
  work.wr.rdma.rkey = read.key;
  ibv_send_wr* bad = nullptr;
  const int error = library_.post_send(peer.reads.get(), &work, &bad);
  if (error == ENOMEM) {
    read_queue_.push_back(number);
    return;
  }
  if (error != 0) {
    read.state = ReadState::kFailed;
    ++ended_reads_;
    return lose(read.peer, std::strerror(error));
  }
  ++peer.reading;
  read.posted = true;
}

void VerbsTransport::post_waiting_reads() noexcept {
  // Those that still find no room go to the end again.
  for (std::size_t rest = read_queue_.size(); rest != 0; --rest) {
    const std::uint32_t read = read_queue_.front();
    read_queue_.erase(read_queue_.begin());
    post_read(read);
  }
}

ReadState VerbsTransport::read_state(std::uint32_t number) noexcept {
  Read& read = reads_[number];
  const ReadState state = read.state;
  if (state == ReadState::kLater) return state;
  --ended_reads_;
  registrations_.release(read.region);
  read.used = false;
  free_reads_.push_back(number);
  return state;
}

bool VerbsTransport::end_read(std::uint32_t number) noexcept {
  auto start = Clock::now();
  auto warn_after = 30s;
  for (unsigned tries = 0;; ++tries) {
    const ReadState state = read_state(number);
    if (state != ReadState::kLater) return state == ReadState::kDone;
    (void)progress();
    if (tries < 1000 || reads_[number].state != ReadState::kLater) continue;
    // The read stays in use: its end may still come.
    if (header_.failed.load(std::memory_order_relaxed) != 0) return false;
    pause(1ms);
    if (Clock::now() - start < warn_after) continue;
    say(reads_[number].peer, "no progress of a read from its memory");
    warn_after *= 2;
  }
}

}  // namespace tally::verbs
