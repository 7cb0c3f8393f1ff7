// SPDX-License-Identifier: BSD-3-Clause
#include "numerics/operands.hpp"

namespace tally::test {

namespace {

struct Case {
  std::uint64_t a;
  std::uint64_t b;
  std::uint64_t result;
  const char* why;
};
struct Cases {
  tally_dtype dtype;
  tally_op op;
  std::vector<Case> cases;
};

std::vector<Known> listed(const std::vector<Cases>& groups) {
  std::vector<Known> all;
  for (const Cases& group : groups) {
    for (const Case& c : group.cases) all.push_back({group.dtype, group.op, c.a, c.b, c.result, c.why});
  }
  return all;
}

}  // namespace

const std::vector<Known>& known_results() {
  static const std::vector<Known> kResults = listed({
      {TALLY_F32,
       TALLY_SUM,
       {
           {0x3f800000, 0x33800000, 0x3f800000, "1 + 2^-24 ties to even, down"},
           {0x3f800001, 0x33800000, 0x3f800002, "1 + 2^-23 + 2^-24 ties to even, up"},
           {0x3f800000, 0x33800001, 0x3f800001, "just above a tie goes up"},
           {0x3f800000, 0xb3000000, 0x3f800000, "1 - 2^-25 ties to even, up"},
           {0x3f800000, 0xb3000001, 0x3f7fffff, "just below 1 - 2^-25 goes down"},
           {0x00000001, 0x00000001, 0x00000002, "subnormals add"},
           {0x007fffff, 0x00000001, 0x00800000, "subnormals reach the least normal"},
           {0x00800000, 0x80000001, 0x007fffff, "the least normal falls to a subnormal"},
           {0x00800001, 0x80800000, 0x00000001, "cancellation leaves the least subnormal"},
           {0x7f7fffff, 0x7f7fffff, 0x7f800000, "overflow"},
           {0x7f7fffff, 0x73000000, 0x7f800000, "greatest + half an ulp ties to infinity"},
           {0x7f7fffff, 0x72ffffff, 0x7f7fffff, "greatest + less than half an ulp stays"},
           {0xff7fffff, 0xf3000000, 0xff800000, "the same below zero"},
           {0x7f800000, 0xff800000, 0x7fc00000, "inf - inf is the canonical NaN"},
           {0x7f800000, 0x7f800000, 0x7f800000, "inf + inf"},
           {0xff800000, 0x7f7fffff, 0xff800000, "-inf + greatest"},
           {0x7f800001, 0x3f800000, 0x7fc00000, "signalling NaN"},
           {0xffc12345, 0x7f800000, 0x7fc00000, "payload and sign of a NaN are dropped"},
           {0x80000000, 0x00000000, 0x00000000, "-0 + +0"},
           {0x80000000, 0x80000000, 0x80000000, "-0 + -0"},
           {0xc2280000, 0x42280000, 0x00000000, "exact cancellation is +0"},
       }},
      {TALLY_F64,
       TALLY_SUM,
       {
           {0x3ff0000000000000, 0x3ca0000000000000, 0x3ff0000000000000, "1 + 2^-53 ties to even, down"},
           {0x3ff0000000000001, 0x3ca0000000000000, 0x3ff0000000000002, "ties to even, up"},
           {0x3ff0000000000000, 0x3ca0000000000001, 0x3ff0000000000001, "just above a tie goes up"},
           {0x000fffffffffffff, 0x0000000000000001, 0x0010000000000000, "subnormals reach the least normal"},
           {0x0010000000000000, 0x8000000000000001, 0x000fffffffffffff, "the least normal falls"},
           {0x7fefffffffffffff, 0x7c90000000000000, 0x7ff0000000000000, "half an ulp more is infinity"},
           {0x7fefffffffffffff, 0x7c8fffffffffffff, 0x7fefffffffffffff, "less than half an ulp stays"},
           {0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000, "inf - inf"},
           {0x7ff0000000000001, 0x0000000000000000, 0x7ff8000000000000, "signalling NaN"},
           {0x3fb999999999999a, 0x3fc999999999999a, 0x3fd3333333333334, "0.1 + 0.2"},
           {0x8000000000000000, 0x8000000000000000, 0x8000000000000000, "-0 + -0"},
           {0xc045000000000000, 0x4045000000000000, 0x0000000000000000, "exact cancellation is +0"},
       }},
      {TALLY_I32,
       TALLY_SUM,
       {
           {0x7fffffff, 0x00000001, 0x80000000, "wraps"},
           {0xffffffff, 0xffffffff, 0xfffffffe, "-1 + -1; nothing carries into the neighbour"},
       }},
      {TALLY_I64,
       TALLY_SUM,
       {
           {0x00000000ffffffff, 0x0000000000000001, 0x0000000100000000, "carries across the halves"},
           {0x7fffffffffffffff, 0x7fffffffffffffff, 0xfffffffffffffffe, "wraps"},
       }},
      {TALLY_F16,
       TALLY_SUM,
       {
           {0x3c00, 0x1000, 0x3c00, "1 + 2^-11 ties to even, down"},
           {0x3c01, 0x1000, 0x3c02, "ties to even, up"},
           {0x7bff, 0x4c00, 0x7c00, "65504 + 16 ties to infinity"},
           {0x7bff, 0x4bff, 0x7bff, "65504 + less stays"},
           {0x03ff, 0x0001, 0x0400, "subnormals reach the least normal"},
           {0x7c00, 0xfc00, 0x7e00, "inf - inf"},
           {0x8000, 0x0000, 0x0000, "-0 + +0"},
       }},
      {TALLY_BF16,
       TALLY_SUM,
       {
           {0x3f80, 0x3b80, 0x3f80, "1 + 2^-8 ties to even, down"},
           {0x3f81, 0x3b80, 0x3f82, "ties to even, up"},
           {0x3f80, 0x3b81, 0x3f81, "just above a tie goes up"},
           {0x7f7f, 0x7b00, 0x7f80, "half an ulp more is infinity"},
           {0xff81, 0x0000, 0x7fc0, "signalling NaN"},
       }},
      {TALLY_F16,
       TALLY_PROD,
       {
           {0x3c01, 0x3c01, 0x3c02, "(1 + 2^-10)^2 rounds down"},
           {0x5bff, 0x5bff, 0x7bfe, "near the greatest number"},
           {0x5c00, 0x5c00, 0x7c00, "2^8 * 2^8 overflows"},
           {0x0400, 0x3800, 0x0200, "half the least normal"},
           {0x0001, 0x3800, 0x0000, "half the least subnormal ties to zero"},
           {0x0001, 0x3801, 0x0001, "more than half of it does not"},
           {0x8003, 0x3800, 0x8002, "1.5 times the least subnormal ties to even"},
           {0x03ff, 0x03ff, 0x0000, "subnormals multiply to nothing"},
           {0x0001, 0x7bff, 0x1bff, "least times greatest"},
           {0x7c00, 0x8000, 0x7e00, "inf * -0"},
           {0xfc00, 0x0001, 0xfc00, "-inf * least"},
       }},
      {TALLY_BF16,
       TALLY_PROD,
       {
           {0x3f81, 0x3f81, 0x3f82, "(1 + 2^-7)^2 rounds down"},
           {0x0080, 0x3f00, 0x0040, "half the least normal"},
           {0x0001, 0x3f00, 0x0000, "half the least subnormal ties to zero"},
           {0x0001, 0x3f01, 0x0001, "more than half of it does not"},
           {0x1dff, 0x1dff, 0x0000, "just below half the least subnormal: rounded once, to zero"},
       }},
      {TALLY_F32,
       TALLY_PROD,
       {
           {0x3f800001, 0x3f800001, 0x3f800002, "(1 + 2^-23)^2 rounds down"},
           {0x3fc00000, 0x3f800001, 0x3fc00002, "1.5 ulp ties to even"},
           {0x00000001, 0x3f000000, 0x00000000, "half the least subnormal ties to zero"},
           {0x00000001, 0xbf000001, 0x80000001, "more than half of it does not"},
           {0x007fffff, 0x40000000, 0x00fffffe, "a subnormal operand, a normal product"},
           {0x00ffffff, 0x3f000000, 0x00800000, "rounds up to the least normal"},
           {0x5f800000, 0x5f800000, 0x7f800000, "overflow"},
           {0x7f7fffff, 0x3f800001, 0x7f800000, "rounds up to infinity"},
           {0x00000000, 0xff800000, 0x7fc00000, "0 * -inf"},
           {0x80000000, 0x42280000, 0x80000000, "the sign of zero"},
           {0x80000000, 0xc2280000, 0x00000000, "the sign of zero"},
       }},
      {TALLY_F64,
       TALLY_PROD,
       {
           {0x3ff0000000000001, 0x3ff0000000000001, 0x3ff0000000000002, "rounds down"},
           {0x0000000000000001, 0x3fe0000000000000, 0x0000000000000000, "ties to zero"},
           {0x0000000000000001, 0x7fefffffffffffff, 0x3ccfffffffffffff, "least times greatest"},
           {0x000fffffffffffff, 0x000fffffffffffff, 0x0000000000000000, "both subnormal"},
           {0x3fb999999999999a, 0x3fc999999999999a, 0x3f947ae147ae147c, "0.1 * 0.2"},
           {0xfff0000000000000, 0xfff0000000000000, 0x7ff0000000000000, "-inf * -inf"},
       }},
      {TALLY_I8, TALLY_PROD, {{0x80, 0xff, 0x80, "-128 * -1 wraps"}}},
      {TALLY_U8, TALLY_PROD, {{0xff, 0xff, 0x01, "wraps"}}},
      {TALLY_I32, TALLY_PROD, {{0x00010000, 0x00010000, 0x00000000, "wraps"}}},
      {TALLY_U64, TALLY_PROD, {{0xffffffffffffffff, 0xffffffffffffffff, 0x0000000000000001, "wraps"}}},
      {TALLY_I64, TALLY_PROD, {{0x0000000100000001, 0x0000000100000001, 0x0000000200000001, "wraps"}}},
      {TALLY_I8, TALLY_MAX, {{0x80, 0x7f, 0x7f, "signed order"}}},
      {TALLY_U8, TALLY_MAX, {{0x80, 0x7f, 0x80, "unsigned order"}}},
      {TALLY_I16, TALLY_MIN, {{0x8000, 0x0001, 0x8000, "signed order"}}},
      {TALLY_U16, TALLY_MIN, {{0x8000, 0x0001, 0x0001, "unsigned order"}}},
      {TALLY_F16, TALLY_MIN, {{0x8000, 0x0000, 0x8000, "-0 < +0"}}},
      {TALLY_BF16, TALLY_MAX, {{0x8000, 0x0000, 0x0000, "-0 < +0"}}},
      {TALLY_F16, TALLY_MAX, {{0x7c00, 0xfe01, 0x7e00, "a NaN wins, without sign and payload"}}},
      {TALLY_I16, TALLY_LAND, {{0x0100, 0x8000, 0x0001, "other than zero is true, the result 1"}}},
      {TALLY_I32, TALLY_LOR, {{0x00000000, 0x80000000, 0x00000001, "other than zero is true, the result 1"}}},
      {TALLY_U64,
       TALLY_LXOR,
       {{0x4000000000000000, 0x0000000000000002, 0x0000000000000000, "both are true"}}},
      {TALLY_U8, TALLY_BXOR, {{0x0f, 0xff, 0xf0, "bits"}}},
      {TALLY_BYTE, TALLY_BAND, {{0x3c, 0x0f, 0x0c, "bits"}}},
      {TALLY_C64,
       TALLY_PROD,
       {
           {0x3f80000000000000, 0x3f80000000000000, 0x00000000bf800000, "i * i = -1 + 0i"},
           {0x3f8000003f800001, 0x3f8000013f800002, 0x4000000234800000,
            "each product is rounded before the difference"},
       }},
      {TALLY_C64,
       TALLY_SUM,
       {{0x7f8000003f800000, 0xff8000003f800000, 0x7fc0000040000000, "NaN in one component"}}},
      {TALLY_F32_I32,
       TALLY_MINLOC,
       {{0x0000000500000000, 0x0000000980000000, 0x0000000980000000, "-0 < +0"}}},
      {TALLY_F32_I32,
       TALLY_MAXLOC,
       {{0x000000053f800000, 0x000000097f800001, 0x000000097fc00000, "a NaN wins, with its index"}}},
      {TALLY_F32_I32,
       TALLY_MINLOC,
       {{0x00000005ffc00000, 0xfffffff77f800001, 0xfffffff77fc00000,
         "two NaNs: the smaller index, which is signed"}}},
      {TALLY_I32_I32,
       TALLY_MAXLOC,
       {{0x0000000500000007, 0x0000000400000007, 0x0000000400000007, "equal values: the smaller index"}}},
      {TALLY_I16_I32,
       TALLY_MINLOC,
       {{0x000000011234ffff, 0x00000000abcd0000, 0x000000010000ffff, "signed values; the padding is zero"}}},
  });
  return kResults;
}

}  // namespace tally::test
