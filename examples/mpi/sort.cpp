// SPDX-License-Identifier: BSD-3-Clause
// Parallel sort by regular sampling (Shi and Schaeffer, 1992): each rank sorts its part, samples choose the borders, an
// all-to-all with counts brings every key to its rank.
#include <mpi.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <random>
#include <vector>

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0, size = 1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  const std::size_t n = 20000;
  std::mt19937 random(static_cast<unsigned>(rank) + 1);
  std::vector<std::int32_t> keys(n + 100u * static_cast<unsigned>(rank));
  std::uint64_t sum_before = 0;
  for (auto& key : keys) {
    key = static_cast<std::int32_t>(random() >> 1);
    sum_before += static_cast<std::uint32_t>(key);
  }
  std::sort(keys.begin(), keys.end());

  const auto ranks = static_cast<std::size_t>(size);
  std::vector<std::int32_t> samples(ranks), all(ranks * ranks);
  for (std::size_t i = 0; i < ranks; ++i) samples[i] = keys[i * keys.size() / ranks];
  MPI_Allgather(samples.data(), size, MPI_INT32_T, all.data(), size, MPI_INT32_T, MPI_COMM_WORLD);
  std::sort(all.begin(), all.end());
  std::vector<int> counts(ranks), places(ranks), got_counts(ranks), got_places(ranks);
  auto from = keys.begin();
  for (std::size_t r = 0; r < ranks; ++r) {
    const auto to = r + 1 == ranks ? keys.end() : std::lower_bound(from, keys.end(), all[(r + 1) * ranks]);
    places[r] = static_cast<int>(from - keys.begin());
    counts[r] = static_cast<int>(to - from);
    from = to;
  }
  MPI_Alltoall(counts.data(), 1, MPI_INT, got_counts.data(), 1, MPI_INT, MPI_COMM_WORLD);
  std::exclusive_scan(got_counts.begin(), got_counts.end(), got_places.begin(), 0);
  std::vector<std::int32_t> mine(static_cast<std::size_t>(got_places.back() + got_counts.back()));
  MPI_Alltoallv(keys.data(), counts.data(), places.data(), MPI_INT32_T, mine.data(), got_counts.data(), got_places.data(),
                MPI_INT32_T, MPI_COMM_WORLD);
  std::sort(mine.begin(), mine.end());

  // Sorted in itself, not below the rank before, and no key lost.
  std::int32_t last = mine.empty() ? -1 : mine.back(), before = -1;
  MPI_Exscan(&last, &before, 1, MPI_INT32_T, MPI_MAX, MPI_COMM_WORLD);
  int wrong = rank > 0 && !mine.empty() && mine.front() < before;
  std::uint64_t sums[2] = {sum_before, 0};
  for (const auto key : mine) sums[1] += static_cast<std::uint32_t>(key);
  MPI_Allreduce(MPI_IN_PLACE, sums, 2, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD);
  wrong |= sums[0] != sums[1];
  MPI_Allreduce(MPI_IN_PLACE, &wrong, 1, MPI_INT, MPI_LOR, MPI_COMM_WORLD);
  std::uint64_t total = mine.size(), most = mine.size();
  MPI_Allreduce(MPI_IN_PLACE, &total, 1, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD);
  MPI_Allreduce(MPI_IN_PLACE, &most, 1, MPI_UINT64_T, MPI_MAX, MPI_COMM_WORLD);
  if (rank == 0) {
    std::printf("%llu keys on %d ranks, at most %llu on one: %s\n", static_cast<unsigned long long>(total), size,
                static_cast<unsigned long long>(most), wrong ? "WRONG" : "sorted");
  }
  MPI_Finalize();
  return wrong;
}
