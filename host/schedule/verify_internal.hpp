// SPDX-License-Identifier: BSD-3-Clause
// Parts of the verifier. Each check returns an empty string or the reason; they run in this order, and each
// may assume what the ones before it have proved.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "schedule/schedule.hpp"

namespace tally::schedule::detail {

inline constexpr std::size_t kNone = static_cast<std::size_t>(-1);

/// Passes that are proved together.
inline constexpr std::size_t kUnrolled = 3;

/// Where an instruction stands.
struct Site {
  std::size_t rank;
  std::size_t lane;
  std::size_t step;
};

/// All instructions of a schedule, numbered rank by rank, lane by lane, with each send joined to its receive.
struct Graph {
  const Schedule* schedule = nullptr;
  std::vector<Site> site;  ///< of each instruction
  std::vector<const Instruction*> instruction;
  std::vector<std::vector<std::size_t>> first;    ///< [rank][lane]: number of its first instruction
  std::vector<std::vector<std::size_t>> lane_id;  ///< [rank][lane]: number of the lane
  std::size_t lanes = 0;                          ///< in all
  std::vector<std::size_t> receiver;              ///< of what an instruction sends, or kNone
  std::vector<std::size_t> sender;                ///< of what it receives, or kNone
};

/// An instruction's accesses to memory.
struct Access {
  Buffer buffer;
  std::size_t chunk;
  std::size_t chunks;
  bool write;
};

/// At most two reads and a write.
[[nodiscard]] std::vector<Access> accesses(const Instruction& i);
[[nodiscard]] const char* name_of(Buffer buffer);
[[nodiscard]] const char* name_of(Op op);
/// "rank 2, lane 0, step 5 (RecvReduceSend)".
[[nodiscard]] std::string describe(const Graph& g, std::size_t id);

/// The memory of one rank, in cells of one chunk: places that are one memory are one cell.
class Cells {
 public:
  Cells(const Schedule& s, std::size_t rank, bool in_place);
  [[nodiscard]] std::size_t count() const { return scratch_ + scratch_count_; }
  [[nodiscard]] std::size_t of(Buffer buffer, std::size_t chunk) const {
    return buffer == Buffer::kInput    ? input_ + chunk
           : buffer == Buffer::kOutput ? output_ + chunk
                                       : scratch_ + chunk;
  }
  /// A write of Output changes all of Input: reduce_scatter in place, where blocks may have any size.
  [[nodiscard]] bool output_covers_input() const { return covers_; }
  [[nodiscard]] std::size_t inputs() const { return inputs_; }

 private:
  std::size_t inputs_;
  std::size_t input_ = 0;  // cell of Input's first place
  std::size_t output_;     // cell of Output's first place
  std::size_t scratch_;
  std::size_t scratch_count_;
  bool covers_ = false;
};

/// Whether sizes are those of places: all chunks of equal blocks are of one size.
[[nodiscard]] inline bool sizes_differ(const Schedule& s) { return s.by_counts || !has_blocks(s.collective); }

/// Fields in range, with at most so many lanes (verify.cpp).
[[nodiscard]] std::string check_structure(const Schedule& s, std::size_t most_lanes = kMaxLanes);
/// Joins sends and receives (verify.cpp).
[[nodiscard]] std::string match(const Schedule& s, Graph* g);
/// by_counts: both ends of every message know its bytes (verify.cpp).
[[nodiscard]] std::string check_sizes(const Graph& g);
/// What flows hold: as little as the schedule's class says, or whole instructions without limit.
enum class Room { kLeast, kUnbounded };
/// Runs the schedule; *order: an order in which the instructions complete (verify_flow.cpp).
[[nodiscard]] std::string run_flows(const Graph& g, std::vector<std::size_t>* order, Room room = Room::kLeast);
/// Happens-before: no race in these ways of calling (in place: true); a barrier separates (verify_order.cpp).
[[nodiscard]] std::string check_order(const Graph& g, const std::vector<std::size_t>& order,
                                      const std::vector<bool>& ways);
/// What verify proves, of a program of any number of lanes over flows that hold everything (verify.cpp).
[[nodiscard]] std::string verify_wide(const Schedule& s);
/// Contributions and association of every result (verify_values.cpp).
[[nodiscard]] std::string check_values(const Graph& g, const std::vector<std::size_t>& order, bool in_place);

}  // namespace tally::schedule::detail
