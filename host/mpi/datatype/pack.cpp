// SPDX-License-Identifier: BSD-3-Clause
#include "mpi/datatype/pack.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "mpi/datatype/program.hpp"

namespace tally::datatype {
namespace {

// Addresses are integers: MPI_BOTTOM with absolute displacements is no pointer arithmetic that C++ knows.
using Address = std::uintptr_t;

Address at(Address base, Count offset) noexcept { return base + static_cast<Address>(offset); }
const std::byte* read(Address address) noexcept { return reinterpret_cast<const std::byte*>(address); }
std::byte* write(Address address) noexcept { return reinterpret_cast<std::byte*>(address); }

/// n bytes, kPiece or more, between places that do not overlap. The last piece reaches back over bytes
/// already moved.
template <std::size_t kPiece>
void copy_pieces(std::byte* to, const std::byte* from, std::size_t n) noexcept {
  for (; n > kPiece; n -= kPiece, to += kPiece, from += kPiece) std::memcpy(to, from, kPiece);
  std::memcpy(to + n - kPiece, from + n - kPiece, kPiece);
}

/// The blocks of types are short, and a call of memcpy costs as much as moving some hundred bytes: those of
/// these lengths are moved without one. A loop over blocks asks once for all of them, as the call alone in it
/// costs registers.
constexpr std::size_t kShortest = 16;
constexpr std::size_t kLongest = 1024;
constexpr bool is_middle(Count length) noexcept {
  return length >= static_cast<Count>(kShortest) && length <= static_cast<Count>(kLongest);
}

void copy_middle(std::byte* to, const std::byte* from, std::size_t n) noexcept {
  for (; n >= 64 + kShortest; n -= 64, to += 64, from += 64) std::memcpy(to, from, 64);
  if (n == 64) {
    std::memcpy(to, from, 64);
  } else {
    copy_pieces<16>(to, from, n);
  }
}

void copy_bytes(std::byte* to, const std::byte* from, std::size_t n) noexcept {
  if (n > kLongest) {
    std::memcpy(to, from, n);
  } else if (n >= kShortest) {
    copy_middle(to, from, n);
  } else if (n >= 4) {
    copy_pieces<4>(to, from, n);
  } else {
    for (std::size_t i = 0; i < n; ++i) to[i] = from[i];
  }
}

/// Moves runs from the buffer to the stream.
struct Packer {
  std::byte* stream;
  void move(Address data, Count length) noexcept {
    copy_bytes(stream, read(data), static_cast<std::size_t>(length));
    stream += length;
  }
  void move_middle(Address data, Count length) noexcept {
    copy_middle(stream, read(data), static_cast<std::size_t>(length));
    stream += length;
  }
  /// The same with a length that the compiler knows: one load and one store for small ones.
  template <std::size_t kLength>
  void move_fixed(Address data) noexcept {
    std::memcpy(stream, read(data), kLength);
    stream += kLength;
  }
};

/// The inverse.
struct Unpacker {
  const std::byte* stream;
  void move(Address data, Count length) noexcept {
    copy_bytes(write(data), stream, static_cast<std::size_t>(length));
    stream += length;
  }
  void move_middle(Address data, Count length) noexcept {
    copy_middle(write(data), stream, static_cast<std::size_t>(length));
    stream += length;
  }
  template <std::size_t kLength>
  void move_fixed(Address data) noexcept {
    std::memcpy(write(data), stream, kLength);
    stream += kLength;
  }
};

template <std::size_t kLength, class Mover>
void strided_fixed(Mover& mover, Address data, Count count, Count stride) noexcept {
  Mover local = mover;  // the compiler keeps it in a register: stores through it may not change it
  for (; count >= 4; count -= 4) {
    local.template move_fixed<kLength>(data);
    local.template move_fixed<kLength>(at(data, stride));
    local.template move_fixed<kLength>(at(data, 2 * stride));
    local.template move_fixed<kLength>(at(data, 3 * stride));
    data = at(data, 4 * stride);
  }
  for (; count > 0; --count) {
    local.template move_fixed<kLength>(data);
    data = at(data, stride);
  }
  mover = local;
}

template <class Mover>
void strided(Mover& mover, Address data, Count count, Count length, Count stride) noexcept {
  switch (length) {
    case 1:
      return strided_fixed<1>(mover, data, count, stride);
    case 2:
      return strided_fixed<2>(mover, data, count, stride);
    case 4:
      return strided_fixed<4>(mover, data, count, stride);
    case 8:
      return strided_fixed<8>(mover, data, count, stride);
    case 12:
      return strided_fixed<12>(mover, data, count, stride);
    case 16:
      return strided_fixed<16>(mover, data, count, stride);
    case 24:
      return strided_fixed<24>(mover, data, count, stride);
    case 32:
      return strided_fixed<32>(mover, data, count, stride);
    case 48:
      return strided_fixed<48>(mover, data, count, stride);
    case 64:
      return strided_fixed<64>(mover, data, count, stride);
    default:
      break;
  }
  Mover local = mover;
  if (is_middle(length)) {
    for (; count > 0; --count) {
      local.move_middle(data, length);
      data = at(data, stride);
    }
  }
  for (; count > 0; --count) {
    local.move(data, length);
    data = at(data, stride);
  }
  mover = local;
}

/// Blocks of a list are often single elements: those without a call.
template <class Mover>
void move_block(Mover& mover, Address data, Count length) noexcept {
  switch (length) {
    case 4:
      return mover.template move_fixed<4>(data);
    case 8:
      return mover.template move_fixed<8>(data);
    case 16:
      return mover.template move_fixed<16>(data);
    default:
      return mover.move(data, length);
  }
}

template <std::size_t kLength, class Mover>
void even_fixed(Mover& mover, Address data, const Count* offset, Count count) noexcept {
  Mover local = mover;
  for (Count i = 0; i < count; ++i) local.template move_fixed<kLength>(at(data, offset[i]));
  mover = local;
}

template <class Mover>
void even(Mover& mover, Address data, const Count* offset, Count count, Count length) noexcept {
  switch (length) {
    case 1:
      return even_fixed<1>(mover, data, offset, count);
    case 2:
      return even_fixed<2>(mover, data, offset, count);
    case 4:
      return even_fixed<4>(mover, data, offset, count);
    case 8:
      return even_fixed<8>(mover, data, offset, count);
    case 12:
      return even_fixed<12>(mover, data, offset, count);
    case 16:
      return even_fixed<16>(mover, data, offset, count);
    case 24:
      return even_fixed<24>(mover, data, offset, count);
    case 32:
      return even_fixed<32>(mover, data, offset, count);
    default:
      break;
  }
  Mover local = mover;
  Count i = 0;
  if (is_middle(length)) {
    for (; i < count; ++i) local.move_middle(at(data, offset[i]), length);
  }
  for (; i < count; ++i) local.move(at(data, offset[i]), length);
  mover = local;
}

template <class Mover>
void list(Mover& mover, Address data, const Block* block, Count count) noexcept {
  Mover local = mover;
  for (Count i = 0; i < count; ++i) move_block(local, at(data, block[i].offset), length_of(block + i));
  mover = local;
}

const Block* blocks_of(const Program& program, const Node& node) noexcept {
  return program.blocks.data() + node.first;
}

const Count* offsets_of(const Program& program, const Node& node) noexcept {
  return program.offsets.data() + node.first;
}

/// The block or part of `n` that stream byte `from` lies in.
template <class Entry>
Count find(const Entry* entries, Count n, Count from) noexcept {
  const Entry* past = std::upper_bound(entries, entries + n, from,
                                       [](Count byte, const Entry& entry) { return byte < entry.start; });
  return past - entries - 1;
}

template <class Mover>
void whole(Mover& mover, const Program& program, const Node& node, Address data) noexcept {
  switch (node.kind) {
    case Node::Kind::kBlock:
      return mover.move(data, node.length);
    case Node::Kind::kStrided:
      return strided(mover, data, node.count, node.length, node.stride);
    case Node::Kind::kEven:
      return even(mover, data, offsets_of(program, node), node.count, node.length);
    case Node::Kind::kList:
      return list(mover, data, blocks_of(program, node), node.count);
    case Node::Kind::kLoop: {
      const Node& body = program.nodes[node.first];
      for (Count i = 0; i < node.count; ++i) {
        whole(mover, program, body, data);
        data = at(data, node.stride);
      }
      return;
    }
    case Node::Kind::kSequence: {
      const Part* part = program.parts.data() + node.first;
      for (Count i = 0; i < node.count; ++i) {
        whole(mover, program, program.nodes[part[i].node], at(data, part[i].offset));
      }
      return;
    }
  }
}

/// Stream bytes [from, to) of the node.
template <class Mover>
void range(Mover& mover, const Program& program, const Node& node, Address data, Count from,
           Count to) noexcept {
  if (from >= to) return;
  if (from == 0 && to == node.size) return whole(mover, program, node, data);
  switch (node.kind) {
    case Node::Kind::kBlock:
      return mover.move(at(data, from), to - from);
    case Node::Kind::kStrided: {
      Count i = from / node.length;
      const Count last = to / node.length;
      Count skip = from % node.length;
      const Count rest = to % node.length;
      if (i == last) return mover.move(at(data, i * node.stride + skip), rest - skip);
      if (skip > 0) {
        mover.move(at(data, i * node.stride + skip), node.length - skip);
        ++i;
      }
      strided(mover, at(data, i * node.stride), last - i, node.length, node.stride);
      if (rest > 0) mover.move(at(data, last * node.stride), rest);
      return;
    }
    case Node::Kind::kLoop: {
      const Node& body = program.nodes[node.first];
      for (Count i = from / body.size; i * body.size < to; ++i) {
        const Count start = i * body.size;
        range(mover, program, body, at(data, i * node.stride), std::max<Count>(from - start, 0),
              std::min(to - start, body.size));
      }
      return;
    }
    case Node::Kind::kEven: {
      const Count* offset = offsets_of(program, node);
      Count i = from / node.length;
      const Count last = to / node.length;
      const Count skip = from % node.length;
      const Count rest = to % node.length;
      if (i == last) return mover.move(at(data, offset[i] + skip), rest - skip);
      if (skip > 0) {
        mover.move(at(data, offset[i] + skip), node.length - skip);
        ++i;
      }
      even(mover, data, offset + i, last - i, node.length);
      if (rest > 0) mover.move(at(data, offset[last]), rest);
      return;
    }
    case Node::Kind::kList: {
      const Block* block = blocks_of(program, node);
      Count i = find(block, node.count, from);
      const Count last = find(block, node.count, to - 1);
      const Count skip = from - block[i].start;
      const Count rest = to - block[last].start;
      if (i == last) return mover.move(at(data, block[i].offset + skip), rest - skip);
      if (skip > 0) {
        mover.move(at(data, block[i].offset + skip), length_of(block + i) - skip);
        ++i;
      }
      list(mover, data, block + i, last - i);
      return mover.move(at(data, block[last].offset), rest);
    }
    case Node::Kind::kSequence: {
      const Part* part = program.parts.data() + node.first;
      for (Count i = find(part, node.count, from); i < node.count && part[i].start < to; ++i) {
        const Node& child = program.nodes[part[i].node];
        range(mover, program, child, at(data, part[i].offset), std::max<Count>(from - part[i].start, 0),
              std::min(to - part[i].start, child.size));
      }
      return;
    }
  }
}

/// All of `count` elements as one node.
Node stream_of(const Type& type, Count count) noexcept {
  const Program& program = type.program();
  const Node& root = program.root();
  if (count == 0 || root.size == 0) return Node{};
  if (count == 1) return root;
  return repeated(root, program.root_index(), count, type.extent());
}

template <class Mover>
void move(Mover mover, const Type& type, Address buffer, Count count, Count from, Count bytes) noexcept {
  if (bytes <= 0) return;
  if (type.contiguous()) return mover.move(at(buffer, type.true_lb() + from), bytes);
  const Program& program = type.program();
  range(mover, program, stream_of(type, count), at(buffer, program.offset), from, from + bytes);
}

/// Calls visit(offset, length) for the runs of the node's stream from byte `from` on, until it says false.
template <class Visitor>
bool runs(Visitor& visit, const Program& program, const Node& node, Count offset, Count from) noexcept {
  switch (node.kind) {
    case Node::Kind::kBlock:
      return from >= node.length || visit(offset + from, node.length - from);
    case Node::Kind::kStrided:
      for (Count i = from / node.length; i < node.count; ++i) {
        const Count skip = std::max<Count>(from - i * node.length, 0);
        if (!visit(offset + i * node.stride + skip, node.length - skip)) return false;
      }
      return true;
    case Node::Kind::kLoop: {
      const Node& body = program.nodes[node.first];
      for (Count i = from / body.size; i < node.count; ++i) {
        const Count skip = std::max<Count>(from - i * body.size, 0);
        if (!runs(visit, program, body, offset + i * node.stride, skip)) return false;
      }
      return true;
    }
    case Node::Kind::kEven: {
      const Count* at_offset = offsets_of(program, node);
      for (Count i = from / node.length; i < node.count; ++i) {
        const Count skip = std::max<Count>(from - i * node.length, 0);
        if (!visit(offset + at_offset[i] + skip, node.length - skip)) return false;
      }
      return true;
    }
    case Node::Kind::kList: {
      const Block* block = blocks_of(program, node);
      for (Count i = find(block, node.count, from); i < node.count; ++i) {
        const Count skip = std::max<Count>(from - block[i].start, 0);
        if (!visit(offset + block[i].offset + skip, length_of(block + i) - skip)) return false;
      }
      return true;
    }
    case Node::Kind::kSequence: {
      const Part* part = program.parts.data() + node.first;
      for (Count i = find(part, node.count, from); i < node.count; ++i) {
        const Count skip = std::max<Count>(from - part[i].start, 0);
        if (!runs(visit, program, program.nodes[part[i].node], offset + part[i].offset, skip)) return false;
      }
      return true;
    }
  }
  return true;
}

}  // namespace

void pack(const Type& type, const void* buffer, Count count, Count from, Count bytes, void* out) noexcept {
  move(Packer{static_cast<std::byte*>(out)}, type, reinterpret_cast<Address>(buffer), count, from, bytes);
}

void unpack(const Type& type, void* buffer, Count count, Count from, Count bytes, const void* in) noexcept {
  move(Unpacker{static_cast<const std::byte*>(in)}, type, reinterpret_cast<Address>(buffer), count, from,
       bytes);
}

void copy(const Type& from_type, const void* from, Count from_count, const Type& to_type, void* to,
          Count to_count) noexcept {
  const Count bytes = std::min(from_count * from_type.size(), to_count * to_type.size());
  if (bytes <= 0) return;
  if (from_type.contiguous()) {
    const Address data = at(reinterpret_cast<Address>(from), from_type.true_lb());
    return unpack(to_type, to, to_count, 0, bytes, read(data));
  }
  if (to_type.contiguous()) {
    const Address data = at(reinterpret_cast<Address>(to), to_type.true_lb());
    return pack(from_type, from, from_count, 0, bytes, write(data));
  }
  // Through a piece that stays in the first-level cache.
  alignas(64) std::array<std::byte, 8192> piece;
  for (Count done = 0; done < bytes;) {
    const Count now = std::min(bytes - done, static_cast<Count>(piece.size()));
    pack(from_type, from, from_count, done, now, piece.data());
    unpack(to_type, to, to_count, done, now, piece.data());
    done += now;
  }
}

std::size_t flatten(const Type& type, Count count, Count from, std::span<Segment> out, Count* next) noexcept {
  std::size_t used = 0;
  Count position = from;
  const auto visit = [&](Count offset, Count length) {
    if (used > 0 && out[used - 1].offset + out[used - 1].length == offset) {
      out[used - 1].length += length;
    } else if (used < out.size()) {
      out[used++] = Segment{offset, length};
    } else {
      return false;
    }
    position += length;
    return true;
  };
  const Count total = count * type.size();
  if (from < total) {
    const Program& program = type.program();
    runs(visit, program, stream_of(type, count), program.offset, from);
  }
  *next = position;
  return used;
}

Count segments(const Type& type) noexcept { return type.program().root().segments; }

}  // namespace tally::datatype
