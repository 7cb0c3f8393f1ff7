// SPDX-License-Identifier: BSD-3-Clause
// Ranks in processes of their own, over the attach protocol.
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

#include "bench.hpp"
#include "job/futex.hpp"

namespace tally::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

template <class T>
T* shared(std::size_t count = 1) {
  void* memory = mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return static_cast<T*>(memory);
}

/// A rank's side of the attach protocol, as the contract tells it.
class Rank {
 public:
  Rank(Area& area, Window& window) : area_(area), window_(window) {
    prctl(PR_SET_PTRACER, getppid());
    window_.probe_address = reinterpret_cast<std::uint64_t>(&probe_);
    window_.probe_value = probe_;
    window_.memory_address = reinterpret_cast<std::uint64_t>(window_.memory);
    window_.pid.store(getpid(), std::memory_order_release);
    agent_ = std::thread([this] { serve_staging(); });
    while (window_.attached.load(std::memory_order_acquire) == 0) futex_wait(window_.attached, 0, milliseconds(10));
  }
  ~Rank() {
    leave_ = true;
    agent_.join();
  }
  void write(std::uint32_t offset, std::uint32_t value) { push(MmioKind::kWrite32, offset, &value, 4); }
  void address(Reg low, const void* where) {
    const auto a = reinterpret_cast<std::uint64_t>(where);
    write(low, static_cast<std::uint32_t>(a));
    write(low + 4, static_cast<std::uint32_t>(a >> 32));
  }
  std::uint32_t read(std::uint32_t offset) {
    const std::uint32_t before = window_.read_done.load(std::memory_order_acquire);
    push(MmioKind::kRead32, offset, nullptr, 0);
    while (window_.read_done.load(std::memory_order_acquire) == before) futex_wait(window_.read_done, before, milliseconds(10));
    return window_.read_value;
  }

 private:
  void push(MmioKind kind, std::uint32_t offset, const void* data, std::size_t bytes) {
    const std::uint32_t tail = window_.mmio_tail.load(std::memory_order_relaxed);
    while (tail - window_.mmio_head.load(std::memory_order_acquire) == kMmioEntries) usleep(100);
    MmioEntry& entry = window_.mmio[tail % kMmioEntries];
    entry.kind = kind;
    entry.offset = offset;
    if (bytes > 0) std::memcpy(entry.data, data, bytes);
    window_.mmio_tail.store(tail + 1, std::memory_order_release);
    area_.doorbell.fetch_add(1, std::memory_order_seq_cst);
    if (area_.fabric_sleeping.load(std::memory_order_seq_cst) != 0) futex_wake_all(area_.doorbell);
  }
  void serve_staging() {
    StagingRequest& request = window_.staging;
    while (!leave_) {
      if (request.state.load(std::memory_order_acquire) != 1) {
        futex_wait(request.state, request.state.load() == 1 ? 0 : request.state.load(), milliseconds(1));
        continue;
      }
      auto* mine = reinterpret_cast<std::byte*>(request.address);
      if (request.write != 0) {
        std::memcpy(mine, window_.staging_data, request.length);
      } else {
        std::memcpy(window_.staging_data, mine, request.length);
      }
      request.state.store(2, std::memory_order_release);
      futex_wake_all(request.state);
    }
  }

  Area& area_;
  Window& window_;
  std::uint64_t probe_ = 0x1234567890ABCDEF;
  std::atomic<bool> leave_{false};
  std::thread agent_;
};

