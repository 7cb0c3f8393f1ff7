// SPDX-License-Identifier: BSD-3-Clause
// Several threads on one endpoint: who of those that wait polls the engine, and who wakes whom.
//
// All state is behind lock_. Of the threads that wait one polls: it looks for completions, and sleeps in the
// engine when there are none, without the lock. The others sleep on a word of their own until the poller (or
// any thread that takes completions) has found the end of their operation, or until the poller ends its own
// wait and one of them takes its place. So each completion is looked for by one thread, and a thread that
// only posts never waits for one that sleeps.
#include <algorithm>

#include "api/endpoint.hpp"
#include "job/futex.hpp"

using namespace std::chrono_literals;

namespace {

constexpr auto kStandBack = 1ms;  // the progress thread looks so often whether a thread of the program polls

}  // namespace

void tally_endpoint::rouse(Waiting& waiting) noexcept {
  if (&waiting == poller_) {
    if (poller_sleeps_) tally::job::wake(header(), static_cast<std::uint32_t>(rank()));
  } else if (waiting.asleep.load(std::memory_order_relaxed) != 0) {
    waiting.asleep.store(0, std::memory_order_release);
    tally::futex_wake_all(waiting.asleep);
  }
}

void tally_endpoint::rouse_lookers() noexcept {
  for (Waiting* follower = followers_; follower != nullptr; follower = follower->next) {
    if (follower->looks) rouse(*follower);
  }
  if (poller_ != nullptr && poller_->looks) rouse(*poller_);
}

void tally_endpoint::end_wait(Waiting& waiting) noexcept {
  if (poller_ == &waiting) poller_ = nullptr;
  if (poller_ != nullptr) return;
  // One of the others polls from now on. One that is awake may be about to end its own wait.
  Waiting* next = followers_;
  while (next != nullptr && next->asleep.load(std::memory_order_relaxed) == 0) next = next->next;
  if (next != nullptr) rouse(*next);
}

bool tally_endpoint::polls(Waiting& waiting) noexcept {
  if (poller_ == &waiting) return true;
  const std::thread::id self = std::this_thread::get_id();
  // A wait within a wait of the same thread stands in for it.
  if (poller_ != nullptr && poller_->thread != self) return false;
  waiting.thread = self;
  poller_ = &waiting;
  return true;
}

void tally_endpoint::share(Waiting& waiting) noexcept {
  // One that polls is enough: this one sleeps at once.
  if (!polls(waiting) && !poller_->background) waiting.spins = spins_;
  lock_.let_others();
}

void tally_endpoint::sleep(Waiting& waiting, std::chrono::microseconds timeout) {
  if (polls(waiting)) {
    if (!engine_->prepare_sleep()) {
      rouse_lookers();
      lock_.let_others();
      return;
    }
    poller_sleeps_ = true;
    lock_.unlock();
    engine_->sleep(timeout);
    lock_.lock();
    poller_sleeps_ = false;
    engine_->end_sleep();
    rouse_lookers();
    return;
  }
  waiting.next = followers_;
  followers_ = &waiting;
  waiting.asleep.store(1, std::memory_order_relaxed);
  lock_.unlock();
  tally::futex_wait(waiting.asleep, 1, timeout);
  lock_.lock();
  waiting.asleep.store(0, std::memory_order_relaxed);
  Waiting** at = &followers_;
  while (*at != &waiting) at = &(*at)->next;
  *at = waiting.next;
}

void tally_endpoint::run_progress_thread() {
  lock_.lock();
  {
    Waiting waiting(*this);
    waiting.background = true;
    while (!progress_ends_.load(std::memory_order_relaxed)) {
      if (progress() != 0) {
        lock_.let_others();
      } else if (poller_ != nullptr && poller_ != &waiting) {
        lock_.unlock();
        tally::futex_wait(progress_word_, 0, kStandBack);
        lock_.lock();
      } else {
        sleep(waiting, kSleep);
        end_wait(waiting);  // a thread of the program that waits polls itself
      }
    }
  }
  lock_.unlock();
}

void tally_endpoint::end_progress_thread() noexcept {
  if (!progress_thread_.joinable()) return;
  progress_ends_.store(true, std::memory_order_relaxed);
  progress_word_.store(1, std::memory_order_release);
  tally::futex_wake_all(progress_word_);
  tally::job::wake(header(), static_cast<std::uint32_t>(rank()));
  progress_thread_.join();
}
