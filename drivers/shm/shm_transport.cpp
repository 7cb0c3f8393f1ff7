// SPDX-License-Identifier: BSD-3-Clause
#include "drivers/shm/shm_transport.hpp"

#include <linux/membarrier.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "job/job.hpp"

namespace tally::shm {
namespace {

static_assert(soft::kMaxRanks >= job::kMaxRanks && job::kMaxRanks <= 64);
// A reservation always succeeds in an empty ring, whatever has to be left out at its end.
static_assert(2 * soft::kMaxPayload <= kDataBytes);
// What the consumer has taken and not told must not be all that the producer waits for.
static_assert(kDataBytes / 4 + 2 * soft::kMaxPayload <= kDataBytes);

// Other ranks, or other programs, may need the processor for what this one waits for. A yield is about half a
// microsecond where nobody does.
constexpr unsigned kYields = 200;
// One that takes longer has given the processor to somebody who computes, for a whole slice of the scheduler: the next one
// would again, whatever arrives meanwhile. Who sleeps instead is woken at once, before its turn.
constexpr std::chrono::microseconds kLongYield{50};

// A line that the sender has written takes as long to come here as several frames to be taken, so that lines are asked for
// before their turn: the far one where the sender is far ahead; the near one again, as it may not have been written yet when it
// was the far one. A line that the sender has yet to write is here still, of a lap before: asking for it costs nothing.
constexpr std::uint64_t kNear = 1;
constexpr std::uint64_t kFar = 7;

constexpr std::uint64_t lines(std::uint64_t bytes) noexcept { return (bytes + kLine - 1) / kLine * kLine; }

/// Where a payload of `bytes` begins that comes next behind `data`.
constexpr std::uint64_t place(std::uint64_t data, std::uint64_t bytes) noexcept {
  const std::uint64_t to_end = kDataBytes - data % kDataBytes;
  return to_end < bytes ? data + to_end : data;
}

constexpr bool in_cell(std::uint64_t bytes) noexcept { return bytes <= soft::kInlinePayload; }

long membarrier(int command) noexcept { return syscall(SYS_membarrier, command, 0, 0); }

}  // namespace

ShmTransport::ShmTransport(job::Header& header, std::uint32_t rank, bool direct) noexcept
    : header_(header), rank_(rank), size_(header.ranks), direct_(direct) {
  std::byte* area = reinterpret_cast<std::byte*>(&header) + header.shm_offset;
  Ring* rings = reinterpret_cast<Ring*>(area);
  areas_ = reinterpret_cast<RankArea*>(area + rings_bytes(size_));
  for (std::uint32_t peer = 0; peer < size_; ++peer) {
    out_[peer].ring = &rings[rank_ * size_ + peer];
    in_[peer].ring = &rings[peer * size_ + rank_];
  }
  barrier_ = membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED) == 0;
  yields_ = kYields;
#ifdef PR_SET_PTRACER
  (void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);  // Yama: siblings may read our memory
#endif
  areas_[rank_].mark = reinterpret_cast<std::uint64_t>(&mark_);
  areas_[rank_].pid.store(static_cast<std::int32_t>(getpid()), std::memory_order_release);
}

soft::FrameSlot ShmTransport::reserve(std::uint32_t peer, std::uint32_t bytes) noexcept {
  Outgoing& out = out_[peer];
  const bool with_data = !in_cell(bytes);
  const std::uint64_t begin = with_data ? place(out.data, bytes) : out.data;
  const std::uint64_t end = with_data ? begin + lines(bytes) : out.data;
  if (!fits(out, end)) [[unlikely]] {
    out.cells_taken = out.ring->cells_taken.load(std::memory_order_acquire);
    out.data_taken = out.ring->data_taken.load(std::memory_order_acquire);
    if (!fits(out, end)) {
      out.wanted = true;
      out.wanted_data = end;
      return {};
    }
  }
  out.data_end = end;
  Cell& cell = out.ring->cells[out.cell % kCells];
  return {&cell.header, with_data ? out.ring->data + begin % kDataBytes : cell.inline_payload};
}

