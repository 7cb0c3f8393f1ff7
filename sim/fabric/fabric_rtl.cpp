// SPDX-License-Identifier: BSD-3-Clause
// The fabric of hw/rtl's NICs: apart, so that a fabric of other NICs links without the Verilated model.
#include "sim/fabric/fabric.hpp"
#include "sim/nic_rtl/nic_rtl.hpp"

namespace tally::sim {

Fabric::Fabric(const FabricConfig& config, unsigned nodes) : Fabric(config, nodes, make_rtl_nic) {}

}  // namespace tally::sim
