// SPDX-License-Identifier: BSD-3-Clause
// Random programs of four endpoints over the whole message path, compared with the reference.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <ostream>
#include <set>

#include "bench.hpp"

namespace {

using namespace tally::test;
namespace device = tally::device;
using device::Opcode;
using device::Status;

std::uint8_t code(Opcode opcode) { return static_cast<std::uint8_t>(opcode); }

// One endpoint's program: keeps to what a driver may do (handles, spill_seen) and is random otherwise.
class Program {
 public:
  Program(Bench& bench, unsigned ep, const BenchConfig& config) : bench_(bench), ep_(ep), config_(config) {
    for (unsigned h = 0; h < config.posted; ++h) free_.push_back(h);
  }

  void step() {
    Random& r = bench_.random;
    const auto roll = r.below(100);
    if (roll < 40)
      send();
    else if (roll < 78)
      receive();
    else if (roll < 84)
      cancel();
    else if (roll < 91)
      probe();
    else if (roll < 93)
      bench_.submit(ep_, plain(Opcode::kNop));
    else if (roll < 94)
      bench_.submit(ep_, plain(Opcode::kSpillOn));
    else if (roll < 97)
      spill_off();
    else
      bad();
    if (!claims_.empty() && r.percent(30)) take_claimed();
  }

  void completed(const device::Cqe& cqe) {
    if (cqe.opcode == code(Opcode::kSpill) && cqe.status == 0) {  // its cookie is the slot
      if ((cqe.flags & device::kCqeFlagRendezvous) == 0) return;
      device::MsgHeader header;
      std::memcpy(&header,
                  bench_.at(Bench::spill_area(ep_) + std::uint64_t{cqe.cookie} * device::kSpillSlotBytes),
                  64);
      auto desc = recv_desc(Opcode::kFetch, header.src_rank, header.context_id, header.tag, 0,
                            room(header.length), header.length, next(), Bench::recv_key(ep_));
      desc.remote_addr = header.addr;
      desc.remote_key = header.key;
      desc.remote_length = header.length;
      desc.remote_cookie = header.cookie;
      desc.remote_stamp = header.offset;
      bench_.submit(ep_, desc);
      return;
    }
    const auto handle = handles_.find(cqe.cookie);
    if (handle != handles_.end()) {
      free_.push_back(handle->second);
      handles_.erase(handle);
    }
    const auto cancel = cancels_.find(cqe.cookie);
    if (cancel != cancels_.end()) {
      if (cqe.status == 0) {
        const auto receive = handles_.find(cancel->second);
        ASSERT_NE(receive, handles_.end());
        free_.push_back(receive->second);
        handles_.erase(receive);
      }
      cancels_.erase(cancel);
    }
    if (cqe.opcode == code(Opcode::kProbe) && claim_cookies_.erase(cqe.cookie) != 0 && cqe.status == 0) {
      claims_.push_back(cqe.detail);
    }
  }

 private:
  std::uint32_t next() { return ep_ << 24 | ++cookies_; }
  // Buffers do not overlap as long as a program does not run through its area.
  std::uint64_t room(std::uint32_t bytes) {
    const std::uint64_t address = Bench::recv_area(ep_) + recv_at_ + bench_.random.below(64);
    recv_at_ = (recv_at_ + bytes + 128) % ((2u << 20) - 20000);
    return address;
  }
  unsigned context() { return 7 + static_cast<unsigned>(bench_.random.below(2)); }
  std::uint32_t tag() { return static_cast<std::uint32_t>(bench_.random.below(3)); }
  unsigned peer() { return static_cast<unsigned>(bench_.random.below(kEndpoints)); }
  std::uint32_t bytes() {
    switch (bench_.random.below(6)) {
      case 0:
        return 0;
      case 1:
        return static_cast<std::uint32_t>(bench_.random.below(config_.eager_max + 1));
      case 2:
        return config_.eager_max + static_cast<std::uint32_t>(bench_.random.below(2));
      case 3:
        return static_cast<std::uint32_t>(bench_.random.below(9000));
      default:
        return static_cast<std::uint32_t>(bench_.random.below(130));
    }
  }
  device::RecvDesc plain(Opcode opcode) { return recv_desc(opcode, 0, 0, 0, 0, 0, 0, next(), 0); }

