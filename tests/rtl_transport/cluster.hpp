// SPDX-License-Identifier: BSD-3-Clause
// Several tally_transport on a modelled network that loses, reorders, copies and corrupts frames.
#pragma once

#include <gtest/gtest.h>

#include <Vtally_transport.h>

#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "support/coverage.hpp"
#include "support/module_bench.hpp"
#include "support/seed.hpp"

namespace tally::test {

inline constexpr unsigned kEndpoints = 2;  // of a node, each with a rank of its own
inline constexpr std::uint64_t kMacBase = 0x02544c000000;
inline constexpr std::uint32_t kIpBase = 0x0a540001;
inline constexpr unsigned kQpnBase = 256;
inline constexpr int kFrameOverhead = 24;  // bytes a frame: preamble, FCS, gap

/// Byte of node `node`'s memory at `addr`.
inline std::uint8_t memory_byte(unsigned node, std::uint64_t addr) {
  std::uint64_t z = (addr + 1) * 0x9e3779b97f4a7c15u + node;
  z ^= z >> 29;
  return static_cast<std::uint8_t>(z * 0xbf58476d1ce4e5b9u >> 56);
}

struct FrameBeat {
  Beat data{};
  std::uint64_t keep = 0;
};
using Frame = std::vector<FrameBeat>;

struct Network {
  double loss = 0, copy = 0, reorder = 0, corrupt = 0;  // of frames
  unsigned delay = 100;                                 // cycles
  unsigned stall = 0, idle = 0, refuse = 0;             // percent of cycles
  unsigned link_bytes = 0;                              // a cycle that a link carries; 0: no limit
};

struct Message {
  unsigned client = 0, node = 0, ep = 0, peer = 0, id = 0, payload = 0;
  bool long_data = false;
  std::vector<Beat> beats;
  unsigned qp() const { return (client == 0 ? 0u : 64u) | ep << 4 | peer; }
};

struct Job {
  unsigned node = 0, ep = 0, peer = 0, length = 0, received = 0, status = 0xff;
  std::uint64_t addr = 0;
  bool refused = false, ended = false;
};

class Cluster {
 public:
  /// The nodes whose bits are set in `writers` send long data of collectives as RDMA WRITE.
  Cluster(unsigned nodes, std::uint64_t seed, unsigned writers = ~0u) : random(seed) {
    for (unsigned n = 0; n < nodes; ++n) contexts_.push_back(std::make_unique<RandomContext>(n));
    for (unsigned n = 0; n < nodes; ++n) {
      nodes_.push_back(std::make_unique<Node>());
      auto& node = *nodes_.back();
      node.top = std::make_unique<Vtally_transport>(contexts_[n].get());
      auto& t = *node.top;
      t.rst_ni = 0;
      t.ep_rank_i = 0;
      t.enable_i = 1;
      t.mac_i = kMacBase + n;
      t.ip_i = kIpBase + n;
      t.pmtu_i = 4096;
      t.ack_policy_i = 0x08000010;
      t.retry_timer_i = 4096;
      t.retry_limits_i = 0x0707;
      t.rnr_code_i = 1;
      t.cq_ok_i = 0xf;
      t.tx_window_i = 256;
      t.coll_write_i = writers >> n & 1;
      for (unsigned e = 0; e < kEndpoints; ++e)
        t.ep_rank_i = static_cast<std::uint16_t>(t.ep_rank_i | rank(n, e) << 4 * e);
      t.cycle_i = 0;
      t.conn_valid_i = 0;
      t.rsv_valid_i = 0;
      t.tx_valid_i = 0;
      t.rx_ready_i = 0;
      t.ready_i = 0xff;
      t.job_valid_i = 0;
      t.dat_ready_i = 0;
      t.beat_ready_i = 0;
      t.end_ready_i = 0;
      t.rd_cmd_ready_i = 0;
      t.rd_data_valid_i = 0;
      t.cpl_ready_i = 0;
      t.net_tx_ready_i = 0;
      t.net_rx_valid_i = 0;
    }
    for (int i = 0; i < 3; ++i) clock();
    for (auto& node : nodes_) node->top->rst_ni = 1;
    for (int i = 0; i < 20000 && !idle(); ++i) clock();
    EXPECT_TRUE(idle());
    for (unsigned n = 0; n < nodes; ++n) {
      for (unsigned kind = 0; kind < 3; ++kind) {
        for (unsigned ep = 0; ep < kEndpoints; ++ep) {
          for (unsigned peer = 0; peer < nodes * kEndpoints; ++peer) connect(n, kind, ep, peer);
        }
      }
    }
    cycles = 0;
  }
  ~Cluster() {
    for (unsigned n = 0; n < size(); ++n) finish(*nodes_[n]->top, *contexts_[n]);
  }

