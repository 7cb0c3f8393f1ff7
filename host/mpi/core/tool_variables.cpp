// SPDX-License-Identifier: BSD-3-Clause
#include "core/tool_variables.hpp"

#include <array>
#include <string_view>

namespace tally::mpi::tool {

namespace {

constexpr ControlVariable kControl[] = {
    {"TALLY_ENGINE", MPI_T_VERBOSITY_USER_BASIC, MPI_T_SCOPE_ALL_EQ,
     "engine of the job: soft, rtl, verbs or auto; not set: what the job was started with"},
    {"TALLY_ALGORITHM", MPI_T_VERBOSITY_TUNER_BASIC, MPI_T_SCOPE_ALL_EQ,
     "schedule of all collectives, by name or as the path of an MSCCL file; not set: chosen for each call"},
    {"TALLY_TIMEOUT", MPI_T_VERBOSITY_USER_BASIC, MPI_T_SCOPE_ALL,
     "seconds without progress after which a wait fails; not set: it goes on and reports"},
    {"TALLY_DEADLOCK", MPI_T_VERBOSITY_USER_DETAIL, MPI_T_SCOPE_ALL,
     "seconds after which a job whose ranks all wait is ended with a report; 0: never"},
    {"TALLY_CHECK", MPI_T_VERBOSITY_USER_DETAIL, MPI_T_SCOPE_ALL_EQ,
     "1: collectives that differ between ranks are named on every rank that can know"},
    {"TALLY_LAUNCHER", MPI_T_VERBOSITY_USER_DETAIL, MPI_T_SCOPE_ALL_EQ,
     "how the process joins its job: tally, pmi1, pmi2, pmix or none; not set: by what started it"},
    {"TALLY_TRANSPORT", MPI_T_VERBOSITY_USER_DETAIL, MPI_T_SCOPE_ALL_EQ,
     "transport of engine soft between ranks: auto, shm, ofi or verbs"},
    {"TALLY_MEMORY_CACHE", MPI_T_VERBOSITY_TUNER_DETAIL, MPI_T_SCOPE_LOCAL,
     "how buffers are registered on first use: all (whole memory, where the engine can) or pages"},
    {"TALLY_MTU", MPI_T_VERBOSITY_TUNER_DETAIL, MPI_T_SCOPE_ALL_EQ, "device: bytes of a packet, 256 to 4096"},
    {"TALLY_EAGER_MAX", MPI_T_VERBOSITY_TUNER_BASIC, MPI_T_SCOPE_ALL_EQ,
     "device: longest message that is sent with its header, bytes"},
    {"TALLY_POSTED", MPI_T_VERBOSITY_TUNER_DETAIL, MPI_T_SCOPE_LOCAL, "device: posted-receive entries to use, 1 to 4096"},
    {"TALLY_UNEXPECTED", MPI_T_VERBOSITY_TUNER_DETAIL, MPI_T_SCOPE_LOCAL,
     "device: unexpected-message entries to use, 0 to 4096"},
    {"TALLY_BOUNCE", MPI_T_VERBOSITY_TUNER_DETAIL, MPI_T_SCOPE_LOCAL, "device: bounce slots of 4 KiB, 0 to 1024"},
    {"TALLY_SPILL", MPI_T_VERBOSITY_TUNER_DETAIL, MPI_T_SCOPE_LOCAL,
     "device: spill slots of 4 KiB, a power of two to 4096"},
    {"TALLY_CQ", MPI_T_VERBOSITY_TUNER_DETAIL, MPI_T_SCOPE_LOCAL,
     "device: entries of the completion ring, a power of two to 32768"},
    {"TALLY_PUSH_MAX", MPI_T_VERBOSITY_TUNER_DETAIL, MPI_T_SCOPE_LOCAL,
     "device: longest input of a collective that the CPU stores into the device, bytes"},
};

#define TALLY_COUNTER(name, description) {#name, &tally_counters::name, description},
constexpr Counter kCounters[] = {
#include "tally_counters.inc"
};

bool starts_with_any(std::string_view name, std::initializer_list<std::string_view> prefixes) {
  for (const std::string_view prefix : prefixes)
    if (name.starts_with(prefix)) return true;
  return false;
}

std::vector<Category> make_categories() {
  std::vector<Category> made = {
      {"tally", "All of Tally: the variables below", {}, {}, {1, 2, 6}},
      {"tally_job", "How the job is started and watched", {}, {}, {}},
      {"tally_counters", "What CPU and devices did since MPI was initialized", {}, {}, {3, 4, 5}},
      {"tally_cpu", "What the host CPU did in place of a device", {}, {}, {}},
      {"tally_fallbacks", "Work that a device handed over to the host, by reason", {}, {}, {}},
      {"tally_device", "What the device did", {}, {}, {}},
      {"tally_tuning", "Sizes and limits of the device and of the choice of schedules", {}, {}, {}},
  };
  constexpr std::size_t kJob = 1, kAll = 2, kCpu = 3, kFallbacks = 4, kDevice = 5, kTuning = 6;
  for (std::size_t i = 0; i < std::size(kControl); ++i) {
    const bool tuning = kControl[i].verbosity >= MPI_T_VERBOSITY_TUNER_BASIC;
    made[tuning ? kTuning : kJob].control.push_back(static_cast<int>(i));
  }
  for (std::size_t i = 0; i < std::size(kCounters); ++i) {
    const std::string_view name = kCounters[i].name;
    const std::size_t category = name.starts_with("cpu_")                               ? kCpu
                                 : starts_with_any(name, {"fallback_", "handovers_"})   ? kFallbacks
                                 : name.starts_with("device_")                          ? kDevice
                                                                                        : kAll;
    made[category].performance.push_back(static_cast<int>(i));
  }
  return made;
}

}  // namespace

std::span<const ControlVariable> control_variables() noexcept { return kControl; }
std::span<const Counter> counters() noexcept { return kCounters; }
const std::vector<Category>& categories() {
  static const std::vector<Category> made = make_categories();
  return made;
}

}  // namespace tally::mpi::tool
