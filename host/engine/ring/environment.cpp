// SPDX-License-Identifier: BSD-3-Clause
#include "engine/ring/environment.hpp"

#include <bit>
#include <charconv>
#include <cstdlib>
#include <cstring>

namespace tally::ring {

namespace {

/// Leaves *value alone where the variable is not set.
Status read_number(const char* variable, std::uint32_t low, std::uint32_t high, bool power_of_two,
                   std::uint32_t* value) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return {};
  const char* end = text + std::strlen(text);
  std::uint32_t read = 0;
  const auto [stop, error] = std::from_chars(text, end, read);
  if (text == end || error != std::errc{} || stop != end || read < low || read > high ||
      (power_of_two && !std::has_single_bit(read))) {
    return {TALLY_ERR_ARGUMENT, std::string(variable) + ": '" + text + "' is not a " +
                                    (power_of_two ? "power of two" : "number") + " from " +
                                    std::to_string(low) + " to " + std::to_string(high)};
  }
  *value = read;
  return {};
}

}  // namespace

Status read_environment(RingEngineOptions* options) {
  RingEngineOptions o = *options;
  std::uint32_t spill = 1u << o.spill_log2;
  std::uint32_t cq = 1u << o.cq_log2;
  Status status = read_number("TALLY_MTU", device::kMinMtu, device::kMtu, true, &o.mtu);
  if (status.ok()) {
    status = read_number("TALLY_EAGER_MAX", 0, o.mtu - device::kMsgHeaderBytes, false, &o.eager_max);
  }
  if (status.ok()) status = read_number("TALLY_POSTED", 1, device::kPostedEntries, false, &o.posted);
  if (status.ok())
    status = read_number("TALLY_UNEXPECTED", 0, device::kUnexpectedEntries, false, &o.unexpected);
  if (status.ok()) status = read_number("TALLY_BOUNCE", 0, device::kBounceSlots, false, &o.bounce);
  if (status.ok()) status = read_number("TALLY_SPILL", 1, 4096, true, &spill);
  if (status.ok()) status = read_number("TALLY_CQ", 1, 32768, true, &cq);
  if (status.ok()) status = read_number("TALLY_PUSH_MAX", 0, device::kOperandSlotBytes, false, &o.push_max);
  if (!status.ok()) return status;
  o.spill_log2 = static_cast<unsigned>(std::countr_zero(spill));
  o.cq_log2 = static_cast<unsigned>(std::countr_zero(cq));
  *options = std::move(o);
  return {};
}

}  // namespace tally::ring
