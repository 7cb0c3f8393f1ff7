// SPDX-License-Identifier: BSD-3-Clause
// The handover and cancel step by step, and the host's matching alone.
#include <random>

#include "engine/ring/host_match.hpp"
#include "ring/ring_fixture.hpp"
#include "support/seed.hpp"
#include "tally/device_registers.hpp"

namespace tally::test {
namespace {

class HandoverRules : public RingEngineTest {
 protected:
  device::Cqe spill(std::uint32_t slot, std::uint32_t tag, std::uint32_t processed, const char* text) {
    const auto* base =
        reinterpret_cast<std::byte*>(device_.registers[device::ep_reg::kSpillLo / 4] |
                                     std::uint64_t{device_.registers[device::ep_reg::kSpillHi / 4]} << 32);
    auto* at = const_cast<std::byte*>(base) + std::size_t{slot} * device::kSpillSlotBytes;
    device::MsgHeader h{};
    h.magic = device::kDeviceId;
    h.ptype = static_cast<std::uint8_t>(device::PacketType::kEager);
    h.src_rank = 1;
    h.tag = tag;
    h.length = static_cast<std::uint32_t>(std::strlen(text));
    h.payload_len = static_cast<std::uint16_t>(h.length);
    std::memcpy(at, &h, sizeof h);
    std::memcpy(at + sizeof h, text, h.length);
    device::Cqe cqe{};
    cqe.cookie = slot;
    cqe.opcode = static_cast<std::uint8_t>(device::Opcode::kSpill);
    cqe.flags = static_cast<std::uint16_t>(static_cast<unsigned>(device::SpillReason::kUnexpected) << 8);
    cqe.length = h.length;
    cqe.tag = tag;
    cqe.source = 1;
    cqe.detail = processed;
    return cqe;
  }
  device::Cqe not_posted(std::uint32_t cookie, device::SpillReason reason, std::uint32_t spills) {
    device::Cqe cqe{};
    cqe.cookie = cookie;
    cqe.opcode = static_cast<std::uint8_t>(device::Opcode::kRecv);
    cqe.status = static_cast<std::uint8_t>(device::Status::kNotPosted);
    cqe.flags = static_cast<std::uint16_t>(static_cast<unsigned>(reason) << 8);
    cqe.detail = spills;
    return cqe;
  }
  std::uint8_t next_other() {
    device_.consume();
    return device_.others.empty() ? 0xff : device_.others.front().opcode;
  }
  static constexpr auto kOn = static_cast<std::uint8_t>(device::Opcode::kSpillOn);
  static constexpr auto kOff = static_cast<std::uint8_t>(device::Opcode::kSpillOff);
};

TEST_F(HandoverRules,
       gives_a_spilled_message_to_the_receive_that_was_returned_and_the_matching_back_to_the_device) {
  open();
  ASSERT_TRUE(recv(100, 1, 5, 42).ok());
  device_.consume();
  ASSERT_TRUE(device_.push(spill(0, 5, 0, "hello")));
  ASSERT_TRUE(device_.push(not_posted(device_.receives.front().cookie, device::SpillReason::kOrder, 1)));
  device_.receives.clear();
  EXPECT_TRUE(poll().empty());
  EXPECT_EQ(device_.registers[device::ep_reg::kSpillHead / 4], 1u) << "the slot is free at once";
  EXPECT_EQ(next_other(), kOn);
  ASSERT_TRUE(device_.complete_other());
  auto done = poll();
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].cookie, 42u);
  EXPECT_EQ(done[0].status, TALLY_OK);
  EXPECT_EQ(done[0].length, 5u);
  EXPECT_EQ(std::memcmp(memory_.data(), "hello", 5), 0);
  EXPECT_EQ(next_other(), kOff);
  EXPECT_EQ(device_.others.front().spill_seen, 1u);
  ASSERT_TRUE(device_.complete_other());
  poll();
  const tally_counters c = counters();
  EXPECT_EQ(c.cpu_matches, 1u);
  EXPECT_EQ(c.cpu_copied_bytes, 10u);  // out of the slot, and to the buffer
  EXPECT_EQ(c.fallback_spilled_unexpected, 1u);
  EXPECT_EQ(c.fallback_receives_returned, 1u);
  EXPECT_EQ(c.handovers_to_host, 1u);
  EXPECT_EQ(c.handovers_to_device, 1u);
  ASSERT_TRUE(recv(100, 1, 6, 43).ok());
  device_.consume();
  EXPECT_EQ(device_.receives.front().spill_seen, 1u);
}

