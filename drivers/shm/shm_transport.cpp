// SPDX-License-Identifier: BSD-3-Clause
#include "drivers/shm/shm_transport.hpp"

#include <algorithm>
#include <bit>
#include <new>

#include "job/job.hpp"

namespace tally::shm {
namespace {

static_assert(soft::kMaxRanks >= job::kMaxRanks && job::kMaxRanks <= 64);
static_assert(kFrameAlign == sizeof(soft::Frame));
// A reservation always succeeds in an empty ring, pad included.
static_assert(2 * (sizeof(soft::Frame) + soft::kMaxPayload) <= kRingBytes);

constexpr std::uint64_t frame_bytes(std::uint32_t payload) noexcept {
  return sizeof(soft::Frame) + (payload + kFrameAlign - 1) / kFrameAlign * kFrameAlign;
}

soft::Frame* frame_at(Ring* ring, std::uint64_t index) noexcept {
  return std::launder(reinterpret_cast<soft::Frame*>(ring->data + index % kRingBytes));
}

}  // namespace

ShmTransport::ShmTransport(job::Header& header, std::uint32_t rank) noexcept
    : header_(header), rank_(rank), size_(header.ranks) {
  Ring* rings = reinterpret_cast<Ring*>(reinterpret_cast<std::byte*>(&header) + header.shm_offset);
  for (std::uint32_t peer = 0; peer < size_; ++peer) {
    out_[peer].ring = &rings[rank_ * size_ + peer];
    in_[peer].ring = &rings[peer * size_ + rank_];
  }
}

soft::Frame* ShmTransport::reserve(std::uint32_t peer, std::uint32_t bytes) noexcept {
  Outgoing& out = out_[peer];
  const std::uint64_t frame = frame_bytes(bytes);
  const std::uint64_t to_end = kRingBytes - out.tail % kRingBytes;
  const std::uint64_t pad = to_end < frame ? to_end : 0;
  const std::uint64_t need = pad + frame;
  if (kRingBytes - (out.tail - out.head_seen) < need) {
    out.head_seen = out.ring->head.load(std::memory_order_acquire);
    if (kRingBytes - (out.tail - out.head_seen) < need) {
      out.wanted = need;
      return nullptr;
    }
  }
  if (pad != 0) {
    soft::Frame* filler = frame_at(out.ring, out.tail);
    filler->header.kind = soft::FrameKind::kPad;
    filler->header.bytes = static_cast<std::uint32_t>(pad - sizeof(soft::Frame));
  }
  out.reserved = need;
  return frame_at(out.ring, out.tail + pad);
}

void ShmTransport::commit(std::uint32_t peer) noexcept {
  Outgoing& out = out_[peer];
  out.tail += out.reserved;
  out.reserved = 0;
  out.wanted = 0;
  out.ring->tail.store(out.tail, std::memory_order_release);
  touched_ |= std::uint64_t{1} << peer;
}

const soft::Frame* ShmTransport::front(std::uint32_t peer) noexcept {
  Incoming& in = in_[peer];
  if (in.head == in.tail_seen) {
    in.tail_seen = in.ring->tail.load(std::memory_order_acquire);
    if (in.head == in.tail_seen) return nullptr;
  }
  const soft::Frame* frame = frame_at(in.ring, in.head);
  if (frame->header.kind == soft::FrameKind::kPad) {  // the frame after it is there: both came with one store
    in.head += frame_bytes(frame->header.bytes);
    frame = frame_at(in.ring, in.head);
  }
  return frame;
}

void ShmTransport::pop(std::uint32_t peer) noexcept {
  Incoming& in = in_[peer];
  in.head += frame_bytes(frame_at(in.ring, in.head)->header.bytes);
  in.ring->head.store(in.head, std::memory_order_release);
  touched_ |= std::uint64_t{1} << peer;
}

void ShmTransport::flush() noexcept {
  for (std::uint64_t rest = touched_ & ~(std::uint64_t{1} << rank_); rest != 0; rest &= rest - 1) {
    job::wake(header_, static_cast<std::uint32_t>(std::countr_zero(rest)));
  }
  touched_ = 0;
}

bool ShmTransport::gone(std::uint32_t peer) const noexcept {
  return header_.rank[peer].closed.load(std::memory_order_acquire) != 0;
}

bool ShmTransport::something_to_do() noexcept {
  for (std::uint32_t peer = 0; peer < size_; ++peer) {
    if (in_[peer].ring->tail.load(std::memory_order_acquire) != in_[peer].head) return true;
    const Outgoing& out = out_[peer];
    if (out.wanted != 0 &&
        kRingBytes - (out.tail - out.ring->head.load(std::memory_order_acquire)) >= out.wanted) {
      return true;
    }
  }
  return false;
}

void ShmTransport::wait(std::chrono::microseconds timeout) noexcept {
  job::RankRecord& self = header_.rank[rank_];
  const std::uint32_t seen = self.wake.load(std::memory_order_acquire);
  self.sleeping.store(1, std::memory_order_relaxed);
  // Counterpart of the fence in job::wake: either we see the peer's index or it sees `sleeping`.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (!something_to_do()) {
    const auto microseconds = std::clamp<std::int64_t>(timeout.count(), 0, 1000000000);
    job::sleep(header_, rank_, seen, static_cast<std::uint32_t>(microseconds));
  }
  self.sleeping.store(0, std::memory_order_relaxed);
  for (std::uint32_t peer = 0; peer < size_; ++peer) out_[peer].wanted = 0;
}

}  // namespace tally::shm
