// SPDX-License-Identifier: BSD-3-Clause
#include "bench.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "Vtally_message_bench.h"
#include "support/random_context.hpp"

namespace tally::test {

Bench::Bench(const BenchConfig& config)
    : config_(config),
      random_(config.seed),
      context_(std::make_unique<RandomContext>(config.seed)),
      top_(std::make_unique<Vtally_message_bench>(context_.get())),
      memory_(kMemoryBytes) {
  for (std::size_t i = 0; i < memory_.size(); i += 8) {
    const std::uint64_t word = random_();
    std::memcpy(&memory_[i], &word, 8);
  }
  std::memset(at(kRing), 0, 32u << kRingLog2);
  top_->nodes_i = config.nodes;
  top_->bounce_i = kBounce;
  top_->cq_base_i = kRing;
  top_->cq_log2_i = kRingLog2;
  top_->coll_ready_i = 1;
  top_->rst_ni = 0;
  for (int i = 0; i < 4; ++i) {
    top_->clk_i = 0;
    top_->eval();
    top_->clk_i = 1;
    top_->eval();
  }
  top_->rst_ni = 1;
  region(kSendKey, kSendArea, kAreaBytes, true);
  region(kRecvKey, kRecvArea, kAreaBytes, true);
}

Bench::~Bench() { top_->final(); }

std::uint8_t* Bench::at(std::uint64_t address) {
  if (address < kMemoryBase || address >= kMemoryBase + kMemoryBytes) {
    ADD_FAILURE() << "access outside host memory: " << std::hex << address;
    return memory_.data();
  }
  return memory_.data() + (address - kMemoryBase);
}

void Bench::region(std::uint32_t key, std::uint64_t base, std::uint64_t bytes, bool valid) {
  top_->mr_wr_valid_i = 1;
  top_->mr_wr_key_i = key | (valid ? 0x8000'0000u : 0u);
  top_->mr_wr_base_i = base;
  top_->mr_wr_len_i = bytes;
  tick();
  top_->mr_wr_valid_i = 0;
}

void Bench::submit(const void* descriptor) {
  Beat beat;
  std::memcpy(beat.data(), descriptor, beat.size());
  descriptors_.push_back(beat);
}

void Bench::inject(const device::WireHeader& header, const std::vector<std::uint8_t>& payload) {
  device::WireHeader copy = header;
  copy.payload_len = static_cast<std::uint16_t>(payload.size());
  NetBeat beat{};
  std::memcpy(beat.data.data(), &copy, sizeof copy);
  beat.last = payload.empty();
  injected_.push_back(beat);
  for (std::size_t at = 0; at < payload.size(); at += 64) {
    NetBeat part{};
    std::memcpy(part.data.data(), payload.data() + at, std::min<std::size_t>(64, payload.size() - at));
    part.last = at + 64 >= payload.size();
    injected_.push_back(part);
  }
}

void Bench::drive() {
  top_->cycle_i = static_cast<std::uint32_t>(cycle_);
  top_->cq_head_i = ring_head_;

  desc_shown_ = desc_shown_ || (!descriptors_.empty() && chance_go());
  top_->desc_valid_i = desc_shown_;
  if (desc_shown_) std::memcpy(top_->desc_i.data(), descriptors_.front().data(), 64);

  top_->ar_ready_i = chance_go() && reads_.size() < 32;
  if (!r_shown_ && !reads_.empty() && reads_.front().due <= cycle_ && chance_go()) {
    r_shown_ = true;
    std::memcpy(top_->r_data_i.data(), at(reads_.front().address & ~63ull), 64);
    top_->r_last_i = reads_.front().beats == 1;
  }
  top_->r_valid_i = r_shown_;

  top_->aw_ready_i = chance_go();
  top_->w_ready_i = chance_go();
  while (write_bursts_ != 0 && !write_addresses_.empty()) {
    --write_bursts_;
    Burst burst = write_addresses_.front();
    write_addresses_.pop_front();
    burst.due = cycle_ + config_.write_latency_cycles + (config_.stall_percent != 0 ? random_() % 32 : 0);
    responses_.push_back(burst);
  }
  if (!b_shown_ && !responses_.empty() && responses_.front().due <= cycle_) {
    b_shown_ = true;
    land(responses_.front().address, responses_.front().beats);
  }
  top_->b_valid_i = b_shown_;

  top_->tx_ready_i =
      loop_.size() < config_.loop_beats && chance_go() && random_() % 100 >= network_stall_percent;
  if (!rx_shown_ && chance_go()) {
    if (!rx_inside_) rx_injected_ = !injected_.empty();
    rx_shown_ = rx_injected_ || !loop_.empty();
  }
  if (rx_shown_) {
    const NetBeat& beat = rx_injected_ ? injected_.front() : loop_.front();
    std::memcpy(top_->rx_data_i.data(), beat.data.data(), 64);
    top_->rx_last_i = beat.last;
  }
  top_->rx_valid_i = rx_shown_;
}

// A write burst reaches memory. Completions are looked at in that moment: what they promise must be there.
void Bench::land(std::uint64_t address, unsigned beats) {
  for (unsigned i = 0; i < beats; ++i) {
    const WriteBeat beat = write_beats_.front();
    write_beats_.pop_front();
    EXPECT_EQ(beat.last, i + 1 == beats);
    EXPECT_NE(beat.strobe, 0u);
    if (i == 0) address = (address & ~63ull) + static_cast<unsigned>(__builtin_ctzll(beat.strobe | 1ull << 63));
    std::uint8_t* line = at((address & ~63ull) + 64ull * i);
    for (unsigned b = 0; b < 64; ++b) {
      if ((beat.strobe >> b) & 1) line[b] = beat.data[b];
    }
  }
  if (address < kRing || address >= kRing + (32u << kRingLog2)) return;
  const std::uint64_t index = ring_head_ & ((1u << kRingLog2) - 1);
  EXPECT_EQ(address, kRing + 32 * index) << "completion at another place";
  device::Cqe cqe;
  std::memcpy(&cqe, at(address), sizeof cqe);
  EXPECT_EQ(cqe.phase, ((ring_head_ >> kRingLog2) & 1) == 0 ? 1 : 0);
  ++ring_head_;
  completions.push_back(cqe);
  if (on_completion) on_completion(cqe);
}

void Bench::take_tx() {
  NetBeat beat{};
  std::memcpy(beat.data.data(), top_->tx_data_o.data(), 64);
  beat.last = top_->tx_last_o != 0;
  if (!tx_inside_) {
    device::WireHeader header;
    std::memcpy(&header, beat.data.data(), sizeof header);
    tx_header_ = header;
    tx_beats_ = 0;
    header.src_node = header.dst_node;
    header.dst_node = 0;
    std::memcpy(beat.data.data(), &header, sizeof header);
  } else {
    ++tx_beats_;
  }
  tx_inside_ = !beat.last;
  if (beat.last) {
    EXPECT_EQ(tx_beats_, (tx_header_.payload_len + 63u) / 64) << "beats of a packet of type " << +tx_header_.ptype;
    EXPECT_LT(tx_header_.dst_node, config_.nodes);
    sent.push_back({tx_header_, cycle_});
  }
  loop_.push_back(beat);
}

void Bench::sample() {
  if (top_->desc_valid_i && top_->desc_ready_o) {
    device::MsgDesc desc;
    std::memcpy(&desc, descriptors_.front().data(), sizeof desc);
    descriptors_.pop_front();
    desc_shown_ = false;
    if (on_accept) on_accept(desc.cookie);
  }
  if (top_->coll_valid_o && top_->coll_ready_i) {
    Beat beat;
    std::memcpy(beat.data(), top_->coll_desc_o.data(), 64);
    collectives.push_back(beat);
  }
  if (top_->r_valid_i && top_->r_ready_o) {
    Burst& burst = reads_.front();
    burst.address += 64;
    r_shown_ = false;
    if (--burst.beats == 0) reads_.pop_front();
  }
  if (top_->ar_valid_o && top_->ar_ready_i) {
    const unsigned jitter = config_.stall_percent != 0 ? static_cast<unsigned>(random_() % 32) : 0;
    reads_.push_back({top_->ar_addr_o, top_->ar_len_o + 1u, cycle_ + config_.read_latency_cycles + jitter});
  }
  if (top_->b_valid_i && top_->b_ready_o) {
    responses_.pop_front();
    b_shown_ = false;
  }
  if (top_->aw_valid_o && top_->aw_ready_i) write_addresses_.push_back({top_->aw_addr_o, top_->aw_len_o + 1u, 0});
  if (top_->w_valid_o && top_->w_ready_i) {
    WriteBeat beat;
    std::memcpy(beat.data.data(), top_->w_data_o.data(), 64);
    beat.strobe = top_->w_strb_o;
    beat.last = top_->w_last_o != 0;
    write_beats_.push_back(beat);
    if (beat.last) ++write_bursts_;
  }
  if (top_->rx_valid_i && top_->rx_ready_o) {
    auto& from = rx_injected_ ? injected_ : loop_;
    rx_inside_ = !from.front().last;
    from.pop_front();
    rx_shown_ = false;
  }
  if (top_->tx_valid_o && top_->tx_ready_i) take_tx();
  const auto bits = [](unsigned value) { return static_cast<unsigned>(__builtin_popcount(value)); };
  counters.match_posted += top_->match_posted_o;
  counters.match_unexpected += top_->match_unexpected_o;
  counters.unexpected += top_->unexpected_o;
  counters.truncated += bits(top_->truncated_o);
  counters.protection += bits(top_->protection_o);
  counters.rendezvous += top_->rendezvous_o;
  counters.dropped += top_->dropped_o;
}

void Bench::tick() {
  drive();
  top_->clk_i = 0;
  top_->eval();
  sample();
  top_->clk_i = 1;
  top_->eval();
  ++cycle_;
}

bool Bench::run_until(const std::function<bool()>& done) {
  for (std::uint64_t i = 0; i < kTooLong; ++i) {
    if (done()) return true;
    if (::testing::Test::HasFailure()) return false;
    tick();
  }
  return false;
}

void Bench::run_until_idle() {
  unsigned quiet = 0;
  const bool reached = run_until([&] {
    const bool empty = descriptors_.empty() && reads_.empty() && write_addresses_.empty() && write_beats_.empty() &&
                       responses_.empty() && loop_.empty() && injected_.empty();
    quiet = empty && top_->idle_o ? quiet + 1 : 0;
    return quiet == 20;
  });
  ASSERT_TRUE(reached) << "the device does not come to rest (cycle " << cycle_ << ")";
}

bool Bench::unanswered() const { return top_->unanswered_o != 0; }

device::MsgDesc message(device::Opcode opcode, std::uint16_t peer, std::uint16_t context, std::uint32_t tag,
                        std::uint64_t address, std::uint32_t length, std::uint32_t cookie) {
  device::MsgDesc desc{};
  desc.opcode = static_cast<std::uint8_t>(opcode);
  desc.peer = peer;
  desc.context_id = context;
  desc.tag = tag;
  desc.key = opcode == device::Opcode::kSend ? Bench::kSendKey : Bench::kRecvKey;
  desc.addr = address;
  desc.length = length;
  desc.cookie = cookie;
  return desc;
}

}  // namespace tally::test
