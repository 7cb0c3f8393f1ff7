// SPDX-License-Identifier: BSD-3-Clause
#include "rtl_seq/node.hpp"

#include <gtest/gtest.h>

#include "Vtally_seq.h"
#include "support/coverage.hpp"
#include "support/random_context.hpp"

namespace tally::test {
namespace {

// Reads of up to 4096 bytes at once and the beats of a write under way.
constexpr std::size_t kReadsInFlight = 16;

template <typename Port>
void put(Port& port, const void* data, std::size_t bytes) {
  std::memcpy(port.m_storage, data, bytes);
}

}  // namespace

Node::Node(unsigned id, const Timing& timing, std::uint64_t seed)
    : id_(id), timing_(timing), random_(seed), context_(std::make_unique<RandomContext>(seed)),
      memory_(std::size_t{4} << 20) {
  dut_ = std::make_unique<Vtally_seq>(context_.get(), "seq");
  for (auto& byte : memory_) byte = static_cast<std::uint8_t>(random_());
  dut_->rst_ni = 0;
  dut_->rank_i = static_cast<std::uint8_t>(id);
  dut_->max_payload_i = static_cast<std::uint16_t>(
      timing.max_payload_port < 0 ? timing.max_payload : static_cast<unsigned>(timing.max_payload_port));
  for (int i = 0; i < 4; ++i) {
    dut_->clk_i = 0;
    dut_->eval();
    dut_->clk_i = 1;
    dut_->eval();
  }
  dut_->rst_ni = 1;
  // After reset the flows are cleared; what comes meanwhile waits.
  std::deque<Packet> none;
  while (dut_->rx_ready_o == 0 || dut_->idle_o == 0) cycle(none);
  now = 0;
}

Node::~Node() { finish(*dut_, *context_); }

bool Node::idle() const {
  return dut_->idle_o != 0 && commands_.empty() && stores_.empty() && schedule_writes_.empty() && reads_.empty() && granted_.empty() &&
         landing_.empty() && out_.beats.empty();
}

void Node::post_pushed(device::CollDesc desc, unsigned slot, std::uint64_t addr, std::size_t bytes, std::size_t first,
                       unsigned gap) {
  const std::size_t lines = (bytes + 63) / 64;
  for (std::size_t k = 0; k < lines; ++k) {
    const std::size_t line = (first / 64 + k) % lines;
    Store store{static_cast<unsigned>(slot * (device::kOperandSlotBytes / 64) + line), k == 0, gap, {}};
    for (auto& word : store.beat) word = static_cast<std::uint32_t>(random_());
    std::memcpy(store.beat.data(), at(addr) + line * 64, std::min<std::size_t>(64, bytes - line * 64));
    stores_.push_back(store);
  }
  openings_ += lines > 0;
  desc.input_addr = device::kOperandBase + slot * device::kOperandSlotBytes;
  desc.input_key = 0xdead;
  commands_.push_back(desc);
}

void Node::drive(std::deque<Packet>& arrivals) {
  dut_->ep_enable_i = enable_;

  dut_->sched_wr_valid_i = !schedule_writes_.empty();
  if (!schedule_writes_.empty()) {
    dut_->sched_wr_addr_i = schedule_writes_.front().entry;
    put(dut_->sched_wr_data_i, schedule_writes_.front().data.data(), 32);
    schedule_writes_.pop_front();
    dut_->cmd_valid_i = 0;
  } else {
    dut_->cmd_valid_i = !commands_.empty() && openings_ == 0;
    if (!commands_.empty()) put(dut_->cmd_desc_i, &commands_.front(), 64);
    dut_->cmd_arrival_i = static_cast<std::uint32_t>(now);
  }

  dut_->win_valid_i = !stores_.empty() && now >= stored_ + stores_.front().after && !chance(timing_.stall);
  if (dut_->win_valid_i) {
    dut_->win_open_i = stores_.front().open;
    dut_->win_line_i = static_cast<std::uint16_t>(stores_.front().line);
    dut_->win_strb_i = ~std::uint64_t{0};
    put(dut_->win_data_i, stores_.front().beat.data(), 64);
    openings_ -= stores_.front().open;
    stores_.pop_front();
    stored_ = now;
  }

  dut_->abort_valid_i = !aborts_.empty();
  if (!aborts_.empty()) {
    dut_->abort_i = aborts_.front();
    aborts_.pop_front();
  }

  dut_->rx_valid_i = !arrivals.empty() && !chance(timing_.stall);
  if (dut_->rx_valid_i) {
    const Packet& packet = arrivals.front();
    put(dut_->rx_data_i, packet.beats[in_beat_].data(), 64);
    dut_->rx_last_i = in_beat_ + 1 == packet.beats.size();
  }

  dut_->tx_ready_i = !net_stopped && !chance(timing_.stall);
  dut_->cpl_ready_i = !chance(timing_.stall);

  // Reads: one command a cycle, answers in order, one beat a cycle.
  dut_->rd_cmd_ready_i = reads_.size() < kReadsInFlight && !chance(timing_.stall);
  dut_->rd_data_valid_i = 0;
  if (!reads_.empty() && reads_.front().ready <= now && !chance(timing_.stall)) {
    Read& read = reads_.front();
    Beat beat;
    for (auto& word : beat) word = static_cast<std::uint32_t>(random_());
    const std::size_t n = std::min<std::size_t>(64, read.data.size() - read.at);
    std::memcpy(beat.data(), read.data.data() + read.at, n);
    const bool last = read.at + n == read.data.size();
    dut_->rd_data_valid_i = 1;
    dut_->rd_data_last_i = last;
    put(dut_->rd_data_i, beat.data(), 64);
    read.at += n;
    if (last) reads_.pop_front();
  }

  // Writes: a command is granted when the data of the one before was taken.
  dut_->wr_cmd_ready_i = granted_.empty() && !chance(timing_.stall);
  dut_->wr_data_ready_i = !granted_.empty() && !chance(timing_.stall);
  dut_->wr_done_i = 0;
  if (!landing_.empty() && landing_.front().due <= now) {
    const Write& write = landing_.front();
    std::memcpy(at(write.addr), write.data.data(), write.len);
    landing_.pop_front();
    dut_->wr_done_i = 1;
  }

  const auto region = regions_.find(dut_->mr_key_o);
  dut_->mr_ok_i = dut_->mr_len_o == 0 ||
                  (region != regions_.end() && dut_->mr_addr_o >= region->second.addr &&
                   dut_->mr_addr_o + dut_->mr_len_o <= region->second.addr + region->second.len);
}

void Node::check(const Packet& packet) const {
  const device::MsgHeader h = packet.header();
  const bool data = h.ptype == static_cast<std::uint8_t>(device::PacketType::kColl);
  const bool last = (h.flags & device::kWireFlagLast) != 0;
  EXPECT_EQ(h.magic, 0x594C4154u);
  EXPECT_EQ(h.version, 1);
  EXPECT_EQ(h.src_rank, id_);
  EXPECT_TRUE(data || h.ptype == static_cast<std::uint8_t>(device::PacketType::kCollCredit) ||
              h.ptype == static_cast<std::uint8_t>(device::PacketType::kCollRequest));
  EXPECT_LE(h.payload_len, timing_.max_payload);
  EXPECT_TRUE(!data || last || h.payload_len == timing_.max_payload) << "a packet before the last is not full";
  EXPECT_EQ(packet.beats.size(), 1u + (h.payload_len + 63u) / 64u);
}

void Node::sample(std::deque<Packet>& arrivals) {
  if (dut_->cmd_valid_i && dut_->cmd_ready_o) commands_.pop_front();

  if (dut_->rx_valid_i && dut_->rx_ready_o) {
    if (++in_beat_ == arrivals.front().beats.size()) {
      if (arrivals.front().header().ptype == static_cast<std::uint8_t>(device::PacketType::kColl)) {
        received_last.push_back(now);
      }
      arrivals.pop_front();
      in_beat_ = 0;
    }
  }

  if (dut_->tx_valid_o && dut_->tx_ready_i) {
    Beat beat;
    std::memcpy(beat.data(), dut_->tx_data_o.m_storage, 64);
    out_.beats.push_back(beat);
    const bool data = out_.header().ptype == static_cast<std::uint8_t>(device::PacketType::kColl);
    if (data && out_.beats.size() == 1) sent_first.push_back(now);
    if (dut_->tx_last_o) {
      if (data) sent_last.push_back(now);
      check(out_);
      sent_.push_back(std::exchange(out_, {}));
    }
  }

  if (dut_->rd_cmd_valid_o && dut_->rd_cmd_ready_i) {
    const std::uint64_t addr = dut_->rd_cmd_addr_o;
    const unsigned len = dut_->rd_cmd_len_o;
    ++reads;
    if (addr < kBase || addr + len > kBase + memory_.size() || len == 0 || len > timing_.max_payload) std::abort();
    const std::uint8_t* from = at(addr);
    const std::uint64_t ready = now + timing_.read_latency + jitter();
    reads_.push_back({ready, std::vector<std::uint8_t>(from, from + len), 0});
  }

  if (dut_->wr_data_valid_o && dut_->wr_data_ready_i) {
    Write& write = granted_.front();
    const std::size_t n = std::min<std::size_t>(64, write.len - write.data.size());
    const auto* from = reinterpret_cast<const std::uint8_t*>(dut_->wr_data_o.m_storage);
    write.data.insert(write.data.end(), from, from + n);
    if (write.data.size() == write.len) {
      write.due = now + timing_.write_latency + jitter();
      landing_.push_back(std::move(write));
      granted_.pop_front();
    }
  }
  if (dut_->wr_cmd_valid_o && dut_->wr_cmd_ready_i) {
    if (dut_->wr_cmd_addr_o < kBase || dut_->wr_cmd_addr_o + dut_->wr_cmd_len_o > kBase + memory_.size() ||
        dut_->wr_cmd_len_o == 0 || dut_->wr_cmd_len_o > timing_.max_payload) {
      std::abort();
    }
    granted_.push_back({dut_->wr_cmd_addr_o, dut_->wr_cmd_len_o, {}, 0});
  }

  if (dut_->cpl_valid_o && dut_->cpl_ready_i) {
    device::Cqe cqe;
    std::memcpy(&cqe, dut_->cpl_data_o.m_storage, sizeof cqe);
    completions.push_back(cqe);
    completion_cycle.push_back(now);
  }
  reduced_beats += dut_->reduced_beat_o;
  protections += dut_->protection_o;
}

void Node::cycle(std::deque<Packet>& arrivals) {
  drive(arrivals);
  dut_->clk_i = 0;
  dut_->eval();
  sample(arrivals);
  dut_->clk_i = 1;
  dut_->eval();
  ++now;
}

}  // namespace tally::test
