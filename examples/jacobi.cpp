// SPDX-License-Identifier: BSD-3-Clause
// Heat in a square plate: Jacobi iteration of the Laplace equation, rows divided among the ranks.
//
// Each iteration exchanges one row with either neighbour by tagged messages, whose receives are posted first, and computes
// the rows that need no neighbour meanwhile. Every few iterations an allreduce(max) of the change decides whether to stop.
// Rank 0 then collects the plate, solves the same problem alone and compares bit for bit: maximum and stencil do not depend
// on how the rows are divided. At last all ranks sum what their CPUs did in place of the devices.
//
//   tally run -n 4 --engine rtl -- build/release/examples/jacobi --size 64 --picture heat.svg
//
// Where Tally comes in: SharedArray, Solver, sum_counters, and the Endpoint in run.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fmt/format.h>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "heat_picture.hpp"
#include "tally/tally.hpp"

namespace {

constexpr int kTagDown = 1;  // a row for the neighbour below
constexpr int kTagUp = 2;
constexpr int kTagGather = 3;

struct Options {
  std::size_t size = 64;
  unsigned iterations = 100;
  unsigned check_every = 10;
  double tolerance = 1e-4;
  std::string picture;
};

/// Doubles in registered memory: the device reads and writes them itself.
class SharedArray {
 public:
  SharedArray(tally::Endpoint& endpoint, std::size_t count)
      : values_(count), memory_(endpoint.register_memory(std::span(values_))) {}
  [[nodiscard]] double* data() { return values_.data(); }
  [[nodiscard]] std::span<double> span() { return values_; }

 private:
  std::vector<double> values_;
  tally::Memory memory_;  // goes first
};

/// Rows first .. first + count - 1 of the plate's `size` inner rows.
struct Rows {
  std::size_t first;
  std::size_t count;
};

Rows rows_of(std::size_t size, int ranks, int rank) {
  const auto first = example::first_row(size, ranks, rank);
  return {first, example::first_row(size, ranks, rank + 1) - first};
}

/// Edges: the upper one is hot, the others cool linearly to 0 below. `row` and `column` count from the upper left corner of
/// the plate with its edges.
double edge_value(std::size_t size, std::size_t row, std::size_t column) {
  if (row == 0) return 100.0;
  if (column == 0 || column == size + 1) {
    return 100.0 * static_cast<double>(size + 1 - row) / static_cast<double>(size + 1);
  }
  return 0.0;
}

/// A block of rows with one row of neighbours above and below.
class Block {
 public:
  Block(std::size_t size, Rows rows, double* current, double* next)
      : width_(size + 2), rows_(rows), current_(current), next_(next) {
    for (std::size_t row = 0; row < rows.count + 2; ++row) {
      for (std::size_t column = 0; column < width_; ++column) {
        const auto plate_row = rows.first + row;
        const bool edge = plate_row == 0 || plate_row == size + 1 || column == 0 || column == size + 1;
        const double value = edge ? edge_value(size, plate_row, column) : 0.0;
        current_[row * width_ + column] = value;
        next_[row * width_ + column] = value;
      }
    }
  }
  [[nodiscard]] std::size_t count() const { return rows_.count; }
  /// Row 0 and count() + 1 are the neighbours'.
  [[nodiscard]] std::span<double> row(std::size_t index) { return {current_ + index * width_, width_}; }
  /// The block's own rows.
  [[nodiscard]] std::span<const double> own_rows() const { return {current_ + width_, rows_.count * width_}; }
  /// Computes rows [from, to) of the next state; returns the largest change.
  double relax(std::size_t from, std::size_t to) {
    double change = 0;
    for (std::size_t row = from; row < to; ++row) {
      const double* above = current_ + (row - 1) * width_;
      const double* here = above + width_;
      const double* below = here + width_;
      double* out = next_ + row * width_;
      for (std::size_t column = 1; column + 1 < width_; ++column) {
        out[column] = 0.25 * ((above[column] + below[column]) + (here[column - 1] + here[column + 1]));
        change = std::max(change, std::fabs(out[column] - here[column]));
      }
    }
    return change;
  }
  void swap() { std::swap(current_, next_); }

