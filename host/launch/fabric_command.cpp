// SPDX-License-Identifier: BSD-3-Clause
// `tally fabric` (internal): the process that simulates the cards and the network of one job.
#include <csignal>
#include <exception>
#include <fmt/format.h>
#include <memory>
#include <unistd.h>

#include "job/job.hpp"
#include "launch/commands.hpp"
#include "sim/fabric/fabric.hpp"

namespace tally::launch {
namespace {

volatile std::sig_atomic_t stop_requested = 0;

struct FabricOptions {
  std::string job;
  std::string config;
  std::string pcap;
};

int serve(const FabricOptions& options) {
  auto segment = job::Segment::open(options.job);
  auto& header = segment.header();
  if (header.engine != job::EngineKind::kRtl) throw job::Error("--job: this job's engine has no fabric");
  struct sigaction action {};
  action.sa_handler = [](int) { stop_requested = 1; };
  sigaction(SIGTERM, &action, nullptr);  // no SA_RESTART: a sleeping fabric wakes

  auto config = options.config.empty() ? sim::FabricConfig() : sim::FabricConfig::from_file(options.config);
  if (!options.pcap.empty()) config.pcap = options.pcap;
  sim::Fabric fabric(config, header.ranks);
  auto* area = reinterpret_cast<sim::Area*>(segment.base() + header.sim_offset);
  auto* windows = reinterpret_cast<sim::Window*>(segment.base() + header.sim_offset + sizeof(sim::Area));
  header.fabric_up.store(1, std::memory_order_release);
  fabric.serve(header, *area, windows, [] { return stop_requested != 0; });
  return 0;
}

}  // namespace

void add_fabric_command(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<FabricOptions>();
  auto* command = app.add_subcommand("fabric", "Internal: serve the simulated fabric of a job");
  command->group("");  // not in the help
  command->add_option("--job", options->job, "The job's segment")->required();
  command->add_option("--config", options->config, "Parameters of the fabric (JSON)");
  command->add_option("--pcap", options->pcap, "Capture file; overrides that of the parameters");
  command->callback([options, &context] {
    try {
      context.exit_code = serve(*options);
    } catch (const std::exception& error) {
      usage_error(context, "fabric", error.what(), 1);
    }
  });
}

}  // namespace tally::launch
