// SPDX-License-Identifier: BSD-3-Clause
#include "numerics/operands.hpp"

#include <cstring>
#include <utility>

namespace tally::test {
namespace {

std::vector<std::uint64_t> integer_corners(unsigned bits) {
  const std::uint64_t mask = ~0ull >> (64 - bits);
  std::vector<std::uint64_t> values;
  for (unsigned i = 0; i < bits; ++i) {
    const std::uint64_t power = 1ull << i;
    for (const std::uint64_t x : {power, power - 1, power + 1, ~power, ~power + 1, ~power + 2})
      values.push_back(x & mask);
  }
  return values;
}

std::vector<std::uint64_t> float_corners(const Format& f) {
  const std::uint64_t all = f.fraction_mask();
  const std::uint64_t top = 1ull << (f.fraction_bits - 1);
  const auto bias = static_cast<std::uint64_t>(f.bias());
  const auto width = static_cast<std::uint64_t>(f.fraction_bits);
  const std::uint64_t max = f.exponent_max();
  const std::uint64_t exponents[] = {
      0, 1, 2, 3, width - 1, width, width + 1, width + 2, bias - width - 4, bias - width - 3,
      bias - width - 2, bias - width - 1, bias - width, bias - width + 1, bias - 2, bias - 1, bias, bias + 1,
      bias + width, bias + width + 1, max - width - 2, max - width - 1, max - 3, max - 2, max - 1, max,
      // Products of two of these are near the least normal, the least subnormal and the greatest number.
      bias / 2, bias / 2 + 1, (bias - width) / 2, bias + bias / 2, bias + bias / 2 + 1};
  std::vector<std::uint64_t> values;
  for (const std::uint64_t fraction : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{3},
                                       top - 1, top, top + 1, all - 1, all}) {
    for (const std::uint64_t exponent : exponents) {
      values.push_back(f.make(0, exponent, fraction));
      values.push_back(f.make(1, exponent, fraction));
    }
  }
  return values;
}

}  // namespace

std::vector<std::uint64_t> corner_values(const Type& type) {
  return type.format.fraction_bits != 0 ? float_corners(type.format) : integer_corners(type.value_bits);
}

Operands::Operands(const Type& type, std::uint64_t seed)
    : type_(type), corners_(corner_values(type)), random_(seed) {}

void Operands::fill(void* a, void* b, std::size_t elements) {
  auto* x = static_cast<unsigned char*>(a);
  auto* y = static_cast<unsigned char*>(b);
  for (std::size_t i = 0; i < elements; ++i) put(x + i * type_.bytes, y + i * type_.bytes, number());
}

void Operands::fill_corners(void* a, void* b, std::size_t elements, std::size_t first) {
  auto* x = static_cast<unsigned char*>(a);
  auto* y = static_cast<unsigned char*>(b);
  const std::size_t n = corners_.size();
  for (std::size_t i = 0; i < elements; ++i) {
    const std::size_t pair = (first + i) % (n * n);
    put(x + i * type_.bytes, y + i * type_.bytes, {corners_[pair / n], corners_[pair % n]});
  }
}

void Operands::put(void* a, void* b, const Pair& first) {
  auto* x = static_cast<unsigned char*>(a);
  auto* y = static_cast<unsigned char*>(b);
  const std::size_t bytes = type_.value_bits / 8;
  if (type_.kind == Kind::kPair) {
    put_index(x, y);
    std::memcpy(x, &first.a, bytes);
    // Ties, half of the time.
    std::memcpy(y, random_.percent(50) ? &first.a : &first.b, bytes);
    return;
  }
  std::memcpy(x, &first.a, bytes);
  std::memcpy(y, &first.b, bytes);
  if (type_.kind != Kind::kComplex) return;
  const Pair second = number();
  std::memcpy(x + bytes, &second.a, bytes);
  std::memcpy(y + bytes, &second.b, bytes);
  // b = (ai, ar) or so: the products of a complex product's part cancel, wholly or but for the last bits.
  const std::uint64_t how = random_.below(8);
  if (how > 2) return;
  const std::uint64_t nudge = how == 2 ? random_.below(4) : 0;
  const std::uint64_t re = first.a ^ nudge, im = second.a;
  const std::uint64_t minus_im = im ^ type_.format.make(1, 0, 0);
  std::memcpy(y, how == 1 ? &re : &im, bytes);
  std::memcpy(y + bytes, how == 1 ? &minus_im : &re, bytes);
}

void Operands::put_index(unsigned char* a, unsigned char* b) {
  // Padding too: all of it is drawn.
  for (std::size_t i = 0; i < type_.bytes; i += 8) {
    const std::uint64_t x = random_.next(), y = random_.next();
    std::memcpy(a + i, &x, 8);
    std::memcpy(b + i, &y, 8);
  }
  static constexpr std::uint32_t kEdges[] = {0,           1,           0xffffffffu, 0x7fffffffu,
                                             0x80000000u, 0x80000001u, 2,           100};
  const std::uint64_t how = random_.below(4);
  if (how == 0) return;
  const std::uint32_t ia = kEdges[random_.below(8)];
  const std::uint32_t ib = how == 1 ? ia : how == 2 ? ia + 1 : kEdges[random_.below(8)];
  std::memcpy(a + index_offset(type_), &ia, 4);
  std::memcpy(b + index_offset(type_), &ib, 4);
}

