// SPDX-License-Identifier: BSD-3-Clause
// A type map compiled for moving bytes: a tree of loops and blocks in which neighbours are merged and basic
// types are forgotten. Each node knows how many bytes of the packed stream it makes, so that a move can begin
// and end at any byte. Internal.
#pragma once

#include <memory>
#include <vector>

#include "mpi/datatype/datatype.hpp"

namespace tally::datatype {

struct Node {
  enum class Kind : std::uint8_t {
    kBlock,     // `length` bytes
    kStrided,   // `count` blocks of `length` bytes, one each `stride` bytes
    kLoop,      // `count` times node `first`, one each `stride` bytes
    kEven,      // `count` blocks of `length` bytes at offsets[first] and those behind it
    kList,      // `count` blocks from blocks[first] on, and one more entry that tells where the last one ends
    kSequence,  // `count` nodes from parts[first] on
  };
  Kind kind = Kind::kBlock;
  Count size = 0;      // bytes of the packed stream
  Count segments = 0;  // runs of bytes, at most
  Count count = 0;
  Count length = 0;
  Count stride = 0;
  std::size_t first = 0;
};

struct Block {
  Count offset;
  Count start;  // in the list's stream
};

/// Bytes of a block of a list.
[[nodiscard]] inline Count length_of(const Block* block) noexcept { return block[1].start - block[0].start; }

struct Part {
  Count offset;
  Count start;  // in the sequence's stream
  std::size_t node;
};

struct Program {
  std::vector<Node> nodes;
  std::vector<Part> parts;
  std::vector<Block> blocks;
  std::vector<Count> offsets;
  Count offset = 0;  // of the root from the buffer's address

  [[nodiscard]] std::size_t root_index() const noexcept { return nodes.size() - 1; }
  [[nodiscard]] const Node& root() const noexcept { return nodes.back(); }
};

[[nodiscard]] inline Node block(Count length) noexcept {
  Node node;
  node.size = length;
  node.length = length;
  node.segments = length > 0 ? 1 : 0;
  node.count = 1;
  return node;
}

/// `count` (2 or more) of a node, which is not empty, one each `stride` bytes; in a loop it is node `index`.
/// The stream has less than 2^63 bytes.
[[nodiscard]] inline Node repeated(const Node& node, std::size_t index, Count count, Count stride) noexcept {
  Node outer = node;
  outer.size = node.size * count;
  outer.segments = node.segments * count;
  Count span = 0;
  if (node.kind == Node::Kind::kBlock) {
    if (stride == node.length) return block(outer.size);
    outer.kind = Node::Kind::kStrided;
    outer.count = count;
    outer.stride = stride;
  } else if ((node.kind == Node::Kind::kStrided || node.kind == Node::Kind::kLoop) &&
             !__builtin_mul_overflow(node.stride, node.count, &span) && span == stride) {
    outer.count = node.count * count;
  } else {
    outer.kind = Node::Kind::kLoop;
    outer.count = count;
    outer.length = 0;
    outer.stride = stride;
    outer.first = index;
  }
  return outer;
}

[[nodiscard]] std::unique_ptr<const Program> compile(const Type& type);

}  // namespace tally::datatype
