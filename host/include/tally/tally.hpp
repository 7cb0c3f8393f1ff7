// SPDX-License-Identifier: BSD-3-Clause
// Tally for C++20: objects that own, spans, and exceptions over the C ABI of tally.h. Header-only.
//
// A failed call throws Error. The objects move but do not copy; each must go before the Endpoint that it was
// made from. Threads: as in tally.h, an endpoint and its objects belong to one thread at a time.
#ifndef TALLY_TALLY_HPP
#define TALLY_TALLY_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tally/tally.h"

namespace tally {

/// A failed call. what() is tally_last_error().
class Error : public std::runtime_error {
 public:
  Error(tally_status status, const std::string& text) : std::runtime_error(text), status_(status) {}
  [[nodiscard]] tally_status status() const noexcept { return status_; }

 private:
  tally_status status_;
};

/// Throws Error unless `status` is TALLY_OK.
inline void check(tally_status status) {
  if (status == TALLY_OK) return;
  throw Error(status, status == TALLY_AGAIN ? "TALLY_AGAIN: a queue is full" : tally_last_error());
}

/// The tally_dtype of a C++ type. Bytes, and types without a reduction of their own, are for bcast.
template <typename T>
[[nodiscard]] constexpr tally_dtype dtype_of() noexcept {
  using U = std::remove_cv_t<T>;
  if constexpr (std::is_same_v<U, float>) {
    return TALLY_F32;
  } else if constexpr (std::is_same_v<U, double>) {
    return TALLY_F64;
  } else if constexpr (std::is_integral_v<U> && std::is_signed_v<U> && sizeof(U) == 4) {
    return TALLY_I32;
  } else if constexpr (std::is_integral_v<U> && std::is_signed_v<U> && sizeof(U) == 8) {
    return TALLY_I64;
  } else {
    return TALLY_BYTE;
  }
}

/// Types that allreduce takes.
template <typename T>
concept Reducible = dtype_of<T>()
!= TALLY_BYTE;

/// Types whose bytes are their value.
template <typename T>
concept Plain = std::is_trivially_copyable_v<T>;

/// What a completed operation reports.
struct Result {
  int source = -1;              ///< receive: the sender's rank in the group
  int tag = -1;                 ///< receive: tag of the message
  std::uint64_t length = 0;     ///< bytes of the message
  std::uint64_t device_ns = 0;  ///< time on the device, ns; 0: no device
};

/// An operation under way. Its buffers stay valid until wait() or test() has ended it. Destroying a request
/// that is under way waits for it and drops its outcome.
class Request {
 public:
  Request() noexcept = default;
  explicit Request(tally_request* request) noexcept : request_(request) {}
  Request(Request&& other) noexcept : request_(std::exchange(other.request_, nullptr)) {}
  Request& operator=(Request&& other) noexcept {
    std::swap(request_, other.request_);
    return *this;
  }
  ~Request() {
    if (request_ != nullptr) (void)tally_wait(&request_, nullptr);
  }
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  [[nodiscard]] bool active() const noexcept { return request_ != nullptr; }
  /// Waits for the end; throws what went wrong (truncation included).
  Result wait() {
    tally_result result = empty();
    check(tally_wait(&request_, &result));
    return convert(result);
  }
  /// Whether the operation has ended; then the request is over and *result is set.
  [[nodiscard]] bool test(Result* result = nullptr) {
    tally_result raw = empty();
    const tally_status status = tally_test(&request_, &raw);
    if (status == TALLY_AGAIN) return false;
    check(status);
    if (result != nullptr) *result = convert(raw);
    return true;
  }
  /// Asks for the end of a receive: if no message has matched it, wait() and test() throw
  /// TALLY_ERR_CANCELLED.
  void cancel() { check(tally_cancel(request_)); }
  [[nodiscard]] tally_request* handle() const noexcept { return request_; }

  [[nodiscard]] static tally_result empty() noexcept {
    tally_result result{};
    result.size = sizeof result;
    return result;
  }
  [[nodiscard]] static Result convert(const tally_result& raw) noexcept {
    return {raw.source, raw.tag, raw.length, raw.device_ns};
  }

 private:
  tally_request* request_ = nullptr;
};

/// A message that mprobe took out of the queue: it alone receives it. Destroying one that was not received
/// drops the message.
class Message {
 public:
  Message() noexcept = default;
  Message(tally_message* message, const Result& info) noexcept : message_(message), info_(info) {}
  Message(Message&& other) noexcept : message_(std::exchange(other.message_, nullptr)), info_(other.info_) {}
  Message& operator=(Message&& other) noexcept {
    std::swap(message_, other.message_);
    std::swap(info_, other.info_);
    return *this;
  }
  ~Message() {
    if (message_ != nullptr) (void)tally_mrecv(&message_, nullptr, 0, nullptr);
  }
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;

