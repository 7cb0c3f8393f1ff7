// SPDX-License-Identifier: BSD-3-Clause
// One collective call of one rank: its buffers, the call, and the check of what it left, by the definitions
// of the MPI standard (MPI 4.1, chapter 6). Any rank can compute every rank's data.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "support/elements.hpp"
#include "support/seed.hpp"
#include "tally/tally.h"

namespace tally::test {

enum class Api {
  kBarrier,
  kBcast,
  kAllreduce,
  kReduce,
  kReduceScatterBlock,
  kReduceScatter,
  kScan,
  kExscan,
  kGather,
  kGatherv,
  kScatter,
  kScatterv,
  kAllgather,
  kAllgatherv,
  kAlltoall,
  kAlltoallv
};
inline constexpr Api kAllApis[] = {
    Api::kBarrier,       Api::kBcast,    Api::kAllreduce, Api::kReduce,     Api::kReduceScatterBlock,
    Api::kReduceScatter, Api::kScan,     Api::kExscan,    Api::kGather,     Api::kGatherv,
    Api::kScatter,       Api::kScatterv, Api::kAllgather, Api::kAllgatherv, Api::kAlltoall,
    Api::kAlltoallv};
inline const char* name_of(Api api) {
  constexpr const char* kNames[] = {
      "barrier",        "bcast",    "allreduce", "reduce",     "reduce_scatter_block",
      "reduce_scatter", "scan",     "exscan",    "gather",     "gatherv",
      "scatter",        "scatterv", "allgather", "allgatherv", "alltoall",
      "alltoallv"};
  return kNames[static_cast<int>(api)];
}
inline bool is_reduction(Api api) { return api >= Api::kAllreduce && api <= Api::kExscan; }
inline bool has_counts(Api api) {
  return api == Api::kReduceScatter || api == Api::kGatherv || api == Api::kScatterv ||
         api == Api::kAllgatherv || api == Api::kAlltoallv;
}

/// What all ranks of the group agree on.
struct CollectiveCase {
  Api api = Api::kBarrier;
  int ranks = 1;
  int root = 0;
  tally_dtype dtype = TALLY_BYTE;
  tally_op op = TALLY_OP_NONE;
  std::size_t count = 0;                 ///< of the vector or of each block
  std::vector<std::size_t> counts = {};  ///< with has_counts: of the blocks; alltoallv: [from * ranks + to]
  std::uint64_t seed = 1;                ///< of the data and the places of blocks
  bool exact = true;  ///< false: floating-point data of any kind, whose results are not checked

  /// Counts of at most `most`, some of them 0.
  void draw_counts(std::size_t most) {
    Random random(seed ^ 0x5eed);
    const auto n = static_cast<std::size_t>(ranks);
    counts.resize(api == Api::kAlltoallv ? n * n : n);
    for (std::size_t& each : counts) each = random.percent(25) ? 0 : random.below(most + 1);
  }
  /// alltoallv: as much from i to j as from j to i, which calls in place need.
  [[nodiscard]] bool symmetric() const { return (seed & 2) != 0; }
  [[nodiscard]] std::string text() const {
    return std::string(name_of(api)) + " of " + std::to_string(ranks) + " ranks, root " +
           std::to_string(root) + ", dtype " + std::to_string(dtype) + ", op " + std::to_string(op) +
           ", count " + std::to_string(count) + ", seed " + std::to_string(seed);
  }
};

class Exercise {
 public:
  static constexpr std::size_t kGuard = 64;
  static constexpr std::byte kPoison{0xa5};

  /// Rank `rank`'s call; in_place where MPI allows it to this rank.
  Exercise(CollectiveCase call, int rank, bool in_place)
      : c_(std::move(call)), rank_(rank), shape_(shape_of(c_.dtype)) {
    const bool rooted = c_.api == Api::kReduce || c_.api == Api::kGather || c_.api == Api::kGatherv ||
                        c_.api == Api::kScatter || c_.api == Api::kScatterv;
    in_place_ = in_place && c_.api != Api::kBarrier && c_.api != Api::kBcast && (!rooted || is_root()) &&
                (c_.api != Api::kAlltoallv || c_.symmetric());
    lay_out();
  }

