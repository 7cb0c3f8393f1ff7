// SPDX-License-Identifier: BSD-3-Clause
#include "sim/fabric/fabric.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>

#include "sim/fabric/impl.hpp"

// SystemC's library asks for it; the simulation is driven from ordinary functions instead.
int sc_main(int, char*[]) { return EXIT_FAILURE; }

namespace tally::sim {

namespace {

using sc_core::sc_time;

constexpr unsigned kMaxNodes = 65536;  // the node id has 16 bits in a MAC address

bool g_made = false;  // SystemC has one kernel a process, and modules are made before it starts

void claim_process() {
  if (g_made) throw std::logic_error("tally::sim::Fabric: one fabric a process (SystemC has one kernel)");
  g_made = true;
  // No banner and no notes on the user's terminal; errors stay exceptions.
  setenv("SYSTEMC_DISABLE_COPYRIGHT_MESSAGE", "1", 0);
  sc_core::sc_report_handler::set_actions(sc_core::SC_INFO, sc_core::SC_DO_NOTHING);
  sc_core::sc_report_handler::set_actions(sc_core::SC_WARNING, sc_core::SC_DO_NOTHING);
}

void positive(double value, const char* name) {
  if (!(value > 0)) throw std::invalid_argument(std::string("FabricConfig: ") + name + " must be above 0");
}

void not_negative(double value, const char* name) {
  if (!(value >= 0)) throw std::invalid_argument(std::string("FabricConfig: ") + name + " must not be negative");
}

void probability(double value, const char* name) {
  if (!(value >= 0 && value <= 1)) throw std::invalid_argument(std::string("FabricConfig: ") + name + " must be from 0 to 1");
}

const FabricConfig& checked(const FabricConfig& c, unsigned nodes) {
  positive(c.link_gbps, "link_gbps");
  positive(c.pcie_gbps, "pcie_gbps");
  positive(c.clock_mhz, "clock_mhz");
  not_negative(c.link_latency_ns, "link_latency_ns");
  not_negative(c.switch_latency_ns, "switch_latency_ns");
  not_negative(c.mmio_write_ns, "mmio_write_ns");
  not_negative(c.store_ns, "store_ns");
  not_negative(c.dma_read_ns, "dma_read_ns");
  not_negative(c.dma_write_ns, "dma_write_ns");
  not_negative(c.reorder_ns, "reorder_ns");
  probability(c.loss, "loss");
  probability(c.duplicate, "duplicate");
  probability(c.reorder, "reorder");
  probability(c.corrupt, "corrupt");
  if (c.clock_mhz > 100000) throw std::invalid_argument("FabricConfig: clock_mhz must be at most 100000");
  if (c.queue_bytes < kMinQueueBytes) {
    throw std::invalid_argument("FabricConfig: queue_bytes must be at least " + std::to_string(kMinQueueBytes));
  }
  if (c.nic_queue_bytes < kMinNicQueueBytes) {
    throw std::invalid_argument("FabricConfig: nic_queue_bytes must be at least " + std::to_string(kMinNicQueueBytes));
  }
  if (c.dma != "direct" && c.dma != "staging") {
    throw std::invalid_argument("FabricConfig: dma must be direct or staging, not " + c.dma);
  }
  if (nodes < 1 || nodes > kMaxNodes) {
    throw std::invalid_argument("Fabric: nodes must be from 1 to " + std::to_string(kMaxNodes));
  }
  return c;
}

/// name.fst -> name.node3.fst
std::string node_file(const std::string& path, const std::string& extension, unsigned node) {
  if (path.empty()) return path;
  const std::string suffix = path.ends_with(extension) ? extension : "";
  return path.substr(0, path.size() - suffix.size()) + ".node" + std::to_string(node) + suffix;
}

}  // namespace

Fabric::Impl::Impl(const FabricConfig& c, unsigned nodes, const NicFactory& make_nic)
    : config(checked(c, nodes)), timing(config) {
  std::vector<std::unique_ptr<NicModel>> models;
  for (unsigned node = 0; node < nodes; ++node) {
    models.push_back(make_nic(node, node_file(config.trace_fst, ".fst", node)));
  }
  std::vector<std::unique_ptr<PcapWriter>> captures;
  for (unsigned node = 0; node < nodes && !config.pcap.empty(); ++node) {
    captures.push_back(std::make_unique<PcapWriter>(node_file(config.pcap, ".pcap", node)));
  }
  claim_process();
  network = std::make_unique<Network>("network", timing, config, nodes);
  for (unsigned node = 0; node < nodes; ++node) {
    hosts.push_back(std::make_unique<HostPort>());
    nics.push_back(std::make_unique<Nic>(("nic" + std::to_string(node)).c_str(), timing, node,
                                         std::move(models[node]), *hosts[node], *network));
    bars.push_back(nullptr);
    if (!captures.empty()) network->capture(node, std::move(captures[node]));
  }
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
}

bool Fabric::Impl::pending() { return sc_core::sc_pending_activity(); }

bool Fabric::Impl::step(std::uint64_t limit) {
  if (!pending()) return false;
  const sc_time wait = sc_core::sc_time_to_pending_activity();
  if (wait.value() > limit || now() > limit - wait.value()) return false;
  sc_core::sc_start(wait);
  while (sc_core::sc_pending_activity_at_current_time()) sc_core::sc_start(sc_core::SC_ZERO_TIME);
  return true;
}

Fabric::Fabric(const FabricConfig& config, unsigned nodes, const NicFactory& make_nic)
    : impl_(std::make_unique<Impl>(config, nodes, make_nic)) {}

Fabric::~Fabric() = default;

ring::Bar& Fabric::local_bar(unsigned node) {
  auto& bar = impl_->bars.at(node);
  if (!bar) bar = std::make_unique<LocalBar>(*impl_, node);
  return *bar;
}

bool Fabric::run_until(const std::function<bool()>& done, std::uint64_t limit_ps) {
  const std::uint64_t begin = now_ps();
  const std::uint64_t limit = limit_ps > kNever - begin ? kNever : begin + limit_ps;
  while (!done()) {
    if (Impl::step(limit)) continue;
    // Time stands still when nothing is left to do; else it goes on to the limit.
    if (Impl::pending()) sc_core::sc_start(sc_time::from_value(limit - now_ps()));
    return done();
  }
  return true;
}

void Fabric::run_for(std::uint64_t ps) {
  sc_core::sc_start(sc_time::from_value(ps));
  while (sc_core::sc_pending_activity_at_current_time()) sc_core::sc_start(sc_core::SC_ZERO_TIME);
}

std::uint64_t Fabric::now_ps() const { return Impl::now(); }

NodeStats Fabric::stats(unsigned node) const {
  const Nic& nic = *impl_->nics.at(node);
  const Impairment::Counts impaired = impl_->network->impaired(node);
  return {nic.cycles(),
          impl_->network->bytes_sent(node),
          impl_->network->bytes_received(node),
          nic.last_write_ps(),
          impaired.lost,
          impaired.duplicated,
          impaired.reordered,
          impaired.corrupted};
}

}  // namespace tally::sim
