// SPDX-License-Identifier: BSD-3-Clause
// Tally for C++20: the collectives of a Group, with spans. Include tally.hpp.
//
// Arguments are those of tally.h, but counts: they follow from the spans, which must agree with each other.
// `dtype` is for elements that C++ has no type for (TALLY_F16 in std::uint16_t); it is of the size of T.
// tally::in_place stands for TALLY_IN_PLACE.
#ifndef TALLY_COLLECTIVES_HPP
#define TALLY_COLLECTIVES_HPP

#include <cstddef>
#include <span>
#include <string>
#include <type_traits>

#include "tally/basics.hpp"
#include "tally/dtype.hpp"
#include "tally/tally.h"

namespace tally {

/// In place of a buffer, where the other one holds what it would.
struct InPlace {};
inline constexpr InPlace in_place{};

namespace detail {
template <typename Range, typename T>
concept SpanOf = std::is_convertible_v<Range, std::span<T>>;
}  // namespace detail

/// A span of T (const or not), what converts to one, or in_place.
template <typename T>
class BufferOf {
 public:
  BufferOf(InPlace) noexcept : is_in_place_(true) {}
  template <detail::SpanOf<T> Range>
  BufferOf(Range&& range) noexcept : span_(std::forward<Range>(range)) {}
  [[nodiscard]] bool is_in_place() const noexcept { return is_in_place_; }
  [[nodiscard]] std::size_t size() const noexcept { return span_.size(); }
  [[nodiscard]] T* data() const noexcept {
    return is_in_place_ ? static_cast<T*>(TALLY_IN_PLACE) : span_.data();
  }

 private:
  std::span<T> span_;
  bool is_in_place_ = false;
};

/// The dtype of a reduction: that of T where reductions have it, otherwise it is given.
template <typename T>
class ReductionType {
 public:
  constexpr ReductionType() noexcept requires Reducible<T> : dtype_(dtype_of<T>()) {}
  constexpr ReductionType(tally_dtype dtype) noexcept : dtype_(dtype) {}
  constexpr operator tally_dtype() const noexcept { return dtype_; }

 private:
  tally_dtype dtype_;
};

/// Blocks of different sizes, in elements: a number for each rank of the group.
struct BlocksOf {
  std::span<const std::size_t> counts;
  std::span<const std::size_t> displacements;
};

/// The collectives of `Self`, a Group: with `_start` they return at once.
template <typename Self>
class Collectives {
 public:
  void barrier() { check(tally_barrier(endpoint(), group())); }
  [[nodiscard]] Request barrier_start() {
    return Request::started([&](tally_request** r) { return tally_barrier_start(endpoint(), group(), r); });
  }

  /// data of the root to all.
  template <Plain T>
  void bcast(std::span<T> data, int root, tally_dtype dtype = dtype_of<T>()) {
    const std::size_t count = data.size() * unit<T>(dtype);
    check(tally_bcast(endpoint(), group(), data.data(), count, dtype, root));
  }
  template <Plain T>
  [[nodiscard]] Request bcast_start(std::span<T> data, int root, tally_dtype dtype = dtype_of<T>()) {
    const std::size_t count = data.size() * unit<T>(dtype);
    return Request::started([&](tally_request** r) {
      return tally_bcast_start(endpoint(), group(), data.data(), count, dtype, root, r);
    });
  }

  /// output = input op ... over all ranks.
  template <Plain T>
  void allreduce(BufferOf<std::type_identity_t<const T>> input, std::span<T> output, tally_op op,
                 ReductionType<std::type_identity_t<T>> dtype = {}) {
    const std::size_t count = vector(input, output.size(), unit<T>(dtype));
    check(tally_allreduce(endpoint(), group(), input.data(), output.data(), count, dtype, op));
  }
  template <Plain T>
  [[nodiscard]] Request allreduce_start(BufferOf<std::type_identity_t<const T>> input, std::span<T> output,
                                        tally_op op, ReductionType<std::type_identity_t<T>> dtype = {}) {
    const std::size_t count = vector(input, output.size(), unit<T>(dtype));
    return Request::started([&](tally_request** r) {
      return tally_allreduce_start(endpoint(), group(), input.data(), output.data(), count, dtype, op, r);
    });
  }
  /// In place.
  template <Plain T>
  void allreduce(std::span<T> data, tally_op op, ReductionType<std::type_identity_t<T>> dtype = {}) {
    allreduce<T>(in_place, data, op, dtype);
  }

