// SPDX-License-Identifier: BSD-3-Clause
// Type maps as the standard writes them (MPI 5.0, 5.1): a list of (type, displacement), entry by entry. Slow
// and simple.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>
#include <vector>

#include "mpi/datatype/datatype.hpp"
#include "mpi_datatype/describe.hpp"
#include "mpi_datatype/random_types.hpp"

namespace tally::test {

struct Entry {
  Named type;
  Count displacement;
};

/// Written anew here, not the library's table.
inline Count basic_size(Named type) {
  switch (type) {
    case Named::kChar:
    case Named::kByte:
      return 1;
    case Named::kShort:
      return sizeof(short);
    case Named::kInt:
      return sizeof(int);
    case Named::kLong:
      return sizeof(long);
    case Named::kFloat:
      return sizeof(float);
    case Named::kDouble:
      return sizeof(double);
    case Named::kLongDouble:
      return sizeof(long double);
    case Named::kCDoubleComplex:
      return 2 * sizeof(double);
    default:
      return 0;
  }
}

inline Count basic_alignment(Named type) {
  return type == Named::kCDoubleComplex ? static_cast<Count>(alignof(double)) : basic_size(type);
}

/// lb, ub: of the whole, with its padding. A nested type keeps its padding.
struct Map {
  std::vector<Entry> entries;
  Count lb = 0;
  Count ub = 0;
  bool marked = false;  // bounds that resized, subarray or darray have set
  Count alignment = 1;

  [[nodiscard]] Count extent() const { return ub - lb; }
  [[nodiscard]] Count size() const {
    Count bytes = 0;
    for (const Entry& e : entries) bytes += basic_size(e.type);
    return bytes;
  }
  [[nodiscard]] Count true_lb() const {
    std::optional<Count> low;
    for (const Entry& e : entries) low = std::min(low.value_or(e.displacement), e.displacement);
    return low.value_or(0);
  }
  [[nodiscard]] Count true_ub() const {
    std::optional<Count> high;
    for (const Entry& e : entries) {
      const Count end = e.displacement + basic_size(e.type);
      high = std::max(high.value_or(end), end);
    }
    return high.value_or(0);
  }
  /// Entries of `count` of them.
  [[nodiscard]] std::vector<Entry> repeated(Count count) const {
    std::vector<Entry> all;
    for (Count i = 0; i < count; ++i) {
      for (const Entry& e : entries) all.push_back(Entry{e.type, e.displacement + i * extent()});
    }
    return all;
  }
};

struct ReferenceMaker {
  using T = Map;

  struct Copy {
    const Map* map;
    Count at;
  };
  /// The map that has these copies one behind the other.
  static Map join(const std::vector<Copy>& copies) {
    Map made;
    std::optional<Count> low, high, marked_low, marked_high;
    for (const Copy& c : copies) {
      const Map& m = *c.map;
      for (const Entry& e : m.entries) made.entries.push_back(Entry{e.type, e.displacement + c.at});
      if (m.entries.empty() && !m.marked) continue;
      auto& l = m.marked ? marked_low : low;
      auto& h = m.marked ? marked_high : high;
      l = std::min(l.value_or(m.lb + c.at), m.lb + c.at);
      h = std::max(h.value_or(m.ub + c.at), m.ub + c.at);
      made.alignment = std::max(made.alignment, m.alignment);
    }
    made.marked = marked_low.has_value();
    made.lb = made.marked ? *marked_low : low.value_or(0);
    made.ub = made.marked ? *marked_high : high.value_or(0);
    while (!made.marked && made.extent() % made.alignment != 0) ++made.ub;
    return made;
  }

  Map named(Named type) {
    const auto pair = [](Named value, Named index, Count at) {
      Map value_map = plain(value);
      Map index_map = plain(index);
      return join({{&value_map, 0}, {&index_map, at}});
    };
    switch (type) {
      case Named::kShortInt:
        return pair(Named::kShort, Named::kInt, 4);
      case Named::kDoubleInt:
        return pair(Named::kDouble, Named::kInt, 8);
      case Named::kLongInt:
        return pair(Named::kLong, Named::kInt, 8);
      case Named::k2Int:
        return pair(Named::kInt, Named::kInt, 4);
      default:
        return plain(type);
    }
  }
  static Map plain(Named type) {
    return Map{{Entry{type, 0}}, 0, basic_size(type), false, basic_alignment(type)};
  }

