// SPDX-License-Identifier: BSD-3-Clause
// Tally for C++20: objects that own, spans, and exceptions over the C ABI of tally.h. Header-only.
//
// A failed call throws Error. The objects move but do not copy; each must go before the Endpoint that it was
// made from. Threads: as in tally.h, an endpoint and its objects belong to one thread at a time,
// unless it was opened for TALLY_THREAD_MULTIPLE.
#ifndef TALLY_TALLY_HPP
#define TALLY_TALLY_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include "tally/basics.hpp"
#include "tally/collectives.hpp"
#include "tally/one_sided.hpp"
#include "tally/requests.hpp"
#include "tally/tally.h"

namespace tally {

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
    endpoint_ = endpoint;
  }
  /// Lets others reach it: `access` is TALLY_ACCESS_*, one or more of them.
  [[nodiscard]] Exported exported(unsigned access = TALLY_ACCESS_ALL) const {
    return Exported(endpoint_, memory_.get(), access);
  }
  [[nodiscard]] tally_memory* handle() const noexcept { return memory_.get(); }

 private:
  struct Deregister {
    void operator()(tally_memory* memory) const noexcept { (void)tally_memory_deregister(memory); }
  };
  std::unique_ptr<tally_memory, Deregister> memory_;
  tally_endpoint* endpoint_ = nullptr;
};

/// An ordered set of ranks: messages and collectives among them. From Endpoint::all() or Endpoint::group().
class Group : public Collectives<Group> {
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
  /// The same ranks with a message space of its own: channel 1 or 2. Not to outlive this group.
  [[nodiscard]] tally_group* channel(int number) const {
    tally_group* channel = nullptr;
    check(tally_group_channel(endpoint_, group_.get(), number, &channel));
    return channel;
  }
  /// nullptr for the group of all ranks.
  [[nodiscard]] tally_group* handle() const noexcept { return group_.get(); }
  [[nodiscard]] tally_endpoint* endpoint() const noexcept { return endpoint_; }

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
    return Request::started([&](tally_request** request) {
      return tally_send_start(endpoint_, group_.get(), data.data(), data.size_bytes(), destination, tag,
                              request);
    });
  }
  template <Plain T>
  [[nodiscard]] Request recv_start(std::span<T> data, int source = TALLY_ANY_SOURCE,
                                   int tag = TALLY_ANY_TAG) {
    return Request::started([&](tally_request** request) {
      return tally_recv_start(endpoint_, group_.get(), data.data(), data.size_bytes(), source, tag, request);
    });
  }

  /// Ends only when a receive has matched the message.
  template <Plain T>
  void ssend(std::span<const T> data, int destination, int tag) {
    check(tally_ssend(endpoint_, group_.get(), data.data(), data.size_bytes(), destination, tag));
  }
  template <Plain T>
  [[nodiscard]] Request ssend_start(std::span<const T> data, int destination, int tag) {
    return Request::started([&](tally_request** request) {
      return tally_ssend_start(endpoint_, group_.get(), data.data(), data.size_bytes(), destination, tag, request);
    });
  }
  /// Persistent ones; each start() takes the data of then.
  template <Plain T>
  [[nodiscard]] PersistentRequest send_init(std::span<const T> data, int destination, int tag) {
    return PersistentRequest::made([&](tally_request** request) {
      return tally_send_init(endpoint_, group_.get(), data.data(), data.size_bytes(), destination, tag, request);
    });
  }
  template <Plain T>
  [[nodiscard]] PersistentRequest ssend_init(std::span<const T> data, int destination, int tag) {
    return PersistentRequest::made([&](tally_request** request) {
      return tally_ssend_init(endpoint_, group_.get(), data.data(), data.size_bytes(), destination, tag, request);
    });
  }
  template <Plain T>
  [[nodiscard]] PersistentRequest recv_init(std::span<T> data, int source = TALLY_ANY_SOURCE, int tag = TALLY_ANY_TAG) {
    return PersistentRequest::made([&](tally_request** request) {
      return tally_recv_init(endpoint_, group_.get(), data.data(), data.size_bytes(), source, tag, request);
    });
  }
  /// Messages of bytes in several places, one behind the other.
  [[nodiscard]] Request sendv_start(std::span<const tally_segment> segments, int destination, int tag) {
    return Request::started([&](tally_request** request) {
      return tally_sendv_start(endpoint_, group_.get(), segments.data(), segments.size(), destination, tag, request);
    });
  }
  [[nodiscard]] Request recvv_start(std::span<const tally_segment> segments, int source = TALLY_ANY_SOURCE,
                                    int tag = TALLY_ANY_TAG) {
    return Request::started([&](tally_request** request) {
      return tally_recvv_start(endpoint_, group_.get(), segments.data(), segments.size(), source, tag, request);
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

 private:
  friend class Endpoint;
  struct Free {
    void operator()(tally_group* group) const noexcept { (void)tally_group_free(group); }
  };
  explicit Group(tally_endpoint* endpoint, tally_group* group = nullptr) noexcept
      : endpoint_(endpoint), group_(group) {}


  tally_endpoint* endpoint_;
  std::unique_ptr<tally_group, Free> group_;
};

/// A process's place in the job.
class Endpoint : public OneSided<Endpoint> {
 public:
  /// `engine`: as in tally_endpoint_open.
  explicit Endpoint(const char* engine = nullptr) {
    tally_endpoint* endpoint = nullptr;
    check(tally_endpoint_open(engine, &endpoint));
    endpoint_.reset(endpoint);
  }
  /// options.size is set here.
  explicit Endpoint(tally_options options) {
    options.size = sizeof options;
    tally_endpoint* endpoint = nullptr;
    check(tally_endpoint_open_with(&options, &endpoint));
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
