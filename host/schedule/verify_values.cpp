// SPDX-License-Identifier: BSD-3-Clause
// What every result is made of.
//
// Without races, and with flows in order, each read sees the same write in every interleaving: one execution,
// in any order of completion, stands for all. A value is an expression over the ranks' contributions to one
// logical chunk; equal expressions have equal numbers, where the operands of an operation have no order
// (operations are commutative bit for bit, but not associative). So equal numbers are equal bits, for every
// type and operation.
#include <map>

#include "schedule/verify_internal.hpp"

namespace tally::schedule::detail {

namespace {

using Value = std::size_t;  // kNone: nothing that anyone wrote

class Expressions {
 public:
  explicit Expressions(std::size_t ranks) : words_((ranks + 63) / 64) {}

  Value leaf(std::size_t rank, std::size_t chunk) {
    std::vector<std::uint64_t> set(words_, 0);
    set[rank / 64] = std::uint64_t{1} << (rank % 64);
    return add(std::move(set), chunk);
  }
  /// Of the same logical chunk. kNone and *twice: a rank that both operands contain.
  Value combine(Value a, Value b, std::size_t* twice) {
    if (a > b) std::swap(a, b);
    const auto found = combined_.find({a, b});
    if (found != combined_.end()) return found->second;
    std::vector<std::uint64_t> set(words_);
    for (std::size_t w = 0; w < words_; ++w) {
      const std::uint64_t both = sets_[a][w] & sets_[b][w];
      if (both != 0) {
        *twice = w * 64 + static_cast<std::size_t>(__builtin_ctzll(both));
        return kNone;
      }
      set[w] = sets_[a][w] | sets_[b][w];
    }
    const Value value = add(std::move(set), chunks_[a]);
    combined_.emplace(std::pair{a, b}, value);
    return value;
  }
  [[nodiscard]] std::size_t chunk(Value v) const { return chunks_[v]; }
  [[nodiscard]] bool has(Value v, std::size_t rank) const {
    return (sets_[v][rank / 64] >> (rank % 64) & 1) != 0;
  }

 private:
  Value add(std::vector<std::uint64_t> set, std::size_t chunk) {
    sets_.push_back(std::move(set));
    chunks_.push_back(chunk);
    return sets_.size() - 1;
  }
  std::size_t words_;
  std::vector<std::vector<std::uint64_t>> sets_;
  std::vector<std::size_t> chunks_;
  std::map<std::pair<Value, Value>, Value> combined_;
};

struct Cell {
  Value value = kNone;
  std::size_t writer = kNone;
};

class Interpreter {
 public:
  Interpreter(const Graph& g, bool in_place)
      : g_(g), s_(*g.schedule), expressions_(s_.ranks.size()), sent_(g.site.size()) {
    for (std::size_t r = 0; r < s_.ranks.size(); ++r) {
      cells_.emplace_back(s_, r, in_place);
      memory_.emplace_back(cells_[r].count());
      if (s_.collective == Collective::kBcast && r != s_.root) continue;  // its buffer holds nothing of use
      for (std::size_t p = 0; p < places(s_, r, Buffer::kInput); ++p) {
        cell(r, Buffer::kInput, p).value = expressions_.leaf(r, logical_chunk(s_, r, Buffer::kInput, p));
      }
    }
  }

  std::string run(const std::vector<std::size_t>& order) {
    for (const std::size_t id : order) {
      const std::string reason = execute(id);
      if (!reason.empty()) return describe(g_, id) + ": " + reason;
    }
    return check_results();
  }

 private:
  Cell& cell(std::size_t rank, Buffer buffer, std::size_t chunk) {
    return memory_[rank][cells_[rank].of(buffer, chunk)];
  }
  void write(std::size_t rank, Buffer buffer, std::size_t chunk, Cell content) {
    if (buffer == Buffer::kOutput && cells_[rank].output_covers_input()) {
      for (std::size_t p = 0; p < cells_[rank].inputs(); ++p)
        cell(rank, Buffer::kInput, p) = {kNone, content.writer};
    }
    cell(rank, buffer, chunk) = content;
  }

  std::string read(std::size_t rank, Buffer buffer, std::size_t chunk, std::size_t logical, Value* out) {
    const Cell& from = cell(rank, buffer, chunk);
    *out = from.value;
    const std::string what = std::string(name_of(buffer)) + " chunk " + std::to_string(chunk);
    if (*out == kNone) {
      return "reads " + what +
             (from.writer == kNone ? ", which holds nothing yet"
                                   : ", which " + describe(g_, from.writer) + " has overwritten");
    }
    // In place they are one memory, but an engine may hold a copy of Input (short ones travel in
    // descriptors).
    if (buffer == Buffer::kInput && from.writer != kNone)
      return "reads " + what + ", which " + describe(g_, from.writer) + " has written as Output";
    // In an alltoall the number of a block is another at its source than at its destination; all of them are
    // told apart by source and destination when they have arrived. Equal blocks may stand anywhere meanwhile.
    if (expressions_.chunk(*out) != logical && sizes_differ(s_) && s_.collective != Collective::kAlltoall) {
      return "reads " + what + " as logical chunk " + std::to_string(logical) + ", but it holds chunk " +
             std::to_string(expressions_.chunk(*out));
    }
    return {};
  }
  std::string combine(Value a, Value b, Value* out) {
    if (expressions_.chunk(a) != expressions_.chunk(b)) {
      return "combines chunk " + std::to_string(expressions_.chunk(a)) + " with chunk " +
             std::to_string(expressions_.chunk(b));
    }
    std::size_t twice = kNone;
    *out = expressions_.combine(a, b, &twice);
    if (*out != kNone) return {};
    return "counts the contribution of rank " + std::to_string(twice) + " twice";
  }

