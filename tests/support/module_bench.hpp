// SPDX-License-Identifier: BSD-3-Clause
// Clock, reset and access to bit fields of wide ports, for tests of single Verilated modules.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "support/coverage.hpp"
#include "support/random_context.hpp"

namespace tally::test {

static_assert(std::endian::native == std::endian::little, "ports are read as little-endian memory");

using Beat = std::array<std::uint8_t, 64>;

/// Sets bits [lsb, lsb + width) of a port; width at most 64.
template <class Port>
void put_bits(Port& port, unsigned lsb, unsigned width, std::uint64_t value) {
  auto* bytes = reinterpret_cast<std::uint8_t*>(&port);
  for (unsigned i = 0; i < width; ++i) {
    const unsigned bit = lsb + i;
    const auto mask = static_cast<std::uint8_t>(1u << (bit % 8));
    if ((value >> i) & 1u) {
      bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] | mask);
    } else {
      bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] & static_cast<std::uint8_t>(~mask));
    }
  }
}

template <class Port>
std::uint64_t get_bits(const Port& port, unsigned lsb, unsigned width) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&port);
  std::uint64_t value = 0;
  for (unsigned i = 0; i < width; ++i) {
    const unsigned bit = lsb + i;
    value |= static_cast<std::uint64_t>((bytes[bit / 8] >> (bit % 8)) & 1u) << i;
  }
  return value;
}

/// Bytes of beat `index` of a port that is a vector of beats.
template <class Port>
Beat get_beat(const Port& port, unsigned index = 0) {
  Beat beat;
  std::memcpy(beat.data(), reinterpret_cast<const std::uint8_t*>(&port) + index * beat.size(), beat.size());
  return beat;
}

template <class Port>
void put_beat(Port& port, const Beat& beat, unsigned index = 0) {
  std::memcpy(reinterpret_cast<std::uint8_t*>(&port) + index * beat.size(), beat.data(), beat.size());
}

/// A model with its own context. Drive inputs, settle(), look at outputs, then edge().
template <class Model>
class ModuleBench {
 public:
  ModuleBench() : top(&context_) {
    top.clk_i = 0;
    top.rst_ni = 0;
    settle();
    for (int i = 0; i < 3; ++i) {
      edge();
      settle();
    }
    top.rst_ni = 1;
    cycles = 0;
  }
  ~ModuleBench() { finish(top, context_); }
  ModuleBench(const ModuleBench&) = delete;
  ModuleBench& operator=(const ModuleBench&) = delete;

  /// Combinational outputs follow the inputs of this cycle.
  void settle() {
    top.clk_i = 0;
    top.eval();
  }
  /// Rising clock edge: ends the cycle.
  void edge() {
    top.clk_i = 1;
    top.eval();
    ++cycles;
  }
  /// A whole cycle: afterwards the outputs show the new state.
  void step() {
    edge();
    settle();
  }
  Model* operator->() { return &top; }

 private:
  RandomContext context_;

 public:
  Model top;
  std::uint64_t cycles = 0;
};

}  // namespace tally::test