TEST_F(HandoverRules, goes_on_when_a_spilled_message_overtakes_the_answer_to_spill_off) {
  open();
  ASSERT_TRUE(device_.push(spill(0, 5, 0, "a")));
  poll();
  EXPECT_EQ(next_other(), kOn);
  ASSERT_TRUE(device_.complete_other());
  ASSERT_TRUE(recv(100, 1, 5, 1).ok());
  poll();
  device_.consume();  // the search
  ASSERT_EQ(device_.receives.size(), 1u);
  EXPECT_EQ(device_.receives.front().flags, device::kMsgFlagNoAppend);
  ASSERT_TRUE(device_.push(not_posted(device_.receives.front().cookie, device::SpillReason::kNoAppend, 1)));
  device_.receives.clear();
  EXPECT_EQ(next_other(), kOn);  // the fence
  ASSERT_TRUE(device_.complete_other());
  EXPECT_EQ(poll().size(), 1u);
  EXPECT_EQ(next_other(), kOff);
  ASSERT_TRUE(device_.push(spill(1, 5, 1, "b")));
  ASSERT_TRUE(device_.complete_other());
  poll();
  EXPECT_EQ(next_other(), kOn) << "the host still has a message";
  EXPECT_EQ(counters().handovers_to_device, 1u);
  EXPECT_EQ(counters().handovers_to_host, 2u);
}

TEST_F(HandoverRules, waits_for_the_spilled_message_that_a_refusal_tells_of) {
  open();
  ASSERT_TRUE(recv(100, 1, 5, 42).ok());
  device_.consume();
  ASSERT_TRUE(device_.push(not_posted(device_.receives.front().cookie, device::SpillReason::kOrder, 1)));
  device_.receives.clear();
  poll();
  EXPECT_EQ(next_other(), kOn);
  ASSERT_TRUE(device_.complete_other());
  poll();
  device_.consume();
  EXPECT_TRUE(device_.others.empty());
  EXPECT_TRUE(device_.receives.empty());
  ASSERT_TRUE(device_.push(spill(0, 5, 0, "x")));
  poll();
  EXPECT_EQ(counters().cpu_matches, 1u);
}

TEST_F(HandoverRules, gives_up_on_a_device_that_spills_out_of_turn_or_nonsense) {
  open();
  ASSERT_TRUE(recv(100, 1, 9, 42).ok());
  device_.consume();
  ASSERT_TRUE(device_.push(spill(3, 5, 0, "a")));
  ASSERT_EQ(poll().size(), 1u);
  EXPECT_NE(send(8, 1, 0, 1).message().find("slot 3, out of turn"), std::string::npos);

  FakeDevice other;
  ring::RingEngine engine(other, 0, 2);
  device::Cqe cqe{};
  cqe.opcode = static_cast<std::uint8_t>(device::Opcode::kSpill);
  ASSERT_TRUE(other.push(cqe));
  std::vector<Completion> out(4);
  EXPECT_EQ(engine.poll(out), 0u);
  EXPECT_EQ(engine.post_recv({.source = 1}).code(), TALLY_ERR_INTERNAL);
}

TEST_F(HandoverRules, cancels_a_posted_receive_or_completes_it_as_the_device_says) {
  open();
  ASSERT_TRUE(recv(100, 1, 5, 1).ok());
  ASSERT_TRUE(recv(100, 1, 6, 2).ok());
  device_.consume();
  engine_->cancel(1);
  engine_->cancel(2);
  engine_->cancel(1);  // once is enough
  device_.consume();
  ASSERT_EQ(device_.others.size(), 2u);
  EXPECT_EQ(device_.others[0].handle, device_.receives[0].handle);
  ASSERT_TRUE(device_.complete_other(device::Status::kOk));
  auto done = poll();
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].status, TALLY_ERR_CANCELLED);
  EXPECT_EQ(done[0].cookie, 1u);
  device_.receives.pop_front();
  ASSERT_TRUE(device_.complete_other(device::Status::kNotFound));
  EXPECT_TRUE(poll().empty());
  ASSERT_TRUE(device_.complete_recv());
  done = poll();
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].status, TALLY_OK);
  EXPECT_EQ(engine_->describe_pending(), "");
  EXPECT_TRUE(engine_->deregister_memory(key_).ok());
}