  void send() {
    Random& r = bench_.random;
    const unsigned to = r.percent(5) ? 5 : peer();
    if (r.percent(25)) {
      bench_.submit(ep_, inline_desc(to, context(), tag(), static_cast<std::uint32_t>(r.below(33)), next()));
      return;
    }
    const std::uint32_t n = bytes();
    auto desc = send_desc(to, context(), tag(), Bench::send_area(ep_) + r.below(2000000), n, next(),
                          Bench::send_key(ep_));
    if (r.percent(20)) desc.flags = device::kMsgFlagSync;
    bench_.submit(ep_, desc);
  }
  void receive() {
    Random& r = bench_.random;
    const bool append = r.percent(85);
    if (append && free_.empty()) return;
    const std::uint32_t n = r.percent(80) ? 9000 : static_cast<std::uint32_t>(r.below(100));
    auto desc =
        recv_desc(Opcode::kRecv, peer(), context(), tag(), 0, room(n), n, next(), Bench::recv_key(ep_));
    if (append) {
      const std::size_t pick = r.below(free_.size());
      desc.handle = static_cast<std::uint16_t>(free_[pick]);
      handles_[desc.cookie] = free_[pick];
      free_.erase(free_.begin() + static_cast<std::ptrdiff_t>(pick));
    } else {
      desc.flags |= device::kMsgFlagNoAppend;
      desc.handle = 0xffff;
    }
    if (r.percent(30)) {
      desc.flags |= device::kMsgFlagAnySource;
      desc.peer = 99;
    }
    if (r.percent(30)) {
      desc.flags |= device::kMsgFlagAnyTag;
      desc.tag = 0xffffffff;
    }
    desc.spill_seen = bench_.spills_seen(ep_);
    bench_.submit(ep_, desc);
  }
  void cancel() {
    auto desc = plain(Opcode::kCancel);
    if (handles_.empty()) return;
    auto pick = handles_.begin();
    std::advance(pick, static_cast<std::ptrdiff_t>(bench_.random.below(handles_.size())));
    for (const auto& [cookie, receive] : cancels_) {
      if (receive == pick->first) return;
    }
    desc.handle = static_cast<std::uint16_t>(pick->second);
    cancels_[desc.cookie] = pick->first;
    bench_.submit(ep_, desc);
  }
  void probe() {
    auto desc = recv_desc(Opcode::kProbe, peer(), context(), tag(), 0, 0, 0, next(), 0);
    desc.flags = static_cast<std::uint8_t>(bench_.random.below(4));  // AnySource, AnyTag
    if (bench_.random.percent(50)) {
      desc.flags |= device::kMsgFlagClaim;
      claim_cookies_.insert(desc.cookie);
    }
    bench_.submit(ep_, desc);
  }
  void take_claimed() {
    const std::uint32_t n =
        bench_.random.percent(80) ? 9000 : static_cast<std::uint32_t>(bench_.random.below(100));
    bench_.submit(ep_, recv_desc(Opcode::kMrecv, 0, context(), 0, claims_.back(), room(n), n, next(),
                                 Bench::recv_key(ep_)));
    claims_.pop_back();
  }
  void spill_off() {
    auto desc = plain(Opcode::kSpillOff);
    desc.spill_seen = bench_.spills_seen(ep_);
    bench_.submit(ep_, desc);
  }
  void bad() {
    Random& r = bench_.random;
    auto desc = recv_desc(r.percent(50) ? Opcode::kSend : Opcode::kRecv, peer(), context(), tag(), 1,
                          room(40), 40, next(), Bench::recv_key(ep_));
    if (r.percent(20)) desc.opcode = static_cast<std::uint8_t>(10 + r.below(246));
    switch (r.below(4)) {
      case 0:
        desc.peer = 6;
        break;
      case 1:
        desc.tag |= 0x80000000;
        break;
      case 2:
        desc.key ^= 1u << 12;
        break;
      default:
        desc.addr = Bench::recv_area(ep_) - 1;
    }
    if (desc.opcode == code(Opcode::kRecv)) desc.flags = device::kMsgFlagNoAppend;
    bench_.submit(ep_, desc);
  }

