// SPDX-License-Identifier: BSD-3-Clause
// tally_qp_tx and a responder in C++ behind a channel that loses, copies and reorders.
#pragma once

#include <gtest/gtest.h>

#include <Vtally_qp_tx.h>

#include <algorithm>
#include <deque>
#include <map>
#include <vector>

#include "support/module_bench.hpp"
#include "support/seed.hpp"
#include "tally/device.hpp"

namespace tally::test {

inline constexpr unsigned kPsnMask = 0xffffff;
inline constexpr unsigned kOpcodeSend = 0x04, kOpcodeWrite = 0x0a;
inline constexpr unsigned kMsgStatusByte = 5;
inline constexpr unsigned kQpErrorOpcode = 18;
inline constexpr unsigned kRetryExceeded = 10;
inline constexpr unsigned kRnrExceeded = 11;
inline constexpr unsigned kRnrTick = 100;  // cycles; parameter of the model

struct Message {
  unsigned client = 0, ep = 0, peer = 0, id = 0, payload = 0;
  bool on_ack = false, on_error = false;
  bool write = false;  // long data of a collective: leaves as RDMA WRITE
  std::vector<Beat> beats;
  unsigned qp() const { return (client == 0 ? 0u : 64u) | ep << 4 | peer; }
  unsigned cells() const { return ((write ? 0 : 64) + payload + 255) / 256; }
};

struct Packet {
  unsigned opcode = 0, qp = 0, psn = 0, bytes = 0;
  std::uint64_t va = 0;
  unsigned rkey = 0, dmalen = 0;
  bool ack_request = false;
  std::vector<Beat> beats;
};

struct Ack {
  unsigned qp = 0, psn = 0, syndrome = 0;
};

struct Completion {
  unsigned ep = 0, opcode = 0, status = 0, source = 0, detail = 0, cookie = 0, length = 0;
};

struct Faults {
  unsigned loss = 0, copy = 0, reorder = 0, ack_loss = 0, refuse = 0;  // percent
  unsigned stall = 0, idle = 0;                                        // percent of cycles
  unsigned delay = 20;                                                 // cycles one way
};

/// The rules of docs/wire.md for the receiving side, one queue pair.
struct Responder {
  unsigned expected = 0, last = kPsnMask;
  bool gap = false, dead = false;
  unsigned nak = 0;  // code of the NAK that each packet gets
  std::vector<unsigned> taken;
};

inline bool before_or_equal(unsigned a, unsigned b) { return ((b - a) & kPsnMask) < 0x800000; }

class Bench : public ModuleBench<Vtally_qp_tx> {
 public:
  explicit Bench(std::uint64_t seed) : random_(seed) {
    top.retry_timer_i = 2000;
    top.retry_limits_i = 0x0707;
    top.cq_ok_i = 0xf;
    top.tx_window_i = 256;
    top.coll_write_i = 0;
    top.conn_valid_i = 0;
    top.rsv_valid_i = 0;
    top.tx_valid_i = 0;
    top.ack_valid_i = 0;
    top.req_ready_i = 0;
    top.beat_ready_i = 0;
    top.cpl_ready_i = 0;
    settle();
    for (int i = 0; i < 100000 && !top.idle_o; ++i) step();
    EXPECT_TRUE(top.idle_o);
    cycles = 0;
  }

  void connect(unsigned qp, bool up, unsigned psn) {
    settle();  // ends the cycle before
    top.conn_valid_i = 1;
    top.conn_up_i = up;
    top.conn_qp_i = static_cast<std::uint8_t>(qp);
    top.conn_tx_psn_i = psn;
    step();
    top.conn_valid_i = 0;
    step();
    step();
    step();
    responders[qp] = {psn, (psn - 1) & kPsnMask, false, false, 0, {}};
  }

  /// The same while traffic goes on.
  void connect_meanwhile(unsigned qp, bool up, unsigned psn) {
    top.conn_up_i = up;
    top.conn_qp_i = static_cast<std::uint8_t>(qp);
    top.conn_tx_psn_i = psn;
    top.conn_valid_i = 1;
    cycle();
    top.conn_valid_i = 0;
    responders[qp] = {psn, (psn - 1) & kPsnMask, false, false, 0, {}};
  }

