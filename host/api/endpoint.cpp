// SPDX-License-Identifier: BSD-3-Clause
// Joining and leaving a job, and registered memory.
#include "api/endpoint.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <numeric>

#include "api/boundary.hpp"
#include "api/calls.hpp"
#include "api/engine_factory.hpp"

using tally::Status;
using tally::api::bad_argument;

namespace {

/// A variable that holds a number of seconds.
Status read_seconds(const char* variable, std::chrono::duration<double>* seconds) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return {};
  const char* end = text + std::strlen(text);
  double value = 0;
  const auto [stop, error] = std::from_chars(text, end, value);
  if (error != std::errc{} || stop != end || !(value >= 0 && value <= 1e9)) {
    return bad_argument("{}: '{}' is not a number of seconds", variable, text);
  }
  *seconds = std::chrono::duration<double>(value);
  return {};
}

/// How often a wait polls before it gives the processor up: hardly where another rank, or the device's
/// simulation, needs it.
unsigned polls_before_sleep(const tally::job::Header& job, const tally::Capabilities& capabilities) {
  if (capabilities.offloads_matching) return 16;
  return job.ranks_here <= job.cpus ? 1000 : 1;
}

}  // namespace

Status tally_endpoint::open(const tally_options& options, std::unique_ptr<tally_endpoint>* endpoint) {
  std::string wanted = options.engine == nullptr ? "" : options.engine;
  if (options.engine == nullptr) {
    if (const char* variable = std::getenv("TALLY_ENGINE"); variable != nullptr) wanted = variable;
  }
  auto made = std::unique_ptr<tally_endpoint>(new tally_endpoint(tally::job::join()));
  Status status = read_seconds("TALLY_WARN", &made->warn_after_);
  if (status.ok()) status = read_seconds("TALLY_TIMEOUT", &made->give_up_after_);
  if (!status.ok()) return status;

  tally::job::RankRecord& record = made->header().rank[made->rank()];
  std::int32_t owner = 0;
  if (!record.pid.compare_exchange_strong(owner, static_cast<std::int32_t>(::getpid()))) {
    const bool left = record.closed.load() != 0;
    return {TALLY_ERR_JOB, left ? fmt::format("rank {} has left this job already", made->rank())
                                : fmt::format("rank {} is open already, in process {}", made->rank(), owner)};
  }
  made->joined_ = true;
  made->header().wait[made->rank()].threads = options.threads == TALLY_THREAD_MULTIPLE ? 1 : 0;

  status = tally::api::make_engine(made->job_, wanted, &made->engine_);
  if (!status.ok()) return status;
  if (static_cast<std::uint32_t>(made->size()) > made->capabilities().max_ranks) {
    return {TALLY_ERR_UNSUPPORTED, fmt::format("TALLY_SIZE: {} ranks, engine '{}' takes {}", made->size(),
                                               made->capabilities().name, made->capabilities().max_ranks)};
  }
  made->max_message_ = static_cast<std::size_t>(made->capabilities().max_message);
  made->spins_ = polls_before_sleep(made->header(), made->capabilities());

  std::vector<std::uint16_t> ranks(static_cast<std::size_t>(made->size()));
  std::iota(ranks.begin(), ranks.end(), std::uint16_t{0});
  made->groups_.push_back(
      std::make_unique<tally_group>(made->rank(), std::move(ranks), made->capabilities()));
  made->all_ranks()->endpoint = made.get();
  if (const char* algorithm = std::getenv("TALLY_ALGORITHM"); algorithm != nullptr) {
    made->forced_algorithm_ = algorithm;
    status = made->all_ranks()->schedules.set_algorithm(algorithm);
    if (!status.ok()) return {status.code(), "TALLY_ALGORITHM: " + status.message()};
  }

  const char* collectives = std::getenv("TALLY_COLLECTIVES");
  if (collectives != nullptr && std::strcmp(collectives, "auto") != 0 && std::strcmp(collectives, "software") != 0)
    return bad_argument("TALLY_COLLECTIVES: '{}' is neither 'auto' nor 'software'", collectives);
  const char* log = std::getenv("TALLY_LOG");
  made->tell_fallbacks_ = log != nullptr && *log != '\0' && std::strcmp(log, "0") != 0;
  made->contexts_ = tally::api::make_context_pool(made->job_);
  made->control_ = std::make_unique<std::array<Control, kControls>>();
  status = made->register_memory(made->control_->data(), sizeof *made->control_, &made->control_memory_);
  if (status.ok() && options.memory_cache != 0) status = made->make_cache();
  if (!status.ok()) return status;
  made->shared_ = options.threads == TALLY_THREAD_MULTIPLE || options.progress_thread != 0;
  if (options.progress_thread != 0)
    made->progress_thread_ = std::thread([shared = made.get()] { shared->run_progress_thread(); });
  *endpoint = std::move(made);
  return {};
}

