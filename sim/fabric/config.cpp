// SPDX-License-Identifier: BSD-3-Clause
// Parameters of the simulation, their defaults and where those come from.
#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "sim/fabric/fabric.hpp"
#include "sim/fabric/timing.hpp"

namespace tally::sim {

// [N18] R. Neugebauer et al., "Understanding PCIe performance for end host networking", SIGCOMM 2018: a 64-byte DMA
//       read takes 520 to 550 ns (median) on a Xeon E5 with the data in its last-level cache; PCIe Gen3 x8 carries
//       about 50 Gb/s of the 62.96 Gb/s of its physical layer once headers and flow control are paid.
// Everything marked "assumption" is a round figure of this project that no measurement backs.
FabricConfig::FabricConfig()
    : link_gbps(100.0),           // 100 GbE (IEEE 802.3)
      link_latency_ns(150.0),     // assumption: 10 m of fibre at 5 ns/m and two MAC/PHY crossings of 50 ns
      switch_latency_ns(200.0),   // assumption: between an InfiniBand (about 130 ns) and an Ethernet (300 ns and
                                  // more) cut-through switch, as their makers state them
      frame_overhead_bytes(24),   // IEEE 802.3: preamble and start 8, frame check sequence 4, gap 12
      queue_bytes(64u << 10),     // assumption
      nic_queue_bytes(9344),      // assumption: a MAC transmit FIFO for two frames of 4 KiB
      pcie_gbps(200.0),           // assumption: Gen4 x16 (252 Gb/s physical) with the overhead ratio of [N18]
      mmio_write_ns(250.0),       // assumption: half of the round trip of [N18]
      store_ns(5.0),              // assumption: one core's write-combining stores, 12.8 GB/s
      dma_read_ns(600.0),         // [N18] 550 ns, and an assumed 50 ns for a device of 250 MHz
      dma_write_ns(250.0),        // assumption: half of the round trip of [N18]
      clock_mhz(250.0),           // docs/device.md
      dma("direct"),
      loss(0),
      duplicate(0),
      reorder(0),
      corrupt(0),
      reorder_ns(2000),           // assumption: a few frames of 4096 bytes pass (330 ns each at 100 Gb/s)
      seed(1) {}

namespace {

[[noreturn]] void bad(const std::string& path, const std::string& key, const std::string& what) {
  throw std::invalid_argument(path + ": key \"" + key + "\": " + what);
}

double number(const std::string& path, const std::string& key, const nlohmann::json& value, double low, double high) {
  if (!value.is_number()) bad(path, key, "must be a number, not " + std::string(value.type_name()));
  const double x = value.get<double>();
  if (!(x >= low && x <= high)) {
    bad(path, key, "must be from " + nlohmann::json(low).dump() + " to " + nlohmann::json(high).dump() + ", not " +
                       value.dump());
  }
  return x;
}

std::uint32_t integer(const std::string& path, const std::string& key, const nlohmann::json& value, double low,
                      double high) {
  if (!value.is_number_integer()) bad(path, key, "must be an integer, not " + value.dump());
  return static_cast<std::uint32_t>(number(path, key, value, low, high));
}

std::string text(const std::string& path, const std::string& key, const nlohmann::json& value) {
  if (!value.is_string()) bad(path, key, "must be a string, not " + std::string(value.type_name()));
  return value.get<std::string>();
}

}  // namespace

FabricConfig FabricConfig::from_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::invalid_argument(path + ": cannot be read");
  nlohmann::json root;
  // A repeated key would silently keep one of its values.
  std::vector<std::string> seen;
  std::string repeated;
  const auto callback = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
    if (depth == 1 && event == nlohmann::json::parse_event_t::key) {
      const std::string key = parsed.get<std::string>();
      if (std::find(seen.begin(), seen.end(), key) != seen.end()) repeated = key;
      seen.push_back(key);
    }
    return true;
  };
  try {
    root = nlohmann::json::parse(file, callback);
  } catch (const nlohmann::json::exception& error) {
    throw std::invalid_argument(path + ": not JSON: " + error.what());
  }
  if (!root.is_object()) throw std::invalid_argument(path + ": must hold one JSON object");
  if (!repeated.empty()) bad(path, repeated, "is given twice");

  FabricConfig c;
  for (const auto& [key, value] : root.items()) {
    if (key == "link_gbps") {
      c.link_gbps = number(path, key, value, 0.001, 10000);
    } else if (key == "link_latency_ns") {
      c.link_latency_ns = number(path, key, value, 0, 1e9);
    } else if (key == "switch_latency_ns") {
      c.switch_latency_ns = number(path, key, value, 0, 1e9);
    } else if (key == "frame_overhead_bytes") {
      c.frame_overhead_bytes = integer(path, key, value, 0, 1024);
    } else if (key == "nic_queue_bytes") {
      c.nic_queue_bytes = integer(path, key, value, kMinNicQueueBytes, 1 << 30);
    } else if (key == "queue_bytes") {
      c.queue_bytes = integer(path, key, value, kMinQueueBytes, 1 << 30);
    } else if (key == "pcie_gbps") {
      c.pcie_gbps = number(path, key, value, 0.001, 10000);
    } else if (key == "mmio_write_ns") {
      c.mmio_write_ns = number(path, key, value, 0, 1e9);
    } else if (key == "store_ns") {
      c.store_ns = number(path, key, value, 0, 1e9);
    } else if (key == "dma_read_ns") {
      c.dma_read_ns = number(path, key, value, 0, 1e9);
    } else if (key == "dma_write_ns") {
      c.dma_write_ns = number(path, key, value, 0, 1e9);
    } else if (key == "clock_mhz") {
      c.clock_mhz = number(path, key, value, 1, 2000);
    } else if (key == "dma") {
      c.dma = text(path, key, value);
      if (c.dma != "direct" && c.dma != "staging") {
        bad(path, key, "must be \"direct\" or \"staging\", not " + value.dump());
      }
    } else if (key == "trace_fst") {
      c.trace_fst = text(path, key, value);
    } else if (key == "loss") {
      c.loss = number(path, key, value, 0, 1);
    } else if (key == "duplicate") {
      c.duplicate = number(path, key, value, 0, 1);
    } else if (key == "reorder") {
      c.reorder = number(path, key, value, 0, 1);
    } else if (key == "corrupt") {
      c.corrupt = number(path, key, value, 0, 1);
    } else if (key == "reorder_ns") {
      c.reorder_ns = number(path, key, value, 0, 1e9);
    } else if (key == "seed") {
      c.seed = integer(path, key, value, 0, 4294967295.0);
    } else if (key == "pcap") {
      c.pcap = text(path, key, value);
    } else {
      bad(path, key, "is not known");
    }
  }
  return c;
}

}  // namespace tally::sim
