// SPDX-License-Identifier: BSD-3-Clause
// Random datatypes, built through whatever makes them: the library, the reference, another MPI. The same seed
// makes the same sequence of constructor calls.
#pragma once

#include <cstdint>
#include <vector>

#include "mpi/datatype/named.hpp"
#include "support/seed.hpp"

namespace tally::test {

using datatype::Count;
using datatype::Named;

struct ArrayPart {
  std::vector<int> sizes, subsizes, starts;
  bool fortran;
};

enum class Dealt { kBlock, kCyclic, kNone };
struct Distributed {
  int size, rank;
  std::vector<int> gsizes;
  std::vector<Dealt> distribs;
  std::vector<int> dargs;  // 0: the default
  std::vector<int> psizes;
  bool fortran;
};

/// Basic types of the random ones; another MPI has a handle for each.
inline constexpr Named kBasics[] = {
    Named::kChar,    Named::kByte,   Named::kShort,         Named::kInt,      Named::kLong,
    Named::kFloat,   Named::kDouble, Named::kLongDouble,    Named::kShortInt, Named::kDoubleInt,
    Named::kLongInt, Named::k2Int,   Named::kCDoubleComplex};

/// Byte displacements and extents in units that keep every basic type aligned.
inline constexpr Count kAligned = 16;

/// Maker: T and a function for each constructor (see the calls below). Byte displacements and extents are
/// multiples of `unit`.
template <class Maker>
class RandomTypes {
 public:
  using T = typename Maker::T;
  RandomTypes(Random& random, Maker& maker, Count unit = 1) : random_(random), make_(maker), unit_(unit) {}

  /// A type of `depth` constructors around basic types.
  T type(int depth) {
    if (depth == 0) return make_.named(kBasics[random_.below(std::size(kBasics))]);
    switch (random_.below(13)) {
      case 0: {
        const Count count = below(5);
        return make_.contiguous(count, type(depth - 1));
      }
      case 1:
      case 2: {
        const Count count = below(4);
        const Count length = below(4);
        const Count stride = between(-2, 8);
        return make_.vector(count, length, stride, type(depth - 1));
      }
      case 3: {
        const Count count = below(4);
        const Count length = below(4);
        const Count stride = unit_ * between(-40, 80);
        return make_.hvector(count, length, stride, type(depth - 1));
      }
      case 4: {
        const auto lengths = list(5, 0, 4);
        const auto displacements = list(lengths.size(), -4, 12);
        return make_.indexed(lengths, displacements, type(depth - 1));
      }
      case 5: {
        const auto lengths = list(5, 0, 4);
        const auto displacements = list(lengths.size(), -64, 256, unit_);
        return make_.hindexed(lengths, displacements, type(depth - 1));
      }
      case 6: {
        const Count length = below(4);
        const auto displacements = list(random_.below(5), -4, 16);
        return make_.indexed_block(length, displacements, type(depth - 1));
      }
      case 7: {
        const Count length = below(4);
        const auto displacements = list(random_.below(5), -64, 256, unit_);
        return make_.hindexed_block(length, displacements, type(depth - 1));
      }
      case 8:
      case 9: {
        const auto lengths = list(random_.below(4), 0, 3);
        const auto displacements = list(lengths.size(), -64, 256, unit_);
        std::vector<T> types;
        for (std::size_t i = 0; i < lengths.size(); ++i) types.push_back(type(depth - 1));
        return make_.structure(lengths, displacements, types);
      }
      case 10: {
        const Count lb = unit_ * between(-16, 16);
        const Count extent = unit_ * between(-8, 96);
        return make_.resized(type(depth - 1), lb, extent);
      }
      case 11:
        return make_.subarray(part(), type(depth - 1));
      default:
        return make_.darray(distributed(), type(depth - 1));
    }
  }

 private:
  Count below(std::uint64_t bound) { return static_cast<Count>(random_.below(bound)); }
  Count between(Count low, Count high) {
    return low + static_cast<Count>(random_.below(static_cast<std::uint64_t>(high - low)));
  }
  std::vector<int> list(std::size_t n, int low, int high, Count unit = 1) {
    std::vector<int> values;
    for (std::size_t i = 0; i < n; ++i) values.push_back(static_cast<int>(unit * between(low, high)));
    return values;
  }
  ArrayPart part() {
    ArrayPart p;
    p.fortran = random_.below(2) == 0;
    const std::uint64_t dimensions = 1 + random_.below(3);
    for (std::uint64_t d = 0; d < dimensions; ++d) {
      const auto size = static_cast<int>(1 + random_.below(5));
      const auto subsize = static_cast<int>(between(1, size + 1));
      p.sizes.push_back(size);
      p.subsizes.push_back(subsize);
      p.starts.push_back(static_cast<int>(between(0, size - subsize + 1)));
    }
    return p;
  }
  Distributed distributed() {
    Distributed p;
    p.fortran = random_.below(2) == 0;
    p.size = 1;
    const std::uint64_t dimensions = 1 + random_.below(3);
    for (std::uint64_t d = 0; d < dimensions; ++d) {
      const auto gsize = static_cast<int>(1 + random_.below(7));
      const auto how = static_cast<Dealt>(random_.below(3));
      const int processes = how == Dealt::kNone ? 1 : static_cast<int>(1 + random_.below(3));
      int darg = static_cast<int>(random_.below(4));
      if (how == Dealt::kBlock && darg * processes < gsize) darg = 0;
      p.gsizes.push_back(gsize);
      p.distribs.push_back(how);
      p.dargs.push_back(darg);
      p.psizes.push_back(processes);
      p.size *= processes;
    }
    p.rank = static_cast<int>(random_.below(static_cast<std::uint64_t>(p.size)));
    return p;
  }

  Random& random_;
  Maker& make_;
  Count unit_;
};

}  // namespace tally::test
