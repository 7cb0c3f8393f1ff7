// SPDX-License-Identifier: BSD-3-Clause
// A process's place in the job: everything behind tally_endpoint.
//
// Calls below check what depends on the endpoint's state and answer with a Status; NULL handles are the C
// layer's.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "api/collectives.hpp"
#include "api/contexts.hpp"
#include "api/endpoint_lock.hpp"
#include "api/memory_cache.hpp"
#include "api/objects.hpp"
#include "api/one_sided.hpp"
#include "api/outcomes.hpp"
#include "api/own_types.hpp"
#include "api/software_collectives.hpp"
#include "api/segments.hpp"
#include "engine/engine.hpp"
#include "job/job.hpp"

struct tally_endpoint {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr const char* kJobEnds = "the job is being ended";
  static constexpr std::chrono::milliseconds kSleep{10};  ///< one pause; bounds how late a failed job or a broken context is seen

  /// Joins the job. Throws job::Error where the job cannot be joined. options.size is sizeof(tally_options).
  static tally::Status open(const tally_options& options, std::unique_ptr<tally_endpoint>* endpoint);
  tally_endpoint(const tally_endpoint&) = delete;
  tally_endpoint& operator=(const tally_endpoint&) = delete;
  ~tally_endpoint();
  /// Waits for sends, leaves the job. The caller destroys the object after TALLY_OK.
  tally::Status close();

  /// Held around each call where threads share the endpoint; see Entry in calls.hpp.
  [[nodiscard]] bool shared() const noexcept { return shared_; }
  [[nodiscard]] tally::api::EndpointLock& lock() noexcept { return lock_; }

  [[nodiscard]] int rank() const noexcept { return job_.rank; }
  [[nodiscard]] int size() const noexcept { return job_.size; }
  [[nodiscard]] const tally::Capabilities& capabilities() const noexcept { return engine_->capabilities(); }
  [[nodiscard]] tally_group* all_ranks() noexcept { return groups_.front().get(); }
  [[nodiscard]] tally_counters counters() const;

  // memory
  tally::Status register_memory(void* base, std::size_t length, tally_memory** memory);
  tally::Status deregister_memory(tally_memory* memory);
  /// The region that holds the buffer; nullptr for an empty one. With the memory cache it is registered where it is
  /// not, and TALLY_AGAIN tells that there will be room for it. `keep`: a region that is not yet in use and stays.
  tally::Status find_region(const char* argument, const void* buffer, std::size_t length, const tally_memory* keep,
                            tally_memory** region);

  // one-sided operations; arguments are those of tally.h
  /// What a key of this job says.
  tally::Status open_key(const tally_remote_key& bytes, tally::api::RemoteKey* key) const;
  tally::Status export_memory(tally_memory* memory, unsigned access, tally_remote_key* key);
  /// Waits for what is under way by the key.
  tally::Status release_key(const tally_remote_key& key);
  /// Of `call`, all but region and key.
  tally::Status start_one_sided(tally::api::OneSidedCall call, const tally_remote_key& key, tally_request** request);
  tally::Status start_flush(int rank, tally_request** request);

  // operations; arguments are those of tally.h and are checked here
  tally::Status start_send(tally_group& group, const void* buffer, std::size_t length, int destination,
                           int tag, bool synchronous, tally_request** request);
  tally::Status start_receive(tally_group& group, void* buffer, std::size_t length, int source, int tag,
                              tally_request** request);
  /// The message stays claimed unless the receive was posted; then *message is nullptr.
  tally::Status start_matched_receive(tally_message** message, void* buffer, std::size_t length,
                                      tally_request** request);
  /// The request is under way or complete.
  tally::Status cancel(tally_request& request);
  /// Looks for a message; *found tells, and what else is not nullptr is written only when it was. `message`
  /// not nullptr: the message is claimed.
  tally::Status probe_now(tally_group& group, int source, int tag, bool* found, tally_message** message,
                          tally_result* result);
  /// The same until there is one.
  tally::Status probe(tally_group& group, int source, int tag, tally_message** message, tally_result* result);
  /// request nullptr: only checks.
  tally::Status start_collective(tally_group& group, const tally::api::CollectiveCall& call,
                                 tally_request** request);