void ShmTransport::commit(std::uint32_t peer) noexcept {
  Outgoing& out = out_[peer];
  out.ring->cells[out.cell % kCells].stamp.store(stamp(out.cell), std::memory_order_release);
  ++out.cell;
  out.data = out.data_end;
  touched_ |= std::uint64_t{1} << peer;
}

soft::FrameView ShmTransport::view(const Incoming& in) const noexcept {
  const Cell& cell = in.ring->cells[in.cell % kCells];
  const std::uint32_t bytes = cell.header.bytes;
  return {&cell.header,
          in_cell(bytes) ? cell.inline_payload : in.ring->data + place(in.data, bytes) % kDataBytes};
}

soft::FrameView ShmTransport::front(std::uint32_t peer) noexcept {
  const Incoming& in = in_[peer];
  return arrived(in) ? view(in) : soft::FrameView{};
}

soft::FrameView ShmTransport::next(std::uint32_t* peer) noexcept {
  for (std::uint32_t p = *peer; p < size_; ++p) {
    const Incoming& in = in_[p];
    if (!arrived(in)) continue;
    for (std::uint64_t ahead = 1; ahead <= kFar / 2; ++ahead) fetch_ahead(in, ahead);
    *peer = p;
    return view(in);
  }
  return {};
}

void ShmTransport::pop(std::uint32_t peer) noexcept {
  Incoming& in = in_[peer];
  const std::uint32_t bytes = in.ring->cells[in.cell % kCells].header.bytes;
  if (!in_cell(bytes)) in.data = place(in.data, bytes) + lines(bytes);
  ++in.cell;
  fetch_ahead(in, kNear);
  fetch_ahead(in, kFar);
  if (in.cell - in.cells_told >= kCells / 4 || in.data - in.data_told >= kDataBytes / 4) tell(peer, in);
}

soft::FrameView ShmTransport::pop_next(std::uint32_t peer) noexcept {
  ShmTransport::pop(peer);
  return ShmTransport::front(peer);
}

void ShmTransport::tell(std::uint32_t peer, Incoming& in) noexcept {
  in.cells_told = in.cell;
  in.data_told = in.data;
  in.ring->data_taken.store(in.data, std::memory_order_release);
  in.ring->cells_taken.store(in.cell, std::memory_order_release);
  touched_ |= std::uint64_t{1} << peer;
}

void ShmTransport::flush() noexcept {
  if (touched_ == 0) return;
  // Either the peer's barrier comes before our look at `sleeping`, or what we stored is in its sight after
  // it.
  if (barrier_) {
    std::atomic_signal_fence(std::memory_order_seq_cst);
  } else {
    std::atomic_thread_fence(std::memory_order_seq_cst);
  }
  for (std::uint64_t rest = touched_ & ~(std::uint64_t{1} << rank_); rest != 0; rest &= rest - 1) {
    const auto peer = static_cast<std::uint32_t>(std::countr_zero(rest));
    if (header_.rank[peer].sleeping.load(std::memory_order_relaxed) != 0) job::wake(header_, peer);
  }
  touched_ = 0;
}

bool ShmTransport::gone(std::uint32_t peer) const noexcept {
  return header_.rank[peer].closed.load(std::memory_order_acquire) != 0;
}

bool ShmTransport::something_to_do() noexcept {
  for (std::uint32_t peer = 0; peer < size_; ++peer) {
    if (arrived(in_[peer])) return true;
    Outgoing& out = out_[peer];
    if (!out.wanted) continue;
    out.cells_taken = out.ring->cells_taken.load(std::memory_order_acquire);
    out.data_taken = out.ring->data_taken.load(std::memory_order_acquire);
    if (fits(out, out.wanted_data)) return true;
  }
  return false;
}

void ShmTransport::wait(std::chrono::microseconds timeout, bool busy) noexcept {
  flush();
  auto before = std::chrono::steady_clock::now();
  for (unsigned i = 0; i < (busy ? 1 : yields_); ++i) {
    (void)sched_yield();
    if (busy || something_to_do()) return;
    const auto after = std::chrono::steady_clock::now();
    if (after - before > kLongYield) break;
    before = after;
  }
  if (prepare_sleep()) sleep(timeout);
  end_sleep();
}

