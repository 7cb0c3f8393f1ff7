// SPDX-License-Identifier: BSD-3-Clause
#include "api/collective_checks.hpp"

#include <algorithm>
#include <cstdint>

#include "api/boundary.hpp"
#include "api/names.hpp"
#include "engine/numerics/reduce.hpp"

namespace tally::api {

using schedule::Collective;

namespace {

/// Blocks of Input and Output, 1 or n; of vectors 1.
constexpr bool input_has_all(Collective c) {
  return c == Collective::kReduceScatter || c == Collective::kScatter || c == Collective::kAlltoall;
}
constexpr bool output_has_all(Collective c) {
  return c == Collective::kGather || c == Collective::kAllgather || c == Collective::kAlltoall;
}

/// What the arrays of a call are called in tally.h.
struct ArrayNames {
  const char* counts;
  const char* displacements;
};
ArrayNames array_names(const CollectiveCall& call, bool input) {
  if (call.collective != Collective::kAlltoall) return {"counts", "displacements"};
  return input ? ArrayNames{"input_counts", "input_displacements"}
               : ArrayNames{"output_counts", "output_displacements"};
}

bool intersect(std::uintptr_t a, std::uint64_t a_bytes, std::uintptr_t b, std::uint64_t b_bytes) {
  return a_bytes != 0 && b_bytes != 0 && a < b + b_bytes && b < a + a_bytes;
}

std::uintptr_t number(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer); }

/// Calls visit(begin, bytes) for each block of a buffer at `base`; `own`: it is the one block of own_bytes.
template <typename Visit>
void each_block(const Blocks& blocks, std::size_t ranks, std::size_t element, std::uintptr_t base,
                std::uint64_t own_bytes, bool all, Visit visit) {
  if (!all) return visit(base, own_bytes);
  std::uintptr_t next = base;
  for (std::size_t i = 0; i < ranks; ++i) {
    const std::uint64_t bytes = blocks.counts[i] * element;
    visit(blocks.displacements == nullptr ? next : base + blocks.displacements[i] * element, bytes);
    next += bytes;
  }
}

}  // namespace

Status check_elements(const CallPlace& at, const CollectiveCall& call) {
  if (call.root < 0 || static_cast<std::size_t>(call.root) >= at.ranks)
    return bad_argument("root {} is out of range (0 to {})", call.root, at.ranks - 1);
  if (call.collective == Collective::kBarrier) return {};
  if (call.element == 0) return bad_argument("dtype {} is not an element type", static_cast<int>(call.dtype));
  if (!schedule::has_reduction(call.collective) || call.own != nullptr) return {};
  if (op_name(call.op) == nullptr || call.op == TALLY_OP_NONE)
    return bad_argument("op {} is not a reduction", static_cast<int>(call.op));
  if (dtype_name(call.dtype) == nullptr)
    return bad_argument("dtype {} is the program's own: {} does not reduce it", static_cast<int>(call.dtype),
                        op_name(call.op));
  if (!numerics::reduces(call.dtype, call.op)) {
    return bad_argument("dtype {}: {} does not reduce it", dtype_name(call.dtype), op_name(call.op));
  }
  return {};
}

/// The sizes of a call whose blocks are equal.
Status measure(const CallPlace& at, const CollectiveCall& call, Extents* extents) {
  const std::size_t element = call.element;
  const bool blocks = input_has_all(call.collective) || output_has_all(call.collective);
  const std::uint64_t parts = blocks ? at.ranks : 1;
  Status status = check_sign("count", call.count);
  if (!status.ok()) return status;
  const std::uint64_t most = at.engine.max_message;
  if (call.count > most / element / parts) {
    return {TALLY_ERR_UNSUPPORTED,
            parts == 1 ? fmt::format("count {} of {} bytes each: engine '{}' takes {} bytes", call.count,
                                     element, at.engine.name, most)
                       : fmt::format("count {} of {} bytes each for {} ranks: engine '{}' takes {} bytes",
                                     call.count, element, parts, at.engine.name, most)};
  }
  const std::uint64_t bytes = call.count * element;
  extents->count = call.count * parts;
  extents->input_bytes = input_has_all(call.collective) ? bytes * parts : bytes;
  extents->output_bytes = output_has_all(call.collective) ? bytes * parts : bytes;
  extents->own_offset = blocks ? bytes * static_cast<std::uint64_t>(at.rank) : 0;
  return {};
}

CollectiveCall used_arrays(const CallPlace& at, const CollectiveCall& call) noexcept {
  CollectiveCall used = call;
  const bool is_root = at.is_root(call);
  if (!input_has_all(call.collective) || !uses_input(call.collective, is_root)) used.input_blocks = {};
  if (!output_has_all(call.collective) || !uses_output(call.collective, is_root)) used.output_blocks = {};
  if (call.collective == Collective::kAlltoall && call.input == TALLY_IN_PLACE)
    used.input_blocks = used.output_blocks;
  return used;
}

