// SPDX-License-Identifier: BSD-3-Clause
#include "drivers/verbs/address_watch.hpp"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

namespace tally::verbs {
namespace {

/// Changes that are told one by one.
constexpr std::size_t kMost = 1024;

}  // namespace

std::unique_ptr<AddressWatch> AddressWatch::create() {
  const long fd = ::syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
  if (fd < 0) return nullptr;
  uffdio_api api{};
  api.api = UFFD_API;
  // Pages are watched as write-protectable and never protected: no fault is ever ours to resolve.
  api.features = UFFD_FEATURE_EVENT_UNMAP | UFFD_FEATURE_EVENT_REMAP | UFFD_FEATURE_EVENT_REMOVE |
                 UFFD_FEATURE_PAGEFAULT_FLAG_WP;
  const int stop = ::eventfd(0, EFD_CLOEXEC);
  if (stop < 0 || ::ioctl(static_cast<int>(fd), UFFDIO_API, &api) != 0) {
    (void)::close(static_cast<int>(fd));
    if (stop >= 0) (void)::close(stop);
    return nullptr;
  }
  std::unique_ptr<AddressWatch> watch(new AddressWatch(static_cast<int>(fd), stop));
  watch->ranges_.reserve(kMost + 1);  // an event may add two
  // The program's signals are for its own threads.
  sigset_t all;
  sigset_t before;
  (void)::sigfillset(&all);
  (void)::pthread_sigmask(SIG_SETMASK, &all, &before);
  watch->thread_ = std::thread([own = watch.get()] { own->run(); });
  (void)::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return watch;
}

AddressWatch::~AddressWatch() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(stop_, &one, sizeof one);
  if (thread_.joinable()) thread_.join();
  (void)::close(fd_);
  (void)::close(stop_);
}

void AddressWatch::run() noexcept {
  // No allocation beyond this and no call that changes the address space: this thread must never wait for
  // itself.
  pollfd ready[2] = {{fd_, POLLIN, 0}, {stop_, POLLIN, 0}};
  for (;;) {
    if (::poll(ready, 2, -1) < 0) continue;
    if (ready[1].revents != 0) return;
    const std::scoped_lock lock(mutex_);
    uffd_msg message{};
    while (ranges_.size() < kMost && ::read(fd_, &message, sizeof message) == sizeof message) {
      // Packed fields: copied, not referred to.
      if (message.event == UFFD_EVENT_UNMAP || message.event == UFFD_EVENT_REMOVE) {
        const std::uintptr_t first = message.arg.remove.start;
        const std::uintptr_t end = message.arg.remove.end;
        ranges_.emplace_back(first, end);
      } else if (message.event == UFFD_EVENT_REMAP) {
        const std::uintptr_t from = message.arg.remap.from;
        const std::uintptr_t to = message.arg.remap.to;
        const std::uintptr_t length = message.arg.remap.len;
        ranges_.emplace_back(from, from + length);
        ranges_.emplace_back(to, to + length);
      }
    }
    if (ranges_.size() >= kMost) {
      // More than anybody asked about: everything counts as changed.
      ranges_.clear();
      ranges_.emplace_back(0, UINTPTR_MAX);
    }
  }
}

bool AddressWatch::add(std::uintptr_t first, std::uintptr_t end) noexcept {
  uffdio_register range{};
  range.range.start = first;
  range.range.len = end - first;
  range.mode = UFFDIO_REGISTER_MODE_WP;
  return ::ioctl(fd_, UFFDIO_REGISTER, &range) == 0;
}

void AddressWatch::remove(std::uintptr_t first, std::uintptr_t end) noexcept {
  uffdio_range range{first, end - first};
  (void)::ioctl(fd_, UFFDIO_UNREGISTER, &range);
}

void AddressWatch::changes(std::vector<std::pair<std::uintptr_t, std::uintptr_t>>* ranges) {
  // Nothing below may change the address space: the thread that would take the event waits for the lock.
  ranges->clear();
  ranges->reserve(kMost + 1);
  const std::scoped_lock lock(mutex_);
  ranges->assign(ranges_.begin(), ranges_.end());
  ranges_.clear();
}

}  // namespace tally::verbs