  Bench& bench_;
  unsigned ep_;
  const BenchConfig& config_;
  std::uint32_t cookies_ = 0;
  std::uint64_t recv_at_ = 0;
  std::vector<unsigned> free_;
  std::map<std::uint32_t, unsigned> handles_;       // of receives, by cookie
  std::map<std::uint32_t, std::uint32_t> cancels_;  // cookie of the cancel, of its receive
  std::set<std::uint32_t> claim_cookies_;
  std::vector<unsigned> claims_;
};

struct Case {
  const char* name;
  BenchConfig config;
};

void PrintTo(const Case& test, std::ostream* out) { *out << test.name; }

class RandomPrograms : public ::testing::TestWithParam<Case> {};

TEST_P(RandomPrograms, complete_as_the_reference_says) {
  BenchConfig config = GetParam().config;
  config.seed = seed(4711);
  const unsigned rounds = 3 * effort();
  unsigned seen[15] = {};
  for (unsigned round = 0; round < rounds; ++round, ++config.seed) {
    SCOPED_TRACE("seed " + std::to_string(config.seed));
    Bench bench(config);
    std::vector<Program> programs;
    for (unsigned e = 0; e < kEndpoints; ++e) programs.emplace_back(bench, e, config);
    bench.on_completion = [&](const Bench::Completion& c) { programs[c.ep].completed(c.cqe); };
    for (unsigned i = 0; i < 250 && !HasFailure(); ++i) {
      for (auto& program : programs) {
        if (bench.random.percent(70)) program.step();
      }
      bench.run(bench.random.below(60));
    }
    ASSERT_FALSE(HasFailure());
    bench.expect_finished();
    ASSERT_FALSE(HasFailure());
    for (unsigned i = 0; i < 15; ++i) seen[i] += bench.events[i];
    // No entry and no slot got lost: what must be free can be filled.
    bench.on_completion = nullptr;
    for (unsigned e = 0; e < kEndpoints; ++e) {
      auto off = recv_desc(Opcode::kSpillOff, 0, 0, 0, 0, 0, 0, 0xffffff00 + e, 0);
      off.spill_seen = bench.spills_seen(e);
      bench.submit(e, off);
      bench.run_until_idle();
      const unsigned n =
          std::min(config.unexpected - bench.reference.entries(e), config.bounce - bench.reference.slots(e));
      const unsigned before = bench.events[2];
      device::MsgHeader h{};
      h.magic = device::kDeviceId;
      h.version = 1;
      h.ptype = static_cast<std::uint8_t>(device::PacketType::kEager);
      h.src_rank = 4;
      h.dst_rank = static_cast<std::uint16_t>(e);
      h.context_id = 999;
      h.payload_len = 33;
      h.length = 33;
      for (unsigned i = 0; i < n; ++i)
        bench.inject(e, 4, device::QpKind::kMsg, h, std::vector<std::uint8_t>(33, 1));
      bench.expect_finished();
      EXPECT_EQ(bench.events[2] - before, n) << "endpoint " << e << " lost entries or bounce slots";
    }
    ASSERT_FALSE(HasFailure());
  }
  // What the programs must have met. Protection at an arrival and discarded messages are for the directed
  // tests.
  std::vector<unsigned> must = {0, 3, 5, 7, 8, 9, 11, config.bounce < config.unexpected ? 13u : 12u};
  if (config.unexpected > 1 && config.bounce > 1) must.insert(must.end(), {1, 2, 4});
  for (const unsigned event : must) EXPECT_NE(seen[event], 0u) << "event " << event << " never happened";
}

BenchConfig make(unsigned stall, unsigned unexpected, unsigned bounce, unsigned spill_log2) {
  BenchConfig c;
  c.stall_percent = stall;
  c.unexpected = unexpected;
  c.bounce = bounce;
  c.spill_log2 = spill_log2;
  return c;
}
BenchConfig slow() {
  BenchConfig c = make(10, 16, 8, 4);
  c.read_latency = 150;
  c.write_latency = 200;
  c.network_latency = 100;
  return c;
}
BenchConfig narrow() {
  BenchConfig c = make(20, 8, 8, 2);
  c.posted = 8;
  c.window_cells = 17;
  c.eager_max = 4032;
  return c;
}
BenchConfig full_rings() {
  BenchConfig c = make(10, 16, 8, 4);
  c.cq_toggles = true;
  return c;
}

INSTANTIATE_TEST_SUITE_P(
    Message, RandomPrograms,
    ::testing::Values(Case{"straight", make(0, 16, 16, 4)}, Case{"stalls", make(30, 16, 8, 4)},
                      Case{"heavy_stalls", make(60, 16, 8, 4)}, Case{"one_of_all", make(20, 1, 1, 0)},
                      Case{"no_bounce", make(20, 16, 0, 3)}, Case{"no_unexpected", make(20, 0, 4, 3)},
                      Case{"slow_memory", slow()}, Case{"narrow_window", narrow()},
                      Case{"full_rings", full_rings()}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
