// SPDX-License-Identifier: BSD-3-Clause
// Making and joining jobs.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "place.hpp"

namespace tally::test {
namespace {

std::string join_error() {
  try {
    (void)job::join();
  } catch (const job::Error& error) {
    return error.what();
  }
  return "none";
}

struct Environment : testing::Test {
  job::Segment segment = job::Segment::create(2, job::EngineKind::kSoft, true);

  Environment() { set(segment.path().c_str(), "0", "2"); }
  ~Environment() override { set(nullptr, nullptr, nullptr); }
  static void put(const char* name, const char* value) {
    if (value == nullptr) {
      ::unsetenv(name);
    } else {
      ::setenv(name, value, 1);
    }
  }
  static void set(const char* job, const char* rank, const char* size) {
    put("TALLY_JOB", job);
    put("TALLY_RANK", rank);
    put("TALLY_SIZE", size);
  }
  void expect_error(const char* text) {
    EXPECT_NE(join_error().find(text), std::string::npos) << join_error();
  }
};

TEST_F(Environment, complete_one_joins_the_segment) {
  const job::Membership member = job::join();
  EXPECT_TRUE(member.launched);
  EXPECT_EQ(member.rank, 0);
  EXPECT_EQ(member.size, 2);
  member.segment.header().rank[1].pid.store(77);
  EXPECT_EQ(segment.header().rank[1].pid.load(), 77);
}

TEST_F(Environment, empty_one_makes_a_private_job) {
  set(nullptr, nullptr, nullptr);
  const job::Membership member = job::join();
  EXPECT_FALSE(member.launched);
  EXPECT_EQ(member.size, 1);
}

TEST_F(Environment, wrong_values_are_named) {
  const std::string path = segment.path();
  set(path.c_str(), nullptr, "2");
  expect_error("TALLY_RANK is not set");
  set(nullptr, "0", "2");
  expect_error("TALLY_JOB is not set");
  set(path.c_str(), "zero", "2");
  expect_error("TALLY_RANK: 'zero' is not a number");
  set(path.c_str(), "", "2");
  expect_error("TALLY_RANK: '' is not a number");
  set(path.c_str(), "1x", "2");
  expect_error("TALLY_RANK: '1x' is not a number");
  set(path.c_str(), "2", "2");
  expect_error("TALLY_RANK: 2 is out of range (0 to 1)");
  set(path.c_str(), "0", "65");
  expect_error("TALLY_SIZE: 65 is out of range");
  set(path.c_str(), "0", "3");
  expect_error("TALLY_SIZE: 3, but the job has 2 ranks");
  set("/proc/self/fd/9999", "0", "2");
  expect_error("cannot open the job segment /proc/self/fd/9999");
  set("/dev/null", "0", "2");
  expect_error("it is not a Tally job segment");
}

TEST_F(Environment, damaged_segments_are_refused_with_the_field) {
  const auto damage = [this](auto& field, auto value, const char* text) {
    const auto before = field;
    field = value;
    expect_error(text);
    field = before;
  };
  job::Header& header = segment.header();
  damage(header.magic, std::uint64_t{1}, "it is not a Tally job segment");
  damage(header.version, 99u, "its version is 99");
  damage(header.header_bytes, 8u, "its header has 8 bytes");
  damage(header.segment_bytes, std::uint64_t{4096}, "its header says 4096");
  damage(header.ranks, 1000u, "its header says 1000 ranks");
  damage(header.shm_bytes, std::uint64_t{12}, "its engine area has 12 bytes");
  damage(header.shm_offset, std::uint64_t{1} << 40, "its engine area");
  damage(header.counters_offset, std::uint64_t{1} << 40, "its counters area");
  EXPECT_EQ(join_error(), "none");
}

TEST_F(Environment, engines_are_refused_by_name) {
  tally_endpoint* endpoint = nullptr;
  EXPECT_EQ(tally_endpoint_open("rtl", &endpoint), TALLY_ERR_JOB);
  EXPECT_STREQ(tally_last_error(), "tally_endpoint_open: engine 'rtl': this job was started with 'soft'");
  EXPECT_EQ(tally_endpoint_open("abacus", &endpoint), TALLY_ERR_ARGUMENT);
  EXPECT_STREQ(tally_last_error(),
               "tally_endpoint_open: engine 'abacus' is unknown; there are: auto, soft, rtl, verbs");
  put("TALLY_ENGINE", "abacus");
  EXPECT_EQ(tally_endpoint_open(nullptr, &endpoint), TALLY_ERR_ARGUMENT);
  put("TALLY_ENGINE", nullptr);
  set(nullptr, nullptr, nullptr);
  EXPECT_EQ(tally_endpoint_open("rtl", &endpoint), TALLY_ERR_JOB);
  EXPECT_STREQ(tally_last_error(),
               "tally_endpoint_open: engine 'rtl': start the program with tally run --engine rtl");
  ASSERT_EQ(tally_endpoint_open("auto", &endpoint), TALLY_OK) << tally_last_error();
  EXPECT_EQ(tally_endpoint_close(endpoint), TALLY_OK);
}

TEST_F(Environment, a_rank_opens_once_and_leaves_once) {
  tally_endpoint* endpoint = nullptr;
  tally_endpoint* second = nullptr;
  ASSERT_EQ(tally_endpoint_open(nullptr, &endpoint), TALLY_OK) << tally_last_error();
  EXPECT_EQ(segment.header().rank[0].pid.load(), ::getpid());
  EXPECT_EQ(tally_endpoint_open(nullptr, &second), TALLY_ERR_JOB);
  EXPECT_NE(std::strstr(tally_last_error(), "rank 0 is open already, in process"), nullptr);
  EXPECT_EQ(tally_endpoint_close(endpoint), TALLY_OK);
  EXPECT_EQ(segment.header().rank[0].closed.load(), 1u);
  EXPECT_EQ(tally_endpoint_open(nullptr, &second), TALLY_ERR_JOB);
  EXPECT_NE(std::strstr(tally_last_error(), "rank 0 has left this job already"), nullptr);
}

TEST_F(Environment, counters_are_left_in_the_segment_at_close) {
  set(nullptr, nullptr, nullptr);
  const auto codes = run_ranks(segment, [](int rank) {
    Place place;
    RANK_OK(tally_send(place.endpoint, nullptr, place.at<void>(), 100, 1 - rank, 0));
    RANK_OK(tally_recv(place.endpoint, nullptr, place.at<void>(), 100, 1 - rank, 0, nullptr));
    RANK_OK(tally_barrier(place.endpoint, nullptr));
    place.close();
  });
  EXPECT_EQ(codes, (std::vector<int>{0, 0}));
  for (std::uint32_t rank = 0; rank < 2; ++rank) {
    tally_counters counters{};
    std::memcpy(&counters, segment.counters(rank).value, sizeof counters);
    EXPECT_EQ(counters.size, sizeof counters);
    EXPECT_EQ(counters.sends, 1u);
    EXPECT_EQ(counters.sent_bytes, 100u);
    EXPECT_EQ(counters.received_bytes, 100u);
    EXPECT_EQ(counters.collectives, 1u);
    EXPECT_EQ(counters.cpu_matches, 1u);
    EXPECT_GE(counters.cpu_copied_bytes, 200u);
  }
}

TEST(Segment, rank_counts_out_of_range_are_refused) {
  EXPECT_THROW((void)job::Segment::create(0, job::EngineKind::kSoft, false), job::Error);
  EXPECT_THROW((void)job::Segment::create(65, job::EngineKind::kSoft, false), job::Error);
  for (const job::EngineKind engine : {job::EngineKind::kSoft, job::EngineKind::kRtl}) {
    const job::Segment segment = job::Segment::create(64, engine, true);
    EXPECT_EQ(job::Segment::open(segment.path()).header().ranks, 64u);
  }
}

}  // namespace
}  // namespace tally::test