  Map contiguous(Count count, const Map& old) { return vector(count, 1, 1, old); }
  Map vector(Count count, Count length, Count stride, const Map& old) {
    return hvector(count, length, stride * old.extent(), old);
  }
  Map hvector(Count count, Count length, Count stride, const Map& old) {
    std::vector<Copy> copies;
    for (Count i = 0; i < count; ++i) {
      for (Count j = 0; j < length; ++j) copies.push_back({&old, i * stride + j * old.extent()});
    }
    return join(copies);
  }
  Map indexed(const std::vector<int>& lengths, const std::vector<int>& displacements, const Map& old) {
    std::vector<Copy> copies;
    for (std::size_t i = 0; i < lengths.size(); ++i) {
      for (int j = 0; j < lengths[i]; ++j) copies.push_back({&old, (displacements[i] + j) * old.extent()});
    }
    return join(copies);
  }
  Map hindexed(const std::vector<int>& lengths, const std::vector<int>& displacements, const Map& old) {
    return structure(lengths, displacements, std::vector<Map>(lengths.size(), old));
  }
  Map indexed_block(Count length, const std::vector<int>& displacements, const Map& old) {
    return indexed(std::vector<int>(displacements.size(), static_cast<int>(length)), displacements, old);
  }
  Map hindexed_block(Count length, const std::vector<int>& displacements, const Map& old) {
    return hindexed(std::vector<int>(displacements.size(), static_cast<int>(length)), displacements, old);
  }
  Map structure(const std::vector<int>& lengths, const std::vector<int>& displacements,
                const std::vector<Map>& types) {
    std::vector<Copy> copies;
    for (std::size_t i = 0; i < lengths.size(); ++i) {
      for (int j = 0; j < lengths[i]; ++j) {
        copies.push_back({&types[i], displacements[i] + j * types[i].extent()});
      }
    }
    return join(copies);
  }
  Map resized(const Map& old, Count lb, Count extent) {
    Map made = old;
    made.lb = lb;
    made.ub = lb + extent;
    made.marked = true;
    return made;
  }

  /// The entries of an array of `sizes` that `mine` takes, in the order of memory.
  template <class Mine>
  Map chosen(const std::vector<int>& sizes, bool fortran, const Map& old, Mine mine) {
    std::vector<Copy> copies;
    Count entries = 1;
    for (const int size : sizes) entries *= size;
    for (Count i = 0; i < entries; ++i) {
      Count left = i;
      bool all = true;
      for (std::size_t n = 0; n < sizes.size(); ++n) {
        const std::size_t d = fortran ? n : sizes.size() - 1 - n;
        all = all && mine(d, left % sizes[d]);
        left /= sizes[d];
      }
      if (all) copies.push_back({&old, i * old.extent()});
    }
    return resized(join(copies), 0, entries * old.extent());
  }
  Map subarray(const ArrayPart& p, const Map& old) {
    return chosen(p.sizes, p.fortran, old, [&p](std::size_t d, Count at) {
      return at >= p.starts[d] && at < p.starts[d] + p.subsizes[d];
    });
  }
  Map darray(const Distributed& p, const Map& old) {
    std::vector<int> coordinate(p.gsizes.size());
    int left = p.rank;
    int processes = p.size;
    for (std::size_t d = 0; d < coordinate.size(); ++d) {
      processes /= p.psizes[d];
      coordinate[d] = left / processes;
      left %= processes;
    }
    return chosen(p.gsizes, p.fortran, old, [&](std::size_t d, Count at) {
      const int darg = p.dargs[d];
      switch (p.distribs[d]) {
        case Dealt::kBlock:
          return at / (darg != 0 ? darg : (p.gsizes[d] + p.psizes[d] - 1) / p.psizes[d]) == coordinate[d];
        case Dealt::kCyclic:
          return at / (darg != 0 ? darg : 1) % p.psizes[d] == coordinate[d];
        case Dealt::kNone:
          return true;
      }
      return true;
    });
  }
};

inline constexpr datatype::ArrayConstants kConstants{101, 102, 201, 202, 203, -77};

/// The library's constructors.
struct LibraryMaker {
  using T = datatype::Ref;
  using Integers = datatype::Integers;

