// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <memory>
#include <string>

#include "sim/nic_rtl/nic_model.hpp"

namespace tally::sim {

/// The Verilated hw/rtl/tally_nic. Throws std::invalid_argument when a waveform is asked of a build without tracing.
[[nodiscard]] std::unique_ptr<NicModel> make_rtl_nic(unsigned node, const std::string& trace_file);

}  // namespace tally::sim
