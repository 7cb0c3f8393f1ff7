// SPDX-License-Identifier: BSD-3-Clause
#include <sys/mman.h>

#include <cerrno>
#include <system_error>

#include "sim/fabric/impl.hpp"

namespace tally::sim {

namespace {

constexpr std::uint64_t kReadLimitPs = 1'000'000'000'000;  // 1 s simulated: a device that does not answer is gone
constexpr unsigned kWaitEvents = 64;                       // event times that one wait() runs

}  // namespace

LocalBar::LocalBar(Fabric::Impl& fabric, unsigned node) : fabric_(fabric), node_(node) {
  void* memory = mmap(nullptr, kSharedBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "memory of a scripted host");
  memory_ = static_cast<std::byte*>(memory);
}

LocalBar::~LocalBar() { munmap(memory_, kSharedBytes); }

bool LocalBar::write32(std::uint32_t offset, std::uint32_t value) {
  Nic& nic = *fabric_.nics[node_];
  if (nic.mmio_full()) return false;
  nic.issue(MmioKind::kWrite32, offset, std::as_bytes(std::span(&value, 1)));
  return true;
}

bool LocalBar::write64bytes(std::uint32_t offset, std::span<const std::byte, 64> data) {
  Nic& nic = *fabric_.nics[node_];
  if (nic.mmio_full()) return false;
  nic.issue(MmioKind::kWrite64Bytes, offset, data);
  return true;
}

std::size_t LocalBar::write_room() const { return fabric_.nics[node_]->mmio_room(); }

bool LocalBar::read32(std::uint32_t offset, std::uint32_t* value) {
  Nic& nic = *fabric_.nics[node_];
  LocalMemory& memory = fabric_.hosts[node_]->local;
  const std::uint64_t limit = Fabric::Impl::now() + kReadLimitPs;
  while (nic.mmio_full()) {
    if (!Fabric::Impl::step(limit)) return false;
  }
  const std::uint64_t before = memory.answers;
  nic.issue(MmioKind::kRead32, offset, {});
  while (memory.answers == before) {
    if (!Fabric::Impl::step(limit)) return false;
  }
  *value = memory.answer_value;
  return true;
}

void LocalBar::wait(std::chrono::microseconds timeout) {
  // Simulated and wall time are not mixed: the bound is on events; a timeout of 0 runs nothing.
  if (timeout.count() <= 0) return;
  const LocalMemory& memory = fabric_.hosts[node_]->local;
  const std::uint64_t before = memory.writes;
  for (unsigned i = 0; i < kWaitEvents && memory.writes == before; ++i) {
    if (!Fabric::Impl::step(kNever)) return;
  }
}

}  // namespace tally::sim
