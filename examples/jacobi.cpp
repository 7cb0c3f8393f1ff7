// SPDX-License-Identifier: BSD-3-Clause
// Heat in a square plate: Jacobi iteration of the Laplace equation, rows divided among the ranks.
//
// Each iteration exchanges one row with either neighbour by tagged messages, whose receives are posted first, and computes
// the rows that need no neighbour meanwhile. Every few iterations an allreduce(max) of the change decides whether to stop.
// Rank 0 then collects the plate, solves the same problem alone and compares bit for bit: maximum and stencil do not depend
// on how the rows are divided.
//
//   tally run -n 4 --engine rtl -- build/release/examples/jacobi --size 64 --picture heat.ppm
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "tally/tally.h"

namespace {

constexpr int kTagDown = 1;    // a row for the neighbour below
constexpr int kTagUp = 2;
constexpr int kTagGather = 3;

struct Options {
  std::size_t size = 64;
  unsigned iterations = 100;
  unsigned check_every = 10;
  double tolerance = 1e-4;
  std::string picture;
};

void check(tally_status status, const char* what) {
  if (status == TALLY_OK) return;
  throw std::runtime_error(fmt::format("{}: {}: {}", what, tally_status_name(status), tally_last_error()));
}

/// Doubles in memory that is registered with the endpoint.
class SharedArray {
 public:
  SharedArray(tally_endpoint* endpoint, std::size_t count) : values_(std::max<std::size_t>(count, 1)) {
    check(tally_memory_register(endpoint, values_.data(), values_.size() * sizeof(double), &memory_), "register");
  }
  ~SharedArray() { tally_memory_deregister(memory_); }
  SharedArray(const SharedArray&) = delete;
  SharedArray& operator=(const SharedArray&) = delete;
  [[nodiscard]] double* data() { return values_.data(); }

 private:
  std::vector<double> values_;
  tally_memory* memory_ = nullptr;
};

/// Rows first .. first + count - 1 of the plate's `size` inner rows.
struct Rows {
  std::size_t first;
  std::size_t count;
};

Rows rows_of(std::size_t size, int ranks, int rank) {
  const auto n = static_cast<std::size_t>(ranks);
  const auto r = static_cast<std::size_t>(rank);
  const auto first = size * r / n;
  return {first, size * (r + 1) / n - first};
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
  [[nodiscard]] std::size_t width() const { return width_; }
  [[nodiscard]] std::size_t count() const { return rows_.count; }
  /// Row 0 and count() + 1 are the neighbours'.
  [[nodiscard]] double* row(std::size_t index) { return current_ + index * width_; }
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
  plate->assign(block.row(1), block.row(options.size + 1));
  return solution;
}

class Solver {
 public:
  Solver(const Options& options, tally_endpoint* endpoint, int rank, int ranks)
      : options_(options),
        endpoint_(endpoint),
        rank_(rank),
        ranks_(ranks),
        rows_(rows_of(options.size, ranks, rank)),
        current_(endpoint, (rows_.count + 2) * (options.size + 2)),
        next_(endpoint, (rows_.count + 2) * (options.size + 2)),
        change_(endpoint, 2),
        block_(options.size, rows_, current_.data(), next_.data()) {}

  Solution run() {
    Solution solution;
    while (solution.iterations < options_.iterations) {
      const double change = step();
      ++solution.iterations;
      if (solution.iterations % options_.check_every != 0 && solution.iterations != options_.iterations) continue;
      change_.data()[0] = change;
      check(tally_allreduce(endpoint_, nullptr, change_.data(), change_.data() + 1, 1, TALLY_F64, TALLY_MAX),
            "allreduce of the change");
      solution.residual = change_.data()[1];
      if (solution.residual < options_.tolerance) break;
    }
    return solution;
  }

  /// Brings the inner rows of the plate, with their edge columns, to rank 0.
  std::vector<double> gather() {
    const auto width = options_.size + 2;
    if (rank_ != 0) {
      check(tally_send(endpoint_, nullptr, block_.row(1), rows_.count * width * sizeof(double), 0, kTagGather), "gather");
      return {};
    }
    SharedArray plate(endpoint_, options_.size * width);
    std::memcpy(plate.data(), block_.row(1), rows_.count * width * sizeof(double));
    for (int rank = 1; rank < ranks_; ++rank) {
      const auto rows = rows_of(options_.size, ranks_, rank);
      check(tally_recv(endpoint_, nullptr, plate.data() + rows.first * width, rows.count * width * sizeof(double), rank,
                       kTagGather, nullptr),
            "gather");
    }
    return {plate.data(), plate.data() + options_.size * width};
  }

