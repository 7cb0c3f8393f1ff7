// SPDX-License-Identifier: BSD-3-Clause
#include "bench.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "Vtally_message_bench.h"
#include "support/coverage.hpp"
#include "support/module_bench.hpp"
#include "support/random_context.hpp"

namespace tally::test {

using device::PacketType;
using device::QpKind;

namespace {

std::uint32_t arrival_of(const Beat& descriptor) {
  std::uint32_t cookie;
  std::memcpy(&cookie, &descriptor[28], 4);
  return cookie * 7 + 1;
}

unsigned cells_of(std::size_t bytes) {
  return static_cast<unsigned>((bytes + device::kCellBytes - 1) / device::kCellBytes);
}

void set_bit(std::uint8_t& port, unsigned bit, bool value) {
  port = static_cast<std::uint8_t>((port & ~(1u << bit)) | (unsigned{value} << bit));
}

}  // namespace

Bench::Bench(const BenchConfig& config)
    : random(config.seed),
      config_(config),
      context_(std::make_unique<RandomContext>(config.seed)),
      top_(std::make_unique<Vtally_message_bench>(context_.get())),
      memory_(kEndpointBytes * kEndpoints) {
  for (std::size_t i = 0; i < memory_.size(); i += 8) {
    const std::uint64_t word = random.next();
    std::memcpy(&memory_[i], &word, 8);
  }
  for (unsigned e = 0; e < kEndpoints; ++e) {
    reference.config.ranks[e] = config.ranks;
    reference.config.posted[e] = config.posted;
    reference.config.unexpected[e] = config.unexpected;
    put_bits(top_->ep_rank_i, e * 4, 4, e);
    put_bits(top_->ep_ranks_i, e * 5, 5, config.ranks);
    put_bits(top_->ep_posted_i, e * 32, 32, config.posted << 16 | e * 16);
    put_bits(top_->unexpected_quota_i, e * 16, 16, config.unexpected);
    put_bits(top_->bounce_quota_i, e * 16, 16, config.bounce);
    put_bits(top_->bounce_i, e * 64, 64, bounce_area(e));
    put_bits(top_->spill_base_i, e * 64, 64, spill_area(e));
    put_bits(top_->spill_log2_i, e * 4, 4, config.spill_log2);
  }
  reference.config.eager_max = config.eager_max;
  reference.region_ok = [](unsigned ep, std::uint32_t key, std::uint64_t address, std::uint32_t length) {
    const auto in = [&](std::uint64_t base) {
      return address >= base && address + length <= base + (2u << 20);
    };
    return (key == send_key(ep) && in(send_area(ep))) || (key == recv_key(ep) && in(recv_area(ep)));
  };
  top_->eager_max_i = static_cast<std::uint16_t>(config.eager_max);
  top_->enable_i = 0;
  top_->clk_i = 0;
  top_->rst_ni = 0;
  for (int i = 0; i < 4; ++i) {
    top_->clk_i = 0;
    top_->eval();
    top_->clk_i = 1;
    top_->eval();
  }
  top_->rst_ni = 1;
  top_->enable_i = 15;
  for (unsigned e = 0; e < kEndpoints; ++e) {
    region(e, send_key(e), send_area(e), 2u << 20, true);
    region(e, recv_key(e), recv_area(e), 2u << 20, true);
  }
}

Bench::~Bench() { finish(*top_, *context_); }

std::uint8_t* Bench::at(std::uint64_t address) {
  if (address < kBase || address >= kBase + memory_.size()) {
    ADD_FAILURE() << "access outside host memory: " << std::hex << address;
    return memory_.data();
  }
  return memory_.data() + (address - kBase);
}

void Bench::enable(unsigned mask) { top_->enable_i = static_cast<std::uint8_t>(mask); }

void Bench::region(unsigned ep, std::uint32_t key, std::uint64_t base, std::uint64_t bytes, bool valid) {
  top_->mr_wr_valid_i = 1;
  top_->mr_wr_ep_i = static_cast<std::uint8_t>(ep);
  top_->mr_wr_key_i = key | (valid ? 0x8000'0000u : 0u);
  top_->mr_wr_base_i = base;
  top_->mr_wr_len_i = bytes;
  tick();
  top_->mr_wr_valid_i = 0;
}

void Bench::submit_raw(unsigned ep, const void* descriptor) {
  Beat beat;
  std::memcpy(beat.data(), descriptor, beat.size());
  descriptors_[ep].push_back(beat);
}

void Bench::submit(unsigned ep, const Descriptor& descriptor) { submit_raw(ep, &descriptor); }

void Bench::inject(unsigned ep, unsigned peer, QpKind kind, const device::MsgHeader& header,
                   const std::vector<std::uint8_t>& payload, bool good, int bytes) {
  discarded_ += !good;
  Message m{};
  m.ep = ep;
  m.peer = peer;
  m.kind = kind;
  m.good = good;
  m.bytes = bytes < 0 ? static_cast<int>(64 + payload.size()) : bytes;
  m.due = cycle_;
  m.beats.resize(1 + (payload.size() + 63) / 64);
  std::memcpy(m.beats[0].data(), &header, 64);
  if (!payload.empty()) std::memcpy(m.beats[1].data(), payload.data(), payload.size());
  network_[static_cast<unsigned>(kind) * 64 + ep * 16 + peer].push_back(std::move(m));
}

// The oldest message of a queue pair whose endpoint is ready; the device gets it whole.
void Bench::deliver() {
  accept_ = 0;
  if (!rx_.empty() || hold_network) return;
  std::vector<std::deque<Message>*> ready;
  for (auto& [qp, queue] : network_) {
    if (queue.empty() || queue.front().due > cycle_) continue;
    const Message& m = queue.front();
    const bool room = ((cq_ok >> m.ep) & 1) != 0 &&
                      (m.kind == QpKind::kColl || (rndv_room && ((top_->spill_room_o >> m.ep) & 1) != 0));
    if (room) ready.push_back(&queue);
  }
  if (ready.empty()) return;
  auto& queue = *ready[random.below(ready.size())];
  rx_.push_back(std::move(queue.front()));
  queue.pop_front();
  Message& m = rx_.front();
  accept_ = 1u << m.ep;
  ++under_way_[m.ep];
  device::MsgHeader header;
  std::memcpy(&header, m.beats[0].data(), 64);
  const auto type = static_cast<PacketType>(header.ptype);
  if (m.good && (type == PacketType::kEager || type == PacketType::kRts)) {
    Reference::Message r;
    r.header = header;
    r.payload.resize(header.payload_len);
    if (!r.payload.empty()) std::memcpy(r.payload.data(), m.beats[1].data(), r.payload.size());
    reference.arrives(m.ep, r);
  }
  if (m.good && type == PacketType::kFin) reference.fin(m.ep, header);
  if (m.ack) {
    acks_.push_back({cycle_ + config_.ack_latency + jitter(), m.from, m.ep, m.cells, true,
                     type == PacketType::kEager, m.cqe});
  }
}

void Bench::drive() {
  if (config_.cq_toggles && cycle_ % 64 == 0) cq_ok = static_cast<unsigned>(random.below(16));
  for (unsigned e = 0; e < kEndpoints; ++e) {
    shown_[e] = shown_[e] || (!descriptors_[e].empty() && go());
    set_bit(top_->in_valid_i, e, shown_[e]);
    if (shown_[e]) {
      put_beat(top_->in_desc_i, descriptors_[e].front(), e);
      put_bits(top_->in_arrival_i, e * 32, 32, arrival_of(descriptors_[e].front()));
    }
    put_bits(top_->spill_head_i, e * 16, 16, spill_head_[e]);
  }
  top_->cq_ok_i = static_cast<std::uint8_t>(cq_ok);
  top_->rndv_room_i = rndv_room;
  top_->rsv_room_i = 0;
  for (unsigned qp = 0; qp < 64; ++qp) {
    if (cells_[qp] + 16 <= config_.window_cells) top_->rsv_room_i |= std::uint64_t{1} << qp;
  }
  top_->tx_ready_i = go();
  top_->coll_ready_i = go();
  top_->seq_ready_i = go();
  top_->rndv_ready_i = static_cast<std::uint8_t>(unsigned{go()} | unsigned{go()} << 1);
  const auto completion_go = [&] { return unsigned{go() && !random.percent(config_.completion_stall_percent)}; };
  top_->cpl_ready_i = static_cast<std::uint8_t>(completion_go() | completion_go() << 1 | completion_go() << 2);

  top_->send_done_i = 0;
  for (auto ack = acks_.begin(); ack != acks_.end();) {
    if (ack->due > cycle_ || ((top_->send_done_i >> ack->ep) & 1) != 0) {
      ++ack;
      continue;
    }
    cells_[ack->ep * 16 + ack->peer] -= ack->cells;
    if (ack->completes) {
      set_bit(top_->send_done_i, ack->ep, true);
      --eager_[ack->ep];
      complete({ack->ep, ack->cqe, cycle_});
    }
    ack = acks_.erase(ack);
  }

  deliver();
  top_->accept_i = static_cast<std::uint8_t>(accept_);
  if (!rx_shown_ && !rx_.empty() && go()) {
    rx_shown_ = true;
    const Message& m = rx_.front();
    put_beat(top_->rx_data_i, m.beats[rx_beat_]);
    top_->rx_last_i = rx_beat_ + 1 == m.beats.size();
    top_->rx_ep_i = static_cast<std::uint8_t>(m.ep);
    top_->rx_qp_i = static_cast<std::uint8_t>(static_cast<unsigned>(m.kind) << 6 | m.ep << 4 | m.peer);
    top_->rx_bytes_i = static_cast<std::uint16_t>(m.bytes);
  }
  top_->rx_valid_i = rx_shown_;

  top_->rd_cmd_ready_i = reads_.size() < 40 && go() ? static_cast<std::uint8_t>(1u << random.below(2)) : 0;
  top_->rd_data_valid_i = 0;
  if (!reads_.empty() && reads_.front().due <= cycle_ && go()) {
    Read& read = reads_.front();
    Beat beat;
    beat.fill(0xa5);
    std::memcpy(beat.data(), &read.data[read_beat_ * 64],
                std::min<std::size_t>(64, read.data.size() - read_beat_ * 64));
    put_beat(top_->rd_data_i, beat);
    top_->rd_data_valid_i = static_cast<std::uint8_t>(1u << read.client);
    if (++read_beat_ * 64 >= read.data.size()) {
      reads_.pop_front();
      read_beat_ = 0;
    }
  }

  top_->wr_cmd_ready_i = 0;
  top_->wr_data_ready_i = 0;
  if (!writing_ && top_->wr_cmd_valid_o != 0 && go()) {
    const unsigned client =
        top_->wr_cmd_valid_o == 3 ? static_cast<unsigned>(random.below(2)) : top_->wr_cmd_valid_o - 1u;
    top_->wr_cmd_ready_i = static_cast<std::uint8_t>(1u << client);
  }
  if (writing_ && go()) top_->wr_data_ready_i = static_cast<std::uint8_t>(1u << write_.client);
  top_->wr_done_i = 0;
  land();
  finish_jobs();
}

// Writes reach memory, and completions the driver, in the order in which the device handed them on.
void Bench::land() {
  while (!landings_.empty() && landings_.front().due <= cycle_) {
    Landing& landing = landings_.front();
    if (landing.completion) {
      complete({landing.cpl.ep, landing.cpl.cqe, cycle_});
    } else {
      if (top_->wr_done_i != 0) return;
      std::memcpy(at(landing.write.address), landing.write.data.data(), landing.write.bytes);
      top_->wr_done_i = static_cast<std::uint8_t>(1u << landing.write.client);
    }
    landings_.pop_front();
  }
}

void Bench::finish_jobs() {
  while (!jobs_.empty() && jobs_.front().due <= cycle_) {
    const Matched m = jobs_.front().matched;
    jobs_.pop_front();
    device::Cqe cqe{};
    cqe.cookie = m.cookie;
    cqe.opcode = static_cast<std::uint8_t>(device::Opcode::kRecv);
    cqe.flags = device::kCqeFlagRendezvous;
    cqe.length = m.length;
    completions.push_back({m.ep, cqe, cycle_});
    if (on_completion) on_completion(completions.back());
    if (m.source >= kEndpoints) continue;
    device::MsgHeader fin{};
    fin.magic = device::kDeviceId;
    fin.version = 1;
    fin.ptype = static_cast<std::uint8_t>(PacketType::kFin);
    fin.src_rank = static_cast<std::uint16_t>(m.ep);
    fin.dst_rank = m.source;
    fin.context_id = m.context;
    fin.length = m.length;
    fin.cookie = m.remote_cookie;
    fin.offset = m.stamp;
    inject(m.source, m.ep, QpKind::kColl, fin);
  }
}

void Bench::complete(const Completion& completion) {
  const auto& cqe = completion.cqe;
  const unsigned ep = completion.ep;
  Reference::Expected e;
  // A descriptor with the opcode Spill is refused: another status.
  const bool spill = cqe.opcode == static_cast<std::uint8_t>(device::Opcode::kSpill) && cqe.status == 0;
  if (spill) {
    ASSERT_FALSE(reference.spills_[ep].empty()) << "a Spill too many";
    e = reference.spills_[ep].front();
    reference.spills_[ep].pop_front();
    e.cqe.cookie &= (1u << config_.spill_log2) - 1;
    e.address = spill_area(ep) + std::uint64_t{e.cqe.cookie} * device::kSpillSlotBytes;
  } else {
    const auto found = reference.expected_[ep].find(cqe.cookie);
    ASSERT_NE(found, reference.expected_[ep].end()) << "endpoint " << ep << ": completion of " << cqe.cookie
                                                    << " (opcode " << +cqe.opcode << ") not expected";
    e = found->second;
    reference.expected_[ep].erase(found);
  }
  if (!e.arrival_cycles) e.cqe.cycles = cqe.cycles;
  EXPECT_EQ(std::memcmp(&cqe, &e.cqe, sizeof cqe), 0)
      << "endpoint " << ep << " cookie " << cqe.cookie << "/" << e.cqe.cookie << " opcode " << +cqe.opcode
      << "/" << +e.cqe.opcode << " status " << +cqe.status << "/" << +e.cqe.status << " flags " << cqe.flags
      << "/" << e.cqe.flags << " length " << cqe.length << "/" << e.cqe.length << " tag " << cqe.tag << "/"
      << e.cqe.tag << " source " << cqe.source << "/" << e.cqe.source << " context " << cqe.context_id << "/"
      << e.cqe.context_id << " detail " << cqe.detail << "/" << e.cqe.detail << " cycles " << cqe.cycles
      << "/" << e.cqe.cycles;
  if (!e.bytes.empty()) {
    EXPECT_EQ(std::memcmp(at(e.address), e.bytes.data(), e.bytes.size()), 0)
        << "endpoint " << ep << " cookie " << cqe.cookie << ": wrong bytes";
  }
  completions.push_back(completion);
  if (on_completion) on_completion(completions.back());
  if (spill) {
    ++spills_seen_[ep];
    if (!config_.keep_spills) ++spill_head_[ep];
  }
}

void Bench::take_tx() {
  tx_.push_back(get_beat(top_->tx_data_o));
  if (!top_->tx_last_o) return;
  Message m{};
  m.beats.swap(tx_);
  device::MsgHeader header;
  std::memcpy(&header, m.beats[0].data(), 64);
  m.from = top_->tx_ep_o;
  m.kind = QpKind::kMsg;
  m.bytes = 64 + header.payload_len;
  m.cells = cells_of(static_cast<std::size_t>(m.bytes));
  for (unsigned i = 0; i < 32; ++i)
    reinterpret_cast<std::uint8_t*>(&m.cqe)[i] =
        static_cast<std::uint8_t>(get_bits(top_->tx_cpl_o, i * 8, 8));
  const auto sent = sends_.find({m.from, m.cqe.cookie});
  ASSERT_NE(sent, sends_.end());
  const Descriptor desc = sent->second;
  sends_.erase(sent);
  const bool is_inline = (desc.flags & device::kMsgFlagInline) != 0;
  const bool rts = is_rendezvous(desc, config_.eager_max);
  device::MsgHeader right{};
  right.magic = device::kDeviceId;
  right.version = 1;
  right.ptype = static_cast<std::uint8_t>(rts ? PacketType::kRts : PacketType::kEager);
  right.src_rank = static_cast<std::uint16_t>(m.from);
  right.dst_rank = desc.peer;
  right.context_id = desc.context_id;
  right.payload_len = static_cast<std::uint16_t>(rts ? 0 : desc.length);
  right.tag = desc.tag;
  right.length = desc.length;
  if (rts) {
    right.addr = desc.addr;
    right.key = desc.key;
    right.cookie = desc.cookie;
    right.offset = desc.cookie * 7 + 1;
  }
  EXPECT_EQ(std::memcmp(&header, &right, sizeof header), 0) << "header of the send " << desc.cookie;
  EXPECT_EQ(m.beats.size(), 1 + (right.payload_len + 63u) / 64) << "beats of the send " << desc.cookie;
  if (right.payload_len != 0) {
    const std::uint8_t* from = is_inline ? reinterpret_cast<const std::uint8_t*>(&desc) + 32 : at(desc.addr);
    EXPECT_EQ(std::memcmp(m.beats[1].data(), from, right.payload_len), 0)
        << "payload of the send " << desc.cookie;
  }
  EXPECT_EQ(get_bits(top_->tx_cpl_o, 256, 2), rts ? 1u : 3u) << "{on_ack, on_error}";
  if (rts) {
    EXPECT_EQ(m.cqe.length, desc.length);
    EXPECT_EQ(m.cqe.flags, device::kCqeFlagRendezvous);
    EXPECT_EQ(m.cqe.cycles, desc.cookie * 7 + 1);
  }
  sent_cycles.push_back(cycle_);
  m.due = cycle_ + config_.network_latency + jitter();
  m.ack = true;
  if (header.dst_rank >= kEndpoints) {
    outside.push_back(header);
    acks_.push_back({m.due + config_.ack_latency, m.from, header.dst_rank, m.cells, true, !rts, m.cqe});
    return;
  }
  m.ep = header.dst_rank;
  m.peer = m.from;
  network_[m.ep * 16 + m.peer].push_back(std::move(m));
}

void Bench::sample() {
  for (unsigned e = 0; e < kEndpoints; ++e) {
    if (((top_->in_valid_i & top_->in_ready_o) >> e & 1) == 0) continue;
    Descriptor desc;
    std::memcpy(&desc, descriptors_[e].front().data(), 64);
    EXPECT_NE((cq_ok >> e) & 1, 0u) << "started without a completion place";
    reference.taken(e, desc, arrival_of(descriptors_[e].front()));
    if (desc.opcode == static_cast<std::uint8_t>(device::Opcode::kSend)) {
      sends_[{e, desc.cookie}] = desc;
    }
    last_taken_ = desc;
    descriptors_[e].pop_front();
    shown_[e] = false;
  }
  if (top_->rsv_taken_o) {
    const unsigned qp = top_->rsv_qp_o & 63;
    EXPECT_EQ(top_->rsv_qp_o >> 6, 0);
    cells_[qp] += top_->rsv_cells_o;
    // The descriptor that is taken in this cycle.
    const Descriptor& desc = last_taken_;
    const bool eager = !is_rendezvous(desc, config_.eager_max);
    EXPECT_EQ(+top_->rsv_cells_o, eager ? cells_of(64 + desc.length) : 1u);
    if (eager) most_eager = std::max(most_eager, ++eager_[qp >> 4]);
    EXPECT_GE(top_->rsv_cells_o, 1u);
    EXPECT_LE(top_->rsv_cells_o, 16u);
  }
  if (top_->tx_valid_o && top_->tx_ready_i) take_tx();
  if (top_->coll_valid_o && top_->coll_ready_i) collectives.push_back(get_beat(top_->coll_desc_o));
  if (top_->seq_valid_o && top_->seq_ready_i) to_sequencer.push_back(get_beat(top_->seq_data_o));
  if (top_->rx_valid_i && top_->rx_ready_o) {
    rx_shown_ = false;
    if (++rx_beat_ == rx_.front().beats.size()) {
      rx_.pop_front();
      rx_beat_ = 0;
    }
  }
  for (unsigned c = 0; c < 2; ++c) {
    if (((top_->rd_cmd_valid_o & top_->rd_cmd_ready_i) >> c & 1) != 0) {
      const std::uint64_t address = get_bits(top_->rd_cmd_addr_o, c * 64, 64);
      const auto bytes = static_cast<std::size_t>(get_bits(top_->rd_cmd_len_o, c * 13, 13));
      EXPECT_GE(bytes, 1u);
      // As early as it may be: a copy must have waited for its payload.
      reads_.push_back({c, std::vector<std::uint8_t>(at(address), at(address) + bytes),
                        cycle_ + config_.read_latency + jitter()});
    }
    if (((top_->wr_cmd_valid_o & top_->wr_cmd_ready_i) >> c & 1) != 0) {
      writing_ = true;
      write_ = {c,
                0,
                get_bits(top_->wr_cmd_addr_o, c * 64, 64),
                static_cast<unsigned>(get_bits(top_->wr_cmd_len_o, c * 13, 13)),
                {}};
      write_.beats = (write_.bytes + 63) / 64;
      EXPECT_GE(write_.bytes, 1u);
      EXPECT_LE(write_.bytes, 4096u);
    } else if (((top_->wr_data_valid_o & top_->wr_data_ready_i) >> c & 1) != 0) {
      const Beat beat = get_beat(top_->wr_data_o, c);
      write_.data.insert(write_.data.end(), beat.begin(), beat.end());
      if (--write_.beats == 0) {
        writing_ = false;
        landings_.push_back({cycle_ + config_.write_latency + jitter(), false, write_, {}});
      }
    }
  }
  for (unsigned c = 0; c < 3; ++c) {
    if (((top_->cpl_valid_o & top_->cpl_ready_i) >> c & 1) == 0) continue;
    Completion cpl{static_cast<unsigned>(get_bits(top_->cpl_ep_o, c * 2, 2)), {}, cycle_};
    std::memcpy(&cpl.cqe, reinterpret_cast<const std::uint8_t*>(&top_->cpl_data_o) + c * 32, 32);
    landings_.push_back({cycle_ + 1, true, {}, cpl});
  }
  for (unsigned i = 0; i < 2; ++i) {
    if (((top_->rndv_valid_o & top_->rndv_ready_i) >> i & 1) == 0) continue;
    const unsigned at = i * 451;
    const auto field = [&](unsigned lsb, unsigned width) {
      return get_bits(top_->rndv_matched_o, at + lsb, width);
    };
    Matched m;
    m.remote_address = field(0, 64);
    m.length = static_cast<std::uint32_t>(field(64, 32));
    m.remote_key = static_cast<std::uint32_t>(field(96, 32));
    m.remote_cookie = static_cast<std::uint32_t>(field(128, 32));
    m.stamp = static_cast<std::uint32_t>(field(160, 32));
    m.rts = static_cast<std::uint32_t>(field(192, 1));
    m.address = field(193, 64);
    m.room = static_cast<std::uint32_t>(field(257, 32));
    m.cookie = static_cast<std::uint32_t>(field(289, 32));
    m.arrival = static_cast<std::uint32_t>(field(321, 32));
    m.key = static_cast<std::uint32_t>(field(353, 32));
    m.source = static_cast<std::uint16_t>(field(385, 16));
    m.context = static_cast<std::uint16_t>(field(401, 16));
    m.tag = static_cast<std::uint32_t>(field(417, 32));
    m.ep = static_cast<unsigned>(field(449, 2));
    m.unexpected = i == 0 && top_->rndv_unexpected_o != 0;
    auto& wanted = reference.rendezvous_[i];
    if (wanted.empty() || !(wanted.front() == m)) {
      ADD_FAILURE() << "wrong rendezvous from " << (i == 0 ? "tally_cmd" : "tally_msg_rx") << ", cookie "
                    << m.cookie;
    }
    if (!wanted.empty()) wanted.pop_front();
    jobs_.push_back({m, cycle_ + 20 + jitter()});
  }
  if (top_->arr_taken_o) {
    const bool storable = top_->arr_storable_o != 0;
    if (!storable) {
      const unsigned e = reference.arrival_endpoint(storable_.size());
      EXPECT_GE(reference.slots(e) + reference.copies(e) + under_way_[e] + 2, config_.bounce)
          << "endpoint " << e << " has bounce slots left, cycle " << cycle_;
    }
    storable_.push_back(storable);
  }
  if (top_->post_done_o) {
    const std::string error =
        reference.post_done(top_->post_result_o, top_->post_reason_o, top_->post_slot_o);
    EXPECT_EQ(error, "") << "post, cycle " << cycle_;
    if (top_->post_result_o == 0) appended_cycles.push_back(cycle_);
  }
  if (top_->arr_done_o) {
    const bool storable = !storable_.empty() && storable_.front();
    if (!storable_.empty()) storable_.pop_front();
    const std::string error = reference.arrival_done(top_->arr_result_o, top_->arr_reason_o, storable);
    EXPECT_EQ(error, "") << "arrival, cycle " << cycle_;
  }
  for (unsigned i = 0; i < 15; ++i) events[i] += (top_->events_o >> i) & 1;
  for (unsigned e = 0; e < kEndpoints; ++e) {
    const unsigned ended = ((top_->resolved_o >> e) & 1u) + ((top_->resolved2_o >> e) & 1u);
    under_way_[e] -= ended;
    for (unsigned i = 0; i < ended; ++i) resolved_cycles.push_back(cycle_);
  }
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

void Bench::run(std::uint64_t cycles) {
  for (std::uint64_t i = 0; i < cycles && !::testing::Test::HasFailure(); ++i) tick();
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
    bool empty =
        rx_.empty() && reads_.empty() && landings_.empty() && jobs_.empty() && acks_.empty() && !writing_;
    for (const auto& queue : descriptors_) empty = empty && queue.empty();
    for (const auto& [qp, queue] : network_) empty = empty && queue.empty();
    quiet = empty && top_->idle_o ? quiet + 1 : 0;
    return quiet == 20;
  });
  ASSERT_TRUE(reached) << "the device does not come to rest (cycle " << cycle_ << ")";
}

void Bench::expect_finished() {
  run_until_idle();
  for (unsigned e = 0; e < kEndpoints; ++e) {
    for (const auto& [cookie, expected] : reference.expected_[e]) {
      ADD_FAILURE() << "endpoint " << e << ": no completion of " << cookie << ", opcode "
                    << +expected.cqe.opcode;
    }
  }
  EXPECT_TRUE(reference.empty());
  for (unsigned i = 0; i < 15; ++i) {
    EXPECT_EQ(events[i], i == 10 ? discarded_ : reference.events[i]) << "event " << i;
  }
  for (unsigned qp = 0; qp < 64; ++qp) EXPECT_EQ(cells_[qp], 0u) << "cells of queue pair " << qp;
}

const Bench::Completion* Bench::find(unsigned ep, std::uint32_t cookie) const {
  for (const auto& completion : completions) {
    if (completion.ep == ep && completion.cqe.cookie == cookie &&
        (completion.cqe.opcode != static_cast<std::uint8_t>(device::Opcode::kSpill) ||
         completion.cqe.status != 0)) {
      return &completion;
    }
  }
  return nullptr;
}

}  // namespace tally::test