  unsigned size() const { return static_cast<unsigned>(nodes_.size()); }
  static unsigned rank(unsigned node, unsigned ep) { return node * kEndpoints + ep; }

  /// long_data (client 2): a Coll message that is not Short, with the fields that an RDMA WRITE carries.
  void post(unsigned client, unsigned node, unsigned ep, unsigned peer, unsigned payload, bool long_data = false) {
    Message m;
    m.long_data = long_data;
    m.client = client;
    m.node = node;
    m.ep = ep;
    m.peer = peer;
    m.payload = payload;
    m.id = static_cast<unsigned>(messages.size());
    m.beats.resize(1 + (payload + 63) / 64);
    for (unsigned i = 0; i < 64 + payload; ++i)
      m.beats[i / 64][i % 64] = static_cast<std::uint8_t>(random.next());
    auto& head = m.beats[0];
    head[14] = client == 2 ? 6 : 1;  // PacketType Coll, Eager
    head[15] |= 2;                   // WireFlag Short
    if (long_data) {
      head.fill(0);
      put_bits(head, 0, 32, 0x594c4154);
      head[4] = 1;
      head[14] = 6;
      head[15] = random.percent(50) ? 1 : 0;  // WireFlag Last
      put_bits(head, 16 * 8, 16, rank(node, ep));
      put_bits(head, 20 * 8, 16, random.below(64));
      put_bits(head, 48 * 8, 32, random.below(1u << 14));
      put_bits(head, 52 * 8, 32, random.next());  // seq, signature
      put_bits(head, 56 * 8, 32, m.id);           // count
      head[60] = static_cast<std::uint8_t>(random.below(32));
      head[61] = static_cast<std::uint8_t>(random.below(16));
      head[62] = static_cast<std::uint8_t>(random.below(4));
    } else {
      put_bits(head, 44 * 8, 32, m.id);
    }
    put_bits(head, 18 * 8, 16, peer);
    put_bits(head, 22 * 8, 16, payload);
    nodes_[node]->clients[client].push_back(m.id);
    messages.push_back(m);
  }

  /// READ of `length` bytes of the peer's memory; key 1 is refused there.
  void read(unsigned node, unsigned ep, unsigned peer, std::uint64_t addr, unsigned length,
            bool refused = false) {
    Job job;
    job.node = node;
    job.ep = ep;
    job.peer = peer;
    job.addr = addr;
    job.length = length;
    job.refused = refused;
    nodes_[node]->jobs.push_back(static_cast<unsigned>(jobs.size()));
    jobs.push_back(job);
  }

  void cycle() {
    for (unsigned n = 0; n < size(); ++n) drive(n);
    for (auto& node : nodes_) {
      node->top->clk_i = 0;
      node->top->eval();
    }
    for (unsigned n = 0; n < size(); ++n) sample(n);
    for (auto& node : nodes_) {
      node->top->clk_i = 1;
      node->top->eval();
    }
    ++cycles;
  }

