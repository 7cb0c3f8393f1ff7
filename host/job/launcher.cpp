// SPDX-License-Identifier: BSD-3-Clause
// Which launcher has started this process.
#include "job/launcher.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <initializer_list>

#include "job/job.hpp"

namespace tally::job {
namespace {

bool set(const char* variable) {
  const char* text = std::getenv(variable);
  return text != nullptr && *text != '\0';
}

constexpr std::array kVariables{"TALLY_JOB",      "TALLY_RANK",   "TALLY_SIZE",
                                "PMI_FD",         "PMI_PORT",     "PMI_ID",
                                "PMI_RANK",       "PMI_SIZE",     "PMI_JOBID",
                                "PMIX_NAMESPACE", "PMIX_RANK",    "OMPI_COMM_WORLD_SIZE",
                                "SLURM_STEP_ID",  "SLURM_PROCID", "SLURM_STEP_NUM_TASKS"};

/// "PMI_RANK=2, PMI_SIZE=4"
std::string seen() {
  std::string text;
  for (const char* variable : kVariables) {
    if (!set(variable)) continue;
    text += fmt::format("{}{}={}", text.empty() ? "" : ", ", variable, std::getenv(variable));
  }
  return text.empty() ? "none" : text;
}

[[noreturn]] void half_there(const std::string& what) {
  throw Error(
      fmt::format("{}; variables seen: {}; TALLY_LAUNCHER=tally|pmi1|pmi2|pmix chooses a launcher, "
                  "TALLY_LAUNCHER=none runs this process alone",
                  what, seen()));
}

/// More than one task where the variable says so.
bool several(const char* variable) {
  const char* text = std::getenv(variable);
  return text != nullptr && std::atoi(text) > 1;
}

void require(const char* launcher, std::initializer_list<const char*> variables) {
  for (const char* variable : variables) {
    if (!set(variable)) half_there(fmt::format("{}: {} is not set", launcher, variable));
  }
}

LauncherKind checked(LauncherKind kind) {
  switch (kind) {
    case LauncherKind::kPmi1:
    case LauncherKind::kPmi2:
      if (set("PMI_FD")) {
        require(kind == LauncherKind::kPmi1 ? "pmi1" : "pmi2", {"PMI_RANK", "PMI_SIZE"});
      } else if (set("PMI_PORT")) {
        require(kind == LauncherKind::kPmi1 ? "pmi1" : "pmi2", {"PMI_ID"});
      } else {
        half_there(fmt::format("{}: neither PMI_FD nor PMI_PORT is set",
                               kind == LauncherKind::kPmi1 ? "pmi1" : "pmi2"));
      }
      break;
    case LauncherKind::kPmix:
      require("pmix", {"PMIX_NAMESPACE", "PMIX_RANK"});
      if (!have_pmix()) half_there("pmix: this library was built without PMIx (package libpmix-dev)");
      break;
    case LauncherKind::kTally:  // whose variables join() checks
    case LauncherKind::kNone:
      break;
  }
  return kind;
}

}  // namespace

LauncherKind detect_launcher() {
  if (const char* wanted = std::getenv("TALLY_LAUNCHER"); wanted != nullptr && *wanted != '\0') {
    const std::string_view name = wanted;
    if (name == "none") return LauncherKind::kNone;
    if (name == "tally") return LauncherKind::kTally;
    if (name == "pmi1") return checked(LauncherKind::kPmi1);
    if (name == "pmi2") return checked(LauncherKind::kPmi2);
    if (name == "pmix") return checked(LauncherKind::kPmix);
    throw Error(
        fmt::format("TALLY_LAUNCHER: '{}' is unknown; there are: tally, pmi1, pmi2, pmix, none", name));
  }
  if (std::getenv("TALLY_JOB") != nullptr || std::getenv("TALLY_RANK") != nullptr ||
      std::getenv("TALLY_SIZE") != nullptr) {
    return LauncherKind::kTally;
  }
  if (set("PMIX_NAMESPACE") || set("PMIX_RANK")) return checked(LauncherKind::kPmix);
  // Who serves PMI-2 on this descriptor serves PMI-1, too.
  if (set("PMI_FD") || set("PMI_PORT")) return checked(LauncherKind::kPmi1);
  if (set("PMI_RANK") || several("PMI_SIZE"))
    half_there("a PMI launcher is there by half: PMI_FD is not set");
  if (several("OMPI_COMM_WORLD_SIZE"))
    half_there("Open MPI's launcher is there by half: PMIX_NAMESPACE is not set");
  if (set("SLURM_STEP_ID") && several("SLURM_STEP_NUM_TASKS")) {
    half_there(
        "Slurm has started several tasks without a way to find each other: use srun --mpi=pmix or "
        "--mpi=pmi2");
  }
  return LauncherKind::kNone;
}

}  // namespace tally::job