  /// The same at the root; elsewhere output is not used.
  template <Plain T>
  void reduce(BufferOf<std::type_identity_t<const T>> input, std::span<T> output, tally_op op, int root,
              ReductionType<std::type_identity_t<T>> dtype = {}) {
    const std::size_t count =
        is_root(root) ? vector(input, output.size(), unit<T>(dtype)) : input.size() * unit<T>(dtype);
    check(tally_reduce(endpoint(), group(), input.data(), output.data(), count, dtype, op, root));
  }
  template <Plain T>
  [[nodiscard]] Request reduce_start(BufferOf<std::type_identity_t<const T>> input, std::span<T> output,
                                     tally_op op, int root,
                                     ReductionType<std::type_identity_t<T>> dtype = {}) {
    const std::size_t count =
        is_root(root) ? vector(input, output.size(), unit<T>(dtype)) : input.size() * unit<T>(dtype);
    return Request::started([&](tally_request** r) {
      return tally_reduce_start(endpoint(), group(), input.data(), output.data(), count, dtype, op, root, r);
    });
  }

  /// output = input of rank 0 op ... of this rank.
  template <Plain T>
  void scan(BufferOf<std::type_identity_t<const T>> input, std::span<T> output, tally_op op,
            ReductionType<std::type_identity_t<T>> dtype = {}) {
    const std::size_t count = vector(input, output.size(), unit<T>(dtype));
    check(tally_scan(endpoint(), group(), input.data(), output.data(), count, dtype, op));
  }
  template <Plain T>
  [[nodiscard]] Request scan_start(BufferOf<std::type_identity_t<const T>> input, std::span<T> output,
                                   tally_op op, ReductionType<std::type_identity_t<T>> dtype = {}) {
    const std::size_t count = vector(input, output.size(), unit<T>(dtype));
    return Request::started([&](tally_request** r) {
      return tally_scan_start(endpoint(), group(), input.data(), output.data(), count, dtype, op, r);
    });
  }

  /// The same without this rank's; output of rank 0 is not written.
  template <Plain T>
  void exscan(BufferOf<std::type_identity_t<const T>> input, std::span<T> output, tally_op op,
              ReductionType<std::type_identity_t<T>> dtype = {}) {
    const std::size_t count = vector(input, output.size(), unit<T>(dtype));
    check(tally_exscan(endpoint(), group(), input.data(), output.data(), count, dtype, op));
  }
  template <Plain T>
  [[nodiscard]] Request exscan_start(BufferOf<std::type_identity_t<const T>> input, std::span<T> output,
                                     tally_op op, ReductionType<std::type_identity_t<T>> dtype = {}) {
    const std::size_t count = vector(input, output.size(), unit<T>(dtype));
    return Request::started([&](tally_request** r) {
      return tally_exscan_start(endpoint(), group(), input.data(), output.data(), count, dtype, op, r);
    });
  }

  /// output = this rank's block of the reduction of input. In place: output holds all blocks, and gets the
  /// result in front.
  template <Plain T>
  void reduce_scatter_block(BufferOf<std::type_identity_t<const T>> input, std::span<T> output, tally_op op,
                            ReductionType<std::type_identity_t<T>> dtype = {}) {
    const std::size_t count = own_of_input(input, output.size(), unit<T>(dtype));
    check(tally_reduce_scatter_block(endpoint(), group(), input.data(), output.data(), count, dtype, op));
  }
  template <Plain T>
  [[nodiscard]] Request reduce_scatter_block_start(BufferOf<std::type_identity_t<const T>> input,
                                                   std::span<T> output, tally_op op,
                                                   ReductionType<std::type_identity_t<T>> dtype = {}) {
    const std::size_t count = own_of_input(input, output.size(), unit<T>(dtype));
    return Request::started([&](tally_request** r) {
      return tally_reduce_scatter_block_start(endpoint(), group(), input.data(), output.data(), count, dtype,
                                              op, r);
    });
  }