  bool idle() const {
    for (const auto& node : nodes_) {
      if (!node->top->idle_o) return false;
    }
    return true;
  }

  /// Runs until all messages and jobs are done and everything is at rest.
  void run(unsigned limit) {
    const auto end = cycles + limit;
    for (; cycles < end; cycle()) {
      bool done = channel_.empty() && idle();
      for (const auto& node : nodes_) {
        for (unsigned c = 0; c < 3; ++c) done = done && node->next[c] == node->clients[c].size();
        done = done && node->jobs.empty() && node->inbox.empty();
      }
      for (const auto& job : jobs) done = done && job.ended;
      if (done) return;
    }
    ADD_FAILURE() << "not at rest after " << limit << " cycles";
  }

  /// Every message taken once, in order of entry on its queue pair; every client-0 message completed; READs
  /// whole.
  void check() {
    for (const auto& [key, ids] : entered)
      EXPECT_EQ(taken[key], ids) << "node " << key.first << " qp " << key.second;
    EXPECT_EQ(taken.size(), entered.size());
    for (const auto& m : messages) {
      if (m.client == 0) {
        EXPECT_EQ(completed[m.id], 1u) << "message " << m.id;
      }
    }
    EXPECT_EQ(errors, 0u);
    for (const auto& job : jobs) {
      EXPECT_TRUE(job.ended);
      EXPECT_EQ(job.status, job.refused ? 6u : 0u);
      if (!job.refused) {
        EXPECT_EQ(job.received, job.length);
      }
    }
  }

  Random random;
  Network network;
  std::vector<Message> messages;
  std::vector<Job> jobs;
  /// By sending node and queue pair.
  std::map<std::pair<unsigned, unsigned>, std::vector<unsigned>> entered, taken;
  std::map<unsigned, unsigned> completed;
  std::uint64_t cycles = 0;
  unsigned errors = 0;
  std::uint64_t frames = 0, writes = 0, retransmits = 0, read_retries = 0, timeouts = 0, icrc_errors = 0, acks = 0,
                naks = 0, refusals = 0, duplicates = 0;
  /// First: a message's first beat shown, taken; a frame's first beat out; a frame's last beat in. Messages' ends.
  std::uint64_t first_shown = 0, first_head = 0, first_frame = 0, first_received = 0, first_taken = 0,
                last_taken = 0;

 private:
  struct Node {
    std::unique_ptr<Vtally_transport> top;
    std::deque<unsigned> clients[3];
    std::size_t next[3] = {}, beat[3] = {}, reserved = 0;
    bool offered[3] = {};
    std::deque<unsigned> jobs;  // not issued yet
    std::map<unsigned, unsigned> slots;
    bool job_offered = false;
    unsigned job_slot = 0;
    bool data = false;  // data beats of a READ follow
    unsigned data_job = 0, data_offset = 0, data_left = 0;
    std::deque<std::pair<std::uint64_t, Beat>> dma;
    Frame out;
    int tokens = 0;  // bytes that the link takes now
    std::deque<Frame> inbox;
    std::size_t in_beat = 0;
    bool in_offered = false;
    std::vector<Beat> message;
  };

  void clock() {
    for (auto& node : nodes_) {
      node->top->clk_i = 0;
      node->top->eval();
    }
    for (auto& node : nodes_) {
      node->top->clk_i = 1;
      node->top->eval();
    }
  }

  unsigned psn(unsigned from_rank, unsigned to_rank, unsigned kind) const {
    return (0xfffff0 + from_rank * 3 + to_rank * 7 + kind) & 0xffffff;
  }

