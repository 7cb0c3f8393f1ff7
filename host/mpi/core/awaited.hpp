// SPDX-License-Identifier: BSD-3-Clause
// Which of the requests that a call waits for together has not ended yet: for reports of waits that last.
#pragma once

#include "core/request.hpp"

namespace tally::mpi {

using FirstAwaited = const Request* (*)() noexcept;
/// Of this thread's call; null: it does not wait for several requests together.
extern constinit thread_local FirstAwaited first_awaited;

}  // namespace tally::mpi
