// SPDX-License-Identifier: BSD-3-Clause
// Datatypes that hold ints in various places, and buffers that tell what an MPI call has written.
#pragma once

#include <mpi.h>

#include <vector>

#include "program.hpp"

namespace test {

/// A datatype of ints: element e's k-th int stands at int e * extent + map[k] of the buffer.
struct Layout {
  MPI_Datatype type;
  int extent;
  std::vector<int> map;
  [[nodiscard]] int ints() const { return static_cast<int>(map.size()); }
};
/// kLayouts of them; each has kInts or a divisor of it ints in an element.
inline constexpr int kLayouts = 7;
inline constexpr int kInts = 6;
const Layout& layout(int which);

/// The k-th int that `from` sends to `to` in the call `call`.
int value(int call, int from, int to, int k);
std::vector<int> values(int call, int from, int to, int count);

/// Where blocks stand in a buffer: in random order with gaps, in elements; displacements may be negative.
std::vector<int> scattered(Random* random, const std::vector<int>& counts);

/// A buffer in which a mark stands wherever nothing was written.
class Memory {
 public:
  /// For elements [first, last) of the layout.
  Memory(const Layout& of, int first, int last);
  [[nodiscard]] int* base() { return ints_.data() + origin_; }
  /// Writes ints from element `element` on.
  void put(int element, const std::vector<int>& ints);
  /// The ints from element `element` on; they may have been written.
  std::vector<int> take(int element, int ints);
  /// True when nothing was written but what was put or taken.
  [[nodiscard]] bool clean() const;

 private:
  std::size_t at(int element, int k) const;
  const Layout* layout_;
  std::vector<int> ints_;
  std::vector<char> expected_;
  int origin_;
};

/// Expects that the ints from `element` on are those.
void expect_ints(Memory* memory, int element, const std::vector<int>& ints, const char* what, int call);

}  // namespace test
