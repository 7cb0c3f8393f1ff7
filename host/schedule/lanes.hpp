// SPDX-License-Identifier: BSD-3-Clause
// Instructions in an order that is right, put into lanes.
#pragma once

#include <cstddef>
#include <vector>

#include "schedule/verify_internal.hpp"

namespace tally::schedule::detail {

/// An instruction of a rank. A message joins two of them.
struct Item {
  std::size_t rank = 0;
  Instruction i;  ///< lanes and dependencies in it mean nothing
  std::size_t sender = kNone, receiver = kNone;
};

/// Fills the lanes of `s`, whose other fields are set. `items` are in an order that gives the right result
/// when they are executed one after the other. With `fuse`, what a rank receives and then sends first is
/// passed on while it comes. The schedule that results serves any size, in the ways of calling that `s`
/// claims, and each read in it sees the write that it sees in that order. False where whole messages (with
/// what passes them on) cannot be put in an order that keeps this; never so where each item that receives
/// follows its sender in `items`, or has a place of its own.
[[nodiscard]] bool fill_lanes(std::vector<Item> items, bool fuse, Schedule* s);

}  // namespace tally::schedule::detail
