// SPDX-License-Identifier: BSD-3-Clause
#include "sim/fabric/host_memory.hpp"

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "job/futex.hpp"

namespace tally::sim {

namespace {

constexpr std::uint64_t kLowestAddress = 65536;                // Linux maps nothing below (vm.mmap_min_addr)
constexpr std::chrono::milliseconds kStagingPoll{20};
constexpr auto kStagingLimit = std::chrono::seconds(30);

bool user_range(std::uint64_t address, std::size_t bytes) {
  return address >= kLowestAddress && address < kProcessMemoryEnd && bytes <= kProcessMemoryEnd - address;
}

std::byte* pointer(std::uint64_t address) { return reinterpret_cast<std::byte*>(address); }

}  // namespace

void store_ascending(std::byte* to, const std::byte* from, std::size_t bytes) {
  // memcpy may store the end first; a rank that polls the phase byte would then read a torn completion.
  while (bytes > 0 && (reinterpret_cast<std::uintptr_t>(to) & 7u) != 0) {
    __atomic_store_n(reinterpret_cast<std::uint8_t*>(to++), static_cast<std::uint8_t>(*from++), __ATOMIC_RELEASE);
    --bytes;
  }
  for (; bytes >= 8; bytes -= 8, to += 8, from += 8) {
    std::uint64_t word;
    std::memcpy(&word, from, 8);
    __atomic_store_n(reinterpret_cast<std::uint64_t*>(to), word, __ATOMIC_RELEASE);
  }
  for (; bytes > 0; --bytes) {
    __atomic_store_n(reinterpret_cast<std::uint8_t*>(to++), static_cast<std::uint8_t>(*from++), __ATOMIC_RELEASE);
  }
}

bool LocalMemory::plausible(std::uint64_t address, std::size_t bytes) const { return user_range(address, bytes); }

bool LocalMemory::read(std::uint64_t address, std::byte* to, std::size_t bytes) {
  if (!user_range(address, bytes)) return false;
  std::memcpy(to, pointer(address), bytes);
  return true;
}

bool LocalMemory::write(std::uint64_t address, const std::byte* burst, std::span<const Run> runs) {
  if (!user_range(address, 1)) return false;
  for (const Run& run : runs) std::memcpy(pointer(address + run.offset), burst + run.offset, run.length);
  ++writes;
  return true;
}

void LocalMemory::answer(std::uint32_t value) {
  answer_value = value;
  ++answers;
}

void WindowMemory::attach(bool staging, std::string& forbidden) {
  if (state_ != State::kWaiting) return;
  const std::int32_t pid = window_.pid.load(std::memory_order_acquire);
  if (pid <= 0) return;
  pid_ = pid;
  memory_address_ = window_.memory_address;
  state_ = State::kStaging;
  if (!staging) {
    std::uint64_t value = 0;
    iovec local{&value, sizeof value};
    iovec remote{pointer(window_.probe_address), sizeof value};
    const ssize_t got = process_vm_readv(pid_, &local, 1, &remote, 1, 0);
    if (got == static_cast<ssize_t>(sizeof value) && value == window_.probe_value) {
      state_ = State::kDirect;
    } else if (got < 0 && errno == ESRCH) {
      detach();
      return;
    } else {
      forbidden = got < 0 ? std::strerror(errno) : "the probe read another value (another pid namespace?)";
    }
  }
  window_.attached.store(state_ == State::kDirect ? 1 : 2, std::memory_order_release);
  futex_wake_all(window_.attached);
}

void WindowMemory::check_alive() {
  if (served() && kill(pid_, 0) != 0 && errno == ESRCH) detach();
}

void WindowMemory::detach() { state_ = State::kGone; }

bool WindowMemory::in_window(std::uint64_t address, std::size_t bytes) const {
  return address >= memory_address_ && address - memory_address_ <= kSharedBytes &&
         bytes <= kSharedBytes - (address - memory_address_);
}

bool WindowMemory::plausible(std::uint64_t address, std::size_t bytes) const { return user_range(address, bytes); }

bool WindowMemory::read(std::uint64_t address, std::byte* to, std::size_t bytes) {
  if (!served()) {
    std::memset(to, 0, bytes);
    return true;  // a rank that has left: its device runs out of work on zeros, and nobody looks at them
  }
  if (in_window(address, bytes)) {
    std::atomic_thread_fence(std::memory_order_acquire);
    std::memcpy(to, window_.memory + (address - memory_address_), bytes);
    return true;
  }
  if (!user_range(address, bytes)) return false;
  if (state_ == State::kStaging) return stage(address, to, bytes, false);
  iovec local{to, bytes};
  iovec remote{pointer(address), bytes};
  const ssize_t got = process_vm_readv(pid_, &local, 1, &remote, 1, 0);
  if (got == static_cast<ssize_t>(bytes)) return true;
  if (got < 0 && errno == ESRCH) {
    detach();
    return read(address, to, bytes);
  }
  return false;
}

bool WindowMemory::write(std::uint64_t address, const std::byte* burst, std::span<const Run> runs) {
  if (!served() || runs.empty()) return true;
  const std::uint32_t end = runs.back().offset + runs.back().length;
  if (in_window(address + runs.front().offset, end - runs.front().offset)) {
    for (const Run& run : runs) {
      store_ascending(window_.memory + (address - memory_address_ + run.offset), burst + run.offset, run.length);
    }
    wake();
    return true;
  }
  if (!user_range(address, end)) return false;
  if (state_ == State::kStaging) {
    for (const Run& run : runs) {
      if (!stage(address + run.offset, const_cast<std::byte*>(burst) + run.offset, run.length, true)) return false;
    }
    return true;
  }
  constexpr std::size_t kVectors = 64;
  for (std::size_t first = 0; first < runs.size(); first += kVectors) {
    std::array<iovec, kVectors> local, remote;
    const std::size_t n = std::min(kVectors, runs.size() - first);
    ssize_t bytes = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const Run& run = runs[first + i];
      local[i] = {const_cast<std::byte*>(burst) + run.offset, run.length};
      remote[i] = {pointer(address + run.offset), run.length};
      bytes += static_cast<ssize_t>(run.length);
    }
    const ssize_t put = process_vm_writev(pid_, local.data(), n, remote.data(), n, 0);
    if (put < 0 && errno == ESRCH) {
      detach();
      return true;
    }
    if (put != bytes) return false;
  }
  return true;
}