  [[nodiscard]] bool in_place() const { return in_place_; }
  /// Bytes of memory that prepare() needs.
  [[nodiscard]] std::size_t bytes() const { return 3 * kGuard + input_span_ + output_span_ + 2 * 16; }

  /// Fills the buffers, in `memory` of bytes() bytes, which is registered and stays until check().
  void prepare(std::byte* memory) {
    memory_ = memory;
    std::fill(memory, memory + bytes(), kPoison);
    input_ = memory + kGuard;
    output_ = input_ + input_span_ + kGuard;
    if (c_.api == Api::kBcast) {
      output_ = input_;
      if (is_root()) write_all(contribution(c_.root), output_);
    } else if (in_place_ && scatters()) {
      write_blocks(contribution(rank_), input_, input_places_);
    } else if (in_place_) {  // the data stand where the results go
      if (gathers()) {
        write_one(contribution(rank_), 0, own_count(), output_ + own_place(output_places_));
      } else if (transposes()) {
        write_blocks(contribution(rank_), output_, output_places_);
      } else {
        write_all(contribution(rank_), output_);
      }
    } else if (uses_input()) {
      if (scatters() || transposes()) {
        write_blocks(contribution(rank_), input_, input_places_);
      } else {
        write_all(contribution(rank_), input_);
      }
    }
    expected_.assign(memory, memory + bytes());
    expect();
  }