  void connect(unsigned n, unsigned kind, unsigned ep, unsigned peer) {
    auto& t = *nodes_[n]->top;
    const unsigned other = peer / kEndpoints, self = rank(n, ep);
    t.conn_valid_i = 1;
    t.conn_up_i = 1;
    t.conn_qp_i = static_cast<std::uint8_t>(kind << 6 | ep << 4 | peer);
    t.conn_mac_i = kMacBase + other;
    t.conn_ip_i = kIpBase + other;
    t.conn_qpn_i = kQpnBase + (kind << 6 | (peer % kEndpoints) << 4 | self);
    t.conn_tx_psn_i = psn(self, peer, kind);
    t.conn_rx_psn_i = psn(peer, self, kind);
    clock();
    t.conn_valid_i = 0;
    for (int i = 0; i < 8; ++i) clock();
  }

  void drive(unsigned n) {
    auto& node = *nodes_[n];
    auto& t = *node.top;
    t.cycle_i = static_cast<std::uint32_t>(cycles);
    t.rsv_valid_i = 0;
    if (node.reserved < node.clients[0].size()) {
      const auto& m = messages[node.clients[0][node.reserved]];
      t.rsv_valid_i = 1;
      t.rsv_qp_i = static_cast<std::uint8_t>(m.qp());
      t.rsv_cells_i = static_cast<std::uint8_t>((64 + m.payload + 255) / 256);
    }
    unsigned valid = 0, last = 0, ep = 0;
    for (unsigned c = 0; c < 3; ++c) {
      if (!node.offered[c] && node.next[c] < node.clients[c].size() &&
          (c != 0 || node.next[c] < node.reserved)) {
        node.offered[c] = !random.percent(network.idle);
      }
      if (!node.offered[c]) continue;
      if (first_shown == 0) first_shown = cycles;
      const auto& m = messages[node.clients[c][node.next[c]]];
      valid |= 1u << c;
      if (node.beat[c] + 1 == m.beats.size()) last |= 1u << c;
      ep |= m.ep << (2 * c);
      put_beat(t.tx_data_i, m.beats[node.beat[c]], c);
      if (c == 0) {
        for (unsigned w = 0; w < 4; ++w) put_bits(t.tx_cpl_i, 64 * w, 64, 0);
        put_bits(t.tx_cpl_i, 0, 32, m.id);
        put_bits(t.tx_cpl_i, 32, 8, 1);
        put_bits(t.tx_cpl_i, 256, 2, 3);
      }
    }
    t.tx_valid_i = static_cast<std::uint8_t>(valid);
    t.tx_last_i = static_cast<std::uint8_t>(last);
    t.tx_ep_i = static_cast<std::uint8_t>(ep);
    t.rx_ready_i = !random.percent(network.stall);
    if (cycles % 64 == 0)
      t.ready_i = random.percent(network.refuse) ? static_cast<std::uint8_t>(random.next()) : 0xff;
    t.dat_ready_i = !node.data && !random.percent(network.stall);
    t.beat_ready_i = node.data && !random.percent(network.stall);
    t.end_ready_i = 1;
    t.cpl_ready_i = !random.percent(network.stall);
    t.mr_ok_i = t.mr_key_o != 1;
    t.rd_cmd_ready_i = !random.percent(network.stall);
    t.rd_data_valid_i = !node.dma.empty() && node.dma.front().first <= cycles;
    if (t.rd_data_valid_i) put_beat(t.rd_data_i, node.dma.front().second);
    node.tokens = std::min(node.tokens + static_cast<int>(network.link_bytes), 64 + kFrameOverhead);
    t.net_tx_ready_i = !random.percent(network.stall) && (network.link_bytes == 0 || node.tokens > 0);
    if (!node.job_offered && !node.jobs.empty() && node.slots.size() < 16) {
      node.job_offered = true;
      node.job_slot = 0;
      while (node.slots.count(node.job_slot) != 0) ++node.job_slot;
      const auto& job = jobs[node.jobs.front()];
      t.job_id_i = static_cast<std::uint8_t>(node.job_slot);
      t.job_qp_i = static_cast<std::uint8_t>(128 | job.ep << 4 | job.peer);
      t.job_addr_i = job.addr;
      t.job_key_i = job.refused ? 1 : 2;
      t.job_len_i = job.length;
    }
    t.job_valid_i = node.job_offered;
    while (!channel_.empty() && channel_.begin()->first <= cycles) {
      auto& [to, frame] = channel_.begin()->second;
      nodes_[to]->inbox.push_back(std::move(frame));
      channel_.erase(channel_.begin());
    }
    if (!node.in_offered && !node.inbox.empty()) node.in_offered = !random.percent(network.idle);
    t.net_rx_valid_i = node.in_offered;
    if (node.in_offered) {
      const auto& frame = node.inbox.front();
      put_beat(t.net_rx_data_i, frame[node.in_beat].data);
      t.net_rx_keep_i = frame[node.in_beat].keep;
      t.net_rx_last_i = node.in_beat + 1 == frame.size();
    }
  }

