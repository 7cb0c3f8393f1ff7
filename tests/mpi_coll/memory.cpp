// SPDX-License-Identifier: BSD-3-Clause
#include "memory.hpp"

#include <algorithm>
#include <numeric>

namespace test {

namespace {

constexpr int kMark = -1234567;
constexpr int kSlack = 8;  // ints before and behind, which nothing may touch

MPI_Datatype committed(MPI_Datatype type) {
  MPI_Type_commit(&type);
  return type;
}

std::vector<Layout> make() {
  std::vector<Layout> all;
  MPI_Datatype type;
  all.push_back({MPI_INT, 1, {0}});
  MPI_Type_contiguous(3, MPI_INT, &type);
  all.push_back({committed(type), 3, {0, 1, 2}});
  MPI_Type_vector(2, 1, 2, MPI_INT, &type);
  all.push_back({committed(type), 3, {0, 2}});
  int lengths[] = {1, 2};
  int places[] = {3, 0};
  MPI_Type_indexed(2, lengths, places, MPI_INT, &type);
  all.push_back({committed(type), 4, {3, 0, 1}});
  MPI_Type_create_resized(MPI_INT, 0, 8, &type);
  all.push_back({committed(type), 2, {0}});
  int one = 1;
  MPI_Aint below = -4;
  MPI_Type_create_hindexed(1, &one, &below, MPI_INT, &type);
  all.push_back({committed(type), 1, {-1}});
  MPI_Datatype inner;
  MPI_Type_vector(3, 1, 2, MPI_INT, &inner);
  MPI_Aint bytes[] = {4, 28};
  int single[] = {1, 1};
  MPI_Datatype inners[] = {inner, inner};
  MPI_Datatype pair;
  MPI_Type_create_struct(2, single, bytes, inners, &pair);
  MPI_Type_create_resized(pair, 0, 52, &type);
  all.push_back({committed(type), 13, {1, 3, 5, 7, 9, 11}});
  MPI_Type_free(&inner);
  MPI_Type_free(&pair);
  return all;
}

}  // namespace

const Layout& layout(int which) {
  static const std::vector<Layout> all = make();
  return all[static_cast<std::size_t>(which)];
}

int value(int call, int from, int to, int k) {
  std::uint32_t x =
      static_cast<std::uint32_t>(call) * 0x9e3779b9u + static_cast<std::uint32_t>(from) * 0x85ebca6bu +
      static_cast<std::uint32_t>(to) * 0xc2b2ae35u + static_cast<std::uint32_t>(k) * 0x27d4eb2fu;
  x = (x ^ (x >> 15)) * 0x2c1b3c6du;
  x = (x ^ (x >> 12)) * 0x297a2d39u;
  return static_cast<int>((x ^ (x >> 15)) & 0x7fffffffu);
}

std::vector<int> values(int call, int from, int to, int count) {
  std::vector<int> result(static_cast<std::size_t>(count));
  for (int k = 0; k < count; ++k) result[static_cast<std::size_t>(k)] = value(call, from, to, k);
  return result;
}

std::vector<int> scattered(Random* random, const std::vector<int>& counts) {
  std::vector<std::size_t> order(counts.size());
  std::iota(order.begin(), order.end(), 0u);
  random->shuffle(&order);
  std::vector<int> places(counts.size());
  int next = random->between(-3, 3);
  for (const std::size_t i : order) {
    places[i] = next;
    next += counts[i] + random->below(3);
  }
  return places;
}

Memory::Memory(const Layout& of, int first, int last) : layout_(&of) {
  const int low = std::min(0, first) * of.extent - kSlack;
  const int high = std::max(0, last) * of.extent + 16 + kSlack;
  origin_ = -low;
  ints_.assign(static_cast<std::size_t>(high - low), kMark);
  expected_.assign(ints_.size(), 0);
}

std::size_t Memory::at(int element, int k) const {
  const int e = element + k / layout_->ints();
  return static_cast<std::size_t>(origin_ + e * layout_->extent +
                                  layout_->map[static_cast<std::size_t>(k % layout_->ints())]);
}

void Memory::put(int element, const std::vector<int>& ints) {
  for (std::size_t k = 0; k < ints.size(); ++k) {
    ints_[at(element, static_cast<int>(k))] = ints[k];
    expected_[at(element, static_cast<int>(k))] = 1;
  }
}

std::vector<int> Memory::take(int element, int ints) {
  std::vector<int> result(static_cast<std::size_t>(ints));
  for (int k = 0; k < ints; ++k) {
    result[static_cast<std::size_t>(k)] = ints_[at(element, k)];
    expected_[at(element, k)] = 1;
  }
  return result;
}

bool Memory::clean() const {
  for (std::size_t i = 0; i < ints_.size(); ++i) {
    if (expected_[i] == 0 && ints_[i] != kMark) return false;
  }
  return true;
}

void expect_ints(Memory* memory, int element, const std::vector<int>& ints, const char* what, int call) {
  const std::vector<int> got = memory->take(element, static_cast<int>(ints.size()));
  digest(got.data(), got.size() * sizeof(int));
  std::size_t bad = 0;
  while (bad < ints.size() && got[bad] == ints[bad]) ++bad;
  expect(bad == ints.size(), "%s, call %d: int %zu of %zu is %d, not %d", what, call, bad, ints.size(),
         bad < ints.size() ? got[bad] : 0, bad < ints.size() ? ints[bad] : 0);
}

}  // namespace test