  std::string execute(std::size_t id) {
    const Instruction& i = *g_.instruction[id];
    const std::size_t rank = g_.site[id].rank;
    if (i.op == Op::kNop) return {};
    if (sends(i.op)) sent_[id].resize(i.chunks);
    for (std::size_t c = 0; c < i.chunks; ++c) {
      const std::size_t logical = i.size_chunk + c;
      Value value = kNone;
      std::string reason;
      if (reads_src(i.op)) reason = read(rank, i.src_buf, std::size_t{i.src_chunk} + c, logical, &value);
      if (reason.empty() && receives(i.op)) {
        const Value received = sent_[g_.sender[id]][c];
        if (reduces(i.op)) {
          reason = combine(value, received, &value);
        } else {
          value = received;
        }
      } else if (reason.empty() && i.op == Op::kReduce) {
        Value own = kNone;
        reason = read(rank, i.dst_buf, std::size_t{i.dst_chunk} + c, logical, &own);
        if (reason.empty()) reason = combine(own, value, &value);
      }
      if (!reason.empty()) return reason;
      if (writes_dst(i.op)) write(rank, i.dst_buf, std::size_t{i.dst_chunk} + c, {value, id});
      if (sends(i.op)) sent_[id][c] = value;
    }
    return {};
  }

  std::string result_of(std::size_t rank, std::size_t place) {
    const Cell& result = cell(rank, Buffer::kOutput, place);
    return (result.writer == kNone ? "rank " + std::to_string(rank) + ", no step"
                                   : describe(g_, result.writer)) +
           " leaves Output chunk " + std::to_string(place);
  }
  /// Rank q's contribution belongs to what rank r gets at a place.
  [[nodiscard]] bool wanted(std::size_t q, std::size_t r, std::size_t place) const {
    switch (s_.collective) {
      case Collective::kBcast:
      case Collective::kScatter:
        return q == s_.root;
      case Collective::kScan:
        return q <= r;
      case Collective::kExscan:
        return q < r;
      case Collective::kGather:
      case Collective::kAllgather:
      case Collective::kAlltoall:
        return q == place / s_.block_chunks;
      default:
        return true;
    }
  }
  std::string check_result(std::size_t r, std::size_t place) {
    const Value value = cell(r, Buffer::kOutput, place).value;
    if (value == kNone) return result_of(r, place) + " without a result";
    const std::size_t chunk = s_.collective == Collective::kAlltoall
                                  ? r * s_.block_chunks + place % s_.block_chunks
                                  : logical_chunk(s_, r, Buffer::kOutput, place);
    if (expressions_.chunk(value) != chunk) {
      return result_of(r, place) + " with the data of chunk " + std::to_string(expressions_.chunk(value));
    }
    for (std::size_t q = 0; q < s_.ranks.size(); ++q) {
      if (expressions_.has(value, q) == wanted(q, r, place)) continue;
      return result_of(r, place) + (wanted(q, r, place) ? " without" : " with") +
             " the contribution of rank " + std::to_string(q);
    }
    if (s_.collective == Collective::kAllreduce && value != cell(0, Buffer::kOutput, place).value)
      return result_of(r, place) + " combined in another association than rank 0's: the bits may differ";
    return {};
  }
  std::string check_results() {
    for (std::size_t r = 0; r < s_.ranks.size(); ++r) {
      for (std::size_t p = 0; p < places(s_, r, Buffer::kOutput); ++p) {
        if (s_.collective == Collective::kExscan && r == 0) {
          // There is nothing to combine: what stands there stays.
          if (cell(r, Buffer::kOutput, p).writer != kNone)
            return result_of(r, p) + ", which is not its to write";
          continue;
        }
        const std::string reason = check_result(r, p);
        if (!reason.empty()) return reason;
      }
    }
    return {};
  }

  const Graph& g_;
  const Schedule& s_;
  Expressions expressions_;
  std::vector<Cells> cells_;
  std::vector<std::vector<Cell>> memory_;  // [rank][cell]
  std::vector<std::vector<Value>> sent_;   // by instruction
};

}  // namespace

std::string check_values(const Graph& g, const std::vector<std::size_t>& order, bool in_place) {
  if (g.schedule->collective == Collective::kBarrier) return {};
  return Interpreter(g, in_place).run(order);
}

}  // namespace tally::schedule::detail
