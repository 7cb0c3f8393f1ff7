// SPDX-License-Identifier: BSD-3-Clause
// The Verilated tally_reduce with a scoreboard: every beat that goes in must come out, in order, with its
// sideband and with the bytes of tests/numerics/oracle.hpp.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "Vtally_reduce.h"
#include "numerics/oracle.hpp"
#include "support/coverage.hpp"
#include "support/random_context.hpp"

namespace tally::test {

using BeatData = std::array<std::uint64_t, 8>;

struct Beat {
  BeatData a{};
  BeatData b{};
  std::uint8_t dtype = 0;
  std::uint8_t redop = 0;
  std::uint64_t user = 0;
};

/// The oracle on each element of a beat. Types of 4 bytes fill the beat with 16 of them.
inline BeatData expected(const Beat& beat) {
  BeatData r{};
  const auto dtype = static_cast<tally_dtype>(beat.dtype);
  const auto op = static_cast<tally_op>(beat.redop);
  for (std::size_t i = 0; i < 8; ++i) {
    if (dtype == TALLY_I32 || dtype == TALLY_F32) {
      const std::uint64_t low = 0xffffffffu;
      r[i] = oracle(dtype, op, beat.a[i] & low, beat.b[i] & low) |
             oracle(dtype, op, beat.a[i] >> 32, beat.b[i] >> 32) << 32;
    } else {
      r[i] = oracle(dtype, op, beat.a[i], beat.b[i]);
    }
  }
  return r;
}

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
    top_->out_ready_i = 0;
    for (int i = 0; i < 3; ++i) edge();
    top_->rst_ni = 1;
    offered_.reset();
    flying_.clear();
  }

  /// One clock cycle. A beat that is offered stays offered until it is taken.
  void cycle(bool ready) {
    top_->in_valid_i = offered_.has_value();
    top_->out_ready_i = ready;
    top_->clk_i = 0;
    top_->eval();
    in_ready_ = top_->in_ready_o != 0;
    if (top_->out_valid_o && ready) take();
    if (offered_ && in_ready_) {
      flying_.push_back({offered_->user, expected(*offered_), *offered_, cycles_});
      offered_.reset();
    }
    edge();
  }

  [[nodiscard]] bool offering() const { return offered_.has_value(); }
  void offer(const Beat& beat) {
    offered_ = beat;
    std::memcpy(&top_->in_a_i, beat.a.data(), 64);
    std::memcpy(&top_->in_b_i, beat.b.data(), 64);
    top_->in_dtype_i = beat.dtype;
    top_->in_redop_i = beat.redop;
    top_->in_user_i = beat.user;
  }

  /// Runs `beats` beats of next() through; idle and stall are percentages of cycles. Fails if it takes too
  /// long.
  void stream(std::uint64_t beats, const std::function<Beat()>& next, Random& random, unsigned idle,
              unsigned stall) {
    const std::uint64_t end = taken_ + beats;
    // Idle and stall below 100 leave progress with overwhelming probability.
    const std::uint64_t limit = cycles_ + 1000 + beats * 10000 / ((100 - idle) * (100 - stall)) * 4;
    std::uint64_t sent = 0;
    while (taken_ < end && !failed_) {
      if (!offering() && sent < beats && !(idle != 0 && random.percent(idle))) {
        offer(next());
        ++sent;
      }
      cycle(stall == 0 || !random.percent(stall));
      ASSERT_LT(cycles_, limit) << "the pipeline stands: " << sent << " beats in, " << taken_ << " out";
    }
    ASSERT_FALSE(failed_);
  }

  [[nodiscard]] std::uint64_t cycles() const { return cycles_; }
  [[nodiscard]] std::uint64_t taken() const { return taken_; }
  [[nodiscard]] std::uint64_t last_latency() const { return last_latency_; }
  [[nodiscard]] bool in_ready() const { return in_ready_; }
  [[nodiscard]] bool out_valid() const { return top_->out_valid_o != 0; }
  [[nodiscard]] std::size_t in_flight() const { return flying_.size(); }

 private:
  struct Flying {
    std::uint64_t user;
    BeatData data;
    Beat operands;
    std::uint64_t cycle;
  };

  void edge() {
    top_->clk_i = 0;
    top_->eval();
    top_->clk_i = 1;
    top_->eval();
    ++cycles_;
  }

  void take() {
    ++taken_;
    if (flying_.empty()) {
      failed_ = true;
      ADD_FAILURE() << "a beat came out that never went in, user " << top_->out_user_o;
      return;
    }
    const Flying want = flying_.front();
    flying_.pop_front();
    last_latency_ = cycles_ - want.cycle;
    BeatData got{};
    std::memcpy(got.data(), &top_->out_data_o, 64);
    if (got == want.data && top_->out_user_o == want.user) return;
    failed_ = true;
    ADD_FAILURE() << "sideband " << top_->out_user_o << ", expected " << want.user;
    for (std::size_t i = 0; i < 8; ++i) {
      if (got[i] == want.data[i]) continue;
      ADD_FAILURE() << std::hex << "dtype " << int{want.operands.dtype} << " redop "
                    << int{want.operands.redop} << " word " << i << ": " << want.operands.a[i] << " op "
                    << want.operands.b[i] << " = " << got[i] << ", expected " << want.data[i];
    }
  }

  RandomContext context_;
  std::unique_ptr<Vtally_reduce> top_;
  std::optional<Beat> offered_;
  std::deque<Flying> flying_;
  std::uint64_t cycles_ = 0;
  std::uint64_t taken_ = 0;
  std::uint64_t last_latency_ = 0;
  bool in_ready_ = false;
  bool failed_ = false;
};

}  // namespace tally::test
