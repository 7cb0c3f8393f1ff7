// SPDX-License-Identifier: BSD-3-Clause
// Storage that grows to what a program needs and then allocates no more.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "engine/engine.hpp"

namespace tally::soft {

/// Objects that are reused, not destroyed: take() gives one in whatever state give() got it.
template <typename T>
class Pool {
 public:
  [[nodiscard]] T* take() {
    if (free_.empty()) grow();
    T* object = free_.back();
    free_.pop_back();
    return object;
  }
  void give(T* object) noexcept { free_.push_back(object); }  // never beyond the capacity of grow()

 private:
  void grow() {
    constexpr std::size_t kBlock = sizeof(T) > 1024 ? 8 : 64;
    free_.reserve((blocks_.size() + 1) * kBlock);
    blocks_.push_back(std::make_unique<T[]>(kBlock));
    for (std::size_t i = kBlock; i-- > 0;) free_.push_back(&blocks_.back()[i]);
  }
  std::vector<std::unique_ptr<T[]>> blocks_;
  std::vector<T*> free_;
};

/// First in, first out, linked through T::next.
template <typename T>
class Fifo {
 public:
  [[nodiscard]] bool empty() const noexcept { return head_ == nullptr; }
  [[nodiscard]] T* front() const noexcept { return head_; }
  void push(T* object) noexcept {
    object->next = nullptr;
    (head_ == nullptr ? head_ : tail_->next) = object;
    tail_ = object;
  }
  T* pop() noexcept { return std::exchange(head_, head_->next); }

 private:
  T* head_ = nullptr;
  T* tail_ = nullptr;
};

/// Ring of values that doubles when it is full.
template <typename T>
class GrowingRing {
 public:
  [[nodiscard]] bool empty() const noexcept { return head_ == tail_; }
  void push(const T& value) { add() = value; }
  /// The place of a new last value, which the caller writes.
  [[nodiscard]] T& add() {
    if (tail_ - head_ == values_.size()) grow();
    return values_[tail_++ & (values_.size() - 1)];
  }
  [[nodiscard]] std::size_t size() const noexcept { return tail_ - head_; }
  [[nodiscard]] T& front() noexcept { return values_[head_ & (values_.size() - 1)]; }
  void drop() noexcept { ++head_; }
  T pop() noexcept { return values_[head_++ & (values_.size() - 1)]; }

 private:
  void grow() {
    std::vector<T> larger(values_.size() * 2);
    const std::size_t held = tail_ - head_;
    for (std::size_t i = 0; i < held; ++i) larger[i] = values_[(head_ + i) & (values_.size() - 1)];
    values_ = std::move(larger);
    head_ = 0;
    tail_ = held;
  }
  std::vector<T> values_ = std::vector<T>(64);
  std::size_t head_ = 0;
  std::size_t tail_ = 0;
};

/// Completions until they are polled. While a poll is under way and there are no older ones they go straight
/// to where the caller of it wants them.
class Completions {
 public:
  void begin_poll(Completion* out, std::size_t size) noexcept {
    next_ = out;
    end_ = kept_.empty() ? out + size : out;
  }
  /// Writes kept ones behind those that were added since begin_poll; the number of all that were written.
  std::size_t end_poll(Completion* out, std::size_t size) noexcept {
    while (next_ != out + size && !kept_.empty()) {
      next_++->copy(kept_.front());
      kept_.drop();
    }
    const auto written = static_cast<std::size_t>(next_ - out);
    next_ = end_ = nullptr;
    return written;
  }
  [[nodiscard]] bool empty() const noexcept { return kept_.empty(); }
  /// The place of a new one, which the caller writes.
  [[nodiscard]] Completion& add() { return next_ != end_ ? *next_++ : kept_.add(); }
  void push(const Completion& completion) { add() = completion; }

 private:
  GrowingRing<Completion> kept_;
  Completion* next_ = nullptr;
  Completion* end_ = nullptr;
};

}  // namespace tally::soft