  /// The same with blocks of counts[i].
  template <Plain T>
  void reduce_scatter(BufferOf<std::type_identity_t<const T>> input, std::span<T> output,
                      std::span<const std::size_t> counts, tally_op op,
                      ReductionType<std::type_identity_t<T>> dtype = {}) {
    const std::size_t* numbers = array(counts, unit<T>(dtype));
    check(tally_reduce_scatter(endpoint(), group(), input.data(), output.data(), numbers, dtype, op));
  }
  template <Plain T>
  [[nodiscard]] Request reduce_scatter_start(BufferOf<std::type_identity_t<const T>> input,
                                             std::span<T> output, std::span<const std::size_t> counts,
                                             tally_op op, ReductionType<std::type_identity_t<T>> dtype = {}) {
    const std::size_t* numbers = array(counts, unit<T>(dtype));
    return Request::started([&](tally_request** r) {
      return tally_reduce_scatter_start(endpoint(), group(), input.data(), output.data(), numbers, dtype, op,
                                        r);
    });
  }

  /// output at the root = all ranks' inputs, in their order.
  template <Plain T>
  void gather(BufferOf<std::type_identity_t<const T>> input, std::span<T> output, int root,
              tally_dtype dtype = dtype_of<T>()) {
    const std::size_t count =
        is_root(root) ? own_of_output(input, output.size(), unit<T>(dtype)) : input.size() * unit<T>(dtype);
    check(tally_gather(endpoint(), group(), input.data(), output.data(), count, dtype, root));
  }
  template <Plain T>
  [[nodiscard]] Request gather_start(BufferOf<std::type_identity_t<const T>> input, std::span<T> output,
                                     int root, tally_dtype dtype = dtype_of<T>()) {
    const std::size_t count =
        is_root(root) ? own_of_output(input, output.size(), unit<T>(dtype)) : input.size() * unit<T>(dtype);
    return Request::started([&](tally_request** r) {
      return tally_gather_start(endpoint(), group(), input.data(), output.data(), count, dtype, root, r);
    });
  }

  /// The same with blocks; of use at the root only.
  template <Plain T>
  void gatherv(BufferOf<std::type_identity_t<const T>> input, std::span<T> output, BlocksOf blocks, int root,
               tally_dtype dtype = dtype_of<T>()) {
    const Arrays arrays = is_root(root) ? both(blocks, unit<T>(dtype)) : Arrays{};
    check(tally_gatherv(endpoint(), group(), input.data(), input.size(), output.data(), arrays.counts,
                        arrays.displacements, dtype, root));
  }
  template <Plain T>
  [[nodiscard]] Request gatherv_start(BufferOf<std::type_identity_t<const T>> input, std::span<T> output,
                                      BlocksOf blocks, int root, tally_dtype dtype = dtype_of<T>()) {
    const Arrays arrays = is_root(root) ? both(blocks, unit<T>(dtype)) : Arrays{};
    return Request::started([&](tally_request** r) {
      return tally_gatherv_start(endpoint(), group(), input.data(), input.size(), output.data(),
                                 arrays.counts, arrays.displacements, dtype, root, r);
    });
  }

  /// output = this rank's block of the root's input.
  template <Plain T>
  void scatter(std::span<const T> input, BufferOf<std::type_identity_t<T>> output, int root,
               tally_dtype dtype = dtype_of<T>()) {
    const std::size_t count =
        is_root(root) ? own_of_output(output, input.size(), unit<T>(dtype)) : output.size() * unit<T>(dtype);
    check(tally_scatter(endpoint(), group(), input.data(), output.data(), count, dtype, root));
  }
  template <Plain T>
  [[nodiscard]] Request scatter_start(std::span<const T> input, BufferOf<std::type_identity_t<T>> output,
                                      int root, tally_dtype dtype = dtype_of<T>()) {
    const std::size_t count =
        is_root(root) ? own_of_output(output, input.size(), unit<T>(dtype)) : output.size() * unit<T>(dtype);
    return Request::started([&](tally_request** r) {
      return tally_scatter_start(endpoint(), group(), input.data(), output.data(), count, dtype, root, r);
    });
  }

