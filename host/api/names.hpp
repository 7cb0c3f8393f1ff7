// SPDX-License-Identifier: BSD-3-Clause
// Names of the enumerators of tally.h.
#pragma once

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

/// An enumerator, what the command calls it, and its name in tally.h.
template <typename Enum>
struct Name {
  Enum value;
  const char* word;
  const char* name;
};

inline constexpr Name<tally_dtype> kDtypes[] = {
    {TALLY_BYTE, "byte", "TALLY_BYTE"},
    {TALLY_I8, "i8", "TALLY_I8"},
    {TALLY_I16, "i16", "TALLY_I16"},
    {TALLY_I32, "i32", "TALLY_I32"},
    {TALLY_I64, "i64", "TALLY_I64"},
    {TALLY_U8, "u8", "TALLY_U8"},
    {TALLY_U16, "u16", "TALLY_U16"},
    {TALLY_U32, "u32", "TALLY_U32"},
    {TALLY_U64, "u64", "TALLY_U64"},
    {TALLY_F16, "f16", "TALLY_F16"},
    {TALLY_BF16, "bf16", "TALLY_BF16"},
    {TALLY_F32, "f32", "TALLY_F32"},
    {TALLY_F64, "f64", "TALLY_F64"},
    {TALLY_C64, "c64", "TALLY_C64"},
    {TALLY_C128, "c128", "TALLY_C128"},
    {TALLY_F32_I32, "f32_i32", "TALLY_F32_I32"},
    {TALLY_F64_I32, "f64_i32", "TALLY_F64_I32"},
    {TALLY_I64_I32, "i64_i32", "TALLY_I64_I32"},
    {TALLY_I32_I32, "i32_i32", "TALLY_I32_I32"},
    {TALLY_I16_I32, "i16_i32", "TALLY_I16_I32"},
};

inline constexpr Name<tally_op> kOps[] = {
    {TALLY_SUM, "sum", "TALLY_SUM"},          {TALLY_PROD, "prod", "TALLY_PROD"},
    {TALLY_MIN, "min", "TALLY_MIN"},          {TALLY_MAX, "max", "TALLY_MAX"},
    {TALLY_LAND, "land", "TALLY_LAND"},       {TALLY_LOR, "lor", "TALLY_LOR"},
    {TALLY_LXOR, "lxor", "TALLY_LXOR"},       {TALLY_BAND, "band", "TALLY_BAND"},
    {TALLY_BOR, "bor", "TALLY_BOR"},          {TALLY_BXOR, "bxor", "TALLY_BXOR"},
    {TALLY_MINLOC, "minloc", "TALLY_MINLOC"}, {TALLY_MAXLOC, "maxloc", "TALLY_MAXLOC"},
};

/// nullptr for what is not an element type.
[[nodiscard]] inline const char* dtype_name(tally_dtype dtype) noexcept {
  for (const auto& each : kDtypes) {
    if (each.value == dtype) return each.name;
  }
  return nullptr;
}

/// nullptr for what is not an operation.
[[nodiscard]] inline const char* op_name(tally_op op) noexcept {
  if (op == TALLY_OP_NONE) return "TALLY_OP_NONE";
  for (const auto& each : kOps) {
    if (each.value == op) return each.name;
  }
  return nullptr;
}

}  // namespace tally::api
