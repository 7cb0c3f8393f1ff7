// SPDX-License-Identifier: BSD-3-Clause
// Random programs on devices with tables of all sizes, against the matching rule of MPI.
//
// The reference: with the receives of a rank in the order of the calls (a successful mprobe is one, a
// cancelled receive is none) and the messages in the order of their arrival at its device, each message goes
// to the oldest receive that matches it and has none. Whenever a receive meets a message, the other pairs
// that are older are met already, so that this is what every run must give, whatever the timing.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

#include "engine/ring/ring_engine.hpp"
#include "ring/model_device.hpp"
#include "support/seed.hpp"

namespace tally::test {
namespace {

using ring::RingEngineOptions;

struct Case {
  std::string name;
  unsigned ranks = 2;
  unsigned ranks_per_device = 1;
  unsigned conflict_percent = 0;
  unsigned refuse_percent = 0;
  RingEngineOptions options = {};
  friend void PrintTo(const Case& each, std::ostream* out) { *out << each.name; }
};

constexpr std::uint32_t kLongest = 6000;
constexpr int kAny = -1;

std::byte pattern(std::uint32_t message, std::uint32_t at) {
  return static_cast<std::byte>(message * 2654435761u >> 13 ^ at * 7);
}

struct Sent {
  unsigned from, to;
  int context, tag;
  std::uint32_t length;
  bool done = false;
};

struct Receive {
  unsigned rank = 0;
  int context = 0, source = kAny, tag = kAny;
  std::uint32_t room = 0;
  std::byte* buffer = nullptr;
  bool probe = false, claim = false, mrecv_posted = false, cancelling = false;
  bool done = false;
  bool stands = false;  // has a message
  Completion completion = {};
};

class Program {
 public:
  Program(const Case& setup, std::uint64_t seed) : setup_(setup), random_(seed), network_(seed + 1) {
    network_.conflict_percent = setup.conflict_percent;
    const unsigned devices = (setup.ranks + setup.ranks_per_device - 1) / setup.ranks_per_device;
    for (unsigned d = 0; d < devices; ++d) network_.add_device(setup.ranks_per_device);
    std::vector<ring::Address> addresses;
    for (unsigned r = 0; r < setup.ranks; ++r)
      addresses.push_back(ring::simulated_address(r / setup.ranks_per_device, r % setup.ranks_per_device));
    arrivals_.resize(setup.ranks);
    network_.on_arrival = [this](const device::MsgHeader& h) { arrivals_[h.dst_rank].push_back(h); };
    for (unsigned r = 0; r < setup.ranks; ++r) {
      RingEngineOptions o = setup.options;
      o.endpoint = r % setup.ranks_per_device;
      o.endpoints = setup.ranks_per_device;
      o.bring_up_device = o.endpoint == 0;
      o.memory_offset = o.endpoint * ModelDevice::kEndpointBytes;
      o.memory_bytes = ModelDevice::kEndpointBytes;
      o.first_posted = o.endpoint * 1024;
      if (setup.ranks_per_device > 1 && o.posted == 0) o.posted = 1024;
      if (setup.ranks_per_device > 1) o.addresses = addresses;
      engines_.push_back(std::make_unique<ring::RingEngine>(*network_.devices[r / setup.ranks_per_device], r,
                                                            setup.ranks, o));
      memory_.emplace_back(std::size_t{kArena});
      keys_.emplace_back();
      used_.push_back(0);
      EXPECT_TRUE(engines_[r]->register_memory(memory_[r].data(), memory_[r].size(), &keys_[r]).ok());
    }
    network_.refuse_percent = setup.refuse_percent;
  }

  void run(unsigned operations) {
    for (unsigned k = 0; k < operations && !testing::Test::HasFatalFailure(); ++k) {
      if (k % 40 == 39 && random_() % 3 == 0) {
        take_all();
        if (random_() % 2 == 0) run_until("received", [&] { return receives_done(); });
      }
      const auto rank = static_cast<unsigned>(random_() % setup_.ranks);
      // Phases in which messages, or receives, pile up.
      const unsigned sends = k / 60 % 3 == 0 ? 70 : k / 60 % 3 == 1 ? 15 : 45;
      const auto draw = static_cast<unsigned>(random_() % 100);
      if (draw < sends) {
        send(rank);
      } else if (draw < 78 && !sent_.empty()) {
        // One that a message of these times may be for.
        const Sent& s = sent_[sent_.size() - 1 - random_() % std::min<std::size_t>(sent_.size(), 30)];
        receive(s.to, static_cast<int>(s.from), s.tag, s.context);
      } else if (draw < 85) {
        receive(rank, random_() % 100 < 15 ? kAny : static_cast<int>(random_() % setup_.ranks),
                random_() % 100 < 15 ? kAny : static_cast<int>(random_() % 3),
                static_cast<int>(random_() % 2));
      } else if (draw < 92) {
        probe(rank, random_() % 2 == 0);
      } else if (draw < 96) {
        cancel_one(rank);
      } else {
        mrecv_one(rank);
      }
      network_.run(static_cast<unsigned>(random_() % 40));
      if (random_() % 3 != 0) poll(rank);
    }
    finish();
  }