  // the same with lists of segments
  tally::Status start_send(tally_group& group, const tally_segment* segments, std::size_t count, int destination, int tag,
                           tally_request** request);
  tally::Status start_receive(tally_group& group, const tally_segment* segments, std::size_t count, int source, int tag,
                              tally_request** request);
  // persistent requests, made inactive
  tally::Status make_send(tally_group& group, const void* buffer, std::size_t length, int destination, int tag,
                          bool synchronous, tally_request** request);
  tally::Status make_receive(tally_group& group, void* buffer, std::size_t length, int source, int tag,
                             tally_request** request);
  tally::Status make_collective(tally_group& group, const tally::api::CollectiveCall& call, tally_request** request);
  tally::Status start(tally_request& request);
  /// The same for several, waiting where there is no room.
  tally::Status start_all(tally_request** requests, std::size_t count);
  /// Frees any request. What it has under way goes on, and nobody hears of its end.
  void free_request(tally_request** request) noexcept;

  // completion; `result` may be nullptr, its size has been checked. A request that is nullptr, or persistent and not under
  // way, has nothing to wait for. An operation that has ended is freed, and its handle, unless it is persistent, nullptr.
  /// Where the operation of a request is noted: itself or, of a persistent one, in it.
  [[nodiscard]] static tally_request** operation_of(tally_request** request) noexcept {
    return *request != nullptr && (*request)->kind == tally_request::Kind::kPersistent ? &(*request)->operation : request;
  }
  /// Takes completions; the number of them.
  std::size_t progress();
  tally::Status test(tally_request** request, tally_result* result);
  tally::Status wait(tally_request** request, tally_result* result);
  tally::Status wait_all(tally_request** requests, std::size_t count, const tally::api::Outcomes& outcomes);
  /// TALLY_AGAIN: not all have ended, and none has been freed.
  tally::Status test_all(tally_request** requests, std::size_t count, const tally::api::Outcomes& outcomes);
  /// *index: the request that has ended, with the status that is returned; -1: none is under way, or the wait itself fails.
  tally::Status wait_any(tally_request** requests, std::size_t count, int* index, tally_result* result);
  tally::Status test_any(tally_request** requests, std::size_t count, int* index, tally_result* result);
  /// The same for all that have ended, at least one. *ended: how many; -1: none is under way.
  tally::Status wait_some(tally_request** requests, std::size_t count, int* indices, const tally::api::Outcomes& outcomes,
                          int* ended);
  tally::Status test_some(tally_request** requests, std::size_t count, int* indices, const tally::api::Outcomes& outcomes,
                          int* ended);
  tally::Status wait_until(int (*done)(void*), void* argument);
  void wake();
  void on_wait(void (*describe)(void*, char*, std::size_t), void* argument) noexcept {
    describe_ = describe;
    describe_argument_ = argument;
  }
  void on_counters(void (*add)(void*, tally_counters*), void* argument) noexcept {
    add_counters_ = add;
    add_counters_argument_ = argument;
  }
  /// Calls start(&request) until the queues have room, then waits.
  template <typename Start>
  tally::Status run(Start start, tally_result* result) {
    tally_request* request = nullptr;
    tally::Status status = start(&request);
    if (status.ok() && request->state == tally_request::State::kDone) return finish(&request, result);
    Waiting waiting(*this);
    for (;; status = start(&request)) {
      if (status.ok()) break;
      if (status.code() != TALLY_AGAIN) return status;
      if (progress() != 0) continue;
      status = idle(waiting, nullptr);
      if (!status.ok()) return status;
    }
    return wait(&request, result, waiting);
  }

  [[nodiscard]] tally::api::OwnTypes& own_types() noexcept { return own_types_; }

  // groups
  /// `key` tells apart what different threads create of the same ranks at the same time.
  tally::Status create_group(const int* ranks, int size, std::uint64_t key, tally_group** group);
  tally::Status open_channel(tally_group& group, int channel, tally_group** out);
  tally::Status free_group(tally_group* group);
  tally::Status set_algorithm(tally_group& group, const char* name);

