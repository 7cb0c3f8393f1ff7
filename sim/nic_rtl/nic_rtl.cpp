// SPDX-License-Identifier: BSD-3-Clause
#include "sim/nic_rtl/nic_rtl.hpp"

#include <Vtally_nic.h>

#include "sim/nic_rtl/verilated_nic.hpp"

namespace tally::sim {

std::unique_ptr<NicModel> make_rtl_nic(unsigned node, const std::string& trace_file) {
  return std::make_unique<VerilatedNic<Vtally_nic>>(node, trace_file);
}

}  // namespace tally::sim