  /// The same with blocks; of use at the root only.
  template <Plain T>
  void scatterv(std::span<const T> input, BlocksOf blocks, BufferOf<std::type_identity_t<T>> output, int root,
                tally_dtype dtype = dtype_of<T>()) {
    const Arrays arrays = is_root(root) ? both(blocks, unit<T>(dtype)) : Arrays{};
    check(tally_scatterv(endpoint(), group(), input.data(), arrays.counts, arrays.displacements,
                         output.data(), output.size(), dtype, root));
  }
  template <Plain T>
  [[nodiscard]] Request scatterv_start(std::span<const T> input, BlocksOf blocks,
                                       BufferOf<std::type_identity_t<T>> output, int root,
                                       tally_dtype dtype = dtype_of<T>()) {
    const Arrays arrays = is_root(root) ? both(blocks, unit<T>(dtype)) : Arrays{};
    return Request::started([&](tally_request** r) {
      return tally_scatterv_start(endpoint(), group(), input.data(), arrays.counts, arrays.displacements,
                                  output.data(), output.size(), dtype, root, r);
    });
  }

  /// output = all ranks' inputs, in their order.
  template <Plain T>
  void allgather(BufferOf<std::type_identity_t<const T>> input, std::span<T> output,
                 tally_dtype dtype = dtype_of<T>()) {
    const std::size_t count = own_of_output(input, output.size(), unit<T>(dtype));
    check(tally_allgather(endpoint(), group(), input.data(), output.data(), count, dtype));
  }
  template <Plain T>
  [[nodiscard]] Request allgather_start(BufferOf<std::type_identity_t<const T>> input, std::span<T> output,
                                        tally_dtype dtype = dtype_of<T>()) {
    const std::size_t count = own_of_output(input, output.size(), unit<T>(dtype));
    return Request::started([&](tally_request** r) {
      return tally_allgather_start(endpoint(), group(), input.data(), output.data(), count, dtype, r);
    });
  }

  /// The same with blocks.
  template <Plain T>
  void allgatherv(BufferOf<std::type_identity_t<const T>> input, std::span<T> output, BlocksOf blocks,
                  tally_dtype dtype = dtype_of<T>()) {
    const Arrays arrays = both(blocks, unit<T>(dtype));
    check(tally_allgatherv(endpoint(), group(), input.data(), input.size(), output.data(), arrays.counts,
                           arrays.displacements, dtype));
  }
  template <Plain T>
  [[nodiscard]] Request allgatherv_start(BufferOf<std::type_identity_t<const T>> input, std::span<T> output,
                                         BlocksOf blocks, tally_dtype dtype = dtype_of<T>()) {
    const Arrays arrays = both(blocks, unit<T>(dtype));
    return Request::started([&](tally_request** r) {
      return tally_allgatherv_start(endpoint(), group(), input.data(), input.size(), output.data(),
                                    arrays.counts, arrays.displacements, dtype, r);
    });
  }

  /// Block i of output = block `rank` of rank i's input.
  template <Plain T>
  void alltoall(BufferOf<std::type_identity_t<const T>> input, std::span<T> output,
                tally_dtype dtype = dtype_of<T>()) {
    const std::size_t count = block(vector(input, output.size(), unit<T>(dtype)));
    check(tally_alltoall(endpoint(), group(), input.data(), output.data(), count, dtype));
  }
  template <Plain T>
  [[nodiscard]] Request alltoall_start(BufferOf<std::type_identity_t<const T>> input, std::span<T> output,
                                       tally_dtype dtype = dtype_of<T>()) {
    const std::size_t count = block(vector(input, output.size(), unit<T>(dtype)));
    return Request::started([&](tally_request** r) {
      return tally_alltoall_start(endpoint(), group(), input.data(), output.data(), count, dtype, r);
    });
  }