struct Job {
  explicit Job(unsigned n) : ranks(n), header(shared<job::Header>()), area(shared<Area>()), windows(shared<Window>(n)) {
    header->ranks = n;
  }
  /// Forks a rank; `body` gives its exit code.
  void start(unsigned rank, const std::function<int(Job&)>& body) {
    const pid_t pid = fork();
    if (pid == 0) {
      alarm(60);
      _exit(body(*this));
    }
    header->rank[rank].pid = pid;
    pids.push_back(pid);
  }
  /// Serves until all ranks have left; their statuses. Ends after 60 s whatever they do.
  std::vector<int> serve(const FabricConfig& config) {
    Fabric fabric(config, ranks, make_test_nic);
    std::vector<int> status(pids.size(), -1);
    const auto end = Clock::now() + std::chrono::seconds(60);
    fabric.serve(*header, *area, windows, [&] {
      bool all = true;
      for (std::size_t i = 0; i < pids.size(); ++i) {
        if (status[i] == -1 && waitpid(pids[i], &status[i], WNOHANG) != pids[i]) {
          status[i] = -1;
          all = false;
        }
      }
      return all || Clock::now() > end;
    });
    now_ps = fabric.now_ps();
    for (std::size_t i = 0; i < pids.size(); ++i) {
      if (status[i] != -1) continue;
      kill(pids[i], SIGKILL);
      waitpid(pids[i], nullptr, 0);
    }
    return status;
  }
  unsigned ranks;
  job::Header* header;
  Area* area;
  Window* windows;
  std::vector<pid_t> pids;
  std::uint64_t now_ps = 0;
};

constexpr unsigned kBeats = 64;
constexpr std::size_t kBytes = kBeats * 64;

std::byte pattern(std::size_t i) { return static_cast<std::byte>(i * 7 + (i >> 8)); }

int sender(Job& job) {
  Rank rank(*job.area, job.windows[0]);
  alignas(4096) static std::byte buffer[kBytes];
  for (std::size_t i = 0; i < kBytes; ++i) buffer[i] = pattern(i);
  rank.write(kPeer, 1);
  rank.address(kSrcLo, buffer);
  // The receiver is ready when it has raised this word.
  while (job.header->failed.load() == 0) futex_wait(job.header->failed, 0, milliseconds(10));
  rank.write(kReadSend, kBeats);
  while (rank.read(kTxLast) == 0) {
  }
  return 0;
}

int heap_receiver(Job& job) {
  Rank rank(*job.area, job.windows[1]);
  alignas(4096) static std::byte buffer[kBytes];
  rank.address(kDstLo, buffer);
  rank.write(kStore, 1);
  if (rank.read(kRxPackets) != 0) return 1;
  job.header->failed = 1;
  futex_wake_all(job.header->failed);
  while (rank.read(kRxPackets) == 0) {
  }
  rank.read(kRxPackets);  // does not pass the writes
  for (std::size_t i = 0; i < kBytes; ++i) {
    if (buffer[i] != pattern(i)) return 2;
  }
  return 0;
}

bool direct_access_allowed() {
  std::uint64_t value = 5, copy = 0;
  iovec local{&copy, 8}, remote{&value, 8};
  return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == 8;
}

TEST(Serve, moves_private_memory_directly) {
  if (!direct_access_allowed()) GTEST_SKIP() << "process_vm_readv is forbidden here";
  Job job(2);
  job.start(0, sender);
  job.start(1, heap_receiver);
  EXPECT_EQ(job.serve({}), (std::vector<int>{0, 0}));
  EXPECT_EQ(job.windows[0].attached, 1u);
  EXPECT_EQ(job.windows[0].staged_bytes, 0u);
  EXPECT_GT(job.now_ps, 1'000'000u);
  EXPECT_EQ(job.area->now_ps, job.now_ps);
}

TEST(Serve, moves_private_memory_through_staging) {
  Job job(2);
  job.start(0, sender);
  job.start(1, heap_receiver);
  FabricConfig config;
  config.dma = "staging";
  testing::internal::CaptureStderr();
  EXPECT_EQ(job.serve(config), (std::vector<int>{0, 0}));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");  // asked for, so nothing to tell
  EXPECT_EQ(job.windows[0].attached, 2u);
  EXPECT_EQ(job.windows[0].staged_bytes, kBytes);
  EXPECT_EQ(job.windows[1].staged_bytes, kBytes);
}

