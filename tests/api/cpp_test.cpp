// SPDX-License-Identifier: BSD-3-Clause
// tally.hpp: ownership, types and exceptions; semantics are the C ABI's.
#include "tally/tally.hpp"

#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <vector>

#include "place.hpp"

namespace tally::test {
namespace {

static_assert(!std::is_copy_constructible_v<Endpoint> && std::is_move_constructible_v<Endpoint>);
static_assert(!std::is_copy_constructible_v<Request> && std::is_nothrow_move_constructible_v<Request>);
static_assert(!std::is_copy_constructible_v<Message> && std::is_nothrow_move_constructible_v<Message>);
static_assert(dtype_of<float>() == TALLY_F32 && dtype_of<const double>() == TALLY_F64);
static_assert(dtype_of<int>() == TALLY_I32 && dtype_of<long>() == TALLY_I64 &&
              dtype_of<long long>() == TALLY_I64);
static_assert(!Reducible<unsigned> && !Reducible<char> && Reducible<long>);

struct CppRanks : OnEngine {};
TALLY_ON_EACH_ENGINE(CppRanks);

TEST_P(CppRanks, exchange_reduce_and_broadcast) {
  expect_ranks(3, [](int) {
    Endpoint endpoint;
    Group all = endpoint.all();
    std::vector<double> in(1000, endpoint.rank() + 1.0);
    std::vector<double> out(1000);
    {
      const Memory in_memory = endpoint.register_memory(std::span(in));
      const Memory out_memory = endpoint.register_memory(std::span(out));
      all.allreduce(std::span<const double>(in), std::span(out), TALLY_SUM);
      RANK_CHECK(out[0] == 6 && out[999] == 6);
      all.allreduce(std::span(out), TALLY_MAX);
      RANK_CHECK(out[5] == 6);
      all.bcast(std::span(in), 2);
      RANK_CHECK(in[999] == 3);

      const int right = (endpoint.rank() + 1) % 3;
      const int left = (endpoint.rank() + 2) % 3;
      Request receive = all.recv_start(std::span(out), left, 4);
      all.send(std::span<const double>(in), right, 4);
      const Result result = receive.wait();
      RANK_CHECK(result.source == left && result.tag == 4 && result.length == 8000 && !receive.active());

      const std::array<int, 3> ranks{2, 1, 0};
      Group reversed = endpoint.group(ranks);
      RANK_CHECK(reversed.rank() == 2 - endpoint.rank() && reversed.size() == 3);
      reversed.set_algorithm("ring");
      Request sum = reversed.allreduce_start(std::span<const double>(in), std::span(out), TALLY_SUM);
      while (!sum.test()) ::usleep(50);
      RANK_CHECK(out[7] == 9);
      reversed.barrier_start().wait();
      all.barrier();
    }
    RANK_CHECK(endpoint.engine() == (on_rtl() ? "rtl" : "soft") && endpoint.counters().collectives > 4);
    endpoint.close();
  });
}

TEST_P(CppRanks, probe_claim_and_cancel) {
  expect_ranks(2, [](int) {
    Endpoint endpoint;
    Group all = endpoint.all();
    std::vector<int> data(3000, endpoint.rank() + 1);
    {
      const Memory memory = endpoint.register_memory(std::span(data));
      if (endpoint.rank() == 0) {
        for (const int tag : {1, 2, 3, 4}) {
          Request send = all.send_start(std::span<const int>(data).first(static_cast<std::size_t>(tag) * 500), 1, tag);
          send.wait();
        }
      } else {
        const Result first = all.probe();
        RANK_CHECK(first.source == 0 && first.tag == 1 && first.length == 2000);
        std::optional<Result> seen;
        while (!seen) seen = all.iprobe(0, 1);
        RANK_CHECK(seen->length == 2000 && !all.iprobe(1));
        all.recv(std::span(data).first(500), 0, 1);

        Message second = all.mprobe(0, 2);
        RANK_CHECK(second.active() && second.source() == 0 && second.tag() == 2 && second.length() == 4000);
        Message moved = std::move(second);
        RANK_CHECK(!second.active());
        RANK_CHECK(moved.recv(std::span(data)).length == 4000 && !moved.active() && data[999] == 1);

        std::optional<Message> third;
        while (!third) third = all.improbe();
        Request receive = third->recv_start(std::span(data));
        RANK_CHECK(!third->active() && receive.wait().length == 6000 && data[1499] == 1);

        { const Message dropped = all.mprobe(0, 4); }
        Request none = all.recv_start(std::span(data), 0, 4);
        none.cancel();
        try {
          none.wait();
          RANK_CHECK(!"a cancelled receive completed");
        } catch (const Error& error) {
          RANK_CHECK(error.status() == TALLY_ERR_CANCELLED && !none.active());
        }
      }
    }
    endpoint.close();
  });
}

TEST(Cpp, failures_throw_the_status_and_the_text) {
  Endpoint endpoint;
  std::vector<int> data(4);
  try {
    endpoint.all().send(std::span<const int>(data), 0, 1);
    FAIL() << "an unregistered buffer was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), TALLY_ERR_NOT_REGISTERED);
    EXPECT_NE(std::string(error.what()).find("buffer"), std::string::npos);
  }
  const Memory memory = endpoint.register_memory(std::span(data));
  std::vector<int> longer(5);
  EXPECT_THROW(endpoint.all().allreduce(std::span<const int>(data), std::span(longer), TALLY_SUM), Error);
}

TEST(Cpp, a_dropped_request_is_waited_for) {
  Endpoint endpoint;
  std::vector<int> data{1, 2};
  Memory memory = endpoint.register_memory(std::span(data));
  {
    const Request receive = endpoint.all().recv_start(std::span(data).subspan(1), 0, 0);
    endpoint.all().send(std::span<const int>(data).first(1), 0, 0);
  }
  EXPECT_EQ(data[1], 1);
}

}  // namespace
}  // namespace tally::test