TEST_F(HandoverRules, keeps_the_record_of_a_receive_until_its_cancel_is_answered) {
  open(4, {.operations = 1});
  ASSERT_TRUE(recv(100, 1, 5, 1).ok());
  engine_->cancel(1);
  device_.consume();
  ASSERT_TRUE(device_.complete_recv());
  ASSERT_EQ(poll().size(), 1u);
  EXPECT_EQ(recv(100, 1, 5, 2).code(), TALLY_AGAIN);
  ASSERT_TRUE(device_.complete_other(device::Status::kNotFound));
  poll();
  EXPECT_TRUE(recv(100, 1, 5, 2).ok());
}

TEST_F(HandoverRules, refuses_a_message_that_was_not_claimed) {
  open();
  EXPECT_EQ(engine_->post_mrecv({.message = 3}).code(), TALLY_ERR_ARGUMENT);
  EXPECT_EQ(engine_->post_mrecv({.message = 0xffffffff}).code(), TALLY_ERR_ARGUMENT);
  ASSERT_TRUE(engine_->post_probe({.any_source = true, .any_tag = true, .claim = true, .cookie = 8}).ok());
  device_.consume();
  ASSERT_TRUE(device_.complete_other(device::Status::kOk, 3));
  const auto done = poll();
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].message, 3u);
  EXPECT_TRUE(engine_->post_mrecv({.message = 3}).ok());
  EXPECT_EQ(engine_->post_mrecv({.message = 3}).code(), TALLY_ERR_ARGUMENT);
}

TEST(HostMatch, takes_the_oldest_that_match_as_a_plain_list_does_with_thousands) {
  std::mt19937_64 random(seed(7));
  ring::HostMatch match;
  struct Waiting {
    std::uint64_t age;
    device::RecvDesc receive;
  };
  std::vector<Waiting> receives;
  std::vector<device::MsgHeader> messages;
  const auto accepts = [](const device::RecvDesc& r, const device::MsgHeader& m) {
    return r.context_id == m.context_id &&
           ((r.flags & device::kMsgFlagAnySource) != 0 || r.peer == m.src_rank) &&
           ((r.flags & device::kMsgFlagAnyTag) != 0 || r.tag == m.tag);
  };
  for (std::uint32_t k = 0; k < 6000; ++k) {
    const auto range = k % 1000 < 500 ? 3u : 200u;
    device::RecvDesc r{};
    r.context_id = static_cast<std::uint16_t>(random() % 2);
    r.flags = static_cast<std::uint8_t>(random() % 4);
    r.peer = static_cast<std::uint16_t>(random() % 3);
    r.tag = static_cast<std::uint32_t>(random() % range);
    if (random() % 2 == 0) {
      const auto found =
          std::find_if(messages.begin(), messages.end(), [&](const auto& m) { return accepts(r, m); });
      ASSERT_EQ(match.message_for(r) != nullptr, found != messages.end());
      if (found == messages.end()) {
        match.add_receive(k, r, k);
        receives.push_back({k, r});
      } else {
        ASSERT_EQ(match.take_message_for(r).header.cookie, found->cookie);
        messages.erase(found);
      }
      continue;
    }
    device::MsgHeader m{};
    m.context_id = r.context_id;
    m.src_rank = r.peer;
    m.tag = r.tag;
    m.cookie = k;
    const auto found =
        std::find_if(receives.begin(), receives.end(), [&](const auto& w) { return accepts(w.receive, m); });
    const ring::OperationIndex index = match.receive_for(m);
    if (found == receives.end()) {
      ASSERT_EQ(index, ring::kNoOperation);
      match.add_message({.header = m, .payload = {}});
      messages.push_back(m);
    } else {
      ASSERT_EQ(index, found->age);
      match.remove_receive(found->age, found->receive);
      receives.erase(found);
    }
    ASSERT_EQ(match.receives(), receives.size());
    ASSERT_EQ(match.messages(), messages.size());
  }
}

}  // namespace
}  // namespace tally::test