 private:
  static constexpr std::size_t kArena = 24u << 20;

  std::byte* buffer(unsigned rank, std::size_t bytes) {
    std::byte* at = memory_[rank].data() + used_[rank];
    used_[rank] += bytes + 1;  // a byte that nobody may write
    EXPECT_LE(used_[rank], kArena);
    return at;
  }

  std::uint32_t length() {
    switch (random_() % 6) {
      case 0:
        return 0;
      case 1:
        return static_cast<std::uint32_t>(random_() % 33);
      case 2:
        return static_cast<std::uint32_t>(random_() % (kLongest + 1));
      default:
        return static_cast<std::uint32_t>(random_() % 400);
    }
  }

  /// Calls until the queues have room.
  template <typename Post>
  void post(unsigned rank, Post call) {
    Status status = call();
    for (int tries = 0; status.code() == TALLY_AGAIN && tries < 200000; ++tries) {
      network_.run(5);
      poll(static_cast<unsigned>(random_() % setup_.ranks));
      poll(rank);
      status = call();
    }
    ASSERT_TRUE(status.ok()) << status.message();
  }

  void send(unsigned rank) {
    const auto id = static_cast<std::uint32_t>(sent_.size());
    const Sent s{.from = rank,
                 .to = static_cast<unsigned>(random_() % setup_.ranks),
                 .context = static_cast<int>(random_() % 2),
                 .tag = static_cast<int>(random_() % 3),
                 .length = length()};
    std::byte* data = buffer(rank, s.length);
    for (std::uint32_t k = 0; k < s.length; ++k) data[k] = pattern(id, k);
    sent_.push_back(s);
    channels_[{s.from, s.to}].push_back(id);
    post(rank, [&] {
      return engines_[rank]->post_send({.buffer = data,
                                        .length = s.length,
                                        .key = keys_[rank],
                                        .context = static_cast<std::uint16_t>(s.context),
                                        .destination = static_cast<std::uint16_t>(s.to),
                                        .tag = static_cast<std::uint32_t>(s.tag),
                                        .cookie = id});
    });
  }

  void receive(unsigned rank, int source, int tag, int context, std::uint32_t room = kAnyRoom) {
    Receive r{.rank = rank, .context = context, .source = source, .tag = tag};
    r.room = room != kAnyRoom ? room : random_() % 4 == 0 ? length() : kLongest;
    r.buffer = buffer(rank, r.room);
    std::memset(r.buffer, 0xee, r.room + 1);
    const auto id = static_cast<std::uint32_t>(receives_.size());
    receives_.push_back(r);
    post(rank, [&] {
      return engines_[rank]->post_recv({.buffer = r.buffer,
                                        .length = r.room,
                                        .key = keys_[rank],
                                        .context = static_cast<std::uint16_t>(context),
                                        .source = static_cast<std::uint16_t>(source == kAny ? 0 : source),
                                        .any_source = source == kAny,
                                        .any_tag = tag == kAny,
                                        .tag = static_cast<std::uint32_t>(tag == kAny ? 0 : tag),
                                        .cookie = kReceiveCookie | id});
    });
  }

  void probe(unsigned rank, bool claim) {
    const auto id = static_cast<std::uint32_t>(receives_.size());
    Receive r{.rank = rank,
              .context = static_cast<int>(random_() % 2),
              .source = static_cast<int>(random_() % setup_.ranks),
              .tag = random_() % 2 == 0 ? kAny : 0};
    if (random_() % 2 == 0) r.source = kAny;
    r.probe = true;
    r.claim = claim;
    receives_.push_back(r);
    post(rank, [&] {
      return engines_[rank]->post_probe(
          {.context = static_cast<std::uint16_t>(r.context),
           .source = static_cast<std::uint16_t>(r.source == kAny ? 0 : r.source),
           .any_source = r.source == kAny,
           .any_tag = r.tag == kAny,
           .claim = claim,
           .tag = static_cast<std::uint32_t>(r.tag == kAny ? 0 : r.tag),
           .cookie = kReceiveCookie | id});
    });
  }

