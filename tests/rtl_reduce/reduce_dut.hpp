// SPDX-License-Identifier: BSD-3-Clause
// The Verilated tally_reduce with a scoreboard: every beat that goes in must come out, in order, with its
// sideband, the bytes of tests/numerics/oracle.hpp, and in the cycle that its documented latency says; the
// unit must be ready in exactly the cycles that the rule of docs/device.md says.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "Vtally_reduce.h"
#include "numerics/operands.hpp"
#include "numerics/oracle.hpp"
#include "support/coverage.hpp"
#include "support/random_context.hpp"

namespace tally::test {

inline constexpr std::size_t kBeatBytes = 64;

/// The documented latency, cycles.
inline std::uint64_t latency_of(unsigned dtype, unsigned op) {
  if (!exists(dtype, op)) return 1;
  switch (type_of(dtype).kind) {
    case Kind::kFloat:
      return op == TALLY_MIN || op == TALLY_MAX ? 3 : 6;
    case Kind::kComplex:
      return op == TALLY_PROD ? 12 : 6;
    case Kind::kSigned:
    case Kind::kUnsigned:
      return op == TALLY_PROD ? 5 : 3;
    default:
      return 3;
  }
}

/// The documented rate: cycles a beat.
inline std::uint64_t cycles_of(unsigned dtype, unsigned op) {
  return type_of(dtype).kind == Kind::kComplex && op == TALLY_PROD ? 2 : 1;
}

/// Beats with their results.
class Beats {
 public:
  explicit Beats(std::size_t count)
      : a_(count * kBeatBytes), b_(a_.size()), want_(a_.size()), dtype_(count), op_(count) {}

  [[nodiscard]] std::size_t size() const { return dtype_.size(); }
  [[nodiscard]] std::uint8_t* a(std::size_t beat = 0) { return &a_[beat * kBeatBytes]; }
  [[nodiscard]] std::uint8_t* b(std::size_t beat = 0) { return &b_[beat * kBeatBytes]; }
  [[nodiscard]] const std::uint8_t* a(std::size_t beat) const { return &a_[beat * kBeatBytes]; }
  [[nodiscard]] const std::uint8_t* b(std::size_t beat) const { return &b_[beat * kBeatBytes]; }
  [[nodiscard]] const std::uint8_t* want(std::size_t beat) const { return &want_[beat * kBeatBytes]; }
  [[nodiscard]] std::uint8_t dtype(std::size_t beat) const { return dtype_[beat]; }
  [[nodiscard]] std::uint8_t op(std::size_t beat) const { return op_[beat]; }

  /// Makes `count` beats from `first` on those of a type and operation, from the operands that they hold.
  void set(unsigned dtype, unsigned op, std::size_t first, std::size_t count) {
    std::fill_n(dtype_.begin() + static_cast<std::ptrdiff_t>(first), count, static_cast<std::uint8_t>(dtype));
    std::fill_n(op_.begin() + static_cast<std::ptrdiff_t>(first), count, static_cast<std::uint8_t>(op));
    oracle(dtype, op, &want_[first * kBeatBytes], a(first), b(first),
           count * kBeatBytes / type_of(dtype).bytes);
  }
  void set(const Type& type, tally_op op) { set(type.dtype, op, 0, size()); }

 private:
  std::vector<std::uint8_t> a_, b_, want_;
  std::vector<std::uint8_t> dtype_, op_;
};

class ReduceDut {
 public:
  ReduceDut() : top_(std::make_unique<Vtally_reduce>(&context_)) { reset(); }
  ~ReduceDut() { finish(*top_, context_); }
  ReduceDut(const ReduceDut&) = delete;
  ReduceDut& operator=(const ReduceDut&) = delete;

  /// What was in flight is gone afterwards.
  void reset() {
    top_->rst_ni = 0;
    top_->in_valid_i = 0;
    for (int i = 0; i < 3; ++i) {
      top_->clk_i = 0;
      top_->eval();
      top_->clk_i = 1;
      top_->eval();
      ++cycles_;
    }
    top_->rst_ni = 1;
    flying_.clear();
    last_exit_ = 0;
    next_entry_ = 0;
  }

