// SPDX-License-Identifier: BSD-3-Clause
#include "api/boundary.hpp"

#include <cstdio>

namespace tally::api {
namespace {

// A fixed buffer: reporting that memory is out must not need memory.
thread_local char last_error_text[1024] = "";

}  // namespace

void set_last_error(const char* call, const char* text) noexcept {
  std::snprintf(last_error_text, sizeof last_error_text, "%s: %s", call, text);
}

const char* last_error() noexcept { return last_error_text; }

}  // namespace tally::api
