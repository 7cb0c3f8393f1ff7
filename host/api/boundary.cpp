// SPDX-License-Identifier: BSD-3-Clause
#include "api/boundary.hpp"

#include <cstdio>
#include <exception>
#include <new>

namespace tally::api {
namespace {

// A fixed buffer: reporting that memory is out must not need memory.
thread_local char last_error_text[1024] = "";

}  // namespace

void set_last_error(const char* call, const char* text) noexcept {
  std::snprintf(last_error_text, sizeof last_error_text, "%s: %s", call, text);
}

const char* last_error() noexcept { return last_error_text; }

tally_status caught(const char* call) noexcept {
  try {
    throw;
  } catch (const job::Error& error) {
    set_last_error(call, error.what());
    return TALLY_ERR_JOB;
  } catch (const std::bad_alloc&) {
    set_last_error(call, "out of memory");
    return TALLY_ERR_NO_MEMORY;
  } catch (const std::exception& error) {
    set_last_error(call, error.what());
    return TALLY_ERR_INTERNAL;
  } catch (...) {
    set_last_error(call, "unknown exception");
    return TALLY_ERR_INTERNAL;
  }
}

}  // namespace tally::api
