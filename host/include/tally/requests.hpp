// SPDX-License-Identifier: BSD-3-Clause
// Tally for C++20: persistent requests, and several requests at once. Include tally.hpp.
#ifndef TALLY_REQUESTS_HPP
#define TALLY_REQUESTS_HPP

#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "tally/basics.hpp"
#include "tally/tally.h"

namespace tally {

/// An operation that is started any number of times. Its buffers are in use from start() until wait() or test() has ended
/// it. Destroying one that is under way waits for it and drops its outcome.
class PersistentRequest {
 public:
  PersistentRequest() noexcept = default;
  explicit PersistentRequest(tally_request* request) noexcept : request_(request) {}
  PersistentRequest(PersistentRequest&& other) noexcept : request_(std::exchange(other.request_, nullptr)) {}
  PersistentRequest& operator=(PersistentRequest&& other) noexcept {
    std::swap(request_, other.request_);
    return *this;
  }
  ~PersistentRequest() {
    if (request_ == nullptr) return;
    (void)tally_wait(&request_, nullptr);
    (void)tally_request_free(&request_);
  }
  PersistentRequest(const PersistentRequest&) = delete;
  PersistentRequest& operator=(const PersistentRequest&) = delete;

  void start() { check(tally_request_start(request_)); }
  /// Waits for the end; an empty Result where it is not under way. Throws what went wrong.
  Result wait() {
    tally_result result = Request::empty();
    check(tally_wait(&request_, &result));
    return Request::convert(result);
  }
  /// Whether it has ended, or is not under way; then *result is set.
  [[nodiscard]] bool test(Result* result = nullptr) {
    tally_result raw = Request::empty();
    const tally_status status = tally_test(&request_, &raw);
    if (status == TALLY_AGAIN) return false;
    check(status);
    if (result != nullptr) *result = Request::convert(raw);
    return true;
  }
  void cancel() { check(tally_cancel(request_)); }
  [[nodiscard]] tally_request* handle() const noexcept { return request_; }

  /// The request that make(tally_request**) -> tally_status makes: one of the tally_*_init.
  template <typename Make>
  [[nodiscard]] static PersistentRequest made(Make make) {
    tally_request* request = nullptr;
    check(make(&request));
    return PersistentRequest(request);
  }

 private:
  tally_request* request_ = nullptr;
};

/// One of several that has ended.
struct Ended {
  std::size_t index = 0;
  tally_status status = TALLY_OK;
  Result result;
};

/// Requests of one endpoint that are waited for together, by index. Destroying it waits for what is under way.
class RequestSet {
 public:
  RequestSet() = default;
  RequestSet(RequestSet&&) noexcept = default;
  RequestSet& operator=(RequestSet&& other) noexcept {
    requests_.swap(other.requests_);
    return *this;
  }
  ~RequestSet() {
    if (!requests_.empty()) (void)tally_wait_all(requests_.data(), requests_.size());
  }
  RequestSet(const RequestSet&) = delete;
  RequestSet& operator=(const RequestSet&) = delete;

  /// Takes the request over; its index.
  std::size_t add(Request&& request) {
    requests_.push_back(nullptr);
    requests_.back() = request.release();
    return requests_.size() - 1;
  }
  [[nodiscard]] std::size_t size() const noexcept { return requests_.size(); }
  /// Whether the request of this index is under way.
  [[nodiscard]] bool active(std::size_t index) const { return requests_.at(index) != nullptr; }

  /// Waits for all; throws the first failure.
  void wait_all() { check(tally_wait_all(requests_.data(), requests_.size())); }
  /// Whether all have ended; then they are over. Throws the first failure.
  [[nodiscard]] bool test_all() {
    const tally_status status = tally_test_all(requests_.data(), requests_.size(), nullptr, nullptr);
    if (status == TALLY_AGAIN) return false;
    check(status);
    return true;
  }
  /// Waits until one has ended, of which Ended::status tells; none when none is under way. Throws where the wait itself
  /// fails.
  [[nodiscard]] std::optional<Ended> wait_any() { return any(tally_wait_any); }
  /// The same without waiting: none, too, when none has ended.
  [[nodiscard]] std::optional<Ended> test_any() { return any(tally_test_any); }
  /// Waits until at least one has ended and takes all that have; empty when none is under way.
  [[nodiscard]] std::vector<Ended> wait_some() { return some(tally_wait_some); }
  /// The same without waiting.
  [[nodiscard]] std::vector<Ended> test_some() { return some(tally_test_some); }

 private:
  template <typename Call>
  std::optional<Ended> any(Call call) {
    tally_result raw = Request::empty();
    int index = -1;
    const tally_status status = call(requests_.data(), requests_.size(), &index, &raw);
    if (index < 0) {
      if (status != TALLY_AGAIN) check(status);
      return std::nullopt;
    }
    return Ended{static_cast<std::size_t>(index), status, Request::convert(raw)};
  }
  template <typename Call>
  std::vector<Ended> some(Call call) {
    std::vector<int> indices(requests_.size());
    std::vector<tally_result> results(requests_.size(), Request::empty());
    std::vector<tally_status> statuses(requests_.size());
    int count = -1;
    const tally_status status =
        call(requests_.data(), requests_.size(), indices.data(), results.data(), statuses.data(), &count);
    if (count <= 0 && status != TALLY_AGAIN) check(status);
    std::vector<Ended> ended;
    for (std::size_t i = 0; count > 0 && i < static_cast<std::size_t>(count); ++i)
      ended.push_back({static_cast<std::size_t>(indices[i]), statuses[i], Request::convert(results[i])});
    return ended;
  }

  std::vector<tally_request*> requests_;
};

}  // namespace tally

#endif  // TALLY_REQUESTS_HPP