 private:
  double step() {
    const std::size_t bytes = block_.width() * sizeof(double);
    const std::size_t last = block_.count();
    const bool above = rank_ > 0;
    const bool below = rank_ + 1 < ranks_;
    std::array<tally_request*, 2> receives{};
    std::array<tally_request*, 2> sends{};
    if (above) {
      check(tally_recv_start(endpoint_, nullptr, block_.row(0), bytes, rank_ - 1, kTagDown, &receives[0]), "receive");
    }
    if (below) {
      check(tally_recv_start(endpoint_, nullptr, block_.row(last + 1), bytes, rank_ + 1, kTagUp, &receives[1]), "receive");
    }
    if (above) check(tally_send_start(endpoint_, nullptr, block_.row(1), bytes, rank_ - 1, kTagUp, &sends[0]), "send");
    if (below) check(tally_send_start(endpoint_, nullptr, block_.row(last), bytes, rank_ + 1, kTagDown, &sends[1]), "send");
    double change = last > 2 ? block_.relax(2, last) : 0;  // needs no neighbour
    check(tally_wait_all(receives.data(), receives.size()), "wait for the neighbours' rows");
    change = std::max(change, block_.relax(1, 2));
    if (last > 1) change = std::max(change, block_.relax(last, last + 1));
    check(tally_wait_all(sends.data(), sends.size()), "wait for the sends");  // before the rows are overwritten
    block_.swap();
    return change;
  }

  const Options& options_;
  tally_endpoint* endpoint_;
  int rank_;
  int ranks_;
  Rows rows_;
  SharedArray current_;
  SharedArray next_;
  SharedArray change_;
  Block block_;
};

/// Black over red and yellow to white.
std::array<unsigned, 3> colour(double value) {
  const double t = std::clamp(value / 100.0, 0.0, 1.0) * 3.0;
  const auto channel = [t](double from) { return static_cast<unsigned>(std::lround(std::clamp(t - from, 0.0, 1.0) * 255)); };
  return {channel(0), channel(1), channel(2)};
}

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

void write_picture(const std::string& path, std::size_t size, const std::vector<double>& plate) {
  std::ofstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(fmt::format("--picture: cannot write '{}'", path));
  const auto cell = [&](std::size_t row, std::size_t column) { return plate[row * (size + 2) + column + 1]; };
  if (ends_with(path, ".ppm")) {
    file << fmt::format("P6\n{} {}\n255\n", size, size);
    for (std::size_t row = 0; row < size; ++row) {
      for (std::size_t column = 0; column < size; ++column) {
        for (const auto part : colour(cell(row, column))) file.put(static_cast<char>(part));
      }
    }
  } else {
    const std::size_t cells = std::min<std::size_t>(size, 128);  // an SVG of more squares is slow to draw
    file << fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {0}\" width=\"512\" height=\"512\" "
                        "shape-rendering=\"crispEdges\">\n",
                        cells);
    for (std::size_t row = 0; row < cells; ++row) {
      for (std::size_t column = 0; column < cells; ++column) {
        const auto [red, green, blue] = colour(cell(row * size / cells, column * size / cells));
        file << fmt::format("<rect x=\"{}\" y=\"{}\" width=\"1\" height=\"1\" fill=\"#{:02x}{:02x}{:02x}\"/>\n", column, row,
                            red, green, blue);
      }
    }
    file << "</svg>\n";
  }
  file.flush();
  if (!file) throw std::runtime_error(fmt::format("--picture: cannot write '{}'", path));
}

/// All ranks' counters, summed by the engine itself.
std::array<std::int64_t, 8> sum_counters(tally_endpoint* endpoint) {
  tally_counters mine{};
  mine.size = sizeof mine;
  check(tally_endpoint_counters(endpoint, &mine), "counters");
  std::array<std::int64_t, 8> values{
      static_cast<std::int64_t>(mine.cpu_matches),          static_cast<std::int64_t>(mine.cpu_reduced_bytes),
      static_cast<std::int64_t>(mine.cpu_copied_bytes),     static_cast<std::int64_t>(mine.device_tx_packets),
      static_cast<std::int64_t>(mine.device_matches_posted), static_cast<std::int64_t>(mine.device_matches_unexpected),
      static_cast<std::int64_t>(mine.device_reduced_bytes), static_cast<std::int64_t>(mine.device_written_bytes)};
  tally_memory* memory = nullptr;
  check(tally_memory_register(endpoint, values.data(), sizeof values, &memory), "register");
  check(tally_allreduce(endpoint, nullptr, values.data(), values.data(), values.size(), TALLY_I64, TALLY_SUM),
        "allreduce of the counters");
  check(tally_memory_deregister(memory), "deregister");
  return values;
}

