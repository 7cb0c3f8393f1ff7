// SPDX-License-Identifier: BSD-3-Clause
// What MPI's functions add to Tally's: the same messages of a process to itself through both, in turn, in one
// process.
//
//   tally_bench_mpi_overhead [REPETITIONS]      not under `tally run`: both open a job of one rank of their
//   own
//
// Times are of one message (send and receive), ns, the median of rounds; the last column is the difference a
// call.
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "tally/tally.h"

namespace {

using Clock = std::chrono::steady_clock;
constexpr int kRounds = 41;

tally_endpoint* endpoint = nullptr;

void need(tally_status status) {
  if (status == TALLY_OK) return;
  std::fprintf(stderr, "%s\n", tally_last_error());
  std::exit(1);
}

struct Pair {
  const char* name;
  int calls;  ///< of MPI, a message
  void (*tally)(const char* out, char* in, int bytes);
  void (*mpi)(const char* out, char* in, int bytes);
};

const Pair kPairs[] = {
    {"send, recv", 2,
     [](const char* out, char* in, int bytes) {
       const auto length = static_cast<std::size_t>(bytes);
       need(tally_send(endpoint, nullptr, out, length, 0, 1));
       tally_result result;
       result.size = sizeof result;
       need(tally_recv(endpoint, nullptr, in, length, 0, 1, &result));
     },
     [](const char* out, char* in, int bytes) {
       MPI_Status status;
       MPI_Send(out, bytes, MPI_BYTE, 0, 1, MPI_COMM_WORLD);
       MPI_Recv(in, bytes, MPI_BYTE, 0, 1, MPI_COMM_WORLD, &status);
     }},
    {"irecv, isend, wait, wait", 4,
     [](const char* out, char* in, int bytes) {
       const auto length = static_cast<std::size_t>(bytes);
       tally_request* requests[2] = {};
       tally_result result;
       result.size = sizeof result;
       need(tally_recv_start(endpoint, nullptr, in, length, 0, 1, &requests[0]));
       need(tally_send_start(endpoint, nullptr, out, length, 0, 1, &requests[1]));
       need(tally_wait(&requests[0], &result));
       need(tally_wait(&requests[1], nullptr));
     },
     [](const char* out, char* in, int bytes) {
       MPI_Request requests[2];
       MPI_Status status;
       MPI_Irecv(in, bytes, MPI_BYTE, 0, 1, MPI_COMM_WORLD, &requests[0]);
       MPI_Isend(out, bytes, MPI_BYTE, 0, 1, MPI_COMM_WORLD, &requests[1]);
       MPI_Wait(&requests[0], &status);
       MPI_Wait(&requests[1], MPI_STATUS_IGNORE);
     }},
};

template <typename Call>
double once(Call call, const char* out, char* in, int bytes, int repetitions) {
  const auto start = Clock::now();
  for (int i = 0; i < repetitions; ++i) call(out, in, bytes);
  return std::chrono::duration<double, std::nano>(Clock::now() - start).count() / repetitions;
}

double median(std::vector<double>& times) {
  std::nth_element(times.begin(), times.begin() + kRounds / 2, times.end());
  return times[kRounds / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const int repetitions = argc > 1 ? std::max(1, std::atoi(argv[1])) : 20000;
  MPI_Init(&argc, &argv);
  tally_options options{};
  options.size = sizeof options;
  options.memory_cache = 1;
  need(tally_endpoint_open_with(&options, &endpoint));
  std::printf("%-26s %8s %10s %10s %12s\n", "", "bytes", "Tally ns", "MPI ns", "MPI adds/call");
  for (const Pair& pair : kPairs) {
    for (const int bytes : {0, 8, 256}) {
      std::vector<char> out(256);
      std::vector<char> in(256);
      std::vector<double> tally_times;
      std::vector<double> mpi_times;
      once(pair.tally, out.data(), in.data(), bytes, repetitions);
      once(pair.mpi, out.data(), in.data(), bytes, repetitions);
      for (int round = 0; round < kRounds; ++round) {  // in turn: what slows the machine slows both
        tally_times.push_back(once(pair.tally, out.data(), in.data(), bytes, repetitions / 10 + 1));
        mpi_times.push_back(once(pair.mpi, out.data(), in.data(), bytes, repetitions / 10 + 1));
      }
      const double tally_ns = median(tally_times);
      const double mpi_ns = median(mpi_times);
      std::printf("%-26s %8d %10.1f %10.1f %12.1f\n", pair.name, bytes, tally_ns, mpi_ns,
                  (mpi_ns - tally_ns) / pair.calls);
    }
  }
  need(tally_endpoint_close(endpoint));
  MPI_Finalize();
  return 0;
}
