// SPDX-License-Identifier: BSD-3-Clause
#include "api/engine_factory.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "drivers/routed/open_transport.hpp"
#include "drivers/sim/sim_bar.hpp"
#include "engine/ring/environment.hpp"
#include "engine/ring/ring_engine.hpp"
#include "engine/soft/soft_engine.hpp"

namespace tally::api {
namespace {

using Make = Status (*)(const job::Membership&, std::unique_ptr<Engine>*);

Status make_soft(const job::Membership& job, std::unique_ptr<Engine>* engine) {
  *engine = std::make_unique<soft::SoftEngine>(routed::open_transport(job, false));
  return {};
}

Status make_verbs(const job::Membership& job, std::unique_ptr<Engine>* engine) {
  Capabilities capabilities = soft::soft_capabilities();
  capabilities.name = "verbs";
  capabilities.description = "matching, schedules and reductions on the CPU; RDMA hardware between hosts";
  *engine = std::make_unique<soft::SoftEngine>(routed::open_transport(job, true), capabilities);
  return {};
}

struct OwnedBar {
  sim::SimBar bar;
};

/// The driver with the window that it drives; the window outlives it.
class SimulatedDevice final : OwnedBar, public ring::RingEngine {
 public:
  SimulatedDevice(const job::Membership& job, const ring::RingEngineOptions& options)
      : OwnedBar{sim::SimBar(job.segment.header(), static_cast<unsigned>(job.rank))},
        RingEngine(bar, static_cast<unsigned>(job.rank), job.segment.header().ranks, options) {}
};

/// The first rank whose device does not take messages yet; -1: all do.
int rank_not_up(const job::Header& header) {
  for (std::uint32_t r = 0; r < header.ranks; ++r) {
    if (header.rank[r].device_up.load(std::memory_order_acquire) == 0) return static_cast<int>(r);
  }
  return -1;
}

/// A device that is not up discards frames. So the engine holds sends until all are: an operation that waits for a rank that does
/// not come is one that waits, with what it waits for in its description, until the rank comes, the job ends or the caller's
/// patience does.
Status make_rtl(const job::Membership& job, std::unique_ptr<Engine>* engine) {
  ring::RingEngineOptions options;
  Status status = ring::read_environment(&options);
  if (!status.ok()) return status;
  options.whole_memory = sim::kProcessMemoryEnd;
  job::Header& header = job.segment.header();
  options.awaited_rank = [&header] { return rank_not_up(header); };
  *engine = std::make_unique<SimulatedDevice>(job, options);
  header.rank[job.rank].device_up.store(1, std::memory_order_release);
  job::wake_all(header);
  return {};
}

struct Entry {
  job::EngineKind kind;
  Make make;
};

constexpr std::array kEngines{
    Entry{job::EngineKind::kSoft, make_soft},
    Entry{job::EngineKind::kRtl, make_rtl},
    Entry{job::EngineKind::kVerbs, make_verbs},
};

}  // namespace

Status make_engine(const job::Membership& job, const std::string& wanted, std::unique_ptr<Engine>* engine) {
  job::EngineKind started = job.segment.header().engine;
  // Under other launchers nobody knows when the segment is made, and it is the same for both.
  if (!job.launched && started == job::EngineKind::kSoft && wanted == job::engine_name(job::EngineKind::kVerbs))
    started = job::EngineKind::kVerbs;
  if (!wanted.empty() && wanted != "auto" && wanted != job::engine_name(started)) {
    if (job::EngineKind kind{}; !job::engine_kind(wanted, &kind)) {
      return {TALLY_ERR_ARGUMENT, fmt::format("engine '{}' is unknown; there are: auto, soft, rtl, verbs", wanted)};
    }
    if (!job.launched) {
      return {TALLY_ERR_JOB,
              fmt::format("engine '{0}': start the program with tally run --engine {0}", wanted)};
    }
    return {TALLY_ERR_JOB,
            fmt::format("engine '{}': this job was started with '{}'", wanted, job::engine_name(started))};
  }
  for (const Entry& entry : kEngines) {
    if (entry.kind != started) continue;
    return entry.make(job, engine);
  }
  return {TALLY_ERR_UNSUPPORTED,
          fmt::format("engine '{}', with which this job was started, is not in this library",
                      job::engine_name(started))};
}

}  // namespace tally::api
