// SPDX-License-Identifier: BSD-3-Clause
// What every result is made of.
//
// Without races, and with flows in order, each read sees the same write in every interleaving: one execution,
// in any order of completion, stands for all. A value is an expression over the ranks' contributions to one
// logical chunk; equal expressions have equal numbers, where the operands of an operation have no order
// (operations are commutative bit for bit, but not associative). So equal numbers are equal bits, for every
// type and operation.
#include <array>
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
  /// kNone and *twice: a rank that both operands contain.
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
  /// A rank that is not in the value, or kNone.
  [[nodiscard]] std::size_t missing(Value v, std::size_t ranks) const {
    for (std::size_t r = 0; r < ranks; ++r) {
      if ((sets_[v][r / 64] >> (r % 64) & 1) == 0) return r;
    }
    return kNone;
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
      : g_(g), s_(*g.schedule), in_place_(in_place), expressions_(s_.ranks.size()), sent_(g.site.size()) {
    memory_.resize(s_.ranks.size());
    for (std::size_t r = 0; r < s_.ranks.size(); ++r) {
      for (auto buffer : {Buffer::kInput, Buffer::kOutput}) memory_[r][index(buffer)].resize(s_.chunks);
      memory_[r][index(Buffer::kScratch)].resize(s_.scratch_chunks);
      if (s_.collective == Collective::kBcast && r != s_.root) continue;  // its buffer holds nothing of use
      for (std::size_t c = 0; c < s_.chunks; ++c) {
        memory_[r][index(Buffer::kInput)][c].value = expressions_.leaf(r, c);
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
  /// In place, Input and Output are one memory, which holds the contribution at the start.
  [[nodiscard]] std::size_t index(Buffer buffer) const {
    return in_place_ && buffer == Buffer::kOutput ? 0 : static_cast<std::size_t>(buffer);
  }

  std::string read(std::size_t rank, Buffer buffer, std::size_t chunk, std::size_t logical, Value* out) {
    *out = memory_[rank][index(buffer)][chunk].value;
    const std::string what = std::string(name_of(buffer)) + " chunk " + std::to_string(chunk);
    if (*out == kNone) return "reads " + what + ", which holds nothing yet";
    if (expressions_.chunk(*out) != logical) {
      return "reads " + what + " as logical chunk " + std::to_string(logical) + ", but it holds chunk " +
             std::to_string(expressions_.chunk(*out));
    }
    return {};
  }
  std::string combine(Value a, Value b, Value* out) {
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
      if (reads_src(i.op)) reason = read(rank, i.src_buf, i.src_chunk + c, logical, &value);
      if (reason.empty() && receives(i.op)) {
        const Value received = sent_[g_.sender[id]][c];
        if (reduces(i.op)) {
          reason = combine(value, received, &value);
        } else {
          value = received;
        }
      } else if (reason.empty() && i.op == Op::kReduce) {
        Value own = kNone;
        reason = read(rank, i.dst_buf, i.dst_chunk + c, logical, &own);
        if (reason.empty()) reason = combine(own, value, &value);
      }
      if (!reason.empty()) return reason;
      if (writes_dst(i.op)) memory_[rank][index(i.dst_buf)][i.dst_chunk + c] = {value, id};
      if (sends(i.op)) sent_[id][c] = value;
    }
    return {};
  }

  [[nodiscard]] std::string result_of(std::size_t rank, std::size_t chunk) const {
    const Cell& cell = memory_[rank][index(Buffer::kOutput)][chunk];
    return (cell.writer == kNone ? "rank " + std::to_string(rank) + ", no step" : describe(g_, cell.writer)) +
           " leaves Output chunk " + std::to_string(chunk);
  }
  std::string check_results() {
    for (std::size_t c = 0; c < s_.chunks; ++c) {
      const Value expected =
          memory_[s_.collective == Collective::kBcast ? s_.root : 0][index(Buffer::kOutput)][c].value;
      for (std::size_t r = 0; r < s_.ranks.size(); ++r) {
        const Value value = memory_[r][index(Buffer::kOutput)][c].value;
        if (value == kNone) return result_of(r, c) + " without a result";
        if (expressions_.chunk(value) != c) {
          return result_of(r, c) + " with the data of chunk " + std::to_string(expressions_.chunk(value));
        }
        if (s_.collective == Collective::kAllreduce) {
          const std::size_t missing = expressions_.missing(value, s_.ranks.size());
          if (missing != kNone)
            return result_of(r, c) + " without the contribution of rank " + std::to_string(missing);
          if (value != expected) {
            return result_of(r, c) + " combined in another association than rank 0's: the bits may differ";
          }
        } else if (value != expected) {
          return result_of(r, c) + " with something else than the root's data";
        }
      }
    }
    return {};
  }

  const Graph& g_;
  const Schedule& s_;
  bool in_place_;
  Expressions expressions_;
  std::vector<std::vector<Value>> sent_;
  std::vector<std::array<std::vector<Cell>, 3>> memory_;
};

}  // namespace

std::string check_values(const Graph& g, const std::vector<std::size_t>& order, bool in_place) {
  if (g.schedule->collective == Collective::kBarrier) return {};
  return Interpreter(g, in_place).run(order);
}

}  // namespace tally::schedule::detail