  void cancel_one(unsigned rank) {
    for (std::size_t k = receives_.size(); k-- > 0;) {
      Receive& r = receives_[k];
      if (r.rank != rank || r.done || r.probe || r.cancelling || random_() % 3 != 0) continue;
      r.cancelling = true;
      engines_[rank]->cancel(kReceiveCookie | static_cast<std::uint32_t>(k));
      return;
    }
  }

  bool mrecv_one(unsigned rank) {
    for (std::size_t k = 0; k < receives_.size(); ++k) {
      Receive& r = receives_[k];
      if (r.rank != rank || !r.claim || !r.stands || r.mrecv_posted) continue;
      r.mrecv_posted = true;
      r.done = false;
      r.room = random_() % 3 == 0 ? length() : kLongest;
      r.buffer = buffer(rank, r.room);
      std::memset(r.buffer, 0xee, r.room + 1);
      const MrecvDescriptor d{.buffer = r.buffer,
                              .length = r.room,
                              .key = keys_[rank],
                              .message = r.completion.message,
                              .cookie = kReceiveCookie | static_cast<std::uint32_t>(k)};
      post(rank, [&] { return engines_[rank]->post_mrecv(d); });
      EXPECT_EQ(engines_[rank]->post_mrecv(d).code(), TALLY_ERR_ARGUMENT) << "a message is received once";
      return true;
    }
    return false;
  }

  void poll(unsigned rank) {
    std::vector<Completion> out(1 + random_() % 20);
    out.resize(engines_[rank]->poll(out));
    for (const Completion& c : out) {
      progress_ = true;
      if ((c.cookie & kReceiveCookie) == 0) {
        ASSERT_FALSE(sent_[c.cookie].done) << "a send completed twice";
        ASSERT_EQ(c.status, TALLY_OK);
        sent_[c.cookie].done = true;
        continue;
      }
      Receive& r = receives_[c.cookie & ~kReceiveCookie];
      ASSERT_EQ(r.rank, rank);
      ASSERT_FALSE(r.done) << "a receive completed twice";
      r.done = true;
      r.completion = c;
      if (r.probe && !r.mrecv_posted) {
        ASSERT_TRUE(c.status == TALLY_OK || c.status == TALLY_AGAIN);
        r.stands = r.claim && c.status == TALLY_OK;
        continue;
      }
      if (c.status == TALLY_ERR_CANCELLED) {
        ASSERT_TRUE(r.cancelling);
        continue;
      }
      ASSERT_EQ(c.status, c.length > r.room ? TALLY_ERR_TRUNCATED : TALLY_OK);
      r.stands = true;
    }
  }

  template <typename Done>
  void run_until(const char* what, Done done) {
    for (std::uint32_t idle = 0; !done();) {
      progress_ = false;
      network_.run(50);
      for (unsigned r = 0; r < setup_.ranks; ++r) poll(r);
      idle = progress_ ? 0 : idle + 1;
      if (testing::Test::HasFatalFailure()) return;
      if (idle > 20000) {
        std::string text;
        for (const auto& engine : engines_) text += engine->describe_pending();
        FAIL() << "stuck: " << what << "\n" << text;
      }
    }
  }

  bool receives_done() {
    return std::all_of(receives_.begin(), receives_.end(), [](const Receive& r) { return r.done; });
  }

  /// Ends what is open, and takes what no receive took.
  void take_all() {
    for (std::size_t k = 0; k < receives_.size(); ++k) {
      Receive& r = receives_[k];
      if (r.done || r.probe) continue;
      r.cancelling = true;
      engines_[r.rank]->cancel(kReceiveCookie | static_cast<std::uint32_t>(k));
      network_.run(3);
    }
    run_until("cancelled receives", [&] { return receives_done(); });
    std::map<std::pair<unsigned, int>, int> missing;
    for (const Sent& s : sent_) ++missing[{s.to, s.context}];
    for (const Receive& r : receives_) {
      if (r.stands) --missing[{r.rank, r.context}];
    }
    for (const auto& [where, count] : missing) {
      ASSERT_GE(count, 0);
      for (int k = 0; k < count; ++k) receive(where.first, kAny, kAny, where.second, kLongest);
    }
  }

