// SPDX-License-Identifier: BSD-3-Clause
#include "rtl_read/bench.hpp"

#include <gtest/gtest.h>

#include <cstring>

namespace tally::test {

namespace {
unsigned beats_of(std::size_t bytes) { return static_cast<unsigned>((bytes + 63) / 64); }

template <class Port>
void put_info(Port& port, const Packet& packet) {
  put_bits(port, 0, 8, packet.opcode);
  put_bits(port, 8, 8, packet.qp);
  put_bits(port, 16, 1, 0);
  put_bits(port, 17, 24, packet.psn);
  put_bits(port, 41, 8, packet.syndrome);
  put_bits(port, 49, 24, packet.msn);
  put_bits(port, 73, 64, packet.va);
  put_bits(port, 137, 32, packet.rkey);
  put_bits(port, 169, 32, packet.dmalen);
  put_bits(port, 201, 13, packet.data.size());
}
}  // namespace

Device::Device(const DeviceConfig& config, std::size_t memory_bytes)
    : memory(memory_bytes), config_(config), random_(config.seed), top_(&bench_.top) {
  for (auto& byte : memory) byte = static_cast<std::uint8_t>(random_.next());
  top_->pmtu_i = static_cast<std::uint16_t>(config.pmtu);
  top_->retry_timer_i = config.retry_timer;
  top_->retry_limits_i = static_cast<std::uint16_t>(0x700 | config.retry_limit);
  top_->cq_ok_i = 0xf;
  top_->rank_i = static_cast<std::uint16_t>(config.ranks);
  top_->conn_valid_i = 0;
  top_->rx_valid_i = 0;
  top_->cmd_valid_i = 0;
  top_->rreq_valid_i = 0;
  top_->rresp_valid_i = 0;
  top_->rbeat_valid_i = 0;
  top_->rd_data_valid_i = 0;
}

void Device::connect(unsigned qp, bool up, std::uint32_t tx_psn, std::uint32_t rx_psn) {
  top_->conn_valid_i = 1;
  top_->conn_up_i = up;
  top_->conn_qp_i = static_cast<std::uint8_t>(qp);
  top_->conn_tx_psn_i = tx_psn & 0xffffff;
  top_->conn_rx_psn_i = rx_psn & 0xffffff;
  step();
  top_->conn_valid_i = 0;
  for (int i = 0; i < 8; ++i) step();
}

bool Device::allowed(unsigned ep, std::uint32_t key, std::uint64_t addr, std::uint64_t length) const {
  if (length == 0) return true;
  const auto found = regions_.find(key);
  return found != regions_.end() && found->second.ep == ep && addr >= found->second.base &&
         addr + length <= found->second.base + found->second.length;
}

template <class Port>
void Device::put_matched(Port& port, const Matched& m) {
  put_bits(port, 0, 64, m.remote_addr);
  put_bits(port, 64, 32, m.length);
  put_bits(port, 96, 32, m.remote_key);
  put_bits(port, 128, 32, m.remote_cookie);
  put_bits(port, 160, 32, m.stamp);
  put_bits(port, 192, 1, 1);
  put_bits(port, 193, 64, m.addr);
  put_bits(port, 257, 32, m.room);
  put_bits(port, 289, 32, m.cookie);
  put_bits(port, 321, 32, m.arrival);
  put_bits(port, 353, 32, m.key);
  put_bits(port, 385, 16, m.source);
  put_bits(port, 401, 16, m.context);
  put_bits(port, 417, 32, m.tag);
  put_bits(port, 449, 2, m.ep);
}

template <class Port>
Packet Device::info(const Port& port, unsigned& bytes) const {
  Packet packet;
  packet.opcode = static_cast<unsigned>(get_bits(port, 0, 8));
  packet.qp = static_cast<unsigned>(get_bits(port, 8, 8));
  packet.psn = static_cast<std::uint32_t>(get_bits(port, 17, 24));
  packet.syndrome = static_cast<unsigned>(get_bits(port, 41, 8));
  packet.msn = static_cast<std::uint32_t>(get_bits(port, 49, 24));
  packet.va = get_bits(port, 73, 64);
  packet.rkey = static_cast<std::uint32_t>(get_bits(port, 137, 32));
  packet.dmalen = static_cast<std::uint32_t>(get_bits(port, 169, 32));
  bytes = static_cast<unsigned>(get_bits(port, 201, 13));
  return packet;
}

void Device::receive(const Packet& packet) { (packet.opcode == kRequest ? rreq_ : rresp_).push_back(packet); }

void Device::step() {
  // A stream that was offered stays until it is taken.
  if (!top_->rx_valid_i && !arrivals_.empty() && go()) {
    top_->rx_valid_i = 1;
    put_matched(top_->rx_data_i, arrivals_.front());
  }
  if (!top_->cmd_valid_i && !commands_.empty() && go()) {
    top_->cmd_valid_i = 1;
    put_matched(top_->cmd_data_i, commands_.front());
    top_->cmd_unexpected_i = commands_.front().unexpected;
  }
  if (!top_->rreq_valid_i && !rreq_.empty() && go()) {
    top_->rreq_valid_i = 1;
    put_info(top_->rreq_info_i, rreq_.front());
  }
  if (!top_->rresp_valid_i && !rresp_.empty() && beats_.size() <= config_.ahead && go()) {
    top_->rresp_valid_i = 1;
    put_info(top_->rresp_info_i, rresp_.front());
  }
  if (!top_->rbeat_valid_i && !beats_.empty() && go()) {
    top_->rbeat_valid_i = 1;
    put_beat(top_->rbeat_data_i, beats_.front());
  }
  top_->req_ready_i = go();
  top_->rsp_ready_i = answer_left_ == 0 && go();
  top_->rsp_beat_ready_i = answer_left_ != 0 && go();
  top_->fin_ready_i = !hold_fins && go();
  top_->cpl_ready_i = go();
  top_->err_ready_i = go();
  top_->rd_cmd_ready_i = reads_.size() < 32 && go();
  top_->rd_data_valid_i = 0;
  if (!reads_.empty() && reads_.front().due <= cycle && go()) {
    Read& read = reads_.front();
    Beat beat;
    for (auto& byte : beat) byte = static_cast<std::uint8_t>(random_.next());
    const unsigned n = std::min(64u, read.length - read.done);
    std::memcpy(beat.data(), &at(read.addr + read.done), n);
    put_beat(top_->rd_data_i, beat);
    top_->rd_data_valid_i = 1;
    read.done += n;
    if (read.done == read.length) reads_.pop_front();
  }
  top_->wr_cmd_ready_i = write_beats_ == 0 && !hold_writes && go();
  top_->wr_data_ready_i = write_beats_ != 0 && !hold_writes && go();
  bench_.settle();
  top_->d_ok_i = allowed(top_->d_ep_o, top_->d_key_o, top_->d_addr_o, top_->d_len_o);
  top_->e_ok_i = allowed(top_->e_ep_o, top_->e_key_o, top_->e_addr_o, top_->e_len_o);
  bench_.settle();

  const bool rx = top_->rx_valid_i && top_->rx_ready_o;
  const bool cmd = top_->cmd_valid_i && top_->cmd_ready_o;
  const bool rreq = top_->rreq_valid_i && top_->rreq_ready_o;
  const bool rresp = top_->rresp_valid_i && top_->rresp_ready_o;
  const bool rbeat = top_->rbeat_valid_i && top_->rbeat_ready_o;
  unsigned bytes = 0;
  if (top_->req_valid_o && top_->req_ready_i) {
    sent.push_back(info(top_->req_info_o, bytes));
    sent_cycles.push_back(cycle);
    EXPECT_EQ(bytes, 0u);
  }
  if (top_->rsp_beat_valid_o && top_->rsp_beat_ready_i) {
    const Beat beat = get_beat(top_->rsp_beat_data_o);
    const std::size_t n = std::min<std::size_t>(64, answer_bytes_ - answer_.data.size());
    answer_.data.insert(answer_.data.end(), beat.begin(), beat.begin() + static_cast<std::ptrdiff_t>(n));
    if (--answer_left_ == 0) {
      sent.push_back(answer_);
      sent_cycles.push_back(cycle);
    }
  } else if (top_->rsp_valid_o && top_->rsp_ready_i) {
    answer_ = info(top_->rsp_info_o, answer_bytes_);
    answer_left_ = beats_of(answer_bytes_);
    if (answer_left_ == 0) {
      sent.push_back(answer_);
      sent_cycles.push_back(cycle);
    }
  }
  if (top_->rd_cmd_valid_o && top_->rd_cmd_ready_i) {
    reads_.push_back({cycle + config_.read_latency, top_->rd_cmd_addr_o, top_->rd_cmd_len_o, 0});
    EXPECT_GT(top_->rd_cmd_len_o, 0u);
    EXPECT_LE(top_->rd_cmd_len_o, config_.pmtu);
  }
  if (top_->wr_data_valid_o && top_->wr_data_ready_i) {
    const Beat beat = get_beat(top_->wr_data_o);
    const unsigned n = std::min(64u, write_left_);
    std::memcpy(&at(write_addr_), beat.data(), n);
    write_addr_ += n;
    write_left_ -= n;
    --write_beats_;
  }
  if (top_->wr_cmd_valid_o && top_->wr_cmd_ready_i) {
    write_addr_ = top_->wr_cmd_addr_o;
    write_left_ = top_->wr_cmd_len_o;
    write_beats_ = beats_of(write_left_);
    EXPECT_GT(write_left_, 0u);
  }
  if (top_->fin_valid_o && top_->fin_ready_i) {
    device::MsgHeader header;
    const Beat beat = get_beat(top_->fin_data_o);
    std::memcpy(&header, beat.data(), sizeof header);
    fins.push_back(header);
    fin_eps.push_back(top_->fin_ep_o);
    EXPECT_TRUE(top_->fin_last_o);
  }
  if (top_->cpl_valid_o && top_->cpl_ready_i) {
    device::Cqe cqe;
    std::memcpy(&cqe, &top_->cpl_data_o, sizeof cqe);
    completions.push_back(cqe);
    completion_eps.push_back(top_->cpl_ep_o);
  }
  if (top_->err_valid_o && top_->err_ready_i) {
    device::Cqe cqe;
    std::memcpy(&cqe, &top_->err_data_o, sizeof cqe);
    errors.push_back(cqe);
    error_eps.push_back(top_->err_ep_o);
  }
  if (top_->job_go_o) job_cycles.push_back(cycle);
  counts.truncated += top_->truncated_o;
  counts.rendezvous += top_->rendezvous_o;
  counts.protection += top_->protection_o;
  counts.remote_protection += top_->remote_protection_o;
  counts.retries += top_->read_retry_o;
  counts.timeouts += top_->timeout_o;
  counts.naks_sent += top_->nak_sent_o;
  counts.naks_received += top_->nak_received_o;
  counts.duplicates += top_->duplicate_o;
  counts.again += top_->again_o;
  counts.qp_errors += top_->qp_error_o;

  bench_.edge();
  ++cycle;
  if (rx) {
    arrivals_.pop_front();
    top_->rx_valid_i = 0;
  }
  if (cmd) {
    commands_.pop_front();
    top_->cmd_valid_i = 0;
  }
  if (rreq) {
    rreq_.pop_front();
    top_->rreq_valid_i = 0;
  }
  if (rbeat) {
    beats_.pop_front();
    top_->rbeat_valid_i = 0;
  }
  if (rresp) {
    const auto& data = rresp_.front().data;
    for (std::size_t at = 0; at < data.size(); at += 64) {
      Beat beat;
      for (auto& byte : beat) byte = static_cast<std::uint8_t>(random_.next());
      std::memcpy(beat.data(), data.data() + at, std::min<std::size_t>(64, data.size() - at));
      beats_.push_back(beat);
    }
    rresp_.pop_front();
    top_->rresp_valid_i = 0;
  }
  bench_.settle();
}

Job::Job(unsigned devices, unsigned ranks, const DeviceConfig& device, const ChannelConfig& channel)
    : dead(devices), count_(devices), ranks_(ranks), channel_(channel), random_(device.seed + 77) {
  for (unsigned d = 0; d < devices; ++d) {
    DeviceConfig own = device;
    own.seed = device.seed * 16 + d;
    own.ranks = 0;
    for (unsigned ep = 0; ep < 4; ++ep) own.ranks |= ((ep * devices + d) & 15u) << (4 * ep);
    devices_.push_back(std::make_unique<Device>(own));
  }
}

void Job::connect_all(std::uint32_t first_psn) {
  for (unsigned a = 0; a < ranks_; ++a) {
    for (unsigned b = 0; b < ranks_; ++b) {
      devices_[device_of(a)]->connect(128 + ep_of(a) * 16 + b, true, first_psn + a * 16 + b, first_psn + b * 16 + a);
    }
  }
}

void Job::step() {
  for (unsigned d = 0; d < count_; ++d) {
    Device& device = *devices_[d];
    device.step();
    while (!device.sent.empty()) {
      Packet packet = device.sent.front();
      device.sent.pop_front();
      const unsigned target = packet.qp % 16;
      // The number of the queue pair at the other end: that endpoint, this rank.
      const unsigned source = ((packet.qp >> 4) & 3) * count_ + d;
      packet.qp = 128 + ep_of(target) * 16 + source;
      if (dead[d] || dead[device_of(target)] || random_.percent(channel_.lose)) {
        ++lost;
        continue;
      }
      for (unsigned copies = random_.percent(channel_.repeat) ? 2 : 1; copies > 0; --copies) {
        std::uint64_t due = cycle + channel_.latency;
        if (random_.percent(channel_.reorder)) due += random_.below(600);
        under_way_.emplace(due, std::pair(device_of(target), packet));
      }
    }
  }
  while (!under_way_.empty() && under_way_.begin()->first <= cycle) {
    devices_[under_way_.begin()->second.first]->receive(under_way_.begin()->second.second);
    under_way_.erase(under_way_.begin());
  }
  ++cycle;
}

bool Job::quiet() const {
  if (!under_way_.empty()) return false;
  for (const auto& device : devices_) {
    if (!device->quiet() || !device->idle()) return false;
  }
  return true;
}

}  // namespace tally::test
