// SPDX-License-Identifier: BSD-3-Clause
// tally_qp_rx: the responder's rules against a model, and what it answers.
#include <gtest/gtest.h>

#include <Vtally_qp_rx.h>

#include <deque>
#include <map>
#include <set>
#include <vector>

#include "support/module_bench.hpp"
#include "support/seed.hpp"

namespace tally::test {
namespace {

constexpr unsigned kPsnMask = 0xffffff;
constexpr unsigned kSend = 0x04, kWrite = 0x0a, kReadRequest = 0x0c, kReadOnly = 0x10, kAck = 0x11;
constexpr unsigned kPositive = 0x1f, kSequence = 0x60, kRnrCode = 5, kRnr = 0x20 | kRnrCode;

struct Packet {
  unsigned opcode = kSend, qp = 0, psn = 0, syndrome = 0, bytes = 0;
  bool ack_request = false, ready = true;
  std::uint64_t va = 0;
  unsigned rkey = 0;
  std::vector<Beat> beats;

  /// The beats of its message: those of a WRITE behind the header that its RETH stands for (docs/wire.md).
  std::vector<Beat> message() const {
    std::vector<Beat> all = beats;
    if (opcode != kWrite) return all;
    Beat h{};
    put_bits(h, 0, 32, 0x594c4154);
    h[4] = 1;
    h[14] = 6;
    h[15] = rkey >> 17 & 1;
    h[16] = qp & 15;
    h[18] = static_cast<std::uint8_t>(0x9753u >> 4 * (qp >> 4 & 3) & 15);
    h[20] = rkey >> 2 & 63;
    put_bits(h, 8 * 22, 16, bytes);
    put_bits(h, 8 * 48, 32, rkey >> 18);
    put_bits(h, 8 * 52, 16, va & 0xffff);
    put_bits(h, 8 * 54, 16, va >> 16 & 0xffff);
    put_bits(h, 8 * 56, 32, va >> 32);
    h[60] = rkey >> 8 & 31;
    h[61] = rkey >> 13 & 15;
    h[62] = rkey & 3;
    all.insert(all.begin(), h);
    return all;
  }
};

struct Answer {
  std::uint64_t cycle = 0;
  unsigned qp = 0, psn = 0, syndrome = 0, msn = 0;
};

bool not_after(unsigned a, unsigned b) { return ((b - a) & kPsnMask) < 0x800000; }

class Bench : public ModuleBench<Vtally_qp_rx> {
 public:
  explicit Bench(std::uint64_t seed) : random(seed) {
    top.ack_policy_i = 0x00c80008;  // 200 cycles, 8 packets
    top.rnr_code_i = kRnrCode;
    top.ready_i = 0xff;
    top.ep_rank_i = 0x9753;
    top.conn_valid_i = 0;
    top.pkt_valid_i = 0;
    top.beat_valid_i = 0;
    top.req_ready_i = 1;
    settle();
  }

  void connect(unsigned qp, unsigned psn, bool up = true) {
    settle();  // ends the cycle before
    top.conn_valid_i = 1;
    top.conn_up_i = up;
    top.conn_qp_i = static_cast<std::uint8_t>(qp);
    top.conn_rx_psn_i = psn;
    step();
    top.conn_valid_i = 0;
    step();
    step();
    step();
  }

  Packet packet(unsigned opcode, unsigned qp, unsigned psn, unsigned bytes) {
    Packet p;
    p.opcode = opcode;
    p.qp = qp;
    p.psn = psn & kPsnMask;
    if (opcode == kWrite) {
      p.va = random.next();
      p.rkey = static_cast<unsigned>(random.next());
    }
    p.bytes = bytes;
    p.beats.resize((bytes + 63) / 64);
    for (auto& beat : p.beats) {
      for (auto& byte : beat) byte = static_cast<std::uint8_t>(random.next());
    }
    return p;
  }