bool WindowMemory::stage(std::uint64_t address, std::byte* data, std::size_t bytes, bool write) {
  StagingRequest& request = window_.staging;
  if (write) std::memcpy(window_.staging_data, data, bytes);
  request.write = write ? 1 : 0;
  request.address = address;
  request.length = static_cast<std::uint32_t>(bytes);
  request.state.store(1, std::memory_order_release);
  futex_wake_all(request.state);
  const auto begin = std::chrono::steady_clock::now();
  std::uint32_t state;
  while ((state = request.state.load(std::memory_order_acquire)) == 1) {
    futex_wait(request.state, 1, kStagingPoll);
    if (request.state.load(std::memory_order_acquire) != 1) continue;
    check_alive();
    const bool late = std::chrono::steady_clock::now() - begin > kStagingLimit;
    if (late) std::fprintf(stderr, "tally fabric: rank %u: its staging agent does not answer: detached\n", rank_);
    if (!served() || record_.closed.load(std::memory_order_relaxed) != 0 || late || (stop_ && (*stop_)())) {
      detach();
      if (!write) std::memset(data, 0, bytes);
      return true;
    }
  }
  const bool ok = state == 2;
  if (ok && !write) std::memcpy(data, window_.staging_data, bytes);
  request.state.store(0, std::memory_order_release);
  if (ok) window_.staged_bytes.fetch_add(bytes, std::memory_order_relaxed);
  return ok;
}

void WindowMemory::wake() {
  record_.wake.fetch_add(1, std::memory_order_seq_cst);
  if (record_.sleeping.load(std::memory_order_seq_cst) != 0) futex_wake_all(record_.wake);
}

void WindowMemory::answer(std::uint32_t value) {
  if (!served()) return;
  window_.read_value = value;
  window_.read_done.fetch_add(1, std::memory_order_release);
  futex_wake_all(window_.read_done);
}

}  // namespace tally::sim