  /// The same with blocks; in place those of input are not used.
  template <Plain T>
  void alltoallv(BufferOf<std::type_identity_t<const T>> input, BlocksOf input_blocks, std::span<T> output,
                 BlocksOf output_blocks, tally_dtype dtype = dtype_of<T>()) {
    const Arrays from = input.is_in_place() ? Arrays{} : both(input_blocks, unit<T>(dtype));
    const Arrays to = both(output_blocks, unit<T>(dtype));
    check(tally_alltoallv(endpoint(), group(), input.data(), from.counts, from.displacements, output.data(),
                          to.counts, to.displacements, dtype));
  }
  template <Plain T>
  [[nodiscard]] Request alltoallv_start(BufferOf<std::type_identity_t<const T>> input, BlocksOf input_blocks,
                                        std::span<T> output, BlocksOf output_blocks,
                                        tally_dtype dtype = dtype_of<T>()) {
    const Arrays from = input.is_in_place() ? Arrays{} : both(input_blocks, unit<T>(dtype));
    const Arrays to = both(output_blocks, unit<T>(dtype));
    return Request::started([&](tally_request** r) {
      return tally_alltoallv_start(endpoint(), group(), input.data(), from.counts, from.displacements,
                                   output.data(), to.counts, to.displacements, dtype, r);
    });
  }

 private:
  struct Arrays {
    const std::size_t* counts = nullptr;
    const std::size_t* displacements = nullptr;
  };

  [[nodiscard]] const Self& self() const noexcept { return static_cast<const Self&>(*this); }
  [[nodiscard]] tally_endpoint* endpoint() const noexcept { return self().endpoint(); }
  [[nodiscard]] tally_group* group() const noexcept { return self().handle(); }
  [[nodiscard]] bool is_root(int root) const { return self().rank() == root; }

  [[noreturn]] static void refuse(const std::string& text) { throw Error(TALLY_ERR_ARGUMENT, text); }
  /// Elements of dtype that a T is.
  template <typename T>
  [[nodiscard]] static std::size_t unit(tally_dtype dtype) {
    if (dtype == TALLY_BYTE) return sizeof(T);
    if (size_of(dtype) != sizeof(T)) {
      refuse("dtype: its elements have " + std::to_string(size_of(dtype)) + " bytes, those of the spans " +
             std::to_string(sizeof(T)));
    }
    return 1;
  }
  template <typename T>
  [[nodiscard]] static std::size_t vector(const BufferOf<T>& input, std::size_t output, std::size_t unit) {
    if (!input.is_in_place() && input.size() != output)
      refuse("output has " + std::to_string(output) + " elements, input " + std::to_string(input.size()));
    return output * unit;
  }
  /// One of as many blocks as there are ranks.
  [[nodiscard]] std::size_t block(std::size_t all) const {
    const auto ranks = static_cast<std::size_t>(self().size());
    if (all % ranks != 0)
      refuse(std::to_string(all) + " elements are not " + std::to_string(ranks) + " equal blocks");
    return all / ranks;
  }
  /// `own` holds one block, or stands for it in a buffer of `all` elements.
  template <typename T>
  [[nodiscard]] std::size_t own_of_output(const BufferOf<T>& own, std::size_t all, std::size_t unit) const {
    const std::size_t count = block(all);
    if (!own.is_in_place() && own.size() != count)
      refuse("a block has " + std::to_string(count) + " elements, the buffer for one " +
             std::to_string(own.size()));
    return count * unit;
  }
  template <typename T>
  [[nodiscard]] std::size_t own_of_input(const BufferOf<T>& input, std::size_t output,
                                         std::size_t unit) const {
    if (input.is_in_place()) return block(output) * unit;
    if (input.size() != output * static_cast<std::size_t>(self().size())) {
      refuse("input has " + std::to_string(input.size()) + " elements, which is no block of " +
             std::to_string(output) + " for each rank");
    }
    return output * unit;
  }
  [[nodiscard]] const std::size_t* array(std::span<const std::size_t> numbers, std::size_t unit) const {
    if (unit != 1) refuse("dtype: counts need one that is of the size of the spans' elements");
    if (numbers.size() != static_cast<std::size_t>(self().size())) {
      refuse("counts or displacements for " + std::to_string(numbers.size()) + " ranks, the group has " +
             std::to_string(self().size()));
    }
    return numbers.data();
  }
  [[nodiscard]] Arrays both(const BlocksOf& blocks, std::size_t unit) const {
    return {array(blocks.counts, unit), array(blocks.displacements, unit)};
  }
};

}  // namespace tally

#endif  // TALLY_COLLECTIVES_HPP
