// SPDX-License-Identifier: BSD-3-Clause
// Every collective once, each result checked against what its definition says.
//
//   tally run -n 4 --engine rtl --counters -- build/release/examples/collectives
#include <complex>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <numeric>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "tally/tally.hpp"

namespace {

using Counts = std::vector<std::size_t>;

/// Buffers within one registered region.
class Arena {
 public:
  explicit Arena(tally::Endpoint& endpoint)
      : bytes_(1 << 20), memory_(endpoint.register_memory(std::span(bytes_))) {}
  template <typename T>
  std::span<T> take(std::size_t count) {
    T* first = reinterpret_cast<T*>(bytes_.data() + used_);
    used_ += (count * sizeof(T) + 63) / 64 * 64;
    if (used_ > bytes_.size()) throw std::runtime_error("the arena is too small");
    std::fill_n(first, count, T{});
    return {first, count};
  }
  void clear() { used_ = 0; }

 private:
  std::vector<std::byte> bytes_;
  tally::Memory memory_;
  std::size_t used_ = 0;
};

void require(bool right) {
  if (!right) throw std::runtime_error("wrong result");
}

/// What rank `from` sends to rank `to`, element k.
int item(int from, int to, std::size_t k) { return from * 10000 + to * 100 + static_cast<int>(k); }

class Tour {
 public:
  Tour(tally::Endpoint& endpoint)
      : all_(endpoint.all()), arena_(endpoint), me_(all_.rank()), n_(all_.size()) {}

  void run() {
    const auto ranks = static_cast<std::size_t>(n_);
    step("barrier", [&] { all_.barrier(); });
    step("bcast", [&] {
      const auto data = arena_.take<int>(100);
      if (me_ == n_ - 1) std::iota(data.begin(), data.end(), 5);
      all_.bcast(data, n_ - 1);
      require(data[99] == 104);
    });
    step("allreduce", [&] {
      const auto data = arena_.take<double>(10);
      std::fill(data.begin(), data.end(), me_ + 1.0);
      all_.allreduce(data, TALLY_SUM);
      require(data[9] == n_ * (n_ + 1) / 2.0);
    });
    step("reduce", [&] {
      const auto in = arena_.take<std::int64_t>(3);
      const auto out = arena_.take<std::int64_t>(3);
      std::fill(in.begin(), in.end(), me_);
      all_.reduce(in, out, TALLY_MAX, 0);
      require(out[2] == (me_ == 0 ? n_ - 1 : 0));
    });
    step("reduce_scatter_block", [&] {
      const auto in = arena_.take<int>(2 * ranks);
      const auto out = arena_.take<int>(2);
      for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<int>(i);
      all_.reduce_scatter_block(in, out, TALLY_SUM);
      require(out[1] == n_ * (2 * me_ + 1));
    });
    step("scan", [&] {
      const auto data = arena_.take<int>(4);
      std::fill(data.begin(), data.end(), me_ + 1);
      all_.scan(tally::in_place, data, TALLY_SUM);
      require(data[3] == (me_ + 1) * (me_ + 2) / 2);
    });
    step("exscan", [&] {
      const auto in = arena_.take<int>(4);
      const auto out = arena_.take<int>(4);
      std::fill(in.begin(), in.end(), me_ + 1);
      all_.exscan(in, out, TALLY_SUM);
      require(out[3] == (me_ == 0 ? 0 : me_ * (me_ + 1) / 2));
    });
    step("gather", [&] {
      const auto own = arena_.take<int>(2);
      const auto out = arena_.take<int>(2 * ranks);
      own[1] = item(me_, 0, 1);
      all_.gather(own, out, 0);
      for (int r = 0; r < n_ && me_ == 0; ++r)
        require(out[2 * static_cast<std::size_t>(r) + 1] == item(r, 0, 1));
    });
    step("scatter", [&] {
      const auto in = arena_.take<int>(2 * ranks);
      const auto own = arena_.take<int>(2);
      for (int r = 0; r < n_; ++r) in[2 * static_cast<std::size_t>(r) + 1] = item(me_, r, 1);
      all_.scatter(std::span<const int>(in), own, 0);
      require(own[1] == item(0, me_, 1));
    });
    step("allgather", [&] {
      const auto out = arena_.take<int>(2 * ranks);
      out[2 * static_cast<std::size_t>(me_)] = item(me_, 0, 0);
      all_.allgather(tally::in_place, out);
      for (int r = 0; r < n_; ++r) require(out[2 * static_cast<std::size_t>(r)] == item(r, 0, 0));
    });
    step("alltoall", [&] {
      const auto in = arena_.take<int>(ranks);
      const auto out = arena_.take<int>(ranks);
      for (int r = 0; r < n_; ++r) in[static_cast<std::size_t>(r)] = item(me_, r, 0);
      all_.alltoall(in, out);
      for (int r = 0; r < n_; ++r) require(out[static_cast<std::size_t>(r)] == item(r, me_, 0));
    });
    blocks_that_differ();
    step("complex numbers", [&] {
      const auto data = arena_.take<std::complex<float>>(5);
      std::fill(data.begin(), data.end(), std::complex<float>(0, 1));
      all_.allreduce(data, TALLY_PROD);
      const std::complex<float> powers[] = {{1, 0}, {0, 1}, {-1, 0}, {0, -1}};
      require(data[4] == powers[n_ % 4]);
    });
    step("the place of the smallest", [&] {
      struct Pair {
        float value;
        std::int32_t index;
      };
      const auto data = arena_.take<Pair>(1);
      data[0] = {static_cast<float>((me_ + 1) % n_), me_};
      all_.allreduce(data, TALLY_MINLOC, TALLY_F32_I32);
      require(data[0].value == 0 && data[0].index == n_ - 1);
    });
    step("many at once", [&] {
      std::vector<tally::Request> requests;
      std::vector<std::span<int>> sums;
      for (int k = 0; k < 10; ++k) {
        sums.push_back(arena_.take<int>(50));
        std::fill(sums.back().begin(), sums.back().end(), k);
        requests.push_back(all_.allreduce_start(tally::in_place, sums.back(), TALLY_SUM));
      }
      requests.push_back(all_.barrier_start());
      while (!requests.empty()) {
        requests.back().wait();  // the last one first: any order will do
        requests.pop_back();
      }
      for (int k = 0; k < 10; ++k) require(sums[static_cast<std::size_t>(k)][49] == k * n_);
    });
    if (me_ == 0) std::printf("collectives: %d done, %d not offered by this engine\n", done_, not_offered_);
  }