tally_endpoint::~tally_endpoint() {
  end_progress_thread();
  engine_.reset();  // it may still write to buffers that the members below own
  // Not closed: open() failed, so the place in the job is free again.
  if (joined_) header().rank[rank()].pid.store(0);
}

Status tally_endpoint::close() {
  {
    const tally::api::Entry entry(this);
    if (Status status = drain(); !status.ok()) return status;
  }
  end_progress_thread();
  if (header().counters != 0 || counters_told_ != 0) tell_counters();
  engine_.reset();
  joined_ = false;
  header().rank[rank()].closed.store(1);
  tally::job::wake_all(header());  // who waits for room in this rank's queues waits in vain
  return {};
}

Status tally_endpoint::drain() {
  if (live_requests_ != detached_) {
    return {TALLY_ERR_BUSY, fmt::format("endpoint: {} requests are under way or kept", live_requests_ - detached_)};
  }
  if (live_messages_ != 0)
    return {TALLY_ERR_BUSY, fmt::format("endpoint: {} claimed messages are not received", live_messages_)};
  if (groups_.size() > 1)
    return {TALLY_ERR_BUSY, fmt::format("endpoint: {} groups are not freed", groups_.size() - 1)};
  Waiting waiting(*this);
  while (unsent_ != 0 || (software_ != nullptr && software_->has_unsent()) ||
         (one_sided_ != nullptr && one_sided_->has_unsent())) {
    if (progress() != 0) continue;
    Status status = idle(waiting, nullptr);
    if (!status.ok()) return status;
    abandon_sends_to_who_left(waiting);
  }
  return {};
}

namespace {

using Field = std::uint64_t tally_counters::*;
/// Of each schedule::Collective: calls and bytes.
constexpr std::array<std::pair<Field, Field>, tally::schedule::kCollectives> kKinds{{
    {&tally_counters::collective_barrier, &tally_counters::collective_barrier_bytes},
    {&tally_counters::collective_bcast, &tally_counters::collective_bcast_bytes},
    {&tally_counters::collective_allreduce, &tally_counters::collective_allreduce_bytes},
    {&tally_counters::collective_reduce, &tally_counters::collective_reduce_bytes},
    {&tally_counters::collective_reduce_scatter, &tally_counters::collective_reduce_scatter_bytes},
    {&tally_counters::collective_scan, &tally_counters::collective_scan_bytes},
    {&tally_counters::collective_exscan, &tally_counters::collective_exscan_bytes},
    {&tally_counters::collective_gather, &tally_counters::collective_gather_bytes},
    {&tally_counters::collective_scatter, &tally_counters::collective_scatter_bytes},
    {&tally_counters::collective_allgather, &tally_counters::collective_allgather_bytes},
    {&tally_counters::collective_alltoall, &tally_counters::collective_alltoall_bytes},
}};

}  // namespace

tally_counters tally_endpoint::counters() const {
  tally_counters counters = counts_;
  for (std::size_t kind = 0; kind < kKinds.size(); ++kind) {
    counters.collectives += kinds_[kind].calls;
    counters.*kKinds[kind].first = kinds_[kind].calls;
    counters.*kKinds[kind].second = kinds_[kind].bytes;
  }
  engine_->add_counters(counters);
  if (add_counters_ != nullptr) add_counters_(add_counters_argument_, &counters);
  if (cache_) cache_->add_counters(counters);
  counters.size = sizeof counters;
  return counters;
}

