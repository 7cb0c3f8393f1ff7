// SPDX-License-Identifier: BSD-3-Clause
// What is wrong with the arguments of a message.
#include "api/boundary.hpp"
#include "api/posting.hpp"

namespace tally::api {

Status bad_destination(int destination, std::size_t ranks) {
  return bad_argument("destination {} is out of range (0 to {})", destination, static_cast<int>(ranks) - 1);
}

Status bad_source(int source, std::size_t ranks) {
  return bad_argument("source {} is out of range (0 to {}, or TALLY_ANY_SOURCE)", source, static_cast<int>(ranks) - 1);
}

Status bad_tag(int tag, bool receive) {
  return receive ? bad_argument("tag {} is out of range (0 to {}, or TALLY_ANY_TAG)", tag, TALLY_MAX_TAG)
                 : bad_argument("tag {} is out of range (0 to {})", tag, TALLY_MAX_TAG);
}

Status bad_length(std::size_t length, const Capabilities& engine) {
  Status status = check_sign("length", length);
  if (!status.ok()) return status;
  return {TALLY_ERR_UNSUPPORTED,
          fmt::format("length {}: engine '{}' takes {} bytes", length, engine.name, engine.max_message)};
}

}  // namespace tally::api
