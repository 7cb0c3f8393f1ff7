// SPDX-License-Identifier: BSD-3-Clause
// Every bad argument gets a status and a sentence that names it; nothing is posted. A job of one rank, which is the
// test itself, will do.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "place.hpp"

namespace tally::test {
namespace {

/// Puts the test's process into a job of the engine; on soft the private one that needs no environment.
struct JobOfOne : OnEngine {
  JobOfOne() {
    if (!on_rtl()) return;
    job = std::make_unique<TestJob>(1);
    ::setenv("TALLY_JOB", job->segment.path().c_str(), 1);
    ::setenv("TALLY_RANK", "0", 1);
    ::setenv("TALLY_SIZE", "1", 1);
  }
  ~JobOfOne() override {
    leave();
    if (job) {
      EXPECT_EQ(job->fabric->end(), 0) << "the fabric failed";
    }
  }
  /// What is opened from now on is in a private job.
  static void leave() {
    for (const char* name : {"TALLY_JOB", "TALLY_RANK", "TALLY_SIZE"}) ::unsetenv(name);
  }
  std::unique_ptr<TestJob> job;
};

struct Arguments : JobOfOne {
  Place place;
  tally_endpoint* e = place.endpoint;
  tally_request* request = nullptr;

  ~Arguments() override { EXPECT_EQ(tally_endpoint_close(e), TALLY_OK) << tally_last_error(); }
  static void expect(tally_status got, tally_status status, const std::string& text) {
    EXPECT_STREQ(tally_status_name(got), tally_status_name(status));
    EXPECT_NE(std::string(tally_last_error()).find(text), std::string::npos)
        << "last error: " << tally_last_error() << "\nexpected in it: " << text;
  }
  static void bad(tally_status got, const std::string& text) { expect(got, TALLY_ERR_ARGUMENT, text); }
};

TALLY_ON_EACH_ENGINE(Arguments);

TEST_P(Arguments, null_handles_and_outputs_are_named) {
  void* buffer = place.memory.data();
  bad(tally_endpoint_open(nullptr, nullptr), "tally_endpoint_open: endpoint is NULL");
  bad(tally_endpoint_close(nullptr), "tally_endpoint_close: endpoint is NULL");
  bad(tally_endpoint_rank(e, nullptr), "tally_endpoint_rank: rank is NULL");
  bad(tally_endpoint_size(nullptr, nullptr), "tally_endpoint_size: endpoint is NULL");
  bad(tally_endpoint_engine(e, nullptr), "tally_endpoint_engine: name is NULL");
  bad(tally_endpoint_counters(e, nullptr), "tally_endpoint_counters: counters is NULL");
  bad(tally_endpoint_progress(nullptr), "tally_endpoint_progress: endpoint is NULL");
  bad(tally_memory_register(e, buffer, 1, nullptr), "tally_memory_register: memory is NULL");
  bad(tally_memory_deregister(nullptr), "tally_memory_deregister: memory is NULL");
  bad(tally_send_start(nullptr, nullptr, buffer, 1, 0, 0, &request), "tally_send_start: endpoint is NULL");
  bad(tally_send_start(e, nullptr, buffer, 1, 0, 0, nullptr), "tally_send_start: request is NULL");
  bad(tally_recv_start(e, nullptr, buffer, 1, 0, 0, nullptr), "tally_recv_start: request is NULL");
  bad(tally_send(nullptr, nullptr, buffer, 1, 0, 0), "tally_send: endpoint is NULL");
  bad(tally_test(nullptr, nullptr), "tally_test: request is NULL");
  bad(tally_wait(&request, nullptr), "tally_wait: *request is NULL");
  bad(tally_wait_all(nullptr, 1), "tally_wait_all: requests is NULL");
  bad(tally_group_create(e, nullptr, 1, nullptr), "tally_group_create: group is NULL");
  bad(tally_group_free(nullptr), "tally_group_free: group is NULL");
  bad(tally_group_rank(nullptr, nullptr), "tally_group_rank: group is NULL");
  bad(tally_group_size(nullptr, nullptr), "tally_group_size: group is NULL");
  bad(tally_group_set_algorithm(nullptr, "ring"), "tally_group_set_algorithm: group is NULL");
  bad(tally_barrier_start(e, nullptr, nullptr), "tally_barrier_start: request is NULL");
  bad(tally_barrier(nullptr, nullptr), "tally_barrier: endpoint is NULL");
}

TEST_P(Arguments, null_arguments_of_completion_and_persistent_requests_are_named) {
  void* buffer = place.memory.data();
  int index = 0;
  tally_request* one = nullptr;
  tally_result result{};
  bad(tally_ssend_start(nullptr, nullptr, buffer, 1, 0, 0, &request), "tally_ssend_start: endpoint is NULL");
  bad(tally_ssend_start(e, nullptr, buffer, 1, 0, 0, nullptr), "tally_ssend_start: request is NULL");
  bad(tally_ssend(e, nullptr, buffer, 1, 4, 0), "tally_ssend: destination 4 is out of range");
  bad(tally_wait_all_results(nullptr, 1, nullptr, nullptr), "tally_wait_all_results: requests is NULL");
  bad(tally_test_all(nullptr, 1, nullptr, nullptr), "tally_test_all: requests is NULL");
  bad(tally_test_all(&one, 1, &result, nullptr), "tally_test_all: results[0].size is 0");
  bad(tally_wait_any(nullptr, 1, &index, nullptr), "tally_wait_any: requests is NULL");
  bad(tally_wait_any(&one, 1, nullptr, nullptr), "tally_wait_any: index is NULL");
  bad(tally_test_any(&one, 1, nullptr, nullptr), "tally_test_any: index is NULL");
  bad(tally_test_any(&one, 1, &index, &result), "tally_test_any: result->size is 0");
  bad(tally_wait_some(&one, 1, nullptr, nullptr, nullptr, &index), "tally_wait_some: indices is NULL");
  bad(tally_wait_some(&one, 1, &index, nullptr, nullptr, nullptr), "tally_wait_some: ended is NULL");
  bad(tally_test_some(nullptr, 2, &index, nullptr, nullptr, &index), "tally_test_some: requests is NULL");
  bad(tally_test_some(&one, 1, &index, &result, nullptr, &index), "tally_test_some: results[0].size is 0");
  bad(tally_wait_any(&one, SIZE_MAX, &index, nullptr), "tally_wait_any: count 18446744073709551615 is more than");
  bad(tally_request_start(nullptr), "tally_request_start: request is NULL");
  bad(tally_requests_start_all(nullptr, 1), "tally_requests_start_all: requests is NULL");
  bad(tally_requests_start_all(&one, 1), "tally_requests_start_all: requests[0] is NULL");
  bad(tally_request_free(nullptr), "tally_request_free: request is NULL");
  bad(tally_request_free(&one), "tally_request_free: *request is NULL");
  EXPECT_EQ(tally_requests_start_all(nullptr, 0), TALLY_OK);
}

TEST_P(Arguments, persistent_requests_check_their_arguments_when_they_are_made) {
  void* buffer = place.memory.data();
  std::int32_t* a = place.at<std::int32_t>();
  std::byte other[8];
  bad(tally_send_init(e, nullptr, buffer, 4, 1, 0, &request), "tally_send_init: destination 1 is out of range (0 to 0)");
  bad(tally_send_init(e, nullptr, nullptr, 4, 0, 0, &request), "tally_send_init: buffer is NULL");
  bad(tally_ssend_init(e, nullptr, buffer, 4, 0, -5, &request), "tally_ssend_init: tag -5 is out of range");
  bad(tally_recv_init(e, nullptr, buffer, 4, 9, 0, &request), "tally_recv_init: source 9 is out of range");
  bad(tally_recv_init(e, nullptr, buffer, 4, 0, 0, nullptr), "tally_recv_init: request is NULL");
  expect(tally_recv_init(e, nullptr, other, 8, 0, 0, &request), TALLY_ERR_NOT_REGISTERED, "tally_recv_init: buffer [");
  bad(tally_allreduce_init(e, nullptr, a, a + 1, 2, TALLY_I32, TALLY_SUM, &request), "overlap");
  bad(tally_bcast_init(e, nullptr, a, 2, TALLY_I32, 3, &request), "tally_bcast_init: root 3");
  EXPECT_EQ(request, nullptr);
  ASSERT_EQ(tally_recv_start(e, nullptr, buffer, 4, 0, 0, &request), TALLY_OK);
  bad(tally_request_start(request), "tally_request_start: request is not persistent");
  bad(tally_requests_start_all(&request, 1), "tally_requests_start_all: requests[0] is not persistent");
  ASSERT_EQ(tally_send(e, nullptr, buffer, 4, 0, 0), TALLY_OK);
  ASSERT_EQ(tally_wait(&request, nullptr), TALLY_OK);
}

TEST_P(Arguments, message_arguments_out_of_range_are_named_with_their_value) {
  void* buffer = place.memory.data();
  bad(tally_send(e, nullptr, buffer, 4, 1, 0), "tally_send: destination 1 is out of range (0 to 0)");
  bad(tally_send(e, nullptr, buffer, 4, -1, 0), "destination -1 is out of range");
  bad(tally_send(e, nullptr, buffer, 4, 0, -5), "tally_send: tag -5 is out of range");
  bad(tally_send(e, nullptr, nullptr, 4, 0, 0), "tally_send: buffer is NULL");
  bad(tally_recv(e, nullptr, buffer, 4, 3, 0, nullptr), "tally_recv: source 3 is out of range");
  bad(tally_recv(e, nullptr, buffer, 4, -2, 0, nullptr), "tally_recv: source -2 is out of range");
  bad(tally_recv(e, nullptr, buffer, 4, 0, -2, nullptr), "tally_recv: tag -2 is out of range");
  bad(tally_recv(e, nullptr, nullptr, 4, 0, 0, nullptr), "tally_recv: buffer is NULL");
  tally_result result{};
  bad(tally_recv(e, nullptr, buffer, 4, 0, 0, &result), "tally_recv: result->size is 0");
  tally_counters counters{};
  bad(tally_endpoint_counters(e, &counters), "tally_endpoint_counters: counters->size is 0");
}

TEST_P(Arguments, unregistered_buffers_are_refused_before_anything_is_posted) {
  const auto no = TALLY_ERR_NOT_REGISTERED;
  std::vector<std::byte> other(64);
  std::byte* end = place.memory.data() + place.memory.size();
  expect(tally_send(e, nullptr, other.data(), 64, 0, 0), no, "tally_send: buffer [");
  expect(tally_send(e, nullptr, end - 4, 5, 0, 0), no, "of 5 bytes is not within registered memory");
  expect(tally_recv(e, nullptr, end, 1, 0, 0, nullptr), no, "tally_recv: buffer [");
  expect(tally_allreduce(e, nullptr, other.data(), place.at<void>(), 2, TALLY_I32, TALLY_SUM), no,
         "tally_allreduce: input [");
  expect(tally_allreduce(e, nullptr, place.at<void>(), other.data(), 2, TALLY_I32, TALLY_SUM), no,
         "tally_allreduce: output [");
  expect(tally_bcast(e, nullptr, other.data(), 2, TALLY_I32, 0), no, "tally_bcast: buffer [");
  EXPECT_EQ(tally_send_start(e, nullptr, end - 4, 4, 0, 0, &request), TALLY_OK);
  EXPECT_EQ(tally_recv(e, nullptr, end - 4, 4, 0, 0, nullptr), TALLY_OK);
  EXPECT_EQ(tally_wait(&request, nullptr), TALLY_OK);
}

TEST_P(Arguments, collective_arguments_out_of_range_are_named_with_their_value) {
  std::int32_t* a = place.at<std::int32_t>();
  bad(tally_allreduce(e, nullptr, a, a, 1, static_cast<tally_dtype>(21), TALLY_SUM),
      "tally_allreduce: dtype 21");
  bad(tally_allreduce(e, nullptr, a, a, 1, TALLY_I32, static_cast<tally_op>(13)), "tally_allreduce: op 13");
  bad(tally_allreduce(e, nullptr, a, a, 0, TALLY_I32, TALLY_OP_NONE), "tally_allreduce: op 0");
  bad(tally_allreduce(e, nullptr, a, a, 1, TALLY_BYTE, TALLY_SUM), "tally_allreduce: dtype TALLY_BYTE");
  bad(tally_allreduce(e, nullptr, a, a + 1, 2, TALLY_I32, TALLY_SUM), "overlap");
  bad(tally_allreduce(e, nullptr, a + 1, a, 2, TALLY_I32, TALLY_SUM), "overlap");
  bad(tally_allreduce(e, nullptr, nullptr, a, 2, TALLY_I32, TALLY_SUM), "tally_allreduce: input is NULL");
  expect(tally_allreduce(e, nullptr, a, a, SIZE_MAX / 4, TALLY_I32, TALLY_SUM), TALLY_ERR_UNSUPPORTED,
         "tally_allreduce: count ");
  bad(tally_bcast(e, nullptr, a, 1, TALLY_I32, 1), "tally_bcast: root 1 is out of range (0 to 0)");
  bad(tally_bcast(e, nullptr, a, 1, TALLY_I32, -1), "tally_bcast: root -1");
  bad(tally_bcast(e, nullptr, a, 0, static_cast<tally_dtype>(0), 0), "tally_bcast: dtype 0");
}

TEST_P(Arguments, every_collective_names_what_is_wrong) {
  const std::size_t one[] = {1};
  const std::size_t zero[] = {0};
  const std::size_t minus[] = {static_cast<std::size_t>(-3)};
  const auto unknown = static_cast<tally_dtype>(21);
  std::int32_t* a = place.at<std::int32_t>();
  std::int32_t* b = place.at<std::int32_t>(1024);
  tally_request** const none = nullptr;
  const auto is_null = [&](tally_status got, const std::string& call, const std::string& what) {
    bad(got, call + ": " + what + " is NULL");
  };

  bad(tally_reduce(e, nullptr, a, b, 1, unknown, TALLY_SUM, 0), "tally_reduce: dtype 21");
  bad(tally_reduce(e, nullptr, a, b, 1, TALLY_F32, TALLY_BAND, 0), "tally_reduce: dtype TALLY_F32: TALLY_BAND");
  bad(tally_reduce(e, nullptr, a, b, 1, TALLY_I32, TALLY_SUM, 1), "tally_reduce: root 1 is out of range (0 to 0)");
  bad(tally_reduce(e, nullptr, a, b, static_cast<std::size_t>(-1), TALLY_I32, TALLY_SUM, 0), "count -1 is negative");
  is_null(tally_reduce(e, nullptr, nullptr, b, 1, TALLY_I32, TALLY_SUM, 0), "tally_reduce", "input");
  is_null(tally_reduce(e, nullptr, a, nullptr, 1, TALLY_I32, TALLY_SUM, 0), "tally_reduce", "output");
  bad(tally_reduce(e, nullptr, a, a + 1, 2, TALLY_I32, TALLY_SUM, 0), "overlap");
  bad(tally_reduce(e, nullptr, a, TALLY_IN_PLACE, 2, TALLY_I32, TALLY_SUM, 0), "output is TALLY_IN_PLACE");
  is_null(tally_reduce_start(e, nullptr, a, b, 1, TALLY_I32, TALLY_SUM, 0, none), "tally_reduce_start", "request");

  bad(tally_reduce_scatter_block(e, nullptr, a, b, 1, TALLY_C64, TALLY_MAX), "tally_reduce_scatter_block: dtype TALLY_C64");
  is_null(tally_reduce_scatter_block(e, nullptr, nullptr, b, 1, TALLY_I32, TALLY_SUM), "tally_reduce_scatter_block", "input");
  is_null(tally_reduce_scatter_block_start(e, nullptr, a, b, 1, TALLY_I32, TALLY_SUM, none),
          "tally_reduce_scatter_block_start", "request");
  is_null(tally_reduce_scatter(e, nullptr, a, b, nullptr, TALLY_I32, TALLY_SUM), "tally_reduce_scatter", "counts");
  bad(tally_reduce_scatter(e, nullptr, a, b, minus, TALLY_I32, TALLY_SUM), "tally_reduce_scatter: counts[0] -3 is negative");
  bad(tally_reduce_scatter(e, nullptr, a, b, one, TALLY_BYTE, TALLY_SUM), "tally_reduce_scatter: dtype TALLY_BYTE");
  is_null(tally_reduce_scatter_start(e, nullptr, a, b, one, TALLY_I32, TALLY_SUM, none), "tally_reduce_scatter_start",
          "request");

  bad(tally_scan(e, nullptr, a, b, 1, TALLY_I32, TALLY_OP_NONE), "tally_scan: op 0 is not a reduction");
  is_null(tally_scan(e, nullptr, a, nullptr, 1, TALLY_I32, TALLY_SUM), "tally_scan", "output");
  is_null(tally_scan_start(e, nullptr, a, b, 1, TALLY_I32, TALLY_SUM, none), "tally_scan_start", "request");
  bad(tally_exscan(e, nullptr, a, b, 1, TALLY_I32, static_cast<tally_op>(13)), "tally_exscan: op 13");
  is_null(tally_exscan(e, nullptr, nullptr, b, 1, TALLY_I32, TALLY_SUM), "tally_exscan", "input");
  is_null(tally_exscan_start(e, nullptr, a, b, 1, TALLY_I32, TALLY_SUM, none), "tally_exscan_start", "request");

  bad(tally_gather(e, nullptr, a, b, 1, TALLY_I32, -1), "tally_gather: root -1 is out of range");
  is_null(tally_gather(e, nullptr, a, nullptr, 1, TALLY_I32, 0), "tally_gather", "output");
  is_null(tally_gather(e, nullptr, TALLY_IN_PLACE, nullptr, 1, TALLY_I32, 0), "tally_gather", "output");
  is_null(tally_gather_start(e, nullptr, a, b, 1, TALLY_I32, 0, none), "tally_gather_start", "request");
  is_null(tally_gatherv(e, nullptr, a, 1, b, nullptr, zero, TALLY_I32, 0), "tally_gatherv", "counts");
  is_null(tally_gatherv(e, nullptr, a, 1, b, one, nullptr, TALLY_I32, 0), "tally_gatherv", "displacements");
  bad(tally_gatherv(e, nullptr, a, 1, b, minus, zero, TALLY_I32, 0), "tally_gatherv: counts[0] -3 is negative");
  bad(tally_gatherv(e, nullptr, a, 1, b, one, minus, TALLY_I32, 0), "tally_gatherv: displacements[0] -3 is negative");
  bad(tally_gatherv(e, nullptr, a, 2, b, one, zero, TALLY_I32, 0), "tally_gatherv: count 2 is not counts[0], 1");
  bad(tally_gatherv(e, nullptr, b + 5, 1, b + 5, one, one, unknown, 0), "tally_gatherv: dtype 21");
  is_null(tally_gatherv_start(e, nullptr, a, 1, b, one, zero, TALLY_I32, 0, none), "tally_gatherv_start", "request");

  bad(tally_scatter(e, nullptr, a, b, 1, TALLY_I32, 7), "tally_scatter: root 7 is out of range");
  is_null(tally_scatter(e, nullptr, nullptr, b, 1, TALLY_I32, 0), "tally_scatter", "input");
  bad(tally_scatter(e, nullptr, TALLY_IN_PLACE, b, 1, TALLY_I32, 0), "TALLY_IN_PLACE as output");
  is_null(tally_scatter_start(e, nullptr, a, b, 1, TALLY_I32, 0, none), "tally_scatter_start", "request");
  is_null(tally_scatterv(e, nullptr, a, nullptr, zero, b, 1, TALLY_I32, 0), "tally_scatterv", "counts");
  is_null(tally_scatterv(e, nullptr, a, one, nullptr, b, 1, TALLY_I32, 0), "tally_scatterv", "displacements");
  bad(tally_scatterv(e, nullptr, a, one, zero, b, 3, TALLY_I32, 0), "tally_scatterv: count 3 is not counts[0], 1");
  bad(tally_scatterv(e, nullptr, a, one, zero, b, static_cast<std::size_t>(-1), TALLY_I32, 0), "count -1 is negative");
  is_null(tally_scatterv_start(e, nullptr, a, one, zero, b, 1, TALLY_I32, 0, none), "tally_scatterv_start", "request");

  bad(tally_allgather(e, nullptr, a, b, 1, unknown), "tally_allgather: dtype 21");
  bad(tally_allgather(e, nullptr, a + 1, a, 2, TALLY_I32), "tally_allgather: input");
  is_null(tally_allgather_start(e, nullptr, a, b, 1, TALLY_I32, none), "tally_allgather_start", "request");
  is_null(tally_allgatherv(e, nullptr, a, 1, b, nullptr, zero, TALLY_I32), "tally_allgatherv", "counts");
  bad(tally_allgatherv(e, nullptr, a, 0, b, one, zero, TALLY_I32), "tally_allgatherv: count 0 is not counts[0], 1");
  bad(tally_allgatherv(e, nullptr, a, 1, TALLY_IN_PLACE, one, zero, TALLY_I32), "output is TALLY_IN_PLACE");
  is_null(tally_allgatherv_start(e, nullptr, a, 1, b, one, zero, TALLY_I32, none), "tally_allgatherv_start", "request");

  is_null(tally_alltoall(e, nullptr, a, nullptr, 1, TALLY_I32), "tally_alltoall", "output");
  bad(tally_alltoall(e, nullptr, a, a + 1, 2, TALLY_I32), "overlap");
  is_null(tally_alltoall_start(e, nullptr, a, b, 1, TALLY_I32, none), "tally_alltoall_start", "request");
  is_null(tally_alltoallv(e, nullptr, a, nullptr, zero, b, one, zero, TALLY_I32), "tally_alltoallv", "input_counts");
  is_null(tally_alltoallv(e, nullptr, a, one, nullptr, b, one, zero, TALLY_I32), "tally_alltoallv", "input_displacements");
  is_null(tally_alltoallv(e, nullptr, a, one, zero, b, nullptr, zero, TALLY_I32), "tally_alltoallv", "output_counts");
  is_null(tally_alltoallv(e, nullptr, a, one, zero, b, one, nullptr, TALLY_I32), "tally_alltoallv", "output_displacements");
  bad(tally_alltoallv(e, nullptr, a, minus, zero, b, one, zero, TALLY_I32), "input_counts[0] -3 is negative");
  bad(tally_alltoallv(e, nullptr, a, one, zero, b, one, minus, TALLY_I32), "output_displacements[0] -3 is negative");
  bad(tally_alltoallv(e, nullptr, a, one, zero, b, zero, zero, TALLY_I32), "input_counts[0] 1 is not output_counts[0], 0");
  bad(tally_alltoallv(e, nullptr, a, one, zero, a, one, zero, TALLY_I32), "overlap");  // in place it says so
  is_null(tally_alltoallv_start(e, nullptr, a, one, zero, b, one, zero, TALLY_I32, none), "tally_alltoallv_start",
          "request");

  std::vector<std::int32_t> foreign(8);
  const auto no = TALLY_ERR_NOT_REGISTERED;
  expect(tally_scan(e, nullptr, foreign.data(), b, 1, TALLY_I32, TALLY_SUM), no, "tally_scan: input [");
  expect(tally_gather(e, nullptr, TALLY_IN_PLACE, foreign.data(), 1, TALLY_I32, 0), no, "tally_gather: output [");
  expect(tally_scatter(e, nullptr, foreign.data(), TALLY_IN_PLACE, 1, TALLY_I32, 0), no, "tally_scatter: input [");
  expect(tally_alltoallv(e, nullptr, a, one, zero, foreign.data(), one, zero, TALLY_I32), no, "tally_alltoallv: output [");
  const std::size_t far[] = {place.memory.size()};
  expect(tally_gatherv(e, nullptr, a, 1, b, one, far, TALLY_I32, 0), no, "tally_gatherv: output [");
  const std::size_t huge[] = {PTRDIFF_MAX};
  expect(tally_gatherv(e, nullptr, a, 1, b, one, huge, TALLY_I32, 0), TALLY_ERR_UNSUPPORTED, "tally_gatherv: counts[0] 1 at");
  expect(tally_alltoall(e, nullptr, a, b, PTRDIFF_MAX, TALLY_I32), TALLY_ERR_UNSUPPORTED, "tally_alltoall: count ");

  // All of this has posted nothing: the next collective is the first.
  *a = 3;
  EXPECT_EQ(tally_allreduce(e, nullptr, TALLY_IN_PLACE, a, 1, TALLY_I32, TALLY_SUM), TALLY_OK) << tally_last_error();
  EXPECT_EQ(tally_allgather(e, nullptr, a, b, 1, TALLY_I32), TALLY_OK) << tally_last_error();
  EXPECT_EQ(*b, 3);
  EXPECT_EQ(tally_scatter(e, nullptr, nullptr, nullptr, 0, TALLY_I32, 0), TALLY_OK) << tally_last_error();
}

TEST_P(Arguments, group_lists_are_checked) {
  tally_group* group = nullptr;
  const int twice[] = {0, 0};
  const int outside[] = {4};
  const int mine[] = {0};
  bad(tally_group_create(e, nullptr, 1, &group), "tally_group_create: ranks is NULL");
  bad(tally_group_create(e, mine, 0, &group), "tally_group_create: size 0");
  bad(tally_group_create(e, twice, 2, &group), "tally_group_create: size 2");
  bad(tally_group_create(e, outside, 1, &group), "tally_group_create: ranks[0] is 4");
  ASSERT_EQ(tally_group_create(e, mine, 1, &group), TALLY_OK);
  bad(tally_group_set_algorithm(group, "magic"), "tally_group_set_algorithm: algorithm 'magic' is unknown");
  bad(tally_group_set_algorithm(group, nullptr), "tally_group_set_algorithm: name is NULL");
  EXPECT_EQ(tally_group_set_algorithm(group, "ring"), TALLY_OK);
  EXPECT_EQ(tally_group_set_algorithm(group, "auto"), TALLY_OK);
  expect(tally_endpoint_close(e), TALLY_ERR_BUSY, "1 groups");
  EXPECT_EQ(tally_group_free(group), TALLY_OK);
}

TEST_P(Arguments, a_group_of_another_endpoint_is_refused) {
  leave();
  Place second;
  const int mine[] = {0};
  tally_group* group = nullptr;
  ASSERT_EQ(tally_group_create(second.endpoint, mine, 1, &group), TALLY_OK);
  bad(tally_barrier(e, group), "tally_barrier: group is of another endpoint");
  EXPECT_EQ(tally_group_free(group), TALLY_OK);
  EXPECT_EQ(tally_endpoint_close(second.endpoint), TALLY_OK);
}

TEST_P(Arguments, memory_regions_are_checked) {
  tally_memory* memory = nullptr;
  bad(tally_memory_register(e, nullptr, 1, &memory), "tally_memory_register: base is NULL");
  bad(tally_memory_register(e, place.memory.data(), 0, &memory), "tally_memory_register: length is 0");
  bad(tally_memory_register(e, place.memory.data(), SIZE_MAX, &memory), "runs past the end");
  ASSERT_EQ(tally_recv_start(e, nullptr, place.memory.data(), 4, 0, 0, &request), TALLY_OK);
  expect(tally_memory_deregister(place.region), TALLY_ERR_BUSY, "1 operations");
  expect(tally_endpoint_close(e), TALLY_ERR_BUSY, "1 requests");
  EXPECT_EQ(tally_test(&request, nullptr), TALLY_AGAIN);
  EXPECT_NE(request, nullptr);
  EXPECT_EQ(tally_send(e, nullptr, place.memory.data() + 8, 4, 0, 0), TALLY_OK);
  EXPECT_EQ(tally_wait(&request, nullptr), TALLY_OK);
  EXPECT_EQ(request, nullptr);
  EXPECT_EQ(tally_memory_deregister(place.region), TALLY_OK);
  expect(tally_send(e, nullptr, place.memory.data(), 4, 0, 0), TALLY_ERR_NOT_REGISTERED, "buffer");
}

TEST_P(Arguments, a_request_that_ended_is_refused) {
  ASSERT_EQ(tally_send_start(e, nullptr, nullptr, 0, 0, 0, &request), TALLY_OK);
  tally_request* copy = request;
  EXPECT_EQ(tally_wait(&request, nullptr), TALLY_OK);
  bad(tally_wait(&copy, nullptr), "is not under way");
  tally_request* list[] = {nullptr, copy};
  bad(tally_wait_all(list, 2), "tally_wait_all: requests[1]");
  EXPECT_EQ(tally_recv(e, nullptr, nullptr, 0, 0, 0, nullptr), TALLY_OK);
}

TEST_P(Arguments, names_and_version_are_there) {
  EXPECT_STREQ(tally_status_name(TALLY_ERR_TIMEOUT), "TALLY_ERR_TIMEOUT");
  EXPECT_STREQ(tally_status_name(TALLY_ERR_CANCELLED), "TALLY_ERR_CANCELLED");
  EXPECT_STREQ(tally_status_name(TALLY_ERR_PEER), "TALLY_ERR_PEER");
  const int beyond = 16;  // as C code may pass it
  tally_status unknown{};
  static_assert(sizeof unknown == sizeof beyond);
  std::memcpy(&unknown, &beyond, sizeof unknown);
  EXPECT_STREQ(tally_status_name(unknown), "unknown status");
  EXPECT_NE(std::strchr(tally_version(), '.'), nullptr);
  const char* engine = nullptr;
  EXPECT_EQ(tally_endpoint_engine(e, &engine), TALLY_OK);
  EXPECT_STREQ(engine, on_rtl() ? "rtl" : "soft");
}

}  // namespace
}  // namespace tally::test
