// SPDX-License-Identifier: BSD-3-Clause
// The XML algorithm files of MSCCL (github.com/microsoft/msccl-tools), as they are written: a program of
// steps for each thread block of each GPU. What files in public use leave out has its usual meaning here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "schedule/schedule.hpp"

namespace tally::schedule::msccl {

struct Operand {
  Buffer buffer = Buffer::kInput;
  int offset = 0;  ///< chunks; checked where the step uses it
};

struct Step {
  int line = 0;
  Op op = Op::kNop;
  Operand src, dst;
  int count = 1;
  int dep_block = -1;  ///< id of the thread block whose step dep_step must be over; -1: none
  int dep_step = -1;
};

struct ThreadBlock {
  int line = 0;
  int id = 0;
  int send = -1;  ///< peers; -1: none
  int recv = -1;
  int channel = 0;
  std::vector<Step> steps;
};

struct Gpu {
  int line = 0;
  int input_chunks = 0, output_chunks = 0, scratch_chunks = 0;
  std::vector<ThreadBlock> blocks;  ///< by id
};

struct Algorithm {
  std::string name;
  std::string protocol;  ///< of its authors; nothing here depends on it
  Collective collective = Collective::kAllreduce;
  int line = 0;
  int chunks_per_loop = 0;       ///< 0: not given
  std::optional<bool> in_place;  ///< absent: not given
  std::optional<bool> out_of_place;
  std::optional<int> root;
  std::uint64_t min_bytes = 0, max_bytes = 0;  ///< sizes that it is meant for; 0: no limit
  std::vector<Gpu> gpus;                       ///< by id
};

/// Reads a file's text. False and *error, which names the line, where it is no such file or holds something
/// that is not known.
[[nodiscard]] bool parse(const std::string& xml, Algorithm* out, std::string* error);

}  // namespace tally::schedule::msccl
