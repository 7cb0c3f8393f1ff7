// SPDX-License-Identifier: BSD-3-Clause
#include "api/engine_factory.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "drivers/shm/shm_transport.hpp"
#include "drivers/sim/sim_bar.hpp"
#include "engine/ring/ring_engine.hpp"
#include "engine/soft/soft_engine.hpp"

namespace tally::api {
namespace {

using Make = std::unique_ptr<Engine> (*)(const job::Membership&);

std::unique_ptr<Engine> make_soft(const job::Membership& job) {
  return std::make_unique<soft::SoftEngine>(
      std::make_unique<shm::ShmTransport>(job.segment.header(), static_cast<std::uint32_t>(job.rank)));
}

struct OwnedBar {
  sim::SimBar bar;
};

/// The driver with the window that it drives; the window outlives it.
class SimulatedDevice final : OwnedBar, public ring::RingEngine {
 public:
  explicit SimulatedDevice(const job::Membership& job)
      : OwnedBar{sim::SimBar(job.segment.header(), static_cast<unsigned>(job.rank))},
        RingEngine(bar, static_cast<unsigned>(job.rank), job.segment.header().ranks) {}
};

std::unique_ptr<Engine> make_rtl(const job::Membership& job) { return std::make_unique<SimulatedDevice>(job); }

struct Entry {
  job::EngineKind kind;
  Make make;
};

constexpr std::array kEngines{
    Entry{job::EngineKind::kSoft, make_soft},
    Entry{job::EngineKind::kRtl, make_rtl},
};

}  // namespace

Status make_engine(const job::Membership& job, const std::string& wanted, std::unique_ptr<Engine>* engine) {
  const job::EngineKind started = job.segment.header().engine;
  if (!wanted.empty() && wanted != "auto" && wanted != job::engine_name(started)) {
    if (job::EngineKind kind{}; !job::engine_kind(wanted, &kind)) {
      return {TALLY_ERR_ARGUMENT, fmt::format("engine '{}' is unknown; there are: auto, soft, rtl", wanted)};
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
    *engine = entry.make(job);
    return {};
  }
  return {TALLY_ERR_UNSUPPORTED,
          fmt::format("engine '{}', with which this job was started, is not in this library",
                      job::engine_name(started))};
}

}  // namespace tally::api
