// SPDX-License-Identifier: BSD-3-Clause
// The engines that this build has, as the command line sees them.
#pragma once

#include <string>
#include <vector>

#include "launch/job_segment.hpp"

namespace tally::launch {

struct EngineChoice {
  std::string name;
  std::string description;
  job::EngineKind kind;
  unsigned max_ranks;
  bool built_in;
};

/// All engines that `tally` knows, best first.
[[nodiscard]] const std::vector<EngineChoice>& engines();

/// "rtl, soft, verbs": those of this build.
[[nodiscard]] std::string engine_names();

/// The engine of that name; "auto" and "": the environment's TALLY_ENGINE, else the best one built in. Null and a sentence
/// in *error when there is none.
[[nodiscard]] const EngineChoice* choose_engine(const std::string& name, std::string* error);

}  // namespace tally::launch
