// SPDX-License-Identifier: BSD-3-Clause
// How a Type is put together: its layout, and the sums over the blocks of its type map. Internal.
#pragma once

#include <limits>
#include <string>

#include "mpi/datatype/datatype.hpp"

namespace tally::datatype {

/// Where the elements are. Offsets, strides and displacements in bytes; children repeat at their own extent.
struct Layout {
  enum class Shape {
    kNamed,    // one element of Type::named(), or a pair
    kAlias,    // the child
    kStrided,  // `count` blocks of `blocklength` children, one each `stride`
    kBlocks,   // a block of children at each displacement
    kStruct,   // the same, with a child for each block
  };
  Shape shape = Shape::kAlias;
  Count count = 1;
  Count blocklength = 1;  // of each block, where lengths is empty
  Count stride = 0;
  std::vector<Count> displacements;
  std::vector<Count> lengths;
  std::vector<Ref> children;

  [[nodiscard]] Count length(std::size_t block) const noexcept {
    return lengths.empty() ? blocklength : lengths[block];
  }
  [[nodiscard]] const Type& child(std::size_t block) const noexcept {
    return *children[shape == Shape::kStruct ? block : 0];
  }
};

// --- arithmetic that refuses to wrap -----------------------------------------------------------------------

[[noreturn]] void overflow();

[[nodiscard]] inline Count add(Count a, Count b) {
  Count r = 0;
  if (__builtin_add_overflow(a, b, &r)) overflow();
  return r;
}
[[nodiscard]] inline Count subtract(Count a, Count b) {
  Count r = 0;
  if (__builtin_sub_overflow(a, b, &r)) overflow();
  return r;
}
[[nodiscard]] inline Count multiply(Count a, Count b) {
  Count r = 0;
  if (__builtin_mul_overflow(a, b, &r)) overflow();
  return r;
}

/// A count argument.
inline void check_count(Count value, const char* argument) {
  if (value < 0) {
    throw Error(Fault::kCount, std::string(argument) + " is negative: " + std::to_string(value));
  }
}

// --- signatures --------------------------------------------------------------------------------------------
//
// A polynomial over the sequence of basic types, modulo 2^61 - 1 (Rabin and Karp): hash(ab) = hash(a) * x^|b|
// + hash(b).

[[nodiscard]] std::uint64_t hash_element(Named element) noexcept;
[[nodiscard]] std::uint64_t hash_join(std::uint64_t a, std::uint64_t b, Count b_elements) noexcept;
/// The hash of `count` sequences of `elements` each.
[[nodiscard]] std::uint64_t hash_repeat(std::uint64_t hash, Count elements, Count count) noexcept;

// --- the sums over blocks ----------------------------------------------------------------------------------

class Builder {
 public:
  Builder(Combiner combiner, Layout::Shape shape);
  ~Builder();
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  [[nodiscard]] Layout& layout() noexcept { return *type_->layout_; }
  [[nodiscard]] Contents& contents() noexcept { return type_->contents_; }

  /// `count` blocks of `blocklength` children at `displacement` bytes and each `stride` further, behind all
  /// blocks so far.
  void place(const Type& child, Count displacement, Count blocklength, Count count = 1, Count stride = 0);
  /// Bounds and all properties of the child (dup; types that are made of others).
  void same_as(const Type& child) noexcept;
  /// Bounds from here on, as MPI_LB and MPI_UB set them.
  void resize(Count lb, Count extent);
  void set_named(Named named) noexcept;

  /// Ends the type map: bounds and padding.
  [[nodiscard]] Ref finish();
  [[nodiscard]] Type& type() noexcept { return *type_; }
  /// Never freed, never counted, committed.
  static void make_immortal(const Type& type);

  [[nodiscard]] static const Layout& layout(const Type& type) noexcept { return *type.layout_; }

 private:
  struct Range {
    Count low = std::numeric_limits<Count>::max();
    Count high = std::numeric_limits<Count>::min();
    void include(Count from, Count to) noexcept {
      low = from < low ? from : low;
      high = to > high ? to : high;
    }
    [[nodiscard]] bool empty() const noexcept { return low > high; }
  };

  void flush_hash() noexcept;

  Type* type_;
  bool fixed_ = false;  // same_as() or resize() has set the bounds
  Range natural_;
  Range marked_lb_;  // by markers, which win
  Range marked_ub_;
  Range data_;
  Count run_end_ = 0;              // of the data so far, while they are one block
  const Type* pending_ = nullptr;  // the last blocks' child, not in the hash yet
  Count pending_count_ = 0;
};

}  // namespace tally::datatype