 private:
  friend class tally::api::SoftwareCollectives;
  friend class tally::api::OneSided;
  /// A context that this rank leads, after its own free: it is free when the members have said so, too.
  struct Freed {
    std::uint16_t context = 0;
    std::vector<tally_request*> pending;
  };
  /// Registered memory that messages of the library itself go through. One slot for each group that is being
  /// created: several threads may be at it.
  struct alignas(64) Control {
    std::uint64_t out[2];
    std::uint64_t in[2];
    bool used;
  };
  static constexpr std::size_t kControls = 16;
  /// What a wait remembers from one look to the next.
  struct Waiting : tally::api::Watch {
    explicit Waiting(tally_endpoint& owner) : endpoint(owner), warn_after(owner.warn_after_) {}
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    ~Waiting() {
      if (published) [[unlikely]]
        endpoint.withdraw_wait();
      if (endpoint.shared_) endpoint.end_wait(*this);
    }
    tally_endpoint& endpoint;
    unsigned spins = 0;
    unsigned seen = 0;         ///< completions, of whatever operation
    bool begun = false;        ///< it is longer than the spins
    bool published = false;    ///< the launcher knows of it
    Clock::time_point started;
    Clock::time_point next_look;
    std::chrono::duration<double> warn_after;
    std::uint64_t activity = 0;  ///< at the last look at it
    bool looked = false;         ///< at it, since it was told last
    Clock::time_point abort_asked{};
    Clock::time_point left_seen{};       ///< the receiver of the send is gone
    tally_request** culprit = nullptr;   ///< of several requests, the one for which the wait fails
    // of an endpoint that threads share, see sharing.cpp
    bool looks = false;       ///< for more than the end of watched operations
    bool background = false;  ///< it is the progress thread's
    std::thread::id thread;   ///< of one that has polled
    std::atomic<std::uint32_t> asleep{0};
    Waiting* next = nullptr;  ///< of followers_
    std::string probe;                   ///< what a probe looks for
    std::chrono::microseconds pause{0};  ///< 0: until the engine has news, at most kSleep
  };

  explicit tally_endpoint(tally::job::Membership job) : job_(std::move(job)) {}

  /// Leaves the counters in the segment, for who asks.
  void tell_counters();

  // requests
  tally_request* new_request(tally_request::Kind kind, tally_group& group);
  [[gnu::cold]] void add_requests();
  void release(tally_request& request) noexcept {
    request.state = tally_request::State::kFree;
    request.next_free = free_requests_;
    free_requests_ = &request;
  }
  /// Its completion has been written.
  void complete(tally_request& request);
  void complete_message(tally_request& request);
  /// Of what is no message, or has more to be done at its end.
  void complete_special(tally_request& request);
  void complete_collective(tally_request& request);
  /// The request's outcome; frees it and clears the caller's handle.
  tally::Status finish(tally_request** request, tally_result* result);
  void retire(tally_request** request) noexcept;
  tally::Status outcome(const tally_request& request, tally_result* result) const;
  /// The program gives the request up; the engine still has it.
  void abandon(tally_request** request) noexcept;
  /// After the engine's answer to a post: hands the request out, or takes it back.
  /// complete_now: it is over already, and request->completion says how.
  tally::Status posted(tally_request* request, tally::Status status, bool complete_now, tally_request** out);
  /// Of a collective that another algorithm serves than the group's.
  void tell_fallback(tally_group& group, const tally::api::Compiled& compiled);
  /// Asks whoever executes the collective to end it.
  void abort_collective(tally_request& request);
  tally_request* request_of(tally_group& group, tally::api::CheckedCollective& call);
  tally::Status start_checked(tally_group& group, tally::api::CheckedCollective& call, tally_request** out);
  tally::Status start_in_software(const tally::api::CollectiveCall& call,
                                  const tally::CollectiveDescriptor& descriptor, tally_request* request,
                                  tally_request** out);
  /// Asks the engine to end a collective whose context another rank has broken.
  void watch_context(tally_request& request);
  tally::Status wait(tally_request** request, tally_result* result, Waiting& waiting);
  /// Waits until one of the requests has ended; at least one is under way. Where it fails for one of them:
  /// waiting.culprit.
  tally::Status wait_for_one(tally_request** requests, std::size_t count, Waiting& waiting);
  /// The lowest index of one that has ended, or -1; *under_way: any is or was.
  [[nodiscard]] int first_ended(tally_request** requests, std::size_t count, bool* under_way) const noexcept;
  /// Of a test: TALLY_AGAIN, or why none can end any more.
  tally::Status look_at_late(tally_request** requests, std::size_t count);
  /// Takes all that have ended. The first failure of them.
  tally::Status take_ended(tally_request** requests, std::size_t count, int* indices, const tally::api::Outcomes& outcomes,
                           int* ended);
  /// Of close: what a rank that has left did not take will not be taken any more.
  void abandon_sends_to_who_left(Waiting& waiting) noexcept;
  /// One pause of a wait for the requests (for room in a queue: none); fails when the wait must end.
  tally::Status idle(Waiting& waiting, tally_request** requests, std::size_t count);
  tally::Status idle(Waiting& waiting, tally_request* request) {
    return idle(waiting, &request, request == nullptr ? 0 : 1);
  }
  /// Fails where the engine will not end the operation any more.
  tally::Status check_end(Waiting& waiting, tally_request& request, Clock::time_point now);
  tally::Status keep(tally_group& group, tally_request::Start start, tally_request** request);
  /// The request's end is told to the wait.
  static void watch(tally_request& request, Waiting& waiting) noexcept {
    request.watch = &waiting;
    request.marks.watched = true;
  }
  [[nodiscard]] std::uint64_t activity(const Waiting& waiting) const;