  void sample(unsigned n) {
    auto& node = *nodes_[n];
    auto& t = *node.top;
    if (t.rsv_valid_i && t.rsv_ok_o) ++node.reserved;
    for (unsigned c = 0; c < 3; ++c) {
      if (!node.offered[c] || ((t.tx_ready_o >> c) & 1u) == 0) continue;
      if (first_head == 0) first_head = cycles;
      node.offered[c] = false;
      const auto& m = messages[node.clients[c][node.next[c]]];
      if (++node.beat[c] == m.beats.size()) {
        node.beat[c] = 0;
        ++node.next[c];
        entered[{n, m.qp()}].push_back(m.id);
      }
    }
    if (t.rx_valid_o && t.rx_ready_i) {
      node.message.push_back(get_beat(t.rx_data_o));
      if (t.rx_last_o) take(n);
    }
    if (t.cpl_valid_o && t.cpl_ready_i) {
      const auto id = static_cast<unsigned>(get_bits(t.cpl_data_o, 0, 32));
      if (get_bits(t.cpl_data_o, 32, 16) != 1) ++errors;
      ++completed[id];
    }
    sample_reads(n);
    if (t.net_tx_valid_o && t.net_tx_ready_i) {
      if (first_frame == 0) first_frame = cycles;
      node.tokens -= __builtin_popcountll(t.net_tx_keep_o) + (node.out.empty() ? kFrameOverhead : 0);
      node.out.push_back({get_beat(t.net_tx_data_o), t.net_tx_keep_o});
      if (t.net_tx_last_o) {
        send(node.out);
        node.out.clear();
      }
    }
    if (node.in_offered && t.net_rx_ready_o) {
      node.in_offered = false;
      if (++node.in_beat == node.inbox.front().size()) {
        if (first_received == 0) first_received = cycles;
        node.in_beat = 0;
        node.inbox.pop_front();
      }
    }
    frames += t.tx_frame_o;
    retransmits += t.retransmit_o;
    read_retries += t.read_retry_o;
    timeouts += t.timeout_o;
    icrc_errors += t.icrc_error_o;
    acks += t.ack_sent_o;
    naks += t.nak_sent_o;
    refusals += t.rnr_sent_o;
    duplicates += t.duplicate_o;
    errors += t.qp_error_o;
  }

