// SPDX-License-Identifier: BSD-3-Clause
// Texts of MSCCL XML files, written here.
#pragma once

#include <string>
#include <vector>

namespace tally::test {

struct XmlStep {
  std::string type;
  std::string src;  ///< "i3"
  std::string dst;
  int count = 1;
  int dep_block = -1;
  int dep_step = -1;
};
struct XmlBlock {
  int send = -1;
  int recv = -1;
  int channel = 0;
  std::vector<XmlStep> steps;
};
struct XmlGpu {
  int inputs = 0, outputs = 0, scratch = 0;
  std::vector<XmlBlock> blocks;
};

/// A file; the first <gpu> is in line 2, and each thread block and each step has a line of its own.
std::string xml_of(const std::string& collective, int chunks, const std::vector<XmlGpu>& gpus,
                   const std::string& attributes = "");

/// Allreduce by `channels` rings, each of which passes every chunk around twice.
std::string xml_ring(int ranks, int channels);
/// Allreduce in place: thread blocks that send before they receive, `channels` a pair.
std::string xml_allpairs(int ranks, int channels);
/// Blocks of `parts` chunks, straight from each to all.
std::string xml_allgather(int ranks, int parts);
std::string xml_alltoall(int ranks, int parts);
/// Alltoall in place by exchanges at one place: it needs flows that hold a block, or another place.
std::string xml_alltoall_in_place(int ranks);
/// Contributions go straight to their block's rank, which sums them.
std::string xml_reduce_scatter(int ranks, int parts);
/// A chain from `root` on.
std::string xml_broadcast(int ranks, int root, int chunks);

}  // namespace tally::test