  void cycle() {
    if (!offered_ && !input.empty() && !random.percent(idle)) {
      offered_ = true;
      for (auto& word : noise_) word = random.next();
    }
    top.pkt_valid_i = offered_;
    if (offered_) {
      const auto& p = input.front();
      // Fields that the packet does not have may hold anything.
      for (unsigned i = 0; i < 4; ++i) put_bits(top.pkt_info_i, 64 * i, i < 3 ? 64 : 22, noise_[i]);
      put_bits(top.pkt_info_i, 0, 8, p.opcode);
      put_bits(top.pkt_info_i, 8, 8, p.qp);
      put_bits(top.pkt_info_i, 16, 1, p.ack_request);
      put_bits(top.pkt_info_i, 17, 24, p.psn);
      put_bits(top.pkt_info_i, 41, 8, p.syndrome);
      put_bits(top.pkt_info_i, 73, 64, p.va);
      put_bits(top.pkt_info_i, 137, 32, p.rkey);
      put_bits(top.pkt_info_i, 169, 32, p.opcode == kWrite ? p.bytes : 0);
      put_bits(top.pkt_info_i, 201, 13, p.bytes);
    }
    if (!beat_offered_ && !beats_.empty()) beat_offered_ = !random.percent(idle);
    top.beat_valid_i = beat_offered_;
    if (beat_offered_) put_beat(top.beat_data_i, beats_.front());
    top.rx_ready_i = !random.percent(stall);
    top.rreq_ready_i = !random.percent(stall);
    top.rresp_ready_i = !random.percent(stall);
    top.rbeat_ready_i = !random.percent(stall);
    top.req_ready_i = !random.percent(answer_stall);
    settle();
    if (top.rx_valid_o && top.rx_ready_i) {
      message.push_back(get_beat(top.rx_data_o));
      EXPECT_EQ(top.rx_ep_o, (top.rx_qp_o >> 4) & 3);
      if (top.rx_last_o) {
        EXPECT_EQ(message.size(), (top.rx_bytes_o + 63u) / 64u);
        messages[top.rx_qp_o].push_back(message);
        message.clear();
        if (first_message == 0) first_message = cycles;
        last_message = cycles;
      }
    }
    for (unsigned e = 0; e < 4; ++e) accepts[e] += (top.accept_o >> e) & 1;
    if (top.ack_valid_o) acks.push_back({cycles, top.ack_qp_o, top.ack_psn_o, top.ack_syndrome_o, 0});
    if (top.rreq_valid_o && top.rreq_ready_i)
      requests.push_back(static_cast<unsigned>(get_bits(top.rreq_info_o, 17, 24)));
    if (top.rresp_valid_o && top.rresp_ready_i) {
      responses.push_back(static_cast<unsigned>(get_bits(top.rresp_info_o, 0, 8)));
    }
    if (top.rbeat_valid_o && top.rbeat_ready_i) response_beats.push_back(get_beat(top.rbeat_data_o));
    duplicates += top.duplicate_o;
    dropped += top.dropped_o;
    if (top.req_valid_o && top.req_ready_i) {
      const auto& info = top.req_info_o;
      EXPECT_EQ(get_bits(info, 0, 8), kAck);
      EXPECT_EQ(get_bits(info, 201, 13), 0u);
      answers.push_back(
          {cycles, static_cast<unsigned>(get_bits(info, 8, 8)), static_cast<unsigned>(get_bits(info, 17, 24)),
           static_cast<unsigned>(get_bits(info, 41, 8)), static_cast<unsigned>(get_bits(info, 49, 24))});
    }
    if (beat_offered_ && top.beat_ready_o) {
      beats_.pop_front();
      beat_offered_ = false;
    }
    const bool taken = offered_ && top.pkt_ready_o;
    edge();
    if (taken) {
      // ready_i is that of this packet while it is decided.
      top.ready_i = input.front().ready ? 0xff : 0x00;
      for (const auto& beat : input.front().beats) beats_.push_back(beat);
      input.pop_front();
      offered_ = false;
      if (first_taken == 0) first_taken = cycles;
    }
  }

  void run() {
    for (unsigned i = 0; i < 200000; ++i) {
      cycle();
      settle();
      if (input.empty() && beats_.empty() && top.idle_o) return;
    }
    FAIL() << "not idle";
  }