 private:
  std::size_t width_;
  Rows rows_;
  double* current_;
  double* next_;
};

struct Solution {
  unsigned iterations = 0;
  double residual = 0;
};

/// The same plate on one processor.
Solution solve_alone(const Options& options, std::vector<double>* plate) {
  const auto cells = (options.size + 2) * (options.size + 2);
  std::vector<double> a(cells);
  std::vector<double> b(cells);
  Block block(options.size, {0, options.size}, a.data(), b.data());
  Solution solution;
  while (solution.iterations < options.iterations) {
    const double change = block.relax(1, options.size + 1);
    block.swap();
    ++solution.iterations;
    if (solution.iterations % options.check_every != 0 && solution.iterations != options.iterations) continue;
    solution.residual = change;
    if (change < options.tolerance) break;
  }
  const auto rows = block.own_rows();
  plate->assign(rows.begin(), rows.end());
  return solution;
}

class Solver {
 public:
  Solver(const Options& options, tally::Endpoint& endpoint)
      : options_(options),
        endpoint_(endpoint),
        all_(endpoint.all()),
        rank_(endpoint.rank()),
        ranks_(endpoint.size()),
        rows_(rows_of(options.size, ranks_, rank_)),
        current_(endpoint, (rows_.count + 2) * (options.size + 2)),
        next_(endpoint, (rows_.count + 2) * (options.size + 2)),
        change_(endpoint, 1),
        block_(options.size, rows_, current_.data(), next_.data()) {}

  Solution run() {
    Solution solution;
    while (solution.iterations < options_.iterations) {
      const double change = step();
      ++solution.iterations;
      if (solution.iterations % options_.check_every != 0 && solution.iterations != options_.iterations) continue;
      change_.span()[0] = change;
      all_.allreduce(change_.span(), TALLY_MAX);
      solution.residual = change_.span()[0];
      if (solution.residual < options_.tolerance) break;
    }
    return solution;
  }

  /// Brings the inner rows of the plate, with their edge columns, to rank 0.
  std::vector<double> gather() {
    if (rank_ != 0) {
      all_.send(block_.own_rows(), 0, kTagGather);
      return {};
    }
    const auto width = options_.size + 2;
    SharedArray plate(endpoint_, options_.size * width);
    std::ranges::copy(block_.own_rows(), plate.data());
    for (int rank = 1; rank < ranks_; ++rank) {
      const auto rows = rows_of(options_.size, ranks_, rank);
      all_.recv(plate.span().subspan(rows.first * width, rows.count * width), rank, kTagGather);
    }
    return {plate.span().begin(), plate.span().end()};
  }

 private:
  /// One iteration; returns the largest change of a cell.
  double step() {
    const std::size_t last = block_.count();
    const int above = rank_ - 1;
    const int below = rank_ + 1;
    std::vector<tally::Request> receives;
    std::vector<tally::Request> sends;
    if (above >= 0) receives.push_back(all_.recv_start(block_.row(0), above, kTagDown));
    if (below < ranks_) receives.push_back(all_.recv_start(block_.row(last + 1), below, kTagUp));
    if (above >= 0) sends.push_back(all_.send_start(std::span<const double>(block_.row(1)), above, kTagUp));
    if (below < ranks_) sends.push_back(all_.send_start(std::span<const double>(block_.row(last)), below, kTagDown));
    double change = last > 2 ? block_.relax(2, last) : 0;  // needs no neighbour
    for (auto& receive : receives) receive.wait();
    change = std::max(change, block_.relax(1, 2));
    if (last > 1) change = std::max(change, block_.relax(last, last + 1));
    for (auto& send : sends) send.wait();  // before the rows are overwritten
    block_.swap();
    return change;
  }