/// Rank 0's report; false when the solution differs from that of one processor.
bool report(const Options& options, int ranks, const char* engine, const Solution& solution,
            const std::vector<double>& plate, const std::array<std::int64_t, 8>& sums) {
  fmt::print("jacobi: {0} x {0} cells, {1} ranks, engine {2}\n", options.size, ranks, engine);
  fmt::print("iterations: {}, residual: {:.6e} ({})\n", solution.iterations, solution.residual,
             solution.residual < options.tolerance ? "converged" : "iteration limit");
  std::vector<double> alone;
  const auto expected = solve_alone(options, &alone);
  bool equal = expected.iterations == solution.iterations && expected.residual == solution.residual;
  if (!equal) {
    fmt::print("DIFFERENT from one processor: {} iterations, residual {:.17g} there; {} and {:.17g} here\n",
               expected.iterations, expected.residual, solution.iterations, solution.residual);
  }
  if (std::memcmp(alone.data(), plate.data(), alone.size() * sizeof(double)) != 0) {
    equal = false;
    const auto [here, there] = std::mismatch(plate.begin(), plate.end(), alone.begin());
    const auto index = static_cast<std::size_t>(here - plate.begin());
    if (here != plate.end()) {
      fmt::print("DIFFERENT from one processor: first in row {}, column {}: {:.17g} here, {:.17g} there\n",
                 index / (options.size + 2), index % (options.size + 2), *here, *there);
    }
  }
  if (equal) fmt::print("the same bits as the solution of one processor\n");
  fmt::print("host CPUs: {} matches, {} bytes reduced, {} bytes copied\n", sums[0], sums[1], sums[2]);
  fmt::print("devices: {} packets sent, {} matches ({} posted, {} unexpected), {} bytes reduced, {} bytes written\n",
             sums[3], sums[4] + sums[5], sums[4], sums[5], sums[6], sums[7]);
  return equal;
}

int run(const Options& options) {
  tally_endpoint* endpoint = nullptr;
  check(tally_endpoint_open(nullptr, &endpoint), "open");
  int rank = 0;
  int ranks = 1;
  const char* engine = nullptr;
  check(tally_endpoint_rank(endpoint, &rank), "rank");
  check(tally_endpoint_size(endpoint, &ranks), "size");
  check(tally_endpoint_engine(endpoint, &engine), "engine");
  if (options.size < static_cast<std::size_t>(ranks)) {
    throw std::runtime_error(fmt::format("--size: {} rows are too few for {} ranks", options.size, ranks));
  }
  int code = 0;
  {
    Solver solver(options, endpoint, rank, ranks);
    const auto solution = solver.run();
    const auto plate = solver.gather();
    const auto sums = sum_counters(endpoint);
    if (rank == 0) {
      code = report(options, ranks, engine, solution, plate, sums) ? 0 : 1;
      if (!options.picture.empty()) write_picture(options.picture, options.size, plate);
    }
  }
  check(tally_endpoint_close(endpoint), "close");
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"Heat in a square plate by Jacobi iteration.\nExample: tally run -n 4 -- jacobi --size 64 --picture heat.ppm"};
  app.add_option("--size", options.size, "Inner cells of a side")->check(CLI::Range(1, 16384))->capture_default_str();
  app.add_option("--iterations", options.iterations, "At most")->check(CLI::Range(1, 100000000))->capture_default_str();
  app.add_option("--check-every", options.check_every, "Iterations between two convergence tests")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  app.add_option("--tolerance", options.tolerance, "Stop when no cell changes by more")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--picture", options.picture, "Write the plate there (.ppm or .svg)");
  try {
    app.parse(argc, argv);
    if (!options.picture.empty() && !ends_with(options.picture, ".ppm") && !ends_with(options.picture, ".svg")) {
      throw CLI::ValidationError("--picture", fmt::format("'{}' ends neither in .ppm nor in .svg", options.picture));
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
