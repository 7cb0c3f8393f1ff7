// SPDX-License-Identifier: BSD-3-Clause
// tally.hpp: ownership, types and exceptions; semantics are the C ABI's.
#include "tally/tally.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <complex>
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
static_assert(dtype_of<std::int8_t>() == TALLY_I8 && dtype_of<std::uint8_t>() == TALLY_U8 &&
              dtype_of<short>() == TALLY_I16 && dtype_of<std::uint16_t>() == TALLY_U16 &&
              dtype_of<unsigned>() == TALLY_U32 && dtype_of<unsigned long long>() == TALLY_U64);
static_assert(dtype_of<std::complex<float>>() == TALLY_C64 && dtype_of<std::complex<double>>() == TALLY_C128);
static_assert(!Reducible<bool> && !Reducible<char> && !Reducible<std::byte> && !Reducible<wchar_t> && Reducible<long>);
static_assert(std::is_default_constructible_v<ReductionType<float>> &&
              !std::is_default_constructible_v<ReductionType<char>>);

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

/// A value of each rank, block and element that no other has.
int value(int rank, int block, int element) { return rank * 10000 + block * 100 + element; }

TEST_P(CppRanks, blocks_go_where_they_belong) {
  expect_ranks(3, [](int) {
    Endpoint endpoint;
    Group all = endpoint.all();
    const int me = endpoint.rank();
    std::vector<int> memory(4096);  // one region for all buffers
    {
      const Memory region = endpoint.register_memory(std::span(memory));
      const std::span<int> a = std::span(memory).subspan(0, 6);
      const std::span<int> b = std::span(memory).subspan(100, 6);
      const std::span<int> small = std::span(memory).subspan(200, 2);
      const auto fill = [&](std::span<int> to) {
        for (std::size_t i = 0; i < to.size(); ++i) to[i] = value(me, static_cast<int>(i / 2), static_cast<int>(i % 2));
      };
      fill(small);
      all.gather(small, b, 1);
      if (me == 1) {
        for (int r = 0; r < 3; ++r) RANK_CHECK(b[static_cast<std::size_t>(r) * 2 + 1] == value(r, 0, 1));
      }
      all.allgather_start(small, a).wait();
      for (int r = 0; r < 3; ++r) RANK_CHECK(a[static_cast<std::size_t>(r) * 2 + 1] == value(r, 0, 1));
      fill(a);
      all.scatter(std::span<const int>(a), small, 2);
      RANK_CHECK(small[0] == value(2, me, 0) && small[1] == value(2, me, 1));
      all.scatter(std::span<const int>(a), me == 0 ? BufferOf<int>(in_place) : BufferOf<int>(small), 0);
      RANK_CHECK(me == 0 ? a[1] == value(0, 0, 1) : small[1] == value(0, me, 1));
      fill(a);
      all.alltoall(a, b);
      for (int r = 0; r < 3; ++r) RANK_CHECK(b[static_cast<std::size_t>(r) * 2 + 1] == value(r, me, 1));
      all.alltoall(in_place, a);
      RANK_CHECK(std::equal(a.begin(), a.end(), b.begin()));

      fill(a);
      all.reduce_scatter_block(a, small, TALLY_MAX);
      RANK_CHECK(small[1] == value(2, me, 1));
      all.scan(in_place, small, TALLY_SUM);
      RANK_CHECK(small[1] == value(2, 0, 1) * (me + 1) + 100 * me * (me + 1) / 2);
      small[0] = 1;
      all.exscan(in_place, small, TALLY_SUM);
      RANK_CHECK(me == 0 || small[0] == me);
      small[0] = me;
      all.reduce(small, b.first(2), TALLY_PROD, 0);
      RANK_CHECK(me != 0 || b[0] == 0);
    }
    endpoint.close();
  });
}

TEST_P(CppRanks, sizes_that_do_not_agree_are_refused_before_anything_is_posted) {
  expect_ranks(2, [](int) {
    Endpoint endpoint;
    Group all = endpoint.all();
    std::vector<std::uint16_t> data(16);
    {
      const Memory region = endpoint.register_memory(std::span(data));
      const std::span<std::uint16_t> three = std::span(data).first(3);
      const std::span<std::uint16_t> four = std::span(data).last(4);
      const auto refused = [&](auto call) {
        try {
          call();
          return false;
        } catch (const Error& error) {
          return error.status() == TALLY_ERR_ARGUMENT;
        }
      };
      const std::array<std::size_t, 3> counts{1, 1, 1};
      RANK_CHECK(refused([&] { all.allreduce(three, four, TALLY_SUM); }));
      RANK_CHECK(refused([&] { all.allgather(four, three); }));
      RANK_CHECK(refused([&] { all.allgather(three, four); }));
      RANK_CHECK(refused([&] { all.alltoall(in_place, three); }));
      RANK_CHECK(refused([&] { all.reduce_scatter_block(four, three, TALLY_SUM); }));
      RANK_CHECK(refused([&] { all.reduce_scatter(four, three, counts, TALLY_SUM); }));
      RANK_CHECK(refused([&] { all.allgatherv(three, four, {counts, counts}); }));
      RANK_CHECK(refused([&] { all.allreduce(four, TALLY_SUM, TALLY_F32); }));  // of 4 bytes, the elements have 2
      all.barrier();
    }
    endpoint.close();
  });
}