  void finish() {
    take_all();
    if (testing::Test::HasFatalFailure()) return;
    for (unsigned r = 0; r < setup_.ranks; ++r) {
      while (mrecv_one(r)) {
      }
    }
    run_until("all", [&] {
      return receives_done() && std::all_of(sent_.begin(), sent_.end(), [](const Sent& s) { return s.done; });
    });
    if (testing::Test::HasFatalFailure()) return;
    run_until("return to the device", [&] {
      return std::all_of(engines_.begin(), engines_.end(), [](const auto& e) {
        tally_counters c{};
        e->add_counters(c);
        return c.handovers_to_host == c.handovers_to_device;
      });
    });
    run_until("idle devices", [&] {
      return std::all_of(network_.devices.begin(), network_.devices.end(),
                         [](const auto& d) { return d->idle(); });
    });
    ASSERT_TRUE(network_.broken_rules.empty()) << network_.broken_rules[0];
    for (unsigned r = 0; r < setup_.ranks; ++r) check(r);
  }

  /// Which of the sends an arrival is: the channel between two ranks keeps order.
  std::vector<std::uint32_t> identify(unsigned rank) {
    std::map<unsigned, std::size_t> next;
    std::vector<std::uint32_t> ids;
    for (const device::MsgHeader& h : arrivals_[rank]) {
      const std::uint32_t id = channels_[{h.src_rank, rank}].at(next[h.src_rank]++);
      EXPECT_EQ(sent_[id].tag, static_cast<int>(h.tag)) << "messages left out of order";
      EXPECT_EQ(sent_[id].length, h.length);
      ids.push_back(id);
    }
    return ids;
  }

  void check(unsigned rank) {
    std::vector<Receive*> open;
    for (Receive& r : receives_) {
      if (r.rank == rank && r.stands) open.push_back(&r);
    }
    std::size_t pairs = 0;
    for (const std::uint32_t id : identify(rank)) {
      const Sent& s = sent_[id];
      const auto found = std::find_if(open.begin(), open.end(), [&](const Receive* r) {
        return r->context == s.context && (r->source == kAny || r->source == static_cast<int>(s.from)) &&
               (r->tag == kAny || r->tag == s.tag);
      });
      ASSERT_NE(found, open.end()) << "message " << id << " was lost";
      const Receive& r = **found;
      open.erase(found);
      ++pairs;
      ASSERT_EQ(r.completion.source, s.from) << "message " << id << " overtaken";
      ASSERT_EQ(r.completion.tag, static_cast<std::uint32_t>(s.tag)) << "message " << id << " overtaken";
      ASSERT_EQ(r.completion.length, s.length) << "message " << id << " overtaken";
      const std::uint32_t bytes = std::min(r.room, s.length);
      for (std::uint32_t k = 0; k < bytes; ++k)
        ASSERT_EQ(r.buffer[k], pattern(id, k)) << "byte " << k << " of " << id;
      for (std::uint32_t k = bytes; k <= r.room; ++k)
        ASSERT_EQ(r.buffer[k], std::byte{0xee}) << "beyond " << id;
    }
    ASSERT_TRUE(open.empty());
    tally_counters c{};
    engines_[rank]->add_counters(c);
    const std::uint64_t spilled = c.fallback_spilled_order + c.fallback_spilled_unexpected +
                                  c.fallback_spilled_bounce + c.fallback_spilled_conflict;
    EXPECT_EQ(c.cpu_matches, spilled) << "what was spilled is matched by the host, once";
    EXPECT_EQ(c.cpu_reduced_bytes, 0u);
    if (setup_.ranks_per_device == 1) {
      EXPECT_LE(c.device_matches_posted + c.device_matches_unexpected + c.cpu_matches, pairs);
    }
    EXPECT_EQ(engines_[rank]->describe_pending(), "");
    EXPECT_TRUE(engines_[rank]->deregister_memory(keys_[rank]).ok()) << "an operation still holds its region";
    total_.cpu_matches += c.cpu_matches;
    total_.handovers_to_host += c.handovers_to_host;
    total_.fallback_receives_returned += c.fallback_receives_returned;
    total_.fallback_posted_full += c.fallback_posted_full;
    total_.fallback_send_window += c.fallback_send_window;
  }

  static constexpr std::uint32_t kReceiveCookie = 1u << 31;
  static constexpr std::uint32_t kAnyRoom = 0xffffffff;

  const Case& setup_;
  std::mt19937_64 random_;
  ModelNetwork network_;
  std::vector<std::vector<std::byte>> memory_;
  std::vector<std::uint32_t> keys_;
  std::vector<std::size_t> used_;
  std::vector<std::unique_ptr<ring::RingEngine>> engines_;
  std::vector<Sent> sent_;
  std::vector<Receive> receives_;
  std::map<std::pair<unsigned, unsigned>, std::vector<std::uint32_t>> channels_;
  std::vector<std::vector<device::MsgHeader>> arrivals_;
  bool progress_ = false;

