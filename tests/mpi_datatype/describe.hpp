// SPDX-License-Identifier: BSD-3-Clause
// A random datatype in words, for a test that fails on it.
#pragma once

#include <string>
#include <vector>

#include "mpi/datatype/named.hpp"
#include "mpi_datatype/random_types.hpp"

namespace tally::test {

struct TextMaker {
  using T = std::string;
  using Ints = std::vector<int>;

  static std::string text(const Ints& values) {
    std::string all = "{";
    for (const int v : values) all += (all.size() > 1 ? " " : "") + std::to_string(v);
    return all + "}";
  }
  static std::string text(Count value) { return std::to_string(value); }
  template <class... Arguments>
  static std::string call(const char* name, const Arguments&... arguments) {
    std::string all = std::string(name) + "(";
    ((all += text(arguments) + ", "), ...);
    all.resize(all.size() - 2);
    return all + ")";
  }
  static std::string text(const std::string& old) { return old; }

  T named(Named type) { return std::string(datatype::name(type)); }
  T contiguous(Count count, const T& old) { return call("contiguous", count, old); }
  T vector(Count count, Count length, Count stride, const T& old) {
    return call("vector", count, length, stride, old);
  }
  T hvector(Count count, Count length, Count stride, const T& old) {
    return call("hvector", count, length, stride, old);
  }
  T indexed(const Ints& lengths, const Ints& displacements, const T& old) {
    return call("indexed", lengths, displacements, old);
  }
  T hindexed(const Ints& lengths, const Ints& displacements, const T& old) {
    return call("hindexed", lengths, displacements, old);
  }
  T indexed_block(Count length, const Ints& displacements, const T& old) {
    return call("indexed_block", length, displacements, old);
  }
  T hindexed_block(Count length, const Ints& displacements, const T& old) {
    return call("hindexed_block", length, displacements, old);
  }
  T structure(const Ints& lengths, const Ints& displacements, const std::vector<T>& types) {
    std::string all;
    for (const T& t : types) all += (all.empty() ? "" : "; ") + t;
    return call("struct", lengths, displacements, "[" + all + "]");
  }
  T resized(const T& old, Count lb, Count extent) { return call("resized", old, lb, extent); }
  T subarray(const ArrayPart& p, const T& old) {
    return call("subarray", p.sizes, p.subsizes, p.starts, std::string(p.fortran ? "Fortran" : "C"), old);
  }
  T darray(const Distributed& p, const T& old) {
    Ints distribs;
    for (const Dealt how : p.distribs) distribs.push_back(static_cast<int>(how));
    return call("darray", Count{p.size}, Count{p.rank}, p.gsizes, distribs, p.dargs, p.psizes,
                std::string(p.fortran ? "Fortran" : "C"), old);
  }
};

/// The type that Both(seed) makes.
inline std::string describe(std::uint64_t seed, Count unit = 1) {
  Random random(seed);
  TextMaker maker;
  const int depth = static_cast<int>(random.below(4));
  return RandomTypes<TextMaker>(random, maker, unit).type(depth);
}

}  // namespace tally::test