Operands::Pair Operands::number() {
  Pair p = type_.format.fraction_bits != 0 ? real() : integer();
  if (random_.next() & 1) std::swap(p.a, p.b);
  const std::uint64_t mask = ~0ull >> (64 - type_.value_bits);
  return {p.a & mask, p.b & mask};
}

Operands::Pair Operands::integer() {
  switch (random_.below(6)) {
    case 0:
      return {random_.next(), corner()};
    case 1: {
      const std::uint64_t a = random_.next();
      return {a, a + random_.below(5) - 2};
    }
    case 2:
      return {random_.next() >> random_.below(64), ~(random_.next() >> random_.below(64))};
    case 3:
      return {random_.below(2), random_.below(2) == 0 ? 0 : 1ull << random_.below(64)};
    default:
      return {random_.next(), random_.next()};
  }
}

/// Random, or with long runs of equal bits, which tie and carry.
std::uint64_t Operands::fraction() {
  const std::uint64_t x = random_.next();
  switch (random_.below(4)) {
    case 0:
      return ~0ull << random_.below(64);
    case 1:
      return (1ull << random_.below(64)) - (x & 1);
    default:
      return x;
  }
}

/// A few bits below the point: the product of two such has about as many bits as the format, and ties.
std::uint64_t Operands::short_fraction() {
  const auto width = static_cast<unsigned>(type_.format.fraction_bits);
  const auto kept = static_cast<unsigned>(random_.below(width / 2 + 2));
  return random_.next() << (width - kept);
}

Operands::Pair Operands::real() {
  const Format& f = type_.format;
  const std::uint64_t sign = random_.next();
  const std::uint64_t exponent = random_.below(f.exponent_max());
  switch (random_.below(4)) {
    case 0:
      return sum_operands(sign, exponent);
    case 1:
      return product_operands(sign, exponent);
    case 2:
      return {random_.next(), random_.below(4) == 0 ? corner() : random_.next()};
    default:
      return random_.next() & 1 ? sum_operands(sign, exponent) : product_operands(sign, exponent);
  }
}

Operands::Pair Operands::sum_operands(std::uint64_t sign, std::uint64_t exponent) {
  const Format& f = type_.format;
  const auto reach = static_cast<std::uint64_t>(f.fraction_bits) + 4;
  switch (random_.below(6)) {
    case 0:
    case 1: {  // exponents within the aligner's reach
      std::uint64_t other = exponent + random_.below(2 * reach + 1);
      other = other < reach ? 0 : other - reach;
      if (other >= f.exponent_max()) other = f.exponent_max() - 1;
      return {f.make(sign, exponent, fraction()), f.make(sign >> 1, other, fraction())};
    }
    case 2: {  // cancellation of all but some of the bits
      const std::uint64_t a = f.make(0, exponent, fraction());
      const std::uint64_t b = a ^ (random_.next() & f.fraction_mask()) >> random_.below(64);
      return {a | f.make(sign, 0, 0), b | f.make(~sign, 0, 0)};
    }
    case 3: {  // the same across a power of two
      const std::uint64_t a = f.make(0, exponent, 0) + random_.below(16);
      const std::uint64_t b = f.make(0, exponent, 0) - random_.below(16);
      return {a | f.make(sign, 0, 0), b ^ f.make(~sign, 0, 0)};
    }
    case 4:  // subnormals and what is near them
      return {f.make(sign, random_.below(4), fraction()),
              f.make(sign >> 1, random_.below(reach), fraction())};
    default: {  // near overflow
      const std::uint64_t high = f.exponent_max() - 1 - random_.below(3);
      return {f.make(sign, high, fraction()), f.make(sign >> 1, high - random_.below(reach), fraction())};
    }
  }
}

Operands::Pair Operands::product_operands(std::uint64_t sign, std::uint64_t exponent) {
  const Format& f = type_.format;
  const std::uint64_t bias = static_cast<std::uint64_t>(f.bias());
  const auto reach = static_cast<std::uint64_t>(f.fraction_bits) + 4;
  const auto other = [&](std::uint64_t sum) {  // the field that makes `sum` with `exponent`, or next to it
    const std::uint64_t x = sum > exponent ? sum - exponent : 0;
    return x < f.exponent_max() ? x : f.exponent_max() - 1;
  };
  switch (random_.below(5)) {
    case 0:  // ties
      return {f.make(sign, exponent, short_fraction()), f.make(sign >> 1, other(2 * bias), short_fraction())};
    case 1: {  // around the least normal and down to nothing
      const std::uint64_t sum = bias + 3 - random_.below(reach + 3);
      return {f.make(sign, exponent, fraction()), f.make(sign >> 1, other(sum), fraction())};
    }
    case 2: {  // a subnormal operand
      const std::uint64_t a = random_.next() & f.fraction_mask();
      return {f.make(sign, 0, a >> random_.below(64)),
              f.make(sign >> 1, f.exponent_max() - 1 - random_.below(bias + 1), fraction())};
    }
    case 3: {  // around overflow
      const std::uint64_t sum = bias + f.exponent_max() - 3 + random_.below(4);
      return {f.make(sign, exponent, fraction()), f.make(sign >> 1, other(sum), fraction())};
    }
    default:  // nearly one: the product is next to the other operand
      return {f.make(sign, exponent, fraction()), f.make(sign >> 1, bias, 0) + random_.below(5) - 2};
  }
}

}  // namespace tally::test