 public:
  tally_counters total_{};
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const std::uint32_t size : {1u, 2u, 8u}) {
    const unsigned log2 = size == 1 ? 0 : size == 2 ? 1 : 3;
    const std::string n = std::to_string(size);
    all.push_back({.name = "posted_" + n, .options = {.posted = size}});
    all.push_back({.name = "unexpected_" + n, .options = {.unexpected = size}});
    all.push_back({.name = "bounce_" + n, .ranks = 3, .options = {.bounce = size}});
    all.push_back({.name = "spill_" + n, .ranks = 3, .options = {.unexpected = 2, .spill_log2 = log2}});
    all.push_back({.name = "completions_" + n, .options = {.cq_log2 = log2}});
    all.push_back({.name = "everything_" + n,
                   .ranks = 3,
                   .options = {.sq_log2 = std::max(1u, log2),
                               .cq_log2 = log2,
                               .posted = size,
                               .unexpected = size,
                               .bounce = size,
                               .spill_log2 = log2}});
  }
  all.push_back({.name = "nothing_on_the_device", .options = {.posted = 1, .unexpected = 0, .bounce = 0}});
  all.push_back({.name = "big_tables", .ranks = 4});
  all.push_back({.name = "one_rank", .ranks = 1, .options = {.posted = 3, .unexpected = 3}});
  all.push_back({.name = "conflicts", .ranks = 3, .conflict_percent = 5});
  all.push_back({.name = "many_conflicts_small_tables",
                 .ranks = 3,
                 .conflict_percent = 30,
                 .options = {.posted = 8, .unexpected = 4}});
  all.push_back(
      {.name = "refusing_window",
       .ranks = 2,
       .conflict_percent = 2,
       .refuse_percent = 30,
       .options = {.sq_log2 = 2, .cq_log2 = 1, .posted = 4, .unexpected = 4, .bounce = 2, .spill_log2 = 2}});
  all.push_back({.name = "rendezvous_only", .options = {.eager_max = 0, .posted = 4, .unexpected = 4}});
  all.push_back({.name = "small_packets", .ranks = 3, .options = {.mtu = 256, .posted = 6, .unexpected = 6}});
  all.push_back({.name = "two_ranks_on_a_device",
                 .ranks = 4,
                 .ranks_per_device = 2,
                 .options = {.posted = 5, .unexpected = 5}});
  all.push_back({.name = "four_ranks_on_a_device",
                 .ranks = 4,
                 .ranks_per_device = 4,
                 .conflict_percent = 1,
                 .options = {.bounce = 4}});
  return all;
}

class Handover : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(Each, Handover, testing::ValuesIn(cases()),
                         [](const auto& each) { return each.param.name; });

TEST_P(Handover, gives_each_receive_the_message_that_mpi_gives_it) {
  const std::uint64_t start = seed(0x4a0d);
  tally_counters total{};
  for (std::uint64_t k = 0; k < 6 * effort(); ++k) {
    SCOPED_TRACE("seed " + std::to_string(start + k));
    Program program(GetParam(), (start + k) * 1000);
    program.run(700);
    if (HasFatalFailure()) {
      std::printf("replay: TALLY_SEED=%llu\n", static_cast<unsigned long long>(start + k));
      return;
    }
    total.cpu_matches += program.total_.cpu_matches;
    total.handovers_to_host += program.total_.handovers_to_host;
    total.fallback_receives_returned += program.total_.fallback_receives_returned;
    total.fallback_posted_full += program.total_.fallback_posted_full;
    total.fallback_send_window += program.total_.fallback_send_window;
  }
  std::printf(
      "%llu matched by the host, %llu handovers, %llu receives returned, %llu without a posted entry, %llu "
      "sends held\n",
      static_cast<unsigned long long>(total.cpu_matches),
      static_cast<unsigned long long>(total.handovers_to_host),
      static_cast<unsigned long long>(total.fallback_receives_returned),
      static_cast<unsigned long long>(total.fallback_posted_full),
      static_cast<unsigned long long>(total.fallback_send_window));
  if (GetParam().name == "big_tables") {
    EXPECT_EQ(total.cpu_matches + total.handovers_to_host, 0u) << "a clean run does not need the host";
  }
}

}  // namespace
}  // namespace tally::test