  /// write (client 2): a Coll message that is not Short. With coll_write_i low it leaves as SEND all the same.
  void post(unsigned client, unsigned ep, unsigned peer, unsigned payload, bool on_ack, bool on_error,
            bool write = false) {
    Message m;
    m.write = write && top.coll_write_i;
    m.client = client;
    m.ep = ep;
    m.peer = peer;
    m.payload = payload;
    m.on_ack = on_ack;
    m.on_error = on_error;
    m.id = static_cast<unsigned>(messages.size());
    m.beats.resize(1 + (payload + 63) / 64);
    for (auto& beat : m.beats) {
      for (auto& byte : beat) byte = static_cast<std::uint8_t>(random_.next());
    }
    auto& h = m.beats[0];
    h[14] = client == 2 ? 6 : 1;  // PacketType Coll, Eager
    h[15] = static_cast<std::uint8_t>(write ? h[15] & 1 : h[15] | 2);  // WireFlags: Last alone, Short
    put_bits(h, 56 * 8, 32, m.id);  // count
    put_bits(h, 18 * 8, 16, peer);
    put_bits(h, 22 * 8, 16, payload);
    put_bits(h, 44 * 8, 32, m.id);
    clients_[client].push_back(m.id);
    messages.push_back(m);
  }

  /// One cycle: clients, channel, responders, completions.
  void cycle() {
    top.rsv_valid_i = 0;
    // Reservation of client 0, in order, ahead of the message.
    if (reserved_ < clients_[0].size() && !random_.percent(faults.idle)) {
      const auto& m = messages[clients_[0][reserved_]];
      top.rsv_valid_i = 1;
      top.rsv_qp_i = static_cast<std::uint8_t>(m.qp());
      top.rsv_cells_i = static_cast<std::uint8_t>(m.cells());
    }
    unsigned valid = 0, last = 0, ep = 0;
    for (unsigned c = 0; c < 3; ++c) {
      auto& s = stream_[c];
      if (!s.offered && s.next < clients_[c].size() && (c != 0 || s.next < reserved_)) {
        s.offered = !random_.percent(faults.idle);
      }
      if (!s.offered) continue;
      const auto& m = messages[clients_[c][s.next]];
      valid |= 1u << c;
      if (s.beat + 1 == m.beats.size()) last |= 1u << c;
      ep |= m.ep << (2 * c);
      put_beat(top.tx_data_i, m.beats[s.beat], c);
      if (c == 0) {
        put_bits(top.tx_cpl_i, 257, 1, m.on_ack);
        put_bits(top.tx_cpl_i, 256, 1, m.on_error);
        for (unsigned w = 0; w < 4; ++w) put_bits(top.tx_cpl_i, 64 * w, 64, 0);
        put_bits(top.tx_cpl_i, 0, 32, m.id);
        put_bits(top.tx_cpl_i, 32, 8, 1);
        put_bits(top.tx_cpl_i, 64, 32, m.payload);
      }
    }
    top.tx_valid_i = static_cast<std::uint8_t>(valid);
    top.tx_last_i = static_cast<std::uint8_t>(last);
    top.tx_ep_i = static_cast<std::uint8_t>(ep);
    top.req_ready_i = !random_.percent(faults.stall);
    top.beat_ready_i = !random_.percent(faults.stall);
    top.cpl_ready_i = !random_.percent(faults.stall);
    top.ack_valid_i = 0;
    for (auto it = acks_.begin(); it != acks_.end(); ++it) {
      if (it->first > cycles) break;
      top.ack_valid_i = 1;
      top.ack_qp_i = static_cast<std::uint8_t>(it->second.qp);
      top.ack_psn_i = it->second.psn;
      top.ack_syndrome_i = static_cast<std::uint8_t>(it->second.syndrome);
      acks_.erase(it);
      break;
    }
    settle();
    if (top.rsv_valid_i && top.rsv_ok_o) {
      const auto& m = messages[clients_[0][reserved_]];
      cells_used[m.qp()] += m.cells();
      max_used = std::max(max_used, cells_used[m.qp()]);
      ++reserved_;
    }
    for (unsigned c = 0; c < 3; ++c) {
      auto& s = stream_[c];
      if (((valid >> c) & 1u) == 0 || ((top.tx_ready_o >> c) & 1u) == 0) continue;
      if (s.beat == 0 && first_entry == 0) first_entry = cycles;
      s.offered = false;
      if (++s.beat == messages[clients_[c][s.next]].beats.size()) {
        s.beat = 0;
        const auto& m = messages[clients_[c][s.next]];
        sent_to[m.qp()].push_back(m.id);
        ++s.next;
        ++entered[c];
        last_entry = cycles;
      }
    }
    if (top.req_valid_o && top.req_ready_i) {
      Packet p;
      p.opcode = static_cast<unsigned>(get_bits(top.req_info_o, 0, 8));
      p.va = get_bits(top.req_info_o, 73, 64);
      p.rkey = static_cast<unsigned>(get_bits(top.req_info_o, 137, 32));
      p.dmalen = static_cast<unsigned>(get_bits(top.req_info_o, 169, 32));
      p.qp = static_cast<unsigned>(get_bits(top.req_info_o, 8, 8));
      p.ack_request = get_bits(top.req_info_o, 16, 1) != 0;
      p.psn = static_cast<unsigned>(get_bits(top.req_info_o, 17, 24));
      p.bytes = static_cast<unsigned>(get_bits(top.req_info_o, 201, 13));
      ack_requests += p.ack_request;
      if (first_request == 0) first_request = cycles;
      requests_.push_back(p);
    }
    if (top.beat_valid_o && top.beat_ready_i) {
      if (first_out == 0) first_out = cycles;
      last_out = cycles;
      ++beats_out;
      out_beats_.push_back(get_beat(top.beat_data_o));
    }
    if (!requests_.empty() && out_beats_.size() >= (requests_[0].bytes + 63) / 64) {
      auto p = requests_.front();
      requests_.pop_front();
      for (unsigned i = 0; i < (p.bytes + 63) / 64; ++i) {
        p.beats.push_back(out_beats_.front());
        out_beats_.pop_front();
      }
      ++packets_out;
      transmit(p);
    }
    retransmits += top.retransmit_o;
    timeouts += top.timeout_o;
    errors += top.qp_error_o;
    if (top.cpl_valid_o && top.cpl_ready_i) complete();
    edge();
    while (!channel_.empty() && channel_.begin()->first <= cycles) {
      const auto p = channel_.begin()->second;
      channel_.erase(channel_.begin());
      receive(p);
    }
  }