  void sample_reads(unsigned n) {
    auto& node = *nodes_[n];
    auto& t = *node.top;
    if (node.job_offered && t.job_ready_o) {
      node.slots[node.job_slot] = node.jobs.front();
      node.jobs.pop_front();
      node.job_offered = false;
    }
    if (t.rd_data_valid_i) node.dma.pop_front();
    if (t.rd_cmd_valid_o && t.rd_cmd_ready_i) {
      for (unsigned at = 0; at < t.rd_cmd_len_o; at += 64) {
        Beat beat{};
        for (unsigned i = 0; i < 64 && at + i < t.rd_cmd_len_o; ++i)
          beat[i] = memory_byte(n, t.rd_cmd_addr_o + at + i);
        node.dma.emplace_back(cycles + 150, beat);
      }
    }
    if (t.beat_valid_o && t.beat_ready_i) {
      ASSERT_TRUE(node.data);
      auto& job = jobs[node.data_job];
      const auto beat = get_beat(t.beat_data_o);
      for (unsigned i = 0; i < 64 && node.data_left > 0; ++i, --node.data_left) {
        ASSERT_EQ(beat[i], memory_byte(job.peer / kEndpoints, job.addr + node.data_offset))
            << "offset " << node.data_offset;
        ++node.data_offset;
        ++job.received;
      }
      if (node.data_left == 0) node.data = false;
      last_taken = cycles;
      if (first_taken == 0) first_taken = cycles;
    }
    if (t.dat_valid_o && t.dat_ready_i) {
      node.data = true;
      ASSERT_EQ(node.slots.count(t.dat_job_o), 1u);
      node.data_job = node.slots[t.dat_job_o];
      node.data_offset = t.dat_offset_o;
      node.data_left = t.dat_bytes_o;
    }
    if (t.end_valid_o && t.end_ready_i) {
      ASSERT_EQ(node.slots.count(t.end_job_o), 1u);
      auto& job = jobs[node.slots[t.end_job_o]];
      job.ended = true;
      job.status = t.end_status_o;
      node.slots.erase(t.end_job_o);
    }
  }

  void take(unsigned n) {
    auto& node = *nodes_[n];
    const auto& t = *node.top;
    const bool long_data = node.message[0][14] == 6 && (node.message[0][15] & 2) == 0;
    const auto id = static_cast<unsigned>(get_bits(node.message[0], (long_data ? 56 : 44) * 8, 32));
    ASSERT_LT(id, messages.size());
    const auto& m = messages[id];
    EXPECT_EQ(m.peer, rank(n, t.rx_ep_o));
    EXPECT_EQ(t.rx_qp_o, (m.client == 0 ? 0u : 64u) | unsigned{t.rx_ep_o} << 4 | rank(m.node, m.ep));
    EXPECT_EQ(t.rx_bytes_o, 64 + m.payload);
    ASSERT_EQ(node.message.size(), m.beats.size());
    for (unsigned i = 0; i < 64 + m.payload; ++i) {
      ASSERT_EQ(node.message[i / 64][i % 64], m.beats[i / 64][i % 64])
          << "byte " << i << " of message " << id;
    }
    taken[{m.node, m.qp()}].push_back(id);
    node.message.clear();
    if (first_taken == 0) first_taken = cycles;
    last_taken = cycles;
  }

  bool chance(double p) { return static_cast<double>(random.next() >> 11) * 0x1p-53 < p; }

  void send(const Frame& frame) {
    std::uint64_t mac = 0;
    for (unsigned i = 0; i < 6; ++i) mac = mac << 8 | frame[0].data[i];
    const auto to = static_cast<unsigned>(mac - kMacBase);
    ASSERT_LT(to, size());
    writes += frame[0].data[42] == 0x0a;
    if (chance(network.loss)) return;
    const unsigned copies = chance(network.copy) ? 2 : 1;
    for (unsigned i = 0; i < copies; ++i) {
      auto copy = frame;
      if (chance(network.corrupt)) {
        auto& beat = copy[random.below(copy.size())];
        beat.data[random.below(static_cast<unsigned>(__builtin_popcountll(beat.keep)))] ^=
            static_cast<std::uint8_t>(1u << random.below(8));
      }
      const auto at = cycles + network.delay + (chance(network.reorder) ? random.below(1000) : 0);
      channel_.emplace(at, std::pair{to, std::move(copy)});
    }
  }

  // Contexts outlive all models: a model's destructor looks at the context used last.
  std::vector<std::unique_ptr<RandomContext>> contexts_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::multimap<std::uint64_t, std::pair<unsigned, Frame>> channel_;
};

}  // namespace tally::test