void tally_endpoint::tell_counters() {
  counters_told_ = header().counters_asked.load(std::memory_order_relaxed);
  const tally_counters now = counters();
  tally::job::CountersRecord& record = job_.segment.counters(static_cast<std::uint32_t>(rank()));
  static_assert(sizeof now <= sizeof record.value);
  record.writing.fetch_add(1, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  std::memcpy(record.value, &now, sizeof now);
  record.time_ns.store(Clock::now().time_since_epoch() / std::chrono::nanoseconds(1), std::memory_order_relaxed);
  record.writing.fetch_add(1, std::memory_order_release);
  record.answered.store(counters_told_, std::memory_order_release);
}

Status tally_endpoint::register_memory(void* base, std::size_t length, tally_memory** memory) {
  if (base == nullptr) return bad_argument("base is NULL");
  if (length == 0) return bad_argument("length is 0");
  if (length > UINTPTR_MAX - reinterpret_cast<std::uintptr_t>(base)) {
    return bad_argument("length {} runs past the end of the address space from base {}", length, base);
  }
  auto region = std::make_unique<tally_memory>();
  region->endpoint = this;
  region->base = static_cast<std::byte*>(base);
  region->length = length;
  regions_.reserve(regions_.size() + 1);
  Status status = engine_->register_memory(base, length, &region->key);
  if (!status.ok()) return status;
  *memory = region.get();
  regions_.push_back(std::move(region));
  last_region_ = nullptr;
  ++memory_changes_;
  return {};
}

Status tally_endpoint::deregister_memory(tally_memory* memory) {
  const auto found =
      std::find_if(regions_.begin(), regions_.end(), [&](const auto& r) { return r.get() == memory; });
  if (found == regions_.end()) return bad_argument("memory {} is not registered", static_cast<void*>(memory));
  if (memory->users != 0) {
    return {TALLY_ERR_BUSY, fmt::format("memory: {} operations use the region", memory->users)};
  }
  if (const std::size_t keys = one_sided_ == nullptr ? 0 : one_sided_->exports_of(*memory); keys != 0)
    return {TALLY_ERR_BUSY, fmt::format("memory: {} keys of the region are not released", keys)};
  Status status = engine_->deregister_memory(memory->key);
  if (!status.ok()) return status;
  regions_.erase(found);
  last_region_ = nullptr;
  ++memory_changes_;
  return {};
}

Status tally_endpoint::make_cache() {
  cache_.emplace(*engine_, this);
  const char* mode = std::getenv("TALLY_MEMORY_CACHE");
  const std::string_view wanted = mode == nullptr ? "all" : mode;
  if (wanted != "all" && wanted != "pages")
    return bad_argument("TALLY_MEMORY_CACHE: '{}' is neither 'all' nor 'pages'", wanted);
  if (wanted == "pages" || capabilities().whole_memory == 0) return {};
  return cache_->register_all();
}

Status tally_endpoint::find_region(const char* argument, const void* buffer, std::size_t length,
                                   const tally_memory* keep, tally_memory** region) {
  *region = nullptr;
  if (length == 0) return {};
  if (buffer == nullptr) return bad_argument("{} is NULL", argument);
  for (const auto& registered : regions_) {
    if (!registered->holds(buffer, length)) continue;
    last_region_ = registered.get();
    *region = last_region_;
    return {};
  }
  if (cache_) {
    tally_memory* all = cache_->all();
    if (all == nullptr) {
      Status status = cache_->find(buffer, length, keep, regions_.size(), region);
      if (status.ok() || status.code() == TALLY_AGAIN) return status;
      return {status.code(), fmt::format("{}: {}", argument, status.message())};
    }
    if (all->holds(buffer, length)) {
      // A program that registers memory itself is told when it is in use: its regions are looked at first.
      if (regions_.size() == 1) last_region_ = all;
      *region = all;
      return {};
    }
  }
  return {TALLY_ERR_NOT_REGISTERED, fmt::format("{} [{}, +{}) of {} bytes is not within registered memory",
                                                argument, buffer, length, length)};
}