  // several threads, see sharing.cpp
  /// Whether the wait is the one that polls; it becomes it where there is none.
  [[nodiscard]] bool polls(Waiting& waiting) noexcept;
  /// Between two looks of a wait that does not sleep yet.
  void share(Waiting& waiting) noexcept;
  /// Gives up the lock until there may be something for the wait, or the time is over.
  void sleep(Waiting& waiting, std::chrono::microseconds timeout);
  void rouse(Waiting& waiting) noexcept;
  /// Those that look for something else than the end of an operation.
  void rouse_lookers() noexcept;
  void end_wait(Waiting& waiting) noexcept;
  void run_progress_thread();
  void end_progress_thread() noexcept;
  /// What the wait is for, in one line: in the caller's terms, and what the engine tells.
  [[nodiscard]] std::string describe_wait(const Waiting& waiting) const;
  /// The wait lasts: its rank's record in the job segment tells so, until it is withdrawn.
  void publish_wait(Waiting& waiting);
  void withdraw_wait() noexcept;
  [[nodiscard]] bool has_left(std::uint16_t job_rank) const noexcept {
    return header().rank[job_rank].closed.load(std::memory_order_acquire) != 0;
  }

  [[nodiscard]] tally::api::OneSided& one_sided();
  void count_one_sided(const tally_request& request) noexcept;
  void count_one_sided_copy(std::uint64_t bytes) noexcept {
    counts_.cpu_copied_bytes += bytes;
    counts_.cpu_copied_one_sided += bytes;
  }

  // checked arguments of messages
  tally::Status describe_send(tally_group& group, const void* buffer, std::size_t length, int destination, int tag,
                              bool synchronous, tally::SendDescriptor* send, tally_memory** region);
  tally::Status describe_receive(tally_group& group, void* buffer, std::size_t length, int source, int tag,
                                 tally::RecvDescriptor* receive, tally_memory** region);
  // lists of segments, see segments.hpp
  tally::Status stage(const tally::api::SegmentList& list, tally::api::StagingBuffer** buffer);
  tally::Status staged_region(tally::api::StagingBuffer& buffer, std::size_t bytes, tally_memory** region);
  tally::Status staged(tally::Status status, tally::api::StagingBuffer* buffer, tally_request* request);
  void end_staging(tally_request& request) noexcept;
  void count_staged(std::uint64_t bytes) noexcept {
    counts_.cpu_copied_bytes += bytes;
    counts_.fallback_segments += bytes;
  }
  // messages without the checks, also in the control context
  tally::Status post_send(tally::SendDescriptor& send, tally_group& group, tally_memory* region,
                          bool internal, tally_request** request);
  tally::Status post_receive(tally::RecvDescriptor& receive, tally_group& group, tally_memory* region,
                             bool internal, tally_request** request);

  /// The rest of both. start(completion, now) hands the message to the engine.
  template <typename Descriptor, typename Start>
  tally::Status post_message(tally_request* request, Descriptor& message, tally_memory* region, bool internal,
                             Start&& start, tally_request** out);

  /// What receives and probes look for. Descriptor: RecvDescriptor or ProbeDescriptor.
  template <typename Descriptor>
  tally::Status set_pattern(tally_group& group, int source, int tag, Descriptor* wanted) const;
  tally::Status make_cache();
  /// Waits for sends; fails while the program has something of the endpoint.
  tally::Status drain();
  /// Of a message: its length, and the region that holds it.
  tally::Status check_buffer(const void* buffer, std::size_t length, tally_memory** region);
  /// Posts a probe and waits for its answer; TALLY_AGAIN: no message, or no room for the probe.
  tally::Status ask(tally::ProbeDescriptor probe, tally_group& group, tally::Completion* answer);
  /// A slot for a message that is going to be claimed.
  [[nodiscard]] tally_message* reserve_message();
  void report(const tally::Completion& answer, tally_group& group, tally_message* slot, tally_message** message,
              tally_result* result);