TEST(Serve, write_to_the_window_wakes_its_rank) {
  Job job(2);
  job.start(0, sender);
  job.start(1, [](Job& j) {
    Rank rank(*j.area, j.windows[1]);
    job::RankRecord& record = j.header->rank[1];
    rank.address(kDstLo, j.windows[1].memory + 4096);
    rank.write(kStore, 1);
    if (rank.read(kRxPackets) != 0) return 1;
    const std::uint32_t before = record.wake;
    record.sleeping = 1;
    j.header->failed = 1;
    futex_wake_all(j.header->failed);
    const auto begin = Clock::now();
    while (record.wake == before) {
      futex_wait(record.wake, before, seconds(20));  // woken, not timed out
    }
    if (Clock::now() - begin > std::chrono::seconds(15)) return 2;
    for (std::size_t i = 0; i < kBytes; ++i) {
      if (j.windows[1].memory[4096 + i] != pattern(i)) return 3;
    }
    return 0;
  });
  FabricConfig config;
  EXPECT_EQ(job.serve(config), (std::vector<int>{0, 0}));
  EXPECT_EQ(job.windows[1].staged_bytes, 0u);
}

TEST(Serve, dead_rank_is_detached_and_the_others_go_on) {
  Job job(2);
  job.start(0, [](Job& j) {
    Rank rank(*j.area, j.windows[0]);
    alignas(4096) static std::byte buffer[4096];
    // The peer is gone or will be: what it should get is dropped.
    rank.write(kPeer, 1);
    rank.address(kSrcLo, buffer);
    while (j.header->failed.load() == 0) futex_wait(j.header->failed, 0, milliseconds(10));
    for (unsigned i = 0; i < 50; ++i) {
      const std::uint32_t seen = rank.read(kTxLast);
      rank.write(kReadSend, 8);
      while (rank.read(kTxLast) == seen) usleep(1000);
    }
    return 0;
  });
  job.start(1, [](Job& j) {
    auto* rank = new Rank(*j.area, j.windows[1]);
    auto* buffer = static_cast<std::byte*>(aligned_alloc(4096, 65536));
    rank->address(kDstLo, buffer);
    rank->write(kStore, 1);
    rank->read(kRxPackets);
    j.header->failed = 1;
    futex_wake_all(j.header->failed);
    usleep(20000);
    raise(SIGKILL);
    return 0;
  });
  EXPECT_EQ(job.serve({}), (std::vector<int>{0, SIGKILL}));
}

TEST(Serve, bad_address_is_told_with_rank_and_address) {
  Job job(1);
  job.start(0, [](Job& j) {
    Rank rank(*j.area, j.windows[0]);
    void* hole = mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(hole, 4096);
    rank.address(kSrcLo, hole);
    rank.write(kPeer, 0);
    rank.write(kReadSend, 2);
    while (rank.read(kTxLast) == 0) {
    }
    return rank.read(kReadErrors) == 2 ? 0 : 1;
  });
  if (!direct_access_allowed()) GTEST_SKIP() << "process_vm_readv is forbidden here";
  testing::internal::CaptureStderr();
  EXPECT_EQ(job.serve({}), (std::vector<int>{0}));
  const std::string told = testing::internal::GetCapturedStderr();
  EXPECT_EQ(told.rfind("tally fabric: rank 0: DMA read of address 0x", 0), 0u) << told;
}

TEST(Serve, sleeps_when_nothing_is_to_do) {
  Job job(1);
  job.start(0, [](Job& j) {
    Rank rank(*j.area, j.windows[0]);
    rank.read(kRxPackets);
    usleep(500000);
    return 0;
  });
  timespec before{}, after{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
  EXPECT_EQ(job.serve({}), (std::vector<int>{0}));
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
  const double used = static_cast<double>(after.tv_sec - before.tv_sec) +
                      1e-9 * static_cast<double>(after.tv_nsec - before.tv_nsec);
  EXPECT_LT(used, 0.25);
}

}  // namespace
}  // namespace tally::sim