  Random random;
  unsigned idle = 0, stall = 0, answer_stall = 0;
  std::deque<Packet> input;
  std::vector<Beat> message, response_beats;
  std::map<unsigned, std::vector<std::vector<Beat>>> messages;
  std::vector<Answer> answers, acks;
  std::vector<unsigned> requests, responses;
  unsigned accepts[4] = {};
  unsigned duplicates = 0, dropped = 0;
  std::uint64_t first_taken = 0, first_message = 0, last_message = 0;

 private:
  std::deque<Beat> beats_;
  std::uint64_t noise_[4] = {};
  bool offered_ = false, beat_offered_ = false;
};

/// The rules, one queue pair.
struct Model {
  unsigned expected = 0, seen = 0, duplicates = 0;
  bool gap = false, refusal = false, sequence = false, heard = false;
  std::vector<std::vector<Beat>> messages;
  void take(const Packet& p) {
    heard = true;
    if (not_after(p.psn, seen)) gap = false;
    seen = p.psn;
    if (p.psn == expected) {
      if (p.ready) {
        messages.push_back(p.message());
        expected = (expected + 1) & kPsnMask;
        gap = refusal = sequence = false;
      } else {
        refusal = gap = true;
      }
    } else if (not_after(p.psn, expected)) {
      ++duplicates;
    } else {
      if (!gap) sequence = true;
      gap = true;
    }
  }
};

TEST(QpRx, takes_what_the_model_takes_and_answers_what_is_missing) {
  const auto first = seed(1);
  for (unsigned run = 0; run < 20 * effort(); ++run) {
    SCOPED_TRACE(first + run);
    Bench bench(first + run);
    auto& random = bench.random;
    bench.idle = run % 3 * 30;
    bench.stall = run % 2 * 40;
    bench.answer_stall = run % 4 * 30;
    std::map<unsigned, Model> models;
    std::vector<unsigned> qps;
    for (unsigned i = 0; i < 8; ++i) {
      const auto qp = static_cast<unsigned>(random.below(128));
      if (models.count(qp) != 0) continue;
      const auto psn = (0u - static_cast<unsigned>(random.below(30))) & kPsnMask;
      bench.connect(qp, psn);
      models[qp].expected = psn;
      models[qp].seen = (psn - 1) & kPsnMask;
      qps.push_back(qp);
    }
    unsigned duplicates = 0;
    for (unsigned burst = 0; burst < 100; ++burst) {
      const auto qp = qps[random.below(qps.size())];
      auto& model = models[qp];
      // Mostly the next ones, from a little before to a little after.
      unsigned psn = random.percent(60)
                         ? model.expected
                         : (model.expected + 3 - static_cast<unsigned>(random.below(7))) & kPsnMask;
      const auto count = 1 + random.below(6);
      for (unsigned i = 0; i < count; ++i) {
        if (!random.percent(8)) {
          // WRITEs, of any length, on queue pairs of kind Coll.
          const bool write = (qp & 0x40) != 0 && random.percent(50);
          auto p = bench.packet(write ? kWrite : kSend, qp, psn,
                                (write ? 1 : 64) + static_cast<unsigned>(random.below(200)));
          p.ack_request = random.percent(20);
          p.ready = !random.percent(10);
          bench.input.push_back(p);
          model.take(p);
        }
        psn = (psn + 1) & kPsnMask;
      }
      if (random.percent(30)) bench.run();
    }
    bench.run();
    for (const auto& [qp, model] : models) {
      SCOPED_TRACE(qp);
      duplicates += model.duplicates;
      EXPECT_TRUE(bench.messages[qp] == model.messages);
      if (!model.heard) continue;
      // Everything is acknowledged in the end, by whatever answer, and nothing that was not taken.
      bool all = false, missing = false;
      for (const auto& a : bench.answers) {
        if (a.qp != qp) continue;
        EXPECT_TRUE(a.syndrome == kPositive || a.syndrome == kSequence || a.syndrome == kRnr);
        const auto through = a.syndrome == kPositive ? a.psn : (a.psn - 1) & kPsnMask;
        EXPECT_TRUE(not_after(through, (model.expected - 1) & kPsnMask));
        if (through == ((model.expected - 1) & kPsnMask)) all = true;
        if (a.syndrome != kPositive && a.psn == model.expected) missing = true;
      }
      EXPECT_TRUE(all || model.messages.empty());
      EXPECT_EQ(missing, model.sequence || model.refusal);
    }
    EXPECT_EQ(bench.duplicates, duplicates);
    unsigned accepts[4] = {};
    for (const auto& [qp, model] : models)
      accepts[(qp >> 4) & 3] += static_cast<unsigned>(model.messages.size());
    for (unsigned e = 0; e < 4; ++e) EXPECT_EQ(bench.accepts[e], accepts[e]);
    if (::testing::Test::HasFailure()) return;
    for (const unsigned qp : qps) bench.connect(qp, 0, false);
  }
}

TEST(QpRx, acknowledgements_wait_for_packets_or_cycles) {
  Bench bench(seed(2));
  bench.connect(3, 100);
  for (unsigned i = 0; i < 24; ++i) bench.input.push_back(bench.packet(kSend, 3, 100 + i, 72));
  bench.run();
  ASSERT_EQ(bench.answers.size(), 3u);
  EXPECT_EQ(bench.answers[2].psn, 123u);
  EXPECT_EQ(bench.answers[2].msn, 24u);
  const auto start = bench.cycles;
  bench.input.push_back(bench.packet(kSend, 3, 124, 72));
  bench.run();
  ASSERT_EQ(bench.answers.size(), 4u);
  EXPECT_GE(bench.answers[3].cycle - start, 200u);
  EXPECT_LE(bench.answers[3].cycle - start, 230u);
  auto p = bench.packet(kSend, 3, 125, 72);
  p.ack_request = true;
  bench.input.push_back(p);
  const auto asked = bench.cycles;
  bench.run();
  ASSERT_EQ(bench.answers.size(), 5u);
  EXPECT_LE(bench.answers[4].cycle - asked, 12u);
}

TEST(QpRx, answer_that_waits_follows_what_happens) {
  Bench bench(seed(3));
  bench.connect(0x41, 10);
  bench.connect(7, 50);
  bench.answer_stall = 100;
  // Fill the output with the answer of another queue pair.
  auto ask = bench.packet(kSend, 7, 50, 64);
  ask.ack_request = true;
  bench.input.push_back(ask);
  for (unsigned i = 0; i < 20; ++i) bench.cycle();
  // Gap, then the missing one: the NAK is obsolete, an ACK of all goes out.
  for (const unsigned psn : {11u, 10u}) bench.input.push_back(bench.packet(kSend, 0x41, psn, 64));
  for (unsigned i = 0; i < 40; ++i) bench.cycle();
  bench.answer_stall = 0;
  bench.run();
  ASSERT_EQ(bench.answers.size(), 2u);
  EXPECT_EQ(bench.answers[1].syndrome, kPositive);
  EXPECT_EQ(bench.answers[1].psn, 10u);
  // Gap, then a duplicate that asks: the NAK stays.
  bench.answer_stall = 100;
  ask.psn = 51;
  bench.input.push_back(ask);
  for (unsigned i = 0; i < 20; ++i) bench.cycle();
  bench.input.push_back(bench.packet(kSend, 0x41, 13, 64));
  auto again = bench.packet(kSend, 0x41, 10, 64);
  again.ack_request = true;
  bench.input.push_back(again);
  for (unsigned i = 0; i < 40; ++i) bench.cycle();
  bench.answer_stall = 0;
  bench.run();
  ASSERT_EQ(bench.answers.size(), 4u);
  EXPECT_EQ(bench.answers[3].syndrome, kSequence);
  EXPECT_EQ(bench.answers[3].psn, 11u);
}

TEST(QpRx, hands_other_packets_to_their_units) {
  Bench bench(seed(4));
  bench.stall = 30;
  bench.connect(1, 0);
  auto ack = bench.packet(kAck, 0x41, 77, 0);
  ack.syndrome = kPositive;
  bench.input.push_back(ack);
  bench.input.push_back(bench.packet(kReadRequest, 0x85, 5, 0));
  const auto response = bench.packet(kReadOnly, 0x86, 6, 300);
  bench.input.push_back(response);
  bench.input.push_back(bench.packet(kAck, 0x86, 7, 0));
  bench.input.push_back(bench.packet(kSend, 2, 0, 100));       // not connected
  bench.input.push_back(bench.packet(kReadRequest, 1, 0, 0));  // wrong kind
  bench.input.push_back(bench.packet(kSend, 0x82, 0, 200));    // wrong kind
  bench.input.push_back(bench.packet(kWrite, 1, 0, 200));      // wrong kind
  bench.input.push_back(bench.packet(kWrite, 0x85, 0, 200));   // wrong kind
  bench.input.push_back(bench.packet(kWrite, 0x42, 0, 200));   // not connected
  bench.input.push_back(bench.packet(kSend, 1, 0, 40));        // too short for a header, but in order
  bench.input.push_back(bench.packet(kSend, 1, 1, 64));
  bench.run();
  ASSERT_EQ(bench.acks.size(), 1u);
  EXPECT_EQ(bench.acks[0].qp, 0x41u);
  EXPECT_EQ(bench.acks[0].psn, 77u);
  EXPECT_EQ(bench.acks[0].syndrome, kPositive);
  EXPECT_EQ(bench.requests, std::vector<unsigned>{5});
  EXPECT_EQ(bench.responses, (std::vector<unsigned>{kReadOnly, kAck}));
  EXPECT_TRUE(bench.response_beats == response.beats);
  EXPECT_EQ(bench.dropped, 7u);
  EXPECT_EQ(bench.messages[1].size(), 1u);
  EXPECT_EQ(bench.accepts[0], 1u);
  ASSERT_EQ(bench.answers.size(), 1u);
  EXPECT_EQ(bench.answers[0].psn, 1u);
}

TEST(QpRx, requests_and_responses_wait_for_their_unit) {
  Bench bench(seed(5));
  bench.stall = 80;
  std::vector<unsigned> requests, responses;
  for (unsigned i = 0; i < 20; ++i) {
    bench.input.push_back(bench.packet(kReadRequest, 0x85, i, 0));
    requests.push_back(i);
    bench.input.push_back(bench.packet(kAck, 0x86, i, 0));
    responses.push_back(kAck);
  }
  bench.run();
  EXPECT_EQ(bench.requests, requests);
  EXPECT_EQ(bench.responses, responses);
  EXPECT_EQ(bench.dropped, 0u);
}

TEST(QpRx, full_writes_each_66_cycles) {
  Bench bench(seed(6));
  bench.connect(0x41, 0);
  std::vector<std::vector<Beat>> wanted;
  for (unsigned i = 0; i < 50; ++i) {
    bench.input.push_back(bench.packet(kWrite, 0x41, i, 4096));
    wanted.push_back(bench.input.back().message());
  }
  bench.run();
  EXPECT_TRUE(bench.messages[0x41] == wanted);
  EXPECT_EQ(bench.dropped, 0u);
  const double rate = static_cast<double>(bench.last_message - bench.first_message) / 49;
  std::printf("WRITEs of 4096 bytes: %.2f cycles each\n", rate);
  EXPECT_LE(rate, 66.01);
}

TEST(QpRx, small_messages_each_four_cycles) {
  Bench bench(seed(5));
  bench.connect(0, 0);
  for (unsigned i = 0; i < 1000; ++i) bench.input.push_back(bench.packet(kSend, 0, i, 72));
  bench.run();
  const double rate = static_cast<double>(bench.last_message - bench.first_message) / 999;
  std::printf("8-byte messages: %.2f cycles each; %llu cycles from a packet to its message's end\n", rate,
              static_cast<unsigned long long>(bench.first_message - bench.first_taken));
  EXPECT_LE(rate, 4.01);
}

}  // namespace
}  // namespace tally::test
