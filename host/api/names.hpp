// SPDX-License-Identifier: BSD-3-Clause
// Names of the enumerators of tally.h.
#pragma once

#include <string>

#include "tally/tally.h"

namespace tally::api {

[[nodiscard]] inline const char* status_name(tally_status status) noexcept {
  switch (status) {
    case TALLY_OK:
      return "TALLY_OK";
    case TALLY_AGAIN:
      return "TALLY_AGAIN";
    case TALLY_ERR_ARGUMENT:
      return "TALLY_ERR_ARGUMENT";
    case TALLY_ERR_NOT_REGISTERED:
      return "TALLY_ERR_NOT_REGISTERED";
    case TALLY_ERR_TRUNCATED:
      return "TALLY_ERR_TRUNCATED";
    case TALLY_ERR_UNSUPPORTED:
      return "TALLY_ERR_UNSUPPORTED";
    case TALLY_ERR_MISMATCH:
      return "TALLY_ERR_MISMATCH";
    case TALLY_ERR_ABORTED:
      return "TALLY_ERR_ABORTED";
    case TALLY_ERR_PROTECTION:
      return "TALLY_ERR_PROTECTION";
    case TALLY_ERR_NO_MEMORY:
      return "TALLY_ERR_NO_MEMORY";
    case TALLY_ERR_JOB:
      return "TALLY_ERR_JOB";
    case TALLY_ERR_BUSY:
      return "TALLY_ERR_BUSY";
    case TALLY_ERR_TIMEOUT:
      return "TALLY_ERR_TIMEOUT";
    case TALLY_ERR_INTERNAL:
      return "TALLY_ERR_INTERNAL";
    case TALLY_ERR_CANCELLED:
      return "TALLY_ERR_CANCELLED";
    case TALLY_ERR_PEER:
      return "TALLY_ERR_PEER";
  }
  return "unknown status";
}

/// nullptr for what is not an element type.
[[nodiscard]] inline const char* dtype_name(tally_dtype dtype) noexcept {
  switch (dtype) {
    case TALLY_BYTE:
      return "TALLY_BYTE";
    case TALLY_I32:
      return "TALLY_I32";
    case TALLY_I64:
      return "TALLY_I64";
    case TALLY_F32:
      return "TALLY_F32";
    case TALLY_F64:
      return "TALLY_F64";
  }
  return nullptr;
}

/// nullptr for what is not an operation.
[[nodiscard]] inline const char* op_name(tally_op op) noexcept {
  switch (op) {
    case TALLY_OP_NONE:
      return "TALLY_OP_NONE";
    case TALLY_SUM:
      return "TALLY_SUM";
    case TALLY_MIN:
      return "TALLY_MIN";
    case TALLY_MAX:
      return "TALLY_MAX";
  }
  return nullptr;
}

}  // namespace tally::api