  static std::vector<Count> wide(const std::vector<int>& v) { return {v.begin(), v.end()}; }

  T named(Named type) { return datatype::named(type); }
  T contiguous(Count count, const T& old) { return datatype::contiguous(count, old); }
  T vector(Count count, Count length, Count stride, const T& old) {
    return datatype::vector(count, length, stride, old);
  }
  T hvector(Count count, Count length, Count stride, const T& old) {
    return datatype::hvector(count, length, stride, old);
  }
  T indexed(const std::vector<int>& lengths, const std::vector<int>& displacements, const T& old) {
    return datatype::indexed(static_cast<Count>(lengths.size()), Integers(lengths.data()),
                             Integers(displacements.data()), old);
  }
  T hindexed(const std::vector<int>& lengths, const std::vector<int>& displacements, const T& old) {
    const auto at = wide(displacements);
    return datatype::hindexed(static_cast<Count>(lengths.size()), Integers(lengths.data()),
                              Integers(at.data()), old);
  }
  T indexed_block(Count length, const std::vector<int>& displacements, const T& old) {
    return datatype::indexed_block(static_cast<Count>(displacements.size()), length,
                                   Integers(displacements.data()), old);
  }
  T hindexed_block(Count length, const std::vector<int>& displacements, const T& old) {
    const auto at = wide(displacements);
    return datatype::hindexed_block(static_cast<Count>(displacements.size()), length, Integers(at.data()),
                                    old);
  }
  T structure(const std::vector<int>& lengths, const std::vector<int>& displacements,
              const std::vector<T>& types) {
    const auto at = wide(displacements);
    return datatype::structure(Integers(lengths.data()), Integers(at.data()), types);
  }
  T resized(const T& old, Count lb, Count extent) { return datatype::resized(old, lb, extent); }
  T subarray(const ArrayPart& p, const T& old) {
    return datatype::subarray(static_cast<int>(p.sizes.size()), Integers(p.sizes.data()),
                              Integers(p.subsizes.data()), Integers(p.starts.data()),
                              p.fortran ? kConstants.order_fortran : kConstants.order_c, old, kConstants);
  }
  T darray(const Distributed& p, const T& old) {
    std::vector<int> distribs, dargs;
    for (const Dealt how : p.distribs) {
      distribs.push_back(how == Dealt::kBlock    ? kConstants.distribute_block
                         : how == Dealt::kCyclic ? kConstants.distribute_cyclic
                                                 : kConstants.distribute_none);
    }
    for (const int darg : p.dargs) dargs.push_back(darg != 0 ? darg : kConstants.distribute_dflt_darg);
    return datatype::darray(p.size, p.rank, static_cast<int>(p.gsizes.size()), Integers(p.gsizes.data()),
                            distribs.data(), dargs.data(), p.psizes.data(),
                            p.fortran ? kConstants.order_fortran : kConstants.order_c, old, kConstants);
  }
};

/// One random type, built twice.
struct Both {
  datatype::Ref type;
  Map map;
  std::uint64_t seed;
  explicit Both(std::uint64_t case_seed) : seed(case_seed) {
    Random first(seed);
    LibraryMaker library;
    const int depth = static_cast<int>(first.below(4));
    type = RandomTypes<LibraryMaker>(first, library).type(depth);
    Random second(seed);
    ReferenceMaker reference;
    second.below(4);
    map = RandomTypes<ReferenceMaker>(second, reference).type(depth);
  }
  [[nodiscard]] std::string text() const { return describe(seed); }
};

/// The bytes that `count` of a map reach, from its lowest to its highest.
struct Span {
  Count low = 0;
  Count high = 0;
  Span(const Map& map, Count count) {
    bool any = false;
    for (const Entry& e : map.repeated(count)) {
      const Count end = e.displacement + basic_size(e.type);
      low = any ? std::min(low, e.displacement) : e.displacement;
      high = any ? std::max(high, end) : end;
      any = true;
    }
  }
  [[nodiscard]] std::size_t bytes() const { return static_cast<std::size_t>(high - low); }
};

}  // namespace tally::test
