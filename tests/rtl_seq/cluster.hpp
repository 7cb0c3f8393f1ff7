// SPDX-License-Identifier: BSD-3-Clause
// Several sequencers, joined by a network that keeps the order of each pair of nodes and nothing more.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "rtl_seq/node.hpp"
#include "schedule/schedule.hpp"

namespace tally::test {

/// Bytes of a full packet at each path MTU, the usual one first.
inline constexpr unsigned kPayloads[] = {4032, 192, 960, 1984, 448};

class Cluster {
 public:
  Cluster(unsigned nodes, const Timing& timing, std::uint64_t seed);

  Node& node(unsigned i) { return *nodes_[i]; }
  [[nodiscard]] unsigned size() const { return static_cast<unsigned>(nodes_.size()); }
  void cycle();
  /// Runs until done() or for limit cycles; false: the limit was reached.
  bool run_until(const std::function<bool()>& done, std::uint64_t limit = 500'000);
  /// Until every node has that many completions and is idle with nothing on the wire.
  bool run_to_completions(std::size_t each);
  [[nodiscard]] bool quiet() const;
  /// Puts a packet on the wire that no node sent.
  void inject(unsigned src, unsigned dst, Packet packet) { wire_[src][dst].push_back({0, std::move(packet)}); }

 private:
  struct Flight { std::uint64_t due; Packet packet; };
  Timing timing_;
  std::mt19937_64 random_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::array<std::array<std::deque<Flight>, 8>, 8> wire_;
  std::vector<std::deque<Packet>> arrivals_;
  std::uint64_t now_ = 0;
};

/// Where the buffers of a test lie in every node.
inline constexpr std::uint64_t kInputAddr = Node::kBase + 0x10000 + 24;
inline constexpr std::uint64_t kOutputAddr = Node::kBase + 0x110000 + 8;
inline constexpr std::uint64_t kScratchAddr = Node::kBase + 0x210000 + 40;
inline constexpr std::uint32_t kInputKey = 0x101, kOutputKey = 0x202, kScratchKey = 0x303;

/// Stores the lanes at `entry` of schedule memory.
void load_program(Node& node, unsigned entry, const std::vector<schedule::Lane>& lanes, unsigned scratch_chunks,
                  unsigned pass_chunks = 0);
void add_regions(Node& node);
device::CollDesc make_desc(std::uint16_t context, std::uint16_t seq, device::Dtype dtype, device::Redop redop,
                           std::uint32_t count, std::uint32_t element_bytes, std::uint32_t chunks, unsigned entry,
                           bool in_place);

}  // namespace tally::test
