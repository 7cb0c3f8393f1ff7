// SPDX-License-Identifier: BSD-3-Clause
// The Verilated tally_match: operations of one endpoint, their results and cycles.
#pragma once

#include <Vtally_match.h>
#include <verilated.h>

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "bench/match_depth/list_model.hpp"

namespace tally::bench {

/// Results, as tally_match gives them.
struct Answer {
  bool post = false;
  unsigned result = 0;
  std::uint32_t payload = 0;          ///< of the entry that was hit
  std::uint64_t taken = 0, done = 0;  ///< cycles of handshake and result
};

class Unit {
 public:
  static constexpr unsigned kAppended = 0, kPostHit = 1;   // post_result_o
  static constexpr unsigned kArrivalHit = 0, kStored = 1;  // arr_result_o

  Unit() : top_(&context_) {
    top_.clk_i = 0;
    top_.rst_ni = 0;
    for (int i = 0; i < 3; ++i) clock();
    top_.rst_ni = 1;
    for (int i = 0; i < 4; ++i) reinterpret_cast<std::uint16_t*>(&top_.unexpected_quota_i)[i] = 0xffff;
    top_.arr_storable_i = 1;
    for (int i = 0; i < 100000 && !top_.idle_o; ++i) clock();
  }
  ~Unit() { top_.final(); }
  Unit(const Unit&) = delete;
  Unit& operator=(const Unit&) = delete;

  /// Offers an operation until it is taken; results are collected meanwhile.
  void post(const Key& key, unsigned handle, std::uint32_t payload) {
    top_.post_valid_i = 1;
    top_.post_op_i = 0;
    top_.post_context_i = key.context;
    top_.post_source_i = key.source;
    top_.post_tag_i = key.tag;
    top_.post_any_source_i = key.any_source;
    top_.post_any_tag_i = key.any_tag;
    top_.post_handle_i = static_cast<std::uint16_t>(handle);
    std::memcpy(&top_.post_payload_i, &payload, sizeof(payload));
    until([&] { return top_.post_ready_o != 0; }, true);
    top_.post_valid_i = 0;
  }
  void arrive(const Key& key, std::uint32_t payload) {
    top_.arr_valid_i = 1;
    top_.arr_context_i = key.context;
    top_.arr_source_i = key.source;
    top_.arr_tag_i = key.tag;
    std::memcpy(&top_.arr_payload_i, &payload, sizeof(payload));
    until([&] { return top_.arr_ready_o != 0; }, false);
    top_.arr_valid_i = 0;
  }

  /// Waits for all results; then the answers since the last call.
  std::vector<Answer> answers() {
    for (int i = 0; i < 100 && done_ != all_.size(); ++i) clock();
    if (done_ != all_.size()) throw std::runtime_error("the match unit gives no result");
    done_ = 0;
    return std::exchange(all_, {});
  }

 private:
  template <class Ready>
  void until(Ready&& ready, bool is_post) {
    for (int i = 0; i < 100000; ++i) {
      top_.eval();
      if (ready()) {
        all_.push_back({is_post, 0, 0, cycle_, 0});
        clock();
        return;
      }
      clock();
    }
    throw std::runtime_error("the match unit takes no operation");
  }

  void clock() {
    top_.clk_i = 1;
    top_.eval();
    ++cycle_;
    top_.clk_i = 0;
    top_.eval();
    if (top_.rst_ni == 0 || (!top_.post_done_o && !top_.arr_done_o)) return;
    Answer& answer = all_.at(done_++);  // results come in the order of the operations
    answer.done = cycle_;
    answer.result = answer.post ? top_.post_result_o : top_.arr_result_o;
    std::memcpy(&answer.payload,
                answer.post ? static_cast<const void*>(&top_.post_unexp_payload_o)
                            : static_cast<const void*>(&top_.arr_posted_payload_o),
                sizeof(answer.payload));
  }

  VerilatedContext context_;
  Vtally_match top_;
  std::uint64_t cycle_ = 0;
  std::vector<Answer> all_;
  std::size_t done_ = 0;
};

}  // namespace tally::bench
