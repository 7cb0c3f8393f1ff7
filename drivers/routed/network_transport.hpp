// SPDX-License-Identifier: BSD-3-Clause
// A transport to ranks of other hosts, as RoutedTransport joins it with shared memory.
#pragma once

#include "engine/soft/transport.hpp"

namespace tally::routed {

class NetworkTransport : public soft::Transport {
 public:
  /// Whether wait() would not sleep for long.
  [[nodiscard]] virtual bool something_to_do() noexcept = 0;
  /// Before and after a sleep that is not this transport's: peers hear what they wait for, and are looked
  /// after.
  virtual void before_sleep() noexcept = 0;
  virtual void after_sleep() noexcept = 0;
};

}  // namespace tally::routed
