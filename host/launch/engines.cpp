// SPDX-License-Identifier: BSD-3-Clause
#include "launch/engines.hpp"

#include <cstdlib>
#include <fmt/format.h>

#include "tally/device.hpp"

namespace tally::launch {
namespace {

#ifdef TALLY_HAVE_SIM
constexpr bool kHaveSim = true;
#else
constexpr bool kHaveSim = false;
#endif
#ifdef TALLY_HAVE_VERBS
constexpr bool kHaveVerbs = true;
#else
constexpr bool kHaveVerbs = false;
#endif

}  // namespace

const std::vector<EngineChoice>& engines() {
  static const std::vector<EngineChoice> list{
      {"rtl", "simulated network card: RTL under Verilator in a SystemC fabric, simulated time", job::EngineKind::kRtl,
       device::kMaxRanks, kHaveSim},
      {"soft", "matching, schedules and reductions on the CPU, over shared memory or a network", job::EngineKind::kSoft, job::kMaxRanks,
       true},
      {"verbs", "as soft, over RDMA hardware between hosts (rdma-core)", job::EngineKind::kVerbs, job::kMaxRanks, kHaveVerbs},
  };
  return list;
}

std::string engine_names() {
  std::string names;
  for (const auto& engine : engines()) {
    if (engine.built_in) names += (names.empty() ? "" : ", ") + engine.name;
  }
  return names;
}

const EngineChoice* choose_engine(const std::string& name, std::string* error) {
  std::string wanted = name;
  std::string origin = "--engine";
  if (wanted.empty() || wanted == "auto") {
    const char* variable = std::getenv("TALLY_ENGINE");
    if (wanted.empty() && variable != nullptr && *variable != '\0') {
      wanted = variable;
      origin = "TALLY_ENGINE";
    }
    if (wanted.empty() || wanted == "auto") {
      for (const auto& engine : engines()) {
        if (engine.built_in) return &engine;
      }
    }
  }
  for (const auto& engine : engines()) {
    if (engine.name != wanted) continue;
    if (engine.built_in) return &engine;
    *error = fmt::format("{}: engine '{}' is not in this build ({}); engines: {}", origin, wanted,
                         engine.kind == job::EngineKind::kRtl ? "configure with -DTALLY_SIM=ON"
                                                              : "it needs package libibverbs-dev",
                         engine_names());
    return nullptr;
  }
  *error = fmt::format("{}: no engine '{}'; engines: {}, auto", origin, wanted, engine_names());
  return nullptr;
}

}  // namespace tally::launch