  void run_until_idle(unsigned limit) {
    const auto end = cycles + limit;
    bool done = false;
    while (!done) {
      cycle();
      done = cycles >= end;
      if (channel_.empty() && acks_.empty() && top.idle_o && entered[0] == clients_[0].size() &&
          entered[1] == clients_[1].size() && entered[2] == clients_[2].size()) {
        done = true;
      }
    }
    settle();
    EXPECT_TRUE(top.idle_o) << "not idle after " << limit << " cycles";
    EXPECT_TRUE(requests_.empty() && out_beats_.empty());
  }

  /// Everything sent to connected peers that answer was taken exactly once, in order, and completed.
  void check_delivered(unsigned qp) {
    EXPECT_EQ(responders[qp].taken, sent_to[qp]) << "queue pair " << qp;
    std::vector<unsigned> wanted, got;
    for (const auto id : sent_to[qp]) {
      if (messages[id].on_ack) wanted.push_back(id);
    }
    for (const auto& c : completions) {
      if (c.opcode != 1 || messages[c.cookie].qp() != qp) continue;
      EXPECT_EQ(c.status, 0u);
      EXPECT_EQ(c.length, messages[c.cookie].payload);
      got.push_back(c.cookie);
    }
    EXPECT_EQ(got, wanted) << "queue pair " << qp;
  }

  Faults faults;
  unsigned rnr_code = 1;
  std::vector<Message> messages;
  std::map<unsigned, Responder> responders;
  std::map<unsigned, std::vector<unsigned>> sent_to;
  std::map<unsigned, unsigned> cells_used;
  std::vector<Completion> completions;
  unsigned entered[3] = {};
  unsigned max_used = 0;
  std::uint64_t retransmits = 0, timeouts = 0, errors = 0, packets_out = 0, beats_out = 0, writes = 0;
  unsigned ack_requests = 0;
  std::uint64_t first_entry = 0, last_entry = 0, first_request = 0, first_out = 0, last_out = 0;

 private:
  struct Stream {
    std::size_t next = 0, beat = 0;
    bool offered = false;
  };

  void transmit(const Packet& p) {
    const unsigned copies = random_.percent(faults.loss) ? 0 : random_.percent(faults.copy) ? 2 : 1;
    for (unsigned i = 0; i < copies; ++i) {
      auto at = cycles + faults.delay;
      if (random_.percent(faults.reorder)) at += random_.below(200);
      channel_.emplace(at, p);
    }
  }

