// SPDX-License-Identifier: BSD-3-Clause
#include "schedule/reference.hpp"

#include <algorithm>
#include <numeric>

#include "schedule/interpreter.hpp"

namespace tally::test {

using namespace schedule;  // NOLINT

namespace {

using Word = std::uint64_t;

/// A run of elements of a buffer.
struct Block {
  std::uint64_t at = 0;
  std::uint64_t size = 0;
};
/// What one rank passes to the call.
struct Buffers {
  std::vector<Block> input, output;
};

std::uint64_t extent(const std::vector<Block>& blocks) {
  std::uint64_t end = 0;
  for (const Block& b : blocks) end = std::max(end, b.at + b.size);
  return end;
}

/// Blocks one after the other.
std::vector<Block> packed(const std::vector<std::uint64_t>& sizes) {
  std::vector<Block> blocks;
  std::uint64_t at = 0;
  for (const std::uint64_t size : sizes) {
    blocks.push_back({at, size});
    at += size;
  }
  return blocks;
}

/// In a random order, with gaps.
std::vector<Block> strewn(const std::vector<std::uint64_t>& sizes, std::mt19937_64& random) {
  std::vector<std::size_t> order(sizes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::shuffle(order.begin(), order.end(), random);
  std::vector<Block> blocks(sizes.size());
  std::uint64_t at = random() % 3;
  for (const std::size_t k : order) {
    blocks[k] = {at, sizes[k]};
    at += sizes[k] + random() % 4;
  }
  return blocks;
}

constexpr std::uint64_t kGuard = 5;  // words around and between the buffers

/// The memory of one call, and what it must hold afterwards.
class Call {
 public:
  Call(const Schedule& s, bool in_place, std::vector<Buffers> buffers, std::mt19937_64& random)
      : s_(s), in_place_(in_place), buffers_(std::move(buffers)) {
    for (std::size_t r = 0; r < buffers_.size(); ++r) {
      const std::uint64_t input = extent(buffers_[r].input);
      const std::uint64_t output = extent(buffers_[r].output);
      RankMemory<Word> m;
      m.input = kGuard;
      m.output = kGuard + input + kGuard;
      m.words.resize(kGuard + input + kGuard + output + kGuard);
      if (in_place) alias(r, m);
      for (Word& w : m.words) w = random();
      before_.push_back(std::move(m));
    }
    after_ = before_;
  }

  std::string run(const std::vector<Program>& programs, std::uint64_t count,
                  const InterpreterOptions& options, std::mt19937_64& random) {
    std::string error;
    if (!execute<Word>(
            programs, count, after_, [](Word a, Word b) { return a + b; }, options, random, &error))
      return error;
    for (std::size_t r = 0; r < before_.size(); ++r) {
      const std::vector<Word> expected = expect(r);
      for (std::size_t k = 0; k < expected.size(); ++k) {
        if (expected[k] != after_[r].words[k]) {
          return "rank " + std::to_string(r) + ", word " + std::to_string(k) + " of " +
                 std::to_string(expected.size()) + " (Input at " + std::to_string(after_[r].input) +
                 ", Output at " + std::to_string(after_[r].output) + ")";
        }
      }
    }
    return {};
  }

 private:
  /// MPI_IN_PLACE: which buffer is where in the other.
  void alias(std::size_t r, RankMemory<Word>& m) const {
    switch (s_.collective) {
      case Collective::kBarrier:
        return;
      case Collective::kGather:
        if (r == s_.root) m.input = m.output + buffers_[r].output[r].at;
        return;
      case Collective::kAllgather:
        m.input = m.output + buffers_[r].output[r].at;
        return;
      case Collective::kScatter:
        if (r == s_.root) m.output = m.input + buffers_[r].input[r].at;
        return;
      case Collective::kReduce:
        if (r == s_.root) m.output = m.input;
        return;
      default:
        m.output = m.input;
        return;
    }
  }

  Word input(std::size_t r, std::size_t block, std::uint64_t k) const {
    return before_[r].words[before_[r].input + buffers_[r].input[block].at + k];
  }
  /// Element k of the sum of ranks [0, end).
  Word sum(std::size_t end, std::size_t block, std::uint64_t k) const {
    Word total = 0;
    for (std::size_t q = 0; q < end; ++q) total += input(q, block, k);
    return total;
  }

  /// All memory of a rank: what was there, but for Output.
  std::vector<Word> expect(std::size_t r) const {
    const std::size_t ranks = before_.size();
    std::vector<Word> words = before_[r].words;
    const auto& output = buffers_[r].output;
    const auto fill = [&](std::size_t block, auto&& value) {
      for (std::uint64_t k = 0; k < output[block].size; ++k)
        words[before_[r].output + output[block].at + k] = value(k);
    };
    switch (s_.collective) {
      case Collective::kBarrier:
        break;
      case Collective::kBcast:
        fill(0, [&](std::uint64_t k) { return input(s_.root, 0, k); });
        break;
      case Collective::kAllreduce:
        fill(0, [&](std::uint64_t k) { return sum(ranks, 0, k); });
        break;
      case Collective::kReduce:
        if (r == s_.root) fill(0, [&](std::uint64_t k) { return sum(ranks, 0, k); });
        break;
      case Collective::kReduceScatter:
        fill(0, [&](std::uint64_t k) { return sum(ranks, r, k); });
        break;
      case Collective::kScan:
        fill(0, [&](std::uint64_t k) { return sum(r + 1, 0, k); });
        break;
      case Collective::kExscan:
        if (r > 0) fill(0, [&](std::uint64_t k) { return sum(r, 0, k); });
        break;
      case Collective::kScatter:
        fill(0, [&](std::uint64_t k) { return input(s_.root, r, k); });
        break;
      case Collective::kGather:
      case Collective::kAllgather:
        for (std::size_t q = 0; q < output.size(); ++q)
          fill(q, [&](std::uint64_t k) { return input(q, 0, k); });
        break;
      case Collective::kAlltoall:
        for (std::size_t q = 0; q < ranks; ++q) fill(q, [&](std::uint64_t k) { return input(q, r, k); });
        break;
    }
    return words;
  }

  const Schedule& s_;
  bool in_place_;
  std::vector<Buffers> buffers_;
  std::vector<RankMemory<Word>> before_, after_;
};

std::vector<std::uint64_t> displacements(const std::vector<Block>& blocks) {
  std::vector<std::uint64_t> out;
  for (const Block& b : blocks) out.push_back(b.at * sizeof(Word));
  return out;
}
std::vector<std::uint64_t> bytes(const std::vector<Block>& blocks) {
  std::vector<std::uint64_t> out;
  for (const Block& b : blocks) out.push_back(b.size * sizeof(Word));
  return out;
}

/// What a rank may know, as MPI has it.
Layout layout_of(const Schedule& s, std::size_t r, const Buffers& b) {
  const int rank = static_cast<int>(r);
  switch (s.collective) {
    case Collective::kGather:
      return gatherv_layout(rank, s.root, bytes(b.input)[0], bytes(b.output), displacements(b.output));
    case Collective::kScatter:
      return scatterv_layout(rank, s.root, bytes(b.output)[0], bytes(b.input), displacements(b.input));
    case Collective::kAllgather:
      return allgatherv_layout(rank, bytes(b.output), displacements(b.output));
    case Collective::kReduceScatter:
      return reduce_scatter_layout(rank, bytes(b.input));
    default:
      return alltoallv_layout(bytes(b.input), displacements(b.input), bytes(b.output),
                              displacements(b.output));
  }
}

}  // namespace

std::string run_and_check(const Schedule& s, bool in_place, std::uint64_t elements, std::mt19937_64& random) {
  const std::size_t ranks = s.ranks.size();
  const bool blocks = has_blocks(s.collective);
  elements *= s.block_chunks;  // of a block, which are equal
  const std::uint64_t count = s.collective == Collective::kBarrier ? 0 : blocks ? elements * ranks : elements;
  std::vector<Buffers> buffers(ranks);
  for (std::size_t r = 0; r < ranks; ++r) {
    const auto make = [&](Buffer buffer) {
      if (s.collective == Collective::kBarrier) return std::vector<Block>{};
      if (blocks) return packed(std::vector<std::uint64_t>(places(s, r, buffer) / s.block_chunks, elements));
      // The root alone has Output of a reduce.
      return packed({places(s, r, buffer) == 0 ? 0 : elements});
    };
    buffers[r] = {make(Buffer::kInput), make(Buffer::kOutput)};
  }
  InterpreterOptions options = random_options(s, count, random);
  return Call(s, in_place, std::move(buffers), random).run(compile_all(s), count, options, random);
}

std::string run_and_check(const Schedule& s, bool in_place, const Counts& counts, std::mt19937_64& random) {
  const std::size_t ranks = s.ranks.size();
  std::vector<Buffers> buffers(ranks);
  for (std::size_t r = 0; r < ranks; ++r) {
    const auto& all = counts.block[0];
    Buffers& b = buffers[r];
    switch (s.collective) {
      case Collective::kGather:
        b = {packed({all[r]}), r == s.root ? strewn(all, random) : std::vector<Block>{}};
        break;
      case Collective::kScatter:
        b = {r == s.root ? strewn(all, random) : std::vector<Block>{}, packed({all[r]})};
        break;
      case Collective::kAllgather:
        b = {packed({all[r]}), strewn(all, random)};
        break;
      case Collective::kReduceScatter:
        b = {packed(all), packed({all[r]})};
        break;
      default: {
        std::vector<std::uint64_t> from;
        for (std::size_t q = 0; q < ranks; ++q) from.push_back(counts.block[q][r]);
        b.input = strewn(counts.block[r], random);
        b.output = in_place ? b.input : strewn(from, random);
      }
    }
  }
  std::vector<std::uint16_t> group(ranks);
  std::iota(group.begin(), group.end(), std::uint16_t{0});
  std::vector<Program> programs;
  for (std::size_t r = 0; r < ranks; ++r)
    programs.push_back(compile(s, static_cast<int>(r), group, layout_of(s, r, buffers[r])));
  return Call(s, in_place, std::move(buffers), random).run(programs, 0, random_options(s, 0, random), random);
}

Counts random_counts(Collective collective, std::size_t ranks, bool in_place, std::mt19937_64& random) {
  Counts counts;
  const std::size_t rows = collective == Collective::kAlltoall ? ranks : 1;
  for (std::size_t row = 0; row < rows; ++row) {
    std::vector<std::uint64_t> sizes;
    for (std::size_t k = 0; k < ranks; ++k) sizes.push_back(random() % 3 == 0 ? 0 : random() % 9);
    sizes[random() % ranks] = 20 + random() % 60;
    counts.block.push_back(std::move(sizes));
  }
  if (rows > 1 && in_place) {
    for (std::size_t a = 0; a < ranks; ++a) {
      for (std::size_t b = 0; b < a; ++b) counts.block[a][b] = counts.block[b][a];
    }
  }
  return counts;
}

}  // namespace tally::test