  const Options& options_;
  tally::Endpoint& endpoint_;
  tally::Group all_;
  int rank_;
  int ranks_;
  Rows rows_;
  SharedArray current_;
  SharedArray next_;
  SharedArray change_;
  Block block_;
};

/// What all ranks' CPUs and devices did, summed by the engine itself.
struct Work {
  std::int64_t cpu_matches, cpu_reduced_bytes, cpu_copied_bytes;
  std::int64_t device_matches, device_reduced_bytes, device_written_bytes, device_packets;
  [[nodiscard]] bool offloaded() const { return cpu_matches == 0 && cpu_reduced_bytes == 0 && cpu_copied_bytes == 0; }
};

Work sum_counters(tally::Endpoint& endpoint) {
  const tally_counters mine = endpoint.counters();
  const auto number = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
  std::array values{number(mine.cpu_matches),
                    number(mine.cpu_reduced_bytes),
                    number(mine.cpu_copied_bytes),
                    number(mine.device_matches_posted + mine.device_matches_unexpected),
                    number(mine.device_reduced_bytes),
                    number(mine.device_written_bytes),
                    number(mine.device_tx_packets)};
  const std::span<std::int64_t> sums(values);
  const auto memory = endpoint.register_memory(sums);
  endpoint.all().allreduce(sums, TALLY_SUM);
  const auto [matches, reduced, copied, device_matches, device_reduced, device_written, packets] = values;
  return {matches, reduced, copied, device_matches, device_reduced, device_written, packets};
}

/// Who did the work; false when the CPUs did any of a device's.
bool report_work(const std::string& engine, const Work& work) {
  if (engine == "soft") {
    fmt::print("engine soft has no device: the CPUs did {} matches, reduced {} bytes and copied {} bytes\n",
               work.cpu_matches, work.cpu_reduced_bytes, work.cpu_copied_bytes);
    return true;
  }
  fmt::print("the devices: {} messages matched, {} bytes reduced, {} bytes written to the ranks' memory, {} packets sent\n",
             work.device_matches, work.device_reduced_bytes, work.device_written_bytes, work.device_packets);
  fmt::print("the CPUs:    {} messages matched, {} bytes reduced, {} bytes copied\n", work.cpu_matches,
             work.cpu_reduced_bytes, work.cpu_copied_bytes);
  fmt::print("{}\n", work.offloaded() ? "OFFLOADED: no CPU matched, reduced or copied anything"
                                      : "NOT OFFLOADED: the CPUs did work in place of the devices");
  return work.offloaded();
}

/// Whether the ranks found what one processor finds, to the bit; tells the first difference.
bool same_as_alone(const Options& options, const Solution& solution, const std::vector<double>& plate) {
  std::vector<double> alone;
  const auto expected = solve_alone(options, &alone);
  bool equal = expected.iterations == solution.iterations && expected.residual == solution.residual;
  if (!equal) {
    fmt::print("DIFFERENT from one processor: {} iterations, residual {:.17g} there; {} and {:.17g} here\n",
               expected.iterations, expected.residual, solution.iterations, solution.residual);
  }
  for (std::size_t i = 0; i < alone.size(); ++i) {
    if (std::memcmp(&alone[i], &plate[i], sizeof(double)) == 0) continue;
    fmt::print("DIFFERENT from one processor: first in row {}, column {}: {:.17g} here, {:.17g} there\n",
               i / (options.size + 2), i % (options.size + 2), plate[i], alone[i]);
    equal = false;
    break;
  }
  if (equal) fmt::print("the same bits as the solution of one processor\n");
  return equal;
}

int run(const Options& options) {
  tally::Endpoint endpoint;
  if (options.size < static_cast<std::size_t>(endpoint.size())) {
    throw std::runtime_error(fmt::format("--size: {} rows are too few for {} ranks", options.size, endpoint.size()));
  }
  int code = 0;
  {
    Solver solver(options, endpoint);
    const auto solution = solver.run();
    const auto plate = solver.gather();
    const auto work = sum_counters(endpoint);
    if (endpoint.rank() == 0) {
      fmt::print("jacobi: {0} x {0} cells, {1} ranks, engine {2}\n", options.size, endpoint.size(), endpoint.engine());
      fmt::print("iterations: {}, residual: {:.6e} ({})\n", solution.iterations, solution.residual,
                 solution.residual < options.tolerance ? "converged" : "iteration limit");
      const bool same = same_as_alone(options, solution, plate);
      const bool offloaded = report_work(endpoint.engine(), work);
      code = same && offloaded ? 0 : 1;
      if (!options.picture.empty()) {
        example::write_picture(
            options.picture,
            {options.size, endpoint.size(),
             fmt::format("Heat in a plate after {} iterations on {} rank{}", solution.iterations, endpoint.size(),
                         endpoint.size() == 1 ? "" : "s"),
             plate});
      }
    }
  }
  endpoint.close();
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"Heat in a square plate by Jacobi iteration.\nExample: tally run -n 4 -- jacobi --size 64 --picture heat.svg"};
  app.add_option("--size", options.size, "Inner cells of a side")->check(CLI::Range(1, 16384))->capture_default_str();
  app.add_option("--iterations", options.iterations, "At most")->check(CLI::Range(1, 100000000))->capture_default_str();
  app.add_option("--check-every", options.check_every, "Iterations between two convergence tests")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  app.add_option("--tolerance", options.tolerance, "Stop when no cell changes by more")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--picture", options.picture, "Write the plate there (.svg or .ppm)");
  try {
    app.parse(argc, argv);
    if (!options.picture.empty() && !example::is_picture(options.picture)) {
      throw CLI::ValidationError("--picture", fmt::format("'{}' ends neither in .svg nor in .ppm", options.picture));
    }
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    return run(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "jacobi: {}\n", error.what());
    return 1;
  }
}
