// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>
#include <string>

#include "sim/fabric/fabric.hpp"

namespace tally::sim {
namespace {

class Config : public testing::Test {
 protected:
  Config() : path(testing::TempDir() + "tally_fabric_config_" + std::to_string(getpid()) + ".json") {}
  ~Config() override { unlink(path.c_str()); }

  FabricConfig load(const std::string& text) {
    std::ofstream(path) << text;
    return FabricConfig::from_file(path);
  }
  std::string error(const std::string& text) {
    try {
      load(text);
    } catch (const std::invalid_argument& e) {
      const std::string what = e.what();
      EXPECT_EQ(what.rfind(path + ": ", 0), 0u) << what;
      return what.substr(std::min(what.size(), path.size() + 2));
    }
    return "no error";
  }
  std::string path;
};

TEST_F(Config, empty_object_gives_the_defaults) {
  const FabricConfig c = load("{}");
  EXPECT_EQ(c.link_gbps, 100.0);
  EXPECT_EQ(c.one_way_ns(), 500.0);
  EXPECT_EQ(c.dma, "direct");
  EXPECT_EQ(c.trace_fst, "");
  EXPECT_EQ(c.pcap, "");
  EXPECT_EQ(c.loss + c.duplicate + c.reorder + c.corrupt, 0.0);
}

TEST_F(Config, takes_every_key) {
  const FabricConfig c = load(R"({"link_gbps": 400, "link_latency_ns": 1.5, "switch_latency_ns": 2,
    "frame_overhead_bytes": 20, "queue_bytes": 32768, "pcie_gbps": 64, "mmio_write_ns": 3, "store_ns": 2.5, "dma_read_ns": 4,
    "dma_write_ns": 5, "clock_mhz": 322.265625, "dma": "staging", "trace_fst": "a.fst", "loss": 0.1,
    "duplicate": 0.2, "reorder": 0.3, "corrupt": 1, "reorder_ns": 6, "seed": 7, "pcap": "a.pcap"})");
  EXPECT_EQ(c.link_gbps, 400.0);
  EXPECT_EQ(c.one_way_ns(), 5.0);
  EXPECT_EQ(c.frame_overhead_bytes, 20u);
  EXPECT_EQ(c.queue_bytes, 32768u);
  EXPECT_EQ(c.pcie_gbps, 64.0);
  EXPECT_EQ(c.mmio_write_ns, 3.0);
  EXPECT_EQ(c.store_ns, 2.5);
  EXPECT_EQ(c.dma_read_ns, 4.0);
  EXPECT_EQ(c.dma_write_ns, 5.0);
  EXPECT_EQ(c.clock_mhz, 322.265625);
  EXPECT_EQ(c.dma, "staging");
  EXPECT_EQ(c.trace_fst, "a.fst");
  EXPECT_EQ(c.loss, 0.1);
  EXPECT_EQ(c.duplicate, 0.2);
  EXPECT_EQ(c.reorder, 0.3);
  EXPECT_EQ(c.corrupt, 1.0);
  EXPECT_EQ(c.reorder_ns, 6.0);
  EXPECT_EQ(c.seed, 7u);
  EXPECT_EQ(c.pcap, "a.pcap");
}

TEST_F(Config, errors_name_file_and_key) {
  EXPECT_EQ(error(R"({"link_gbsp": 1})"), "key \"link_gbsp\": is not known");
  EXPECT_EQ(error(R"({"link_gbps": "fast"})"), "key \"link_gbps\": must be a number, not string");
  EXPECT_EQ(error(R"({"link_gbps": 0})"), "key \"link_gbps\": must be from 0.001 to 10000.0, not 0");
  EXPECT_EQ(error(R"({"queue_bytes": 1e5})"), "key \"queue_bytes\": must be an integer, not 100000.0");
  EXPECT_EQ(error(R"({"queue_bytes": 100})"), "key \"queue_bytes\": must be from 16384.0 to 1073741824.0, not 100");
  EXPECT_EQ(error(R"({"dma_read_ns": -1})"), "key \"dma_read_ns\": must be from 0.0 to 1000000000.0, not -1");
  EXPECT_EQ(error(R"({"loss": 1.5})"), "key \"loss\": must be from 0.0 to 1.0, not 1.5");
  EXPECT_EQ(error(R"({"seed": -1})"), "key \"seed\": must be from 0.0 to 4294967295.0, not -1");
  EXPECT_EQ(error(R"({"dma": "magic"})"), "key \"dma\": must be \"direct\" or \"staging\", not \"magic\"");
  EXPECT_EQ(error(R"({"trace_fst": 1})"), "key \"trace_fst\": must be a string, not number");
  EXPECT_EQ(error(R"({"clock_mhz": 1, "clock_mhz": 2})"), "key \"clock_mhz\": is given twice");
  EXPECT_EQ(error("[]"), "must hold one JSON object");
  EXPECT_EQ(error("{").rfind("not JSON: ", 0), 0u);
}

TEST_F(Config, missing_file_is_an_error) {
  EXPECT_THROW(FabricConfig::from_file("/nonexistent/x.json"), std::invalid_argument);
}

}  // namespace
}  // namespace tally::sim