 private:
  /// Block r has r + 1 elements and stands behind a gap.
  void blocks_that_differ() {
    const auto ranks = static_cast<std::size_t>(n_);
    const auto me = static_cast<std::size_t>(me_);
    Counts counts(ranks), places(ranks);
    for (std::size_t r = 0; r < ranks; ++r)
      counts[r] = r + 1, places[r] = r == 0 ? 1 : places[r - 1] + counts[r - 1] + 1;
    const std::size_t all = places.back() + counts.back();
    const tally::BlocksOf blocks{counts, places};

    step("reduce_scatter", [&] {
      const auto in = arena_.take<int>(std::accumulate(counts.begin(), counts.end(), std::size_t{0}));
      const auto out = arena_.take<int>(counts[me]);
      std::iota(in.begin(), in.end(), 0);
      all_.reduce_scatter(in, out, counts, TALLY_SUM);
      require(out[0] == n_ * me_ * (me_ + 1) / 2);
    });
    step("gatherv", [&] {
      const auto own = arena_.take<int>(counts[me]);
      const auto out = arena_.take<int>(all);
      own.back() = item(me_, 0, me);
      all_.gatherv(own, out, blocks, 0);
      for (std::size_t r = 0; r < ranks && me_ == 0; ++r)
        require(out[places[r] + r] == item(static_cast<int>(r), 0, r));
    });
    step("scatterv", [&] {
      const auto in = arena_.take<int>(all);
      const auto own = arena_.take<int>(counts[me]);
      for (std::size_t r = 0; r < ranks; ++r) in[places[r] + r] = item(me_, static_cast<int>(r), r);
      all_.scatterv(std::span<const int>(in), blocks, own, 0);
      require(own.back() == item(0, me_, me));
    });
    step("allgatherv", [&] {
      const auto out = arena_.take<int>(all);
      out[places[me] + me] = item(me_, 0, me);
      all_.allgatherv(tally::in_place, out, blocks);
      for (std::size_t r = 0; r < ranks; ++r) require(out[places[r] + r] == item(static_cast<int>(r), 0, r));
    });
    step("alltoallv", [&] {
      // Rank i sends r + 1 elements to rank r, so it gets i + 1 from each.
      const Counts from(ranks, me + 1);
      Counts at(ranks);
      for (std::size_t r = 0; r < ranks; ++r) at[r] = r * (me + 1);
      const auto in = arena_.take<int>(all);
      const auto out = arena_.take<int>(ranks * (me + 1));
      for (std::size_t r = 0; r < ranks; ++r) in[places[r] + r] = item(me_, static_cast<int>(r), r);
      all_.alltoallv(in, blocks, out, {from, at});
      for (std::size_t r = 0; r < ranks; ++r) require(out[at[r] + me] == item(static_cast<int>(r), me_, me));
    });
  }

  /// Refusals come before anything is sent, and to all ranks alike: those of an engine that lacks a
  /// collective are told and passed over.
  void step(const char* name, const std::function<void()>& collective) {
    arena_.clear();
    try {
      collective();
      ++done_;
    } catch (const tally::Error& error) {
      if (error.status() != TALLY_ERR_UNSUPPORTED)
        throw std::runtime_error(std::string(name) + ": " + error.what());
      ++not_offered_;
      if (me_ == 0) std::printf("collectives: %s is not offered: %s\n", name, error.what());
    } catch (const std::runtime_error& error) {
      throw std::runtime_error(std::string(name) + ": " + error.what());
    }
  }

  tally::Group all_;
  Arena arena_;
  int me_, n_;
  int done_ = 0, not_offered_ = 0;
};

}  // namespace

int main() {
  try {
    tally::Endpoint endpoint;
    Tour(endpoint).run();
    endpoint.close();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "collectives: %s\n", error.what());
    return 1;
  }
}