TEST(Cpp, types_of_the_library_reduce_as_they_are_and_others_by_name) {
  Endpoint endpoint;
  Group all = endpoint.all();
  std::vector<std::complex<double>> numbers{{1, 2}, {3, 4}};
  std::vector<std::uint16_t> halves{0x3c00, 0x4000};  // 1 and 2
  std::vector<std::complex<double>> out(2);
  const Memory a = endpoint.register_memory(std::span(numbers));
  const Memory b = endpoint.register_memory(std::span(halves));
  const Memory c = endpoint.register_memory(std::span(out));
  all.allreduce(numbers, std::span(out), TALLY_PROD);
  EXPECT_EQ(out, numbers);
  all.allreduce(std::span(halves), TALLY_SUM, TALLY_F16);
  EXPECT_EQ(halves[1], 0x4000);
  const std::array<std::size_t, 1> counts{1};
  const std::array<std::size_t, 1> one{1};
  all.allgatherv(std::span<const std::complex<double>>(numbers).first(1), std::span(out), {counts, one});
  EXPECT_EQ(out[1], numbers[0]);
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

TEST_P(CppRanks, persistent_requests_sets_and_segments) {
  expect_ranks(2, [](int rank) {
    tally_options options{};
    options.memory_cache = 1;
    Endpoint endpoint(options);
    Group all = endpoint.all();
    const int other = 1 - rank;
    std::vector<int> out(8);
    std::vector<int> in(8);
    PersistentRequest send = all.send_init(std::span<const int>(out), other, 3);
    PersistentRequest receive = all.recv_init(std::span(in), other, 3);
    RANK_CHECK(receive.test());
    for (int round = 0; round < 3; ++round) {
      std::fill(out.begin(), out.end(), 10 * round + rank);
      receive.start();
      send.start();
      RANK_CHECK(receive.wait().length == 32);
      send.wait();
      RANK_CHECK(in.front() == 10 * round + other && in.back() == in.front());
    }
    int sum = 0;
    PersistentRequest reduce = PersistentRequest::made([&](tally_request** request) {
      return tally_allreduce_init(endpoint.handle(), nullptr, &rank, &sum, 1, TALLY_I32, TALLY_SUM, request);
    });
    reduce.start();
    reduce.wait();
    RANK_CHECK(sum == 1);

    RequestSet set;
    for (int i = 0; i < 4; ++i) set.add(all.recv_start(std::span(in).subspan(static_cast<std::size_t>(i), 1), other, i));
    RANK_CHECK(!set.test_any() && set.test_some().empty() && !set.test_all() && set.size() == 4);
    endpoint.all().barrier();
    for (const int tag : {2, 0}) all.send(std::span<const int>(out).first(1), other, tag);
    all.send(std::span<const int>(out).first(2), other, 3);
    std::vector<bool> seen(4);
    for (int left = 3; left > 0;) {
      std::vector<Ended> ended = set.wait_some();
      if (left == 3) {
        const std::optional<Ended> one = set.test_any();
        if (one) ended.push_back(*one);
      }
      for (const Ended& one : ended) {
        RANK_CHECK(!seen[one.index] && !set.active(one.index) && one.result.tag == static_cast<int>(one.index));
        RANK_CHECK(one.status == (one.index == 3 ? TALLY_ERR_TRUNCATED : TALLY_OK));
        seen[one.index] = true;
        --left;
      }
    }
    all.barrier();  // the other rank has taken its three
    all.send(std::span<const int>(out).first(1), other, 1);
    const std::optional<Ended> last = set.wait_any();
    RANK_CHECK(last && last->index == 1 && !set.wait_any() && set.wait_some().empty() && set.test_all());
    set.wait_all();

    const std::array<tally_segment, 2> from{tally_segment{out.data() + 6, 4}, tally_segment{out.data(), 4}};
    const std::array<tally_segment, 2> to{tally_segment{in.data() + 1, 4}, tally_segment{in.data() + 5, 4}};
    out[6] = 66;
    out[0] = 77;
    Request filled = all.recvv_start(to, other, 9);
    all.sendv_start(from, other, 9).wait();
    RANK_CHECK(filled.wait().length == 8 && in[1] == 66 && in[5] == 77);
  });
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