Status check_arrays(const CallPlace& at, const CollectiveCall& call) {
  const auto check = [&](bool input, const Blocks& blocks) -> Status {
    const ArrayNames names = array_names(call, input);
    if (blocks.counts == nullptr) return bad_argument("{} is NULL", names.counts);
    if (blocks.displacements == nullptr && call.collective != Collective::kReduceScatter)
      return bad_argument("{} is NULL", names.displacements);
    return {};
  };
  const bool is_root = at.is_root(call);
  const bool in_place = call.collective == Collective::kAlltoall && call.input == TALLY_IN_PLACE;
  Status status;
  if (input_has_all(call.collective) && uses_input(call.collective, is_root) && !in_place)
    status = check(true, call.input_blocks);
  if (status.ok() && output_has_all(call.collective) && uses_output(call.collective, is_root))
    status = check(false, call.output_blocks);
  return status;
}

/// The numbers in the arrays, and the sizes that follow.
Status measure_varying(const CallPlace& at, const CollectiveCall& call, bool in_place, Extents* extents) {
  const std::size_t element = call.element;
  const std::uint64_t most = at.engine.max_message;
  const bool is_root = at.is_root(call);
  const auto own = static_cast<std::size_t>(at.rank);
  const auto too_large = [&](const std::string& what) -> Status {
    return {TALLY_ERR_UNSUPPORTED, fmt::format("{}: engine '{}' takes {} bytes", what, at.engine.name, most)};
  };
  const auto walk = [&](bool input, const Blocks& blocks, std::uint64_t* bytes,
                        std::uint64_t* total) -> Status {
    const ArrayNames names = array_names(call, input);
    std::size_t next = 0;
    *bytes = 0;
    *total = 0;
    for (std::size_t i = 0; i < at.ranks; ++i) {
      Status status = check_sign(names.counts, i, blocks.counts[i]);
      if (status.ok() && blocks.displacements != nullptr)
        status = check_sign(names.displacements, i, blocks.displacements[i]);
      if (!status.ok()) return status;
      const std::size_t begin = blocks.displacements == nullptr ? next : blocks.displacements[i];
      if (blocks.counts[i] > most / element || begin > most / element - blocks.counts[i]) {
        return too_large(fmt::format("{}[{}] {} at element {}, of {} bytes each", names.counts, i,
                                     blocks.counts[i], begin, element));
      }
      next = begin + blocks.counts[i];
      *total += blocks.counts[i];
      if (blocks.counts[i] != 0) *bytes = std::max<std::uint64_t>(*bytes, next * element);
    }
    if (*total > most / element) return too_large(fmt::format("the sum of {}, {}", names.counts, *total));
    return {};
  };
  /// Blocks that are received must not overlap.
  const auto distinct = [&](const Blocks& blocks) -> Status {
    const char* name = array_names(call, false).displacements;
    for (std::size_t i = 0; i < at.ranks; ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (!intersect(blocks.displacements[i], blocks.counts[i], blocks.displacements[j], blocks.counts[j]))
          continue;
        return bad_argument("{}[{}] {}: its block of {} elements overlaps that of {}[{}] {}", name, i,
                            blocks.displacements[i], blocks.counts[i], name, j, blocks.displacements[j]);
      }
    }
    return {};
  };
  /// What a rank sends to itself.
  const auto same = [&](const std::string& name, std::size_t count, const char* array,
                        std::size_t expected) -> Status {
    if (count == expected) return {};
    return bad_argument("{} {} is not {}[{}], {}", name, count, array, own, expected);
  };

  Status status;
  std::uint64_t total = 0;
  *extents = Extents{};
  const std::uint64_t own_bytes = call.count * element;
  if (!in_place) {  // in place `count` means nothing
    status = check_sign("count", call.count);
    if (status.ok() && call.count > most / element)
      status = too_large(fmt::format("count {} of {} bytes each", call.count, element));
  }
  switch (call.collective) {
    case Collective::kReduceScatter:
      if (status.ok()) status = walk(true, call.input_blocks, &extents->input_bytes, &extents->count);
      if (status.ok()) extents->output_bytes = call.input_blocks.counts[own] * element;
      return status;
    case Collective::kScatter:
      extents->output_bytes = own_bytes;
      if (!is_root || !status.ok()) return status;
      status = walk(true, call.input_blocks, &extents->input_bytes, &total);
      if (!status.ok()) return status;
      extents->own_offset = call.input_blocks.displacements[own] * element;
      if (in_place) {
        extents->output_bytes = call.input_blocks.counts[own] * element;
        return {};
      }
      return same("count", call.count, "counts", call.input_blocks.counts[own]);
    case Collective::kGather:
    case Collective::kAllgather:
      extents->input_bytes = own_bytes;
      if (!is_root || !status.ok()) return status;
      status = walk(false, call.output_blocks, &extents->output_bytes, &total);
      if (status.ok()) status = distinct(call.output_blocks);
      if (!status.ok()) return status;
      extents->own_offset = call.output_blocks.displacements[own] * element;
      if (call.collective == Collective::kAllgather) extents->count = total;
      if (in_place) {
        extents->input_bytes = call.output_blocks.counts[own] * element;
        return {};
      }
      return same("count", call.count, "counts", call.output_blocks.counts[own]);
    default:  // alltoall
      status = walk(false, call.output_blocks, &extents->output_bytes, &total);
      if (status.ok()) status = distinct(call.output_blocks);
      extents->input_bytes = extents->output_bytes;
      if (!status.ok() || in_place) return status;
      status = walk(true, call.input_blocks, &extents->input_bytes, &total);
      if (!status.ok()) return status;
      return same(fmt::format("input_counts[{}]", own), call.input_blocks.counts[own], "output_counts",
                  call.output_blocks.counts[own]);
  }
}