  /// Blocking without a request, else started.
  tally_status call(tally_endpoint* e, tally_group* g, tally_request** r, bool persistent = false) {
    const bool named = in_place_ && (c_.seed & 1) != 0;  // TALLY_IN_PLACE, or the pointer that says the same
    const void* in = uses_input() ? input_ : nullptr;
    void* out = uses_output() ? output_ : nullptr;
    std::size_t own = own_count();
    if (in_place_ && scatters()) {
      out = named ? TALLY_IN_PLACE : input_ + own_place(input_places_);
      if (named) own = 12345;  // not significant
    } else if (in_place_) {
      const bool must = c_.api == Api::kAlltoallv;
      in = named || must ? TALLY_IN_PLACE : output_ + (gathers() ? own_place(output_places_) : 0);
      if (named && gathers() && has_counts(c_.api)) own = 12345;
    }
    const std::size_t* no = nullptr;
    const bool arrays = is_root() || c_.api == Api::kAllgatherv;
    const std::size_t* counts = arrays ? counts_.data() : no;
    const std::size_t* places = arrays ? (gathers() ? output_at_ : input_at_).data() : no;
    const auto t = c_.dtype;
    const auto o = c_.op;
    const int root = c_.root;
// The call in the form that is asked for; its arguments are those behind the group.
#define TALLY_FORM(name, ...)                                              \
  (r == nullptr ? tally_##name(e, g __VA_OPT__(, ) __VA_ARGS__)            \
   : persistent ? tally_##name##_init(e, g __VA_OPT__(, ) __VA_ARGS__, r)  \
                : tally_##name##_start(e, g __VA_OPT__(, ) __VA_ARGS__, r))
    switch (c_.api) {
      case Api::kBarrier:
        return TALLY_FORM(barrier);
      case Api::kBcast:
        return TALLY_FORM(bcast, out, own, t, root);
      case Api::kAllreduce:
        return TALLY_FORM(allreduce, in, out, own, t, o);
      case Api::kReduce:
        return TALLY_FORM(reduce, in, out, own, t, o, root);
      case Api::kReduceScatterBlock:
        return TALLY_FORM(reduce_scatter_block, in, out, own, t, o);
      case Api::kReduceScatter:
        return TALLY_FORM(reduce_scatter, in, out, counts_.data(), t, o);
      case Api::kScan:
        return TALLY_FORM(scan, in, out, own, t, o);
      case Api::kExscan:
        return TALLY_FORM(exscan, in, out, own, t, o);
      case Api::kGather:
        return TALLY_FORM(gather, in, out, own, t, root);
      case Api::kGatherv:
        return TALLY_FORM(gatherv, in, own, out, counts, places, t, root);
      case Api::kScatter:
        return TALLY_FORM(scatter, in, out, c_.count, t, root);
      case Api::kScatterv:
        return TALLY_FORM(scatterv, in, counts, places, out, own, t, root);
      case Api::kAllgather:
        return TALLY_FORM(allgather, in, out, own, t);
      case Api::kAllgatherv:
        return TALLY_FORM(allgatherv, in, own, out, counts, places, t);
      case Api::kAlltoall:
        return TALLY_FORM(alltoall, in, out, own, t);
      case Api::kAlltoallv:
        return TALLY_FORM(alltoallv, in, in_place_ ? no : row_.data(), in_place_ ? no : input_at_.data(), out,
                          column_.data(), output_at_.data(), t);
    }
#undef TALLY_FORM
    return TALLY_ERR_INTERNAL;
  }

  /// Compares all of the memory with what it should hold; "" or the first difference.
  [[nodiscard]] std::string check() const {
    const std::size_t begin = static_cast<std::size_t>(output_ - memory_);
    for (std::size_t i = 0; i < bytes();) {
      const bool of_output =
          i >= begin && i + shape_.bytes <= begin + output_span_ && (i - begin) % shape_.bytes == 0;
      if (of_output && is_result_[(i - begin) / shape_.bytes]) {
        const Element want = decode(c_.dtype, expected_.data() + i);
        const bool inexact = !c_.exact && shape_.is_float;
        if (!inexact && !(decode(c_.dtype, memory_ + i) == want))
          return text() + "element " + std::to_string((i - begin) / shape_.bytes) + " of output is wrong";
        i += shape_.bytes;
        continue;
      }
      if (memory_[i] != expected_[i]) {
        return text() + "byte " +
               std::to_string(static_cast<std::ptrdiff_t>(i) - static_cast<std::ptrdiff_t>(begin)) +
               " from the start of output has changed";
      }
      ++i;
    }
    return {};
  }
  /// FNV-1a of the results.
  [[nodiscard]] std::uint64_t hash() const {
    std::uint64_t hash = 0xcbf29ce484222325u;
    for (std::size_t e = 0; e < is_result_.size(); ++e) {
      for (std::size_t b = 0; is_result_[e] && b < shape_.bytes; ++b) {
        hash = (hash ^ static_cast<std::uint64_t>(output_[e * shape_.bytes + b])) * 0x100000001b3u;
      }
    }
    return hash;
  }

 private:
  using Vector = std::vector<Element>;

  [[nodiscard]] std::size_t n() const { return static_cast<std::size_t>(c_.ranks); }
  [[nodiscard]] std::size_t me() const { return static_cast<std::size_t>(rank_); }
  [[nodiscard]] bool is_root() const { return rank_ == c_.root; }
  [[nodiscard]] bool gathers() const {
    return c_.api == Api::kGather || c_.api == Api::kGatherv || c_.api == Api::kAllgather ||
           c_.api == Api::kAllgatherv;
  }
  [[nodiscard]] bool scatters() const { return c_.api == Api::kScatter || c_.api == Api::kScatterv; }
  [[nodiscard]] bool transposes() const { return c_.api == Api::kAlltoall || c_.api == Api::kAlltoallv; }
  [[nodiscard]] bool scatters_reduction() const {
    return c_.api == Api::kReduceScatter || c_.api == Api::kReduceScatterBlock;
  }
  [[nodiscard]] bool uses_input() const { return c_.api != Api::kBarrier && (!scatters() || is_root()); }
  [[nodiscard]] bool uses_output() const {
    const bool root_only = c_.api == Api::kReduce || c_.api == Api::kGather || c_.api == Api::kGatherv;
    return c_.api != Api::kBarrier && (!root_only || is_root());
  }
  /// Of the block that goes from `from` to `to` (or belongs to one of them).
  [[nodiscard]] std::size_t block(std::size_t from, std::size_t to) const {
    if (!has_counts(c_.api)) return c_.count;
    if (c_.api == Api::kAlltoallv && c_.symmetric())
      return c_.counts[std::min(from, to) * n() + std::max(from, to)];
    if (c_.api == Api::kAlltoallv) return c_.counts[from * n() + to];
    return c_.counts[gathers() ? from : to];
  }
  [[nodiscard]] std::size_t own_count() const {
    return has_counts(c_.api) && c_.api != Api::kAlltoallv ? c_.counts[me()] : c_.count;
  }

  /// Where blocks of these sizes stand: in a random order with gaps where the call has displacements.
  std::vector<std::size_t> places(const std::vector<std::size_t>& sizes, std::uint64_t salt,
                                  std::size_t* span) const {
    std::vector<std::size_t> order(sizes.size()), at(sizes.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    Random random(c_.seed * 31 + me() * 7 + salt);
    const bool free = has_counts(c_.api) && c_.api != Api::kReduceScatter;
    for (std::size_t i = order.size(); free && i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
    *span = 0;
    for (const std::size_t i : order) {
      if (free) *span += random.below(4);
      at[i] = *span;
      *span += sizes[i];
    }
    return at;
  }
  void lay_out() {
    std::vector<std::size_t> from_me, to_me;
    for (std::size_t i = 0; i < n(); ++i) {
      from_me.push_back(block(me(), i));
      to_me.push_back(block(i, me()));
    }
    row_ = from_me;
    column_ = to_me;
    counts_ = c_.counts;
    std::size_t elements = 0;
    const std::size_t whole = scatters_reduction() ? sum(from_me) : own_count();
    input_at_ = places(from_me, 1, &elements);
    input_places_ = input_at_;
    input_span_ = (scatters() || transposes() ? elements : whole) * shape_.bytes;
    output_at_ = places(to_me, 2, &elements);
    output_places_ = output_at_;
    output_span_ = (gathers() || transposes()            ? elements
                    : scatters_reduction() && !in_place_ ? from_me[me()]
                                                         : whole) *
                   shape_.bytes;
    if (!uses_input() || c_.api == Api::kBarrier) input_span_ = 0;
    if (c_.api == Api::kBarrier) output_span_ = 0;
    if (c_.api == Api::kBcast) input_span_ = output_span_;
  }
  static std::size_t sum(const std::vector<std::size_t>& numbers) {
    std::size_t total = 0;
    for (const std::size_t each : numbers) total += each;
    return total;
  }
  [[nodiscard]] std::size_t own_place(const std::vector<std::size_t>& at) const {
    return at[me()] * shape_.bytes;
  }

  /// Element `i` of what rank `rank` gives.
  [[nodiscard]] Element element(int rank, std::size_t i) const {
    Random random(c_.seed * 0x9e3779b97f4a7c15u + static_cast<std::uint64_t>(rank) * 0x10001 +
                  i * 0x100000001u);
    const std::uint64_t bits = random.next();
    if (c_.exact || !shape_.is_float || shape_.index_at != 0) return operand(c_.dtype, c_.op, bits);
    Element any;
    const int exponent = static_cast<int>(bits >> 32 & 7) - 4;
    any.real = std::ldexp(static_cast<double>(static_cast<std::int32_t>(bits)), exponent - 31);
    any.imaginary = shape_.is_complex
                        ? std::ldexp(static_cast<double>(static_cast<std::int32_t>(random.next())), -31)
                        : 0;
    if (shape_.value == 2)
      any.real = std::round(any.real * 16) / 16;  // float_bits() takes what the type holds
    return any;
  }
  /// All that a rank gives, in logical order.
  [[nodiscard]] Vector contribution(int rank) const {
    std::size_t elements = 0;
    const auto r = static_cast<std::size_t>(rank);
    if (scatters() || transposes() || scatters_reduction()) {
      for (std::size_t i = 0; i < n(); ++i) elements += block(r, i);
    } else {
      elements = gathers() ? block(r, r) : c_.count;
    }
    Vector all;
    for (std::size_t i = 0; i < elements; ++i) all.push_back(element(rank, i));
    return all;
  }
  void write_one(const Vector& data, std::size_t first, std::size_t count, std::byte* to) const {
    for (std::size_t i = 0; i < count; ++i) encode(c_.dtype, data[first + i], to + i * shape_.bytes);
  }
  void write_all(const Vector& data, std::byte* to) const { write_one(data, 0, data.size(), to); }
  void write_blocks(const Vector& data, std::byte* base, const std::vector<std::size_t>& at) const {
    std::size_t next = 0;
    for (std::size_t i = 0; i < n(); ++i) {
      write_one(data, next, block(me(), i), base + at[i] * shape_.bytes);
      next += block(me(), i);
    }
  }
  /// Contributions of ranks 0 to `ranks` - 1, combined.
  [[nodiscard]] Vector fold(int ranks) const {
    Vector all = contribution(0);
    for (int r = 1; r < ranks; ++r) {
      const Vector next = contribution(r);
      for (std::size_t i = 0; i < all.size(); ++i) all[i] = combine(c_.dtype, c_.op, all[i], next[i]);
    }
    return all;
  }
  void expect_at(const Vector& data, std::size_t first, std::size_t count, std::size_t at) {
    std::byte* base = expected_.data() + (output_ - memory_);
    for (std::size_t i = 0; i < count; ++i) {
      encode(c_.dtype, data[first + i], base + (at + i) * shape_.bytes);
      is_result_[at + i] = true;
    }
  }
  /// What the call leaves in output.
  void expect() {
    is_result_.assign(output_span_ / shape_.bytes, false);
    if (!uses_output()) return;
    const auto r = static_cast<std::size_t>(rank_);
    switch (c_.api) {
      case Api::kBarrier:
        return;
      case Api::kBcast:
        return expect_at(contribution(c_.root), 0, c_.count, 0);
      case Api::kAllreduce:
      case Api::kReduce:
        return expect_at(fold(c_.ranks), 0, c_.count, 0);
      case Api::kScan:
        return expect_at(fold(rank_ + 1), 0, c_.count, 0);
      case Api::kExscan:
        return rank_ == 0 ? void() : expect_at(fold(rank_), 0, c_.count, 0);
      case Api::kReduceScatterBlock:
      case Api::kReduceScatter: {
        std::size_t first = 0;
        for (std::size_t i = 0; i < r; ++i) first += block(r, i);
        return expect_at(fold(c_.ranks), first, block(r, r), 0);
      }
      case Api::kGather:
      case Api::kGatherv:
      case Api::kAllgather:
      case Api::kAllgatherv:
        for (std::size_t i = 0; i < n(); ++i)
          expect_at(contribution(static_cast<int>(i)), 0, block(i, i), output_places_[i]);
        return;
      case Api::kScatter:
      case Api::kScatterv: {
        if (in_place_) return;  // nothing moves
        std::size_t first = 0;
        for (std::size_t i = 0; i < r; ++i) first += block(r, i);
        return expect_at(contribution(c_.root), first, block(r, r), 0);
      }
      case Api::kAlltoall:
      case Api::kAlltoallv:
        for (std::size_t i = 0; i < n(); ++i) {
          std::size_t first = 0;
          for (std::size_t k = 0; k < r; ++k) first += block(i, k);
          expect_at(contribution(static_cast<int>(i)), first, block(i, r), output_places_[i]);
        }
        return;
    }
  }
  [[nodiscard]] std::string text() const {
    return c_.text() + (in_place_ ? ", in place" : "") + ", rank " + std::to_string(rank_) + ": ";
  }

  CollectiveCase c_;
  int rank_;
  Shape shape_;
  bool in_place_ = false;
  std::vector<std::size_t> counts_, row_, column_, input_at_, output_at_, input_places_, output_places_;
  std::size_t input_span_ = 0, output_span_ = 0;  ///< bytes
  std::byte* memory_ = nullptr;
  std::byte* input_ = nullptr;
  std::byte* output_ = nullptr;
  std::vector<std::byte> expected_;
  std::vector<bool> is_result_;
};

}  // namespace tally::test