  /// Whether there is a message to receive.
  [[nodiscard]] bool active() const noexcept { return message_ != nullptr; }
  [[nodiscard]] int source() const noexcept { return info_.source; }
  [[nodiscard]] int tag() const noexcept { return info_.tag; }
  /// Bytes.
  [[nodiscard]] std::uint64_t length() const noexcept { return info_.length; }
  template <Plain T>
  Result recv(std::span<T> data) {
    tally_result result = Request::empty();
    check(tally_mrecv(&message_, data.data(), data.size_bytes(), &result));
    return Request::convert(result);
  }
  template <Plain T>
  [[nodiscard]] Request recv_start(std::span<T> data) {
    tally_request* request = nullptr;
    check(tally_mrecv_start(&message_, data.data(), data.size_bytes(), &request));
    return Request(request);
  }
  [[nodiscard]] tally_message* handle() const noexcept { return message_; }

 private:
  tally_message* message_ = nullptr;
  Result info_;
};

/// Registered memory: deregistered when this object goes, which must not be while an operation uses it.
class Memory {
 public:
  Memory(tally_endpoint* endpoint, void* base, std::size_t length) {
    tally_memory* memory = nullptr;
    check(tally_memory_register(endpoint, base, length, &memory));
    memory_.reset(memory);
  }
  [[nodiscard]] tally_memory* handle() const noexcept { return memory_.get(); }

 private:
  struct Deregister {
    void operator()(tally_memory* memory) const noexcept { (void)tally_memory_deregister(memory); }
  };
  std::unique_ptr<tally_memory, Deregister> memory_;
};

/// An ordered set of ranks: messages and collectives among them. From Endpoint::all() or Endpoint::group().
class Group {
 public:
  [[nodiscard]] int rank() const {
    int rank = 0;
    check(group_ ? tally_group_rank(group_.get(), &rank) : tally_endpoint_rank(endpoint_, &rank));
    return rank;
  }
  [[nodiscard]] int size() const {
    int size = 0;
    check(group_ ? tally_group_size(group_.get(), &size) : tally_endpoint_size(endpoint_, &size));
    return size;
  }
  /// "auto" or a name of `tally info`. Not for the group of all ranks.
  void set_algorithm(const std::string& name) {
    check(tally_group_set_algorithm(group_.get(), name.c_str()));
  }
  /// nullptr for the group of all ranks.
  [[nodiscard]] tally_group* handle() const noexcept { return group_.get(); }

  // --- tagged messages

  template <Plain T>
  void send(std::span<const T> data, int destination, int tag) {
    check(tally_send(endpoint_, group_.get(), data.data(), data.size_bytes(), destination, tag));
  }
  template <Plain T>
  Result recv(std::span<T> data, int source = TALLY_ANY_SOURCE, int tag = TALLY_ANY_TAG) {
    tally_result result = Request::empty();
    check(tally_recv(endpoint_, group_.get(), data.data(), data.size_bytes(), source, tag, &result));
    return Request::convert(result);
  }
  template <Plain T>
  [[nodiscard]] Request send_start(std::span<const T> data, int destination, int tag) {
    return started([&](tally_request** request) {
      return tally_send_start(endpoint_, group_.get(), data.data(), data.size_bytes(), destination, tag,
                              request);
    });
  }
  template <Plain T>
  [[nodiscard]] Request recv_start(std::span<T> data, int source = TALLY_ANY_SOURCE,
                                   int tag = TALLY_ANY_TAG) {
    return started([&](tally_request** request) {
      return tally_recv_start(endpoint_, group_.get(), data.data(), data.size_bytes(), source, tag, request);
    });
  }

  /// Waits for a message that matches and tells of it; it stays where it is.
  [[nodiscard]] Result probe(int source = TALLY_ANY_SOURCE, int tag = TALLY_ANY_TAG) {
    tally_result result = Request::empty();
    check(tally_probe(endpoint_, group_.get(), source, tag, &result));
    return Request::convert(result);
  }
  /// The same without waiting.
  [[nodiscard]] std::optional<Result> iprobe(int source = TALLY_ANY_SOURCE, int tag = TALLY_ANY_TAG) {
    int found = 0;
    tally_result result = Request::empty();
    check(tally_iprobe(endpoint_, group_.get(), source, tag, &found, &result));
    return found == 0 ? std::nullopt : std::optional(Request::convert(result));
  }
  /// Waits for a message that matches and takes it out of the queue.
  [[nodiscard]] Message mprobe(int source = TALLY_ANY_SOURCE, int tag = TALLY_ANY_TAG) {
    tally_message* message = nullptr;
    tally_result result = Request::empty();
    check(tally_mprobe(endpoint_, group_.get(), source, tag, &message, &result));
    return Message(message, Request::convert(result));
  }
  /// The same without waiting.
  [[nodiscard]] std::optional<Message> improbe(int source = TALLY_ANY_SOURCE, int tag = TALLY_ANY_TAG) {
    int found = 0;
    tally_message* message = nullptr;
    tally_result result = Request::empty();
    check(tally_improbe(endpoint_, group_.get(), source, tag, &found, &message, &result));
    return found == 0 ? std::nullopt
                      : std::optional<Message>(std::in_place, message, Request::convert(result));
  }