  // groups
  /// Waits for a context as long as members of freed groups may give one back. *taken is false when none is
  /// free.
  tally::Status take_context(std::uint16_t* context, bool* taken);
  void reap_freed_contexts();
  /// The leader (first rank of the list) takes a context and tells the members.
  tally::Status agree_on_context(tally_group& group);
  tally::Status agree_on_context(tally_group& group, Control& control);
  [[nodiscard]] bool broken(std::uint16_t context) const noexcept;
  /// "rank 1 gave up: why".
  [[nodiscard]] std::string broken_text(std::uint16_t context) const;
  void break_context(std::uint16_t context, const std::string& reason);
  [[nodiscard]] std::string mismatch_text(const tally_request& request, const std::string& here) const;

  [[nodiscard]] tally::job::Header& header() const noexcept { return job_.segment.header(); }

  tally::job::Membership job_;
  bool joined_ = false;
  std::unique_ptr<std::array<Control, kControls>> control_;
  tally_memory* control_memory_ = nullptr;

  std::unique_ptr<tally::Engine> engine_;
  std::vector<std::unique_ptr<tally_memory>> regions_;
  std::optional<tally::api::MemoryCache> cache_;
  tally::api::StagingPool staging_;
  std::uint64_t memory_changes_ = 0;     ///< registrations and their ends
  tally_memory* last_region_ = nullptr;  ///< the first to look at; not one that the cache may give up
  std::deque<tally_request> requests_;  // stable addresses
  std::vector<tally_request*> by_cookie_;
  tally_request* free_requests_ = nullptr;
  std::deque<tally_message> messages_;  // stable addresses
  std::vector<tally_message*> free_messages_;
  std::size_t live_requests_ = 0;                     ///< of the program, persistent ones included
  std::size_t detached_ = 0;                          ///< of these, freed before they ended
  std::size_t live_messages_ = 0;                     ///< claimed, not yet received
  std::size_t unsent_ = 0;                            ///< sends under way, the library's own included
  std::vector<std::unique_ptr<tally_group>> groups_;  // the first one: all ranks
  std::vector<std::unique_ptr<tally_group>> retained_groups_;
  std::unordered_map<std::uint64_t, std::uint32_t> creations_;  ///< group creations of each list of ranks
  std::unique_ptr<tally::api::ContextPool> contexts_;
  std::vector<Freed> freed_;  ///< contexts that this rank leads and that members have not all freed

  tally::api::OwnTypes own_types_;
  std::unique_ptr<tally::api::SoftwareCollectives> software_;
  std::unique_ptr<tally::api::OneSided> one_sided_;  ///< from the first use on
  bool tell_fallbacks_ = false;  ///< TALLY_LOG
  std::string forced_algorithm_;  ///< TALLY_ALGORITHM, or empty
  tally_counters counts_{};
  struct KindCount {
    std::uint64_t calls = 0;
    std::uint64_t bytes = 0;
  };
  std::array<KindCount, tally::schedule::kCollectives> kinds_{};  ///< of collectives
  void (*add_counters_)(void*, tally_counters*) = nullptr;        ///< the program's
  void* add_counters_argument_ = nullptr;
  std::uint32_t counters_told_ = 0;  ///< the newest Header::counters_asked that was answered
  std::array<tally::Completion, 32> taken_;  ///< from the engine
  std::uint64_t news_ = 0;  ///< operations that have ended, and calls of wake()
  void (*describe_)(void*, char*, std::size_t) = nullptr;  ///< the program's
  void* describe_argument_ = nullptr;
  bool moved_ = false;                       ///< something has completed since last_progress_ was set
  Clock::time_point last_progress_ = Clock::now();
  std::chrono::duration<double> warn_after_{30};
  std::chrono::duration<double> give_up_after_{0};  ///< 0: never
  unsigned spins_ = 0;
  std::size_t max_message_ = 0;  ///< of the engine, bytes

  bool shared_ = false;  ///< threads share the endpoint; set before any other can
  tally::api::EndpointLock lock_;
  Waiting* poller_ = nullptr;
  Waiting* followers_ = nullptr;
  bool poller_sleeps_ = false;
  std::thread progress_thread_;
  std::atomic<bool> progress_ends_{false};
  std::atomic<std::uint32_t> progress_word_{0};
};
