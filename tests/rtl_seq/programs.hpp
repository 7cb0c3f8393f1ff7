// SPDX-License-Identifier: BSD-3-Clause
// Small programs of bytes in contexts of their own, for tests of what contexts share.
#pragma once

#include "rtl_seq/run.hpp"

namespace tally::test {

inline schedule::Instruction send_to(int peer) {
  schedule::Instruction i{.op = schedule::Op::kSend};
  i.send_peer = peer;
  return i;
}
inline schedule::Instruction recv_from(int peer) {
  schedule::Instruction i{.op = schedule::Op::kRecv};
  i.recv_peer = peer;
  return i;
}
inline device::CollDesc bytes_desc(std::uint16_t context, std::uint16_t seq, std::uint32_t bytes, unsigned entry) {
  return make_desc(context, seq, device::Dtype::kByte, device::Redop::kNone, bytes, 1, 1, entry, false);
}
/// Until the node has that many completions and what they wrote has landed.
inline bool runs(Cluster& cluster, unsigned node, std::size_t completions, std::uint64_t limit = 100000) {
  if (!cluster.run_until([&] { return cluster.node(node).completions.size() >= completions; }, limit)) return false;
  for (unsigned i = 0; i < 300; ++i) cluster.cycle();
  return true;
}

}  // namespace tally::test
