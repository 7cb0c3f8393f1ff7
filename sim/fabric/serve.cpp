// SPDX-License-Identifier: BSD-3-Clause
// The free-running server of real processes.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <utility>

#include "job/futex.hpp"
#include "sim/fabric/impl.hpp"

namespace tally::sim {

namespace {

using Clock = std::chrono::steady_clock;

constexpr unsigned kStepsPerLook = 256;       // event times between looks at what no doorbell tells
constexpr unsigned kIdleSpins = 200;          // looks at the doorbell before sleep
constexpr std::chrono::milliseconds kIdleSleep{50};
constexpr std::chrono::milliseconds kAttachSleep{1};  // while ranks are still to come: attaching rings no doorbell
constexpr auto kAliveInterval = std::chrono::milliseconds(100);

void pause_cpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

class Server {
 public:
  Server(Fabric::Impl& fabric, job::Header& job, Area& area, Window* windows, const std::function<bool()>& stop)
      : fabric_(fabric), area_(area), windows_(windows), stop_(stop) {
    for (unsigned i = 0; i < fabric.nics.size(); ++i) {
      auto memory = std::make_unique<WindowMemory>(windows[i], job.rank[i], i);
      memory->set_stop(&stop_);
      fabric.hosts[i]->window = std::move(memory);
    }
  }
  ~Server() {
    for (auto& host : fabric_.hosts) host->window.reset();
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void run() {
    attach();
    unsigned steps = 0;
    while (true) {
      listen();
      if (++steps >= kStepsPerLook) {
        steps = 0;
        if (look()) return;
      }
      if (Fabric::Impl::step(kNever)) {
        area_.now_ps.store(Fabric::Impl::now(), std::memory_order_relaxed);
      } else if (sleep_until_work()) {
        return;
      }
    }
  }

 private:
  /// One load when nothing has come.
  void listen() {
    const std::uint32_t doorbell = area_.doorbell.load(std::memory_order_acquire);
    if (doorbell == heard_ && !left_over_) return;
    heard_ = doorbell;
    drain();
  }

  void drain() {
    left_over_ = false;
    for (unsigned i = 0; i < fabric_.nics.size(); ++i) {
      if (!fabric_.hosts[i]->window->served()) continue;
      Window& window = windows_[i];
      Nic& nic = *fabric_.nics[i];
      const std::uint32_t tail = window.mmio_tail.load(std::memory_order_acquire);
      std::uint32_t head = window.mmio_head.load(std::memory_order_relaxed);
      if (head == tail) continue;
      while (head != tail && !nic.mmio_full()) {
        const MmioEntry& entry = window.mmio[head % kMmioEntries];
        const std::size_t bytes = entry.kind == MmioKind::kWrite64Bytes ? 64 : entry.kind == MmioKind::kWrite32 ? 4 : 0;
        nic.issue(entry.kind, entry.offset, {reinterpret_cast<const std::byte*>(entry.data), bytes});
        ++head;
      }
      window.mmio_head.store(head, std::memory_order_release);
      left_over_ = left_over_ || head != tail;
    }
  }

  void attach() {
    waiting_ = false;
    for (unsigned i = 0; i < fabric_.nics.size(); ++i) {
      WindowMemory& memory = *fabric_.hosts[i]->window;
      if (memory.state() != WindowMemory::State::kWaiting) continue;
      std::string forbidden;
      memory.attach(fabric_.config.dma == "staging", forbidden);
      waiting_ = waiting_ || memory.state() == WindowMemory::State::kWaiting;
      left_over_ = true;  // its registers may have been written before we served it
      if (!forbidden.empty() && !std::exchange(told_, true)) {
        std::fprintf(stderr,
                     "tally fabric: rank %u: direct access to its memory is not possible (%s): DMA takes the slower "
                     "staging window\n",
                     i, forbidden.c_str());
      }
    }
  }

  /// What no doorbell tells: new and dead ranks, and the end. True: stop.
  bool look() {
    if (waiting_) attach();
    const auto now = Clock::now();
    if (now - looked_ >= kAliveInterval) {
      looked_ = now;
      for (auto& host : fabric_.hosts) host->window->check_alive();
    }
    return stop_();
  }

  /// True: stop.
  bool sleep_until_work() {
    for (unsigned i = 0; i < kIdleSpins; ++i) {
      if (area_.doorbell.load(std::memory_order_acquire) != heard_) return false;
      pause_cpu();
    }
    area_.fabric_sleeping.store(1, std::memory_order_seq_cst);
    if (area_.doorbell.load(std::memory_order_seq_cst) == heard_) {
      futex_wait(area_.doorbell, heard_, waiting_ ? kAttachSleep : kIdleSleep);
    }
    area_.fabric_sleeping.store(0, std::memory_order_relaxed);
    return look();
  }

  Fabric::Impl& fabric_;
  Area& area_;
  Window* windows_;
  const std::function<bool()>& stop_;
  std::uint32_t heard_ = 0;
  bool left_over_ = true;   // entries that a full device left in a ring
  bool waiting_ = true;     // for ranks to attach
  bool told_ = false;
  Clock::time_point looked_ = Clock::now();
};

}  // namespace

void Fabric::serve(job::Header& job, Area& area, Window* windows, const std::function<bool()>& stop) {
  if (impl_->nics.size() > job.ranks || job.ranks > job::kMaxRanks) {
    throw std::invalid_argument("Fabric::serve: the job has " + std::to_string(job.ranks) + " ranks, the fabric " +
                                std::to_string(impl_->nics.size()) + " nodes");
  }
  Server(*impl_, job, area, windows, stop).run();
}

}  // namespace tally::sim