bool ShmTransport::prepare_sleep() noexcept {
  for (std::uint32_t peer = 0; peer < size_; ++peer) {
    Incoming& in = in_[peer];
    if (in.cell != in.cells_told) tell(peer, in);
  }
  flush();
  job::RankRecord& self = header_.rank[rank_];
  sleep_seen_ = self.wake.load(std::memory_order_acquire);
  self.sleeping.store(1, std::memory_order_relaxed);
  // Counterpart of flush(): either we see what the peer stored or it sees `sleeping`.
  sleep_limit_ = std::chrono::microseconds::max();
  if (barrier_) {
    if (membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED) != 0) sleep_limit_ = std::chrono::microseconds(100);
  }
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (!something_to_do()) return true;
  end_sleep();
  return false;
}

void ShmTransport::sleep(std::chrono::microseconds timeout) noexcept {
  const std::int64_t limit = std::min(timeout, sleep_limit_).count();
  job::sleep(header_, rank_, sleep_seen_,
             static_cast<std::uint32_t>(std::clamp<std::int64_t>(limit, 0, 1000000000)));
}

void ShmTransport::end_sleep() noexcept {
  header_.rank[rank_].sleeping.store(0, std::memory_order_relaxed);
  for (std::uint32_t peer = 0; peer < size_; ++peer) out_[peer].wanted = false;
}

bool ShmTransport::direct(std::uint32_t peer) noexcept {
  std::atomic<Reach>& reach = areas_[rank_].reach[peer];
  if (const Reach known = reach.load(std::memory_order_relaxed); known != Reach::kUnknown)
    return known == Reach::kYes;
  if (areas_[peer].pid.load(std::memory_order_acquire) == 0) return direct_;  // not there yet
  std::uint64_t mark = 0;
  const bool works = direct_ && read(peer, &mark, areas_[peer].mark, sizeof mark) && mark == kMark;
  reach.store(works ? Reach::kYes : Reach::kNo, std::memory_order_release);
  return works;
}

bool ShmTransport::reads_us(std::uint32_t peer) const noexcept {
  return areas_[peer].reach[rank_].load(std::memory_order_acquire) == Reach::kYes;
}

bool ShmTransport::read(std::uint32_t peer, void* to, std::uint64_t from, std::size_t bytes) noexcept {
  const std::int32_t pid = areas_[peer].pid.load(std::memory_order_relaxed);
  if (pid == areas_[rank_].pid.load(std::memory_order_relaxed)) {
    std::memcpy(to, reinterpret_cast<const void*>(from), bytes);
    return true;
  }
  for (std::size_t done = 0; done < bytes;) {
    const iovec local{static_cast<std::byte*>(to) + done, bytes - done};
    const iovec remote{reinterpret_cast<void*>(from + done), bytes - done};
    const ssize_t got = process_vm_readv(pid, &local, 1, &remote, 1, 0);
    if (got <= 0) return false;
    done += static_cast<std::size_t>(got);
  }
  return true;
}

bool ShmTransport::write(std::uint32_t peer, std::uint64_t to, const void* from, std::size_t bytes) noexcept {
  const std::int32_t pid = areas_[peer].pid.load(std::memory_order_relaxed);
  if (pid == areas_[rank_].pid.load(std::memory_order_relaxed)) {
    std::memcpy(reinterpret_cast<void*>(to), from, bytes);
    return true;
  }
  for (std::size_t done = 0; done < bytes;) {
    const iovec local{const_cast<std::byte*>(static_cast<const std::byte*>(from)) + done, bytes - done};
    const iovec remote{reinterpret_cast<void*>(to + done), bytes - done};
    const ssize_t put = process_vm_writev(pid, &local, 1, &remote, 1, 0);
    if (put <= 0) return false;
    done += static_cast<std::size_t>(put);
  }
  return true;
}

soft::JointCopy& ShmTransport::joint(std::uint32_t rank, std::uint32_t n) noexcept {
  return areas_[rank].joint[n];
}

}  // namespace tally::shm