  // --- collectives

  /// output[i] = input[i] op ... over all ranks. The spans have one size; they are the same memory or do not
  /// overlap.
  template <Reducible T>
  void allreduce(std::span<const T> input, std::span<T> output, tally_op op) {
    same_size(input.size(), output.size());
    check(tally_allreduce(endpoint_, group_.get(), input.data(), output.data(), input.size(), dtype_of<T>(),
                          op));
  }
  /// In place.
  template <Reducible T>
  void allreduce(std::span<T> data, tally_op op) {
    allreduce(std::span<const T>(data), data, op);
  }
  template <Plain T>
  void bcast(std::span<T> data, int root) {
    check(tally_bcast(endpoint_, group_.get(), data.data(), count_of(data), dtype_of<T>(), root));
  }
  void barrier() { check(tally_barrier(endpoint_, group_.get())); }
  template <Reducible T>
  [[nodiscard]] Request allreduce_start(std::span<const T> input, std::span<T> output, tally_op op) {
    same_size(input.size(), output.size());
    return started([&](tally_request** request) {
      return tally_allreduce_start(endpoint_, group_.get(), input.data(), output.data(), input.size(),
                                   dtype_of<T>(), op, request);
    });
  }
  template <Plain T>
  [[nodiscard]] Request bcast_start(std::span<T> data, int root) {
    return started([&](tally_request** request) {
      return tally_bcast_start(endpoint_, group_.get(), data.data(), count_of(data), dtype_of<T>(), root,
                               request);
    });
  }
  [[nodiscard]] Request barrier_start() {
    return started(
        [&](tally_request** request) { return tally_barrier_start(endpoint_, group_.get(), request); });
  }

 private:
  friend class Endpoint;
  struct Free {
    void operator()(tally_group* group) const noexcept { (void)tally_group_free(group); }
  };
  explicit Group(tally_endpoint* endpoint, tally_group* group = nullptr) noexcept
      : endpoint_(endpoint), group_(group) {}

  template <typename Start>
  [[nodiscard]] static Request started(Start start) {
    tally_request* request = nullptr;
    check(start(&request));
    return Request(request);
  }
  template <typename T>
  [[nodiscard]] static std::size_t count_of(std::span<T> data) noexcept {
    return dtype_of<T>() == TALLY_BYTE ? data.size_bytes() : data.size();
  }
  static void same_size(std::size_t input, std::size_t output) {
    if (input == output) return;
    throw Error(TALLY_ERR_ARGUMENT, "allreduce: output has " + std::to_string(output) + " elements, input " +
                                        std::to_string(input));
  }

  tally_endpoint* endpoint_;
  std::unique_ptr<tally_group, Free> group_;
};

/// A process's place in the job.
class Endpoint {
 public:
  /// `engine`: as in tally_endpoint_open.
  explicit Endpoint(const char* engine = nullptr) {
    tally_endpoint* endpoint = nullptr;
    check(tally_endpoint_open(engine, &endpoint));
    endpoint_.reset(endpoint);
  }
  /// Leaves the job and tells what went wrong; the destructor leaves silently.
  void close() {
    check(tally_endpoint_close(endpoint_.get()));
    (void)endpoint_.release();
  }
  [[nodiscard]] int rank() const { return all().rank(); }
  [[nodiscard]] int size() const { return all().size(); }
  [[nodiscard]] std::string engine() const {
    const char* name = nullptr;
    check(tally_endpoint_engine(endpoint_.get(), &name));
    return name;
  }
  [[nodiscard]] tally_counters counters() const {
    tally_counters counters{};
    counters.size = sizeof counters;
    check(tally_endpoint_counters(endpoint_.get(), &counters));
    return counters;
  }
  void progress() { check(tally_endpoint_progress(endpoint_.get())); }
  /// Registers the memory of `data`, which outlives the result.
  template <typename T>
  [[nodiscard]] Memory register_memory(std::span<T> data) {
    return Memory(endpoint_.get(), const_cast<std::remove_cv_t<T>*>(data.data()), data.size_bytes());
  }
  /// All ranks of the job.
  [[nodiscard]] Group all() const noexcept { return Group(endpoint_.get()); }
  /// A group of these job ranks; collective over them.
  [[nodiscard]] Group group(std::span<const int> ranks) {
    tally_group* group = nullptr;
    check(tally_group_create(endpoint_.get(), ranks.data(), static_cast<int>(ranks.size()), &group));
    return Group(endpoint_.get(), group);
  }
  [[nodiscard]] tally_endpoint* handle() const noexcept { return endpoint_.get(); }

 private:
  struct Close {
    void operator()(tally_endpoint* endpoint) const noexcept { (void)tally_endpoint_close(endpoint); }
  };
  std::unique_ptr<tally_endpoint, Close> endpoint_;
};

}  // namespace tally

#endif  // TALLY_TALLY_HPP