  void answer(unsigned qp, unsigned psn, unsigned syndrome) {
    if (random_.percent(faults.ack_loss)) return;
    const unsigned copies = random_.percent(faults.copy) ? 2 : 1;
    for (unsigned i = 0; i < copies; ++i) {
      acks_.emplace(cycles + faults.delay + (random_.percent(faults.reorder) ? random_.below(300) : 0),
                    Ack{qp, psn & kPsnMask, syndrome});
    }
  }

  /// The RETH of docs/wire.md, from the message's header.
  void check_reth(const Packet& p, const Message& m) {
    const auto& h = m.beats[0];
    const auto field = [&](unsigned byte, unsigned bits) {
      return static_cast<unsigned>(get_bits(h, 8 * byte, bits));
    };
    EXPECT_EQ(p.va, std::uint64_t{field(56, 32)} << 32 | field(54, 16) << 16 | field(52, 16));
    EXPECT_EQ(p.rkey, field(48, 14) << 18 | field(15, 1) << 17 | field(61, 4) << 13 | field(60, 5) << 8 |
                          field(20, 6) << 2 | field(62, 2));
    EXPECT_EQ(p.dmalen, m.payload);
    EXPECT_EQ(p.bytes, m.payload);
    EXPECT_TRUE(std::equal(p.beats.begin(), p.beats.end(), m.beats.begin() + 1, m.beats.end()));
  }

  void receive(const Packet& p) {
    auto& r = responders[p.qp];
    if (r.dead) return;
    if (r.nak != 0) return answer(p.qp, p.psn, 0x60 | r.nak);
    const bool anew = before_or_equal(p.psn, r.last);
    if (anew) r.gap = false;
    r.last = p.psn;
    if (p.psn == r.expected) {
      if (random_.percent(faults.refuse)) {
        answer(p.qp, p.psn, 0x20 | rnr_code);
        r.gap = true;
        return;
      }
      const bool write = p.opcode == kOpcodeWrite;
      const auto id = static_cast<unsigned>(write ? p.va >> 32 : get_bits(p.beats[0], 44 * 8, 32));
      ASSERT_LT(id, messages.size());
      const auto& m = messages[id];
      EXPECT_EQ(m.qp(), p.qp);
      EXPECT_EQ(write, m.write);
      if (write) {
        check_reth(p, m);
      } else {
        EXPECT_EQ(p.opcode, kOpcodeSend);
        EXPECT_EQ(p.va | p.rkey | p.dmalen, 0u);
        EXPECT_EQ(p.bytes, 64 + m.payload);
        EXPECT_TRUE(m.beats == p.beats) << "bytes of message " << id;
      }
      writes += write;
      r.taken.push_back(id);
      r.expected = (r.expected + 1) & kPsnMask;
      r.gap = false;
      if (p.ack_request || random_.percent(20)) answer(p.qp, p.psn, 0x1f);
    } else if (before_or_equal(p.psn, r.expected)) {
      answer(p.qp, r.expected - 1, 0x1f);
    } else {
      if (!r.gap) answer(p.qp, r.expected, 0x60);
      r.gap = true;
    }
  }

  void complete() {
    Completion c;
    const auto& d = top.cpl_data_o;
    c.ep = top.cpl_ep_o;
    c.cookie = static_cast<unsigned>(get_bits(d, 0, 32));
    c.opcode = static_cast<unsigned>(get_bits(d, 32, 8));
    c.status = static_cast<unsigned>(get_bits(d, 8 * kMsgStatusByte, 8));
    c.length = static_cast<unsigned>(get_bits(d, 64, 32));
    c.source = static_cast<unsigned>(get_bits(d, 128, 16));
    c.detail = static_cast<unsigned>(get_bits(d, 192, 32));
    if (c.opcode == 1) {
      ASSERT_LT(c.cookie, messages.size());
      EXPECT_EQ(c.ep, messages[c.cookie].ep);
    }
    completions.push_back(c);
  }

  Random random_;
  std::deque<unsigned> clients_[3];
  Stream stream_[3];
  std::size_t reserved_ = 0;
  std::deque<Packet> requests_;
  std::deque<Beat> out_beats_;
  std::multimap<std::uint64_t, Packet> channel_;
  std::multimap<std::uint64_t, Ack> acks_;
};

}  // namespace tally::test
