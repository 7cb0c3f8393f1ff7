// SPDX-License-Identifier: BSD-3-Clause
#include "sim/fabric/pcie.hpp"

#include <algorithm>
#include <bit>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

namespace tally::sim {

namespace {

constexpr std::uint8_t kOkay = 0;
constexpr std::uint8_t kSlverr = 2;
constexpr std::uint8_t kFullSize = 6;   // 64 bytes a beat
constexpr std::uint8_t kIncr = 1;
constexpr std::uint64_t kPage = 4096;  // no burst crosses it, so none is longer

template <class T>
std::unique_ptr<T> from_pool(std::vector<std::unique_ptr<T>>& pool) {
  if (pool.empty()) return std::make_unique<T>();
  auto item = std::move(pool.back());
  pool.pop_back();
  return item;
}

/// Appends the bytes of a beat that the strobe enables, joined with the run before.
void add_runs(std::vector<Run>& runs, std::uint32_t base, std::uint64_t strobe) {
  while (strobe != 0) {
    const auto from = static_cast<std::uint32_t>(std::countr_zero(strobe));
    const auto length = static_cast<std::uint32_t>(std::countr_one(strobe >> from));
    if (!runs.empty() && runs.back().offset + runs.back().length == base + from) {
      runs.back().length += length;
    } else {
      runs.push_back({base + from, length});
    }
    if (from + length >= kBeatBytes) break;
    strobe &= ~std::uint64_t{0} << (from + length);
  }
}

}  // namespace

Pcie::Pcie(const Timing& timing, unsigned node, HostMemory& memory)
    : timing_(timing), node_(node), memory_(memory), posted_limit_(timing.pcie_ps(kPostedQueueBytes)) {}

void Pcie::issue(std::uint64_t now, MmioKind kind, std::uint32_t offset, std::span<const std::byte> data) {
  Mmio& access = mmio_.emplace_back();
  access.kind = kind;
  access.offset = offset;
  // mmio_write holds the store itself; a core that stores 64 bytes begins the next one `store` later.
  const std::uint64_t begin = std::max(now, store_free_);
  store_free_ = begin + (kind == MmioKind::kWrite64Bytes ? timing_.store : 0);
  access.due = begin + timing_.mmio_write;
  std::memcpy(access.words.data(), data.data(), std::min(data.size(), sizeof access.words));
}

std::uint64_t Pcie::next_host() const {
  std::uint64_t next = kNever;
  if (!posted_.empty()) next = posted_.front()->visible;
  if (fetched_ < reads_.size()) next = std::min(next, reads_[fetched_]->snapshot);
  if (!answers_.empty()) next = std::min(next, answers_.front().due);
  return next;
}

void Pcie::run_host(std::uint64_t now) {
  // Reads and answers wait for earlier writes by their due times; at equal times the writes go first.
  while (!posted_.empty() && posted_.front()->visible <= now) {
    Write& write = *posted_.front();
    if (!write.refused && !memory_.write(write.address, write.data.data(), write.runs)) {
      report("write", write.address + (write.runs.empty() ? 0 : write.runs.front().offset));
    }
    last_write_ps_ = write.visible;
    spare_writes_.push_back(std::move(posted_.front()));
    posted_.pop_front();
  }
  while (fetched_ < reads_.size() && reads_[fetched_]->snapshot <= now) {
    Read& read = *reads_[fetched_++];
    const std::size_t bytes = std::size_t{read.beats} * kBeatBytes;
    read.fetched = true;
    read.failed = !memory_.read(read.address, read.data.data(), bytes);
    if (read.failed) {
      report("read", read.address);
      std::memset(read.data.data(), 0, bytes);
    }
  }
  while (!answers_.empty() && answers_.front().due <= now) {
    memory_.answer(answers_.front().value);
    answers_.pop_front();
  }
}

void Pcie::drive(std::uint64_t now, NicInputs& in) {
  in.aw_valid = in.w_valid = in.ar_valid = in.window_aw_valid = in.window_w_valid = false;
  if (!mmio_.empty() && mmio_.front().due <= now) {
    const Mmio& access = mmio_.front();
    const auto address = static_cast<std::uint16_t>(access.offset);  // of a register
    switch (access.kind) {
      case MmioKind::kRead32:
        in.ar_valid = !ar_done_ && writes_unanswered_ == 0;
        in.ar_addr = address;
        break;
      case MmioKind::kWrite32:
        in.aw_valid = !aw_done_;
        in.w_valid = !w_done_;
        in.aw_addr = address;
        in.w_data = access.words[0];
        break;
      case MmioKind::kWrite64Bytes:
        in.window_aw_valid = !aw_done_;
        in.window_w_valid = !w_done_;
        in.window_addr = access.offset;
        in.window_data = access.words.data();
        break;
    }
  }
  in.dma_ar_ready = reads_.size() < kMaxReadsInFlight;
  in.dma_r_valid = false;
  if (!reads_.empty() && reads_.front()->fetched) {
    const Read& read = *reads_.front();
    in.dma_r_valid = beat_due(read) <= now;
    in.dma_r_data = reinterpret_cast<const std::uint32_t*>(read.data.data() + std::size_t{read.next} * kBeatBytes);
    in.dma_r_last = read.next + 1 == read.beats;
    in.dma_r_resp = read.failed ? kSlverr : kOkay;
  }
  in.dma_aw_ready = filling_.size() < 4 && posted_.size() + filling_.size() < kMaxWritesInFlight;
  in.dma_w_ready = !filling_.empty() && write_link_free_ <= now + posted_limit_;
  in.dma_b_valid = !responses_.empty() && responses_.front().due <= now;
  if (in.dma_b_valid) in.dma_b_resp = responses_.front().resp;
}

bool Pcie::take(std::uint64_t now, const NicInputs& in, const NicOutputs& out) {
  const bool mmio = take_mmio(now, in, out);
  const bool writes = take_writes(now, in, out);
  const bool reads = take_reads(now, in, out);  // after the writes: a read of the same cycle sees them
  return mmio || writes || reads;
}

bool Pcie::take_mmio(std::uint64_t now, const NicInputs& in, const NicOutputs& out) {
  bool any = false;
  for (const bool answered : {out.b_valid && in.b_ready, out.window_b_valid && in.window_b_ready}) {
    if (!answered) continue;
    if (writes_unanswered_ == 0) fault("B of a slave without a write");
    --writes_unanswered_;
    any = true;
  }
  if (out.r_valid && in.r_ready) {
    if (!ar_done_) fault("AXI4-Lite R without a read");
    // The completion pushes earlier DMA writes ahead of it.
    answers_.push_back({std::max(now + timing_.mmio_write, last_visible_), out.r_data});
    ar_done_ = false;
    mmio_.pop_front();
    any = true;
  }
  if (in.ar_valid && out.ar_ready) ar_done_ = any = true;
  // One write is at the head, whichever bus it takes.
  if ((in.aw_valid && out.aw_ready) || (in.window_aw_valid && out.window_aw_ready)) aw_done_ = any = true;
  if ((in.w_valid && out.w_ready) || (in.window_w_valid && out.window_w_ready)) w_done_ = any = true;
  if (aw_done_ && w_done_) {
    aw_done_ = w_done_ = false;
    ++writes_unanswered_;
    mmio_.pop_front();
  }
  return any;
}

bool Pcie::take_reads(std::uint64_t now, const NicInputs& in, const NicOutputs& out) {
  bool any = false;
  if (in.dma_r_valid && out.dma_r_ready) {
    Read& read = *reads_.front();
    if (++read.next == read.beats) {
      spare_reads_.push_back(std::move(reads_.front()));
      reads_.pop_front();
      --fetched_;
    }
    any = true;
  }
  if (out.dma_ar_valid && in.dma_ar_ready) {
    const std::uint64_t address = out.dma_ar_addr & ~std::uint64_t{kBeatBytes - 1};
    const std::uint32_t beats = out.dma_ar_len + 1u;
    if (out.dma_ar_size != kFullSize || out.dma_ar_burst != kIncr) fault("AXI4 AR is not a full-width INCR burst");
    if (address / kPage != (address + std::uint64_t{beats} * kBeatBytes - 1) / kPage) fault("AXI4 AR crosses 4 KiB");
    auto read = from_pool(spare_reads_);
    read->address = address;
    read->beats = beats;
    read->next = 0;
    read->fetched = read->failed = false;
    // Arrives half of the round trip after the request, behind every earlier write and read.
    read->snapshot = std::max({now + timing_.dma_read / 2, last_visible_, last_snapshot_});
    last_snapshot_ = read->snapshot;
    read->first = std::max(read->snapshot + (timing_.dma_read - timing_.dma_read / 2), read_link_free_);
    read_link_free_ = read->first + timing_.pcie_ps(std::size_t{beats} * kBeatBytes);
    reads_.push_back(std::move(read));
    any = true;
  }
  return any;
}

bool Pcie::take_writes(std::uint64_t now, const NicInputs& in, const NicOutputs& out) {
  bool any = false;
  if (in.dma_b_valid && out.dma_b_ready) {
    responses_.pop_front();
    any = true;
  }
  if (out.dma_w_valid && in.dma_w_ready) {
    accept_beat(now, out);
    any = true;
  }
  if (out.dma_aw_valid && in.dma_aw_ready) {
    const std::uint64_t address = out.dma_aw_addr & ~std::uint64_t{kBeatBytes - 1};
    const std::uint32_t beats = out.dma_aw_len + 1u;
    if (out.dma_aw_size != kFullSize || out.dma_aw_burst != kIncr) fault("AXI4 AW is not a full-width INCR burst");
    if (address / kPage != (address + std::uint64_t{beats} * kBeatBytes - 1) / kPage) fault("AXI4 AW crosses 4 KiB");
    auto write = from_pool(spare_writes_);
    write->address = address;
    write->beats = beats;
    write->taken = 0;
    write->visible = kNever;
    write->refused = false;
    write->runs.clear();
    filling_.push_back(std::move(write));
    any = true;
  }
  return any;
}

void Pcie::accept_beat(std::uint64_t now, const NicOutputs& out) {
  Write& write = *filling_.front();
  const std::uint32_t base = write.taken * kBeatBytes;
  std::memcpy(write.data.data() + base, out.dma_w_data, kBeatBytes);
  add_runs(write.runs, base, out.dma_w_strb);
  ++write.taken;
  if (out.dma_w_last != (write.taken == write.beats)) fault("AXI4 W last does not fit the length of AW");
  const std::uint64_t on_link = std::max(write_link_free_, now);
  write_link_free_ = on_link + timing_.pcie_ps(kBeatBytes);
  if (write.taken < write.beats) return;
  write.visible = std::max(on_link + timing_.dma_write, last_visible_);
  last_visible_ = write.visible;
  if (!memory_.plausible(write.address, std::size_t{write.beats} * kBeatBytes)) {
    write.refused = true;
    report("write", write.address + (write.runs.empty() ? 0 : write.runs.front().offset));
  }
  responses_.push_back({now + kWriteResponseCycles * timing_.period, write.refused ? kSlverr : kOkay});
  posted_.push_back(std::move(filling_.front()));
  filling_.pop_front();
}

std::uint64_t Pcie::next_device() const {
  if (ar_done_ || writes_unanswered_ > 0 || aw_done_ || w_done_ || !filling_.empty()) return 0;
  std::uint64_t next = kNever;
  if (!mmio_.empty()) next = mmio_.front().due;
  if (!reads_.empty()) next = std::min(next, beat_due(*reads_.front()));
  if (!responses_.empty()) next = std::min(next, responses_.front().due);
  return next;
}

void Pcie::report(const char* what, std::uint64_t address) {
  if (std::exchange(reported_, true)) return;
  std::fprintf(stderr, "tally fabric: rank %u: DMA %s of address 0x%" PRIx64 " failed; later failures are not told\n",
               node_, what, address);
}

void Pcie::fault(const char* what) const {
  throw std::runtime_error("NIC " + std::to_string(node_) + ": protocol fault: " + what);
}

}  // namespace tally::sim