Status place_buffers(const CallPlace& at, const CollectiveCall& call, std::uint64_t own_offset,
                     Buffers* buffers) {
  const Collective c = call.collective;
  const bool is_root = at.is_root(call);
  Buffers& b = *buffers;
  b = Buffers{};
  if (c == Collective::kBcast) b.input_name = b.output_name = "buffer";
  if (uses_input(c, is_root)) b.input = call.input;
  if (uses_output(c, is_root)) b.output = call.output;
  if (call.input == TALLY_IN_PLACE && c != Collective::kBcast) {
    if (c == Collective::kScatter && is_root)
      return bad_argument("input is TALLY_IN_PLACE: scatter is in place with TALLY_IN_PLACE as output");
    if ((c == Collective::kReduce || c == Collective::kGather) && !is_root)
      return bad_argument("input is TALLY_IN_PLACE, which only the root may give");
    b.by_name = c != Collective::kScatter;
  }
  if (call.output == TALLY_IN_PLACE && b.output != nullptr && c != Collective::kBcast) {
    if (c != Collective::kScatter)
      return bad_argument(
          "output is TALLY_IN_PLACE: this collective is in place with TALLY_IN_PLACE as input");
    if (!is_root) return bad_argument("output is TALLY_IN_PLACE, which only the root may give");
    b.by_name = true;
  }
  // The own block is at its place in the other buffer, or all is in one buffer.
  const std::uint64_t in_input = c == Collective::kScatter ? own_offset : 0;
  const std::uint64_t in_output = c == Collective::kGather || c == Collective::kAllgather ? own_offset : 0;
  if (b.by_name && c == Collective::kScatter) {
    b.output = b.input == nullptr ? nullptr
                                  : const_cast<std::byte*>(static_cast<const std::byte*>(b.input)) + in_input;
    b.output_name = "input";
  } else if (b.by_name) {
    b.input = b.output == nullptr ? nullptr : static_cast<std::byte*>(b.output) + in_output;
    b.input_name = "output";
  }
  b.in_place = b.by_name || (b.input != nullptr && !(call.varying && c == Collective::kAlltoall) &&
                             number(b.input) + in_input == number(b.output) + in_output);
  return {};
}

Status check_overlap(const CallPlace& at, const CollectiveCall& call, const Extents& extents,
                     const Buffers& b) {
  const std::uintptr_t input = number(b.input);
  const std::uintptr_t output = number(b.output);
  if (b.in_place || !intersect(input, extents.input_bytes, output, extents.output_bytes)) return {};
  if (b.input == nullptr || b.output == nullptr) return {};
  bool overlap = !call.varying;
  if (call.varying) {  // blocks of the one may stand in gaps of the other
    const std::size_t element = call.element;
    each_block(call.input_blocks, at.ranks, element, input, extents.input_bytes,
               input_has_all(call.collective), [&](std::uintptr_t a, std::uint64_t a_bytes) {
                 each_block(call.output_blocks, at.ranks, element, output, extents.output_bytes,
                            output_has_all(call.collective),
                            [&](std::uintptr_t b_begin, std::uint64_t b_bytes) {
                              overlap = overlap || intersect(a, a_bytes, b_begin, b_bytes);
                            });
               });
  }
  if (!overlap) return {};
  return bad_argument("input {} of {} bytes and output {} of {} bytes overlap and are not in place", b.input,
                      extents.input_bytes, b.output, extents.output_bytes);
}

}  // namespace tally::api