  /// Sends all beats, `idle` percent of the cycles without one, and waits until the last is out. False after
  /// a failure, which is reported.
  bool stream(const Beats& beats, Random& random, unsigned idle = 0) {
    for (std::size_t i = 0; i < beats.size() && !failed_;) {
      if (idle != 0 && random.percent(idle)) {
        cycle(nullptr, 0);
        continue;
      }
      while (!cycle(&beats, i) && !failed_) {
      }
      ++i;
    }
    return drain();
  }

  /// Until nothing is in flight, and some cycles more.
  bool drain() {
    while (!flying_.empty() && !failed_) cycle(nullptr, 0);
    for (int i = 0; i < 3; ++i) cycle(nullptr, 0);
    return !failed_;
  }

  /// One cycle; offers a beat if there is one. True if it was taken.
  bool cycle(const Beats* beats, std::size_t index) {
    top_->in_valid_i = beats != nullptr;
    if (beats != nullptr) {
      std::memcpy(&top_->in_a_i, beats->a(index), kBeatBytes);
      std::memcpy(&top_->in_b_i, beats->b(index), kBeatBytes);
      top_->in_dtype_i = beats->dtype(index);
      top_->in_redop_i = beats->op(index);
      top_->in_user_i = user_;
    }
    top_->clk_i = 0;
    top_->eval();
    check_output();
    bool taken = false;
    if (beats != nullptr) {
      const std::uint64_t exit = cycles_ + latency_of(beats->dtype(index), beats->op(index));
      taken = cycles_ >= next_entry_ && exit > last_exit_;
      if (taken != (top_->in_ready_o != 0)) fail("in_ready_o is not as documented", *beats, index);
      if (taken) {
        flying_.push_back({beats, index, user_++, exit});
        last_exit_ = exit;
        next_entry_ = cycles_ + cycles_of(beats->dtype(index), beats->op(index));
      }
    }
    top_->clk_i = 1;
    top_->eval();
    ++cycles_;
    return taken;
  }

  [[nodiscard]] std::uint64_t cycles() const { return cycles_; }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool out_valid() const { return top_->out_valid_o != 0; }

 private:
  struct Flying {
    const Beats* beats;
    std::size_t index;
    std::uint64_t user;
    std::uint64_t exit;
  };

  void check_output() {
    const bool want = !flying_.empty() && flying_.front().exit == cycles_;
    if (want != (top_->out_valid_o != 0)) {
      failed_ = true;
      ADD_FAILURE() << "out_valid_o is " << !want << " in cycle " << cycles_ << ", "
                    << (flying_.empty() ? "with nothing in flight" : "against the latency");
    }
    if (!want) return;
    const Flying beat = flying_.front();
    flying_.pop_front();
    if (top_->out_user_o != beat.user) fail("sideband", *beat.beats, beat.index);
    if (std::memcmp(&top_->out_data_o, beat.beats->want(beat.index), kBeatBytes) != 0) {
      fail("result", *beat.beats, beat.index);
      report(*beat.beats, beat.index);
    }
  }

  void fail(const char* what, const Beats& beats, std::size_t index) {
    failed_ = true;
    ADD_FAILURE() << what << ": dtype " << int{beats.dtype(index)} << " redop " << int{beats.op(index)}
                  << " beat " << index;
  }

  void report(const Beats& beats, std::size_t index) {
    const std::size_t bytes = type_of(beats.dtype(index)).bytes;
    const auto* got = reinterpret_cast<const std::uint8_t*>(&top_->out_data_o);
    const auto hex = [bytes](const std::uint8_t* from) {
      static constexpr char kDigits[] = "0123456789abcdef";
      std::string text;
      for (std::size_t i = bytes; i-- != 0;) {
        text += kDigits[from[i] >> 4];
        text += kDigits[from[i] & 15];
      }
      return text;
    };
    for (std::size_t at = 0; at < kBeatBytes; at += bytes) {
      const std::uint8_t* want = beats.want(index) + at;
      if (std::memcmp(got + at, want, bytes) == 0) continue;
      ADD_FAILURE() << "element " << at / bytes << ": " << hex(beats.a(index) + at) << " op "
                    << hex(beats.b(index) + at) << " = " << hex(got + at) << ", expected " << hex(want);
    }
  }

  RandomContext context_;
  std::unique_ptr<Vtally_reduce> top_;
  std::deque<Flying> flying_;
  std::uint64_t cycles_ = 0;
  std::uint64_t user_ = 0;
  std::uint64_t last_exit_ = 0;
  std::uint64_t next_entry_ = 0;
  bool failed_ = false;
};

}  // namespace tally::test
