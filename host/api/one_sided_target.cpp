// SPDX-License-Identifier: BSD-3-Clause
// The target's side of one-sided operations: exported regions, and other ranks' operations on them.
#include <sys/random.h>

#include <cstring>
#include <utility>

#include "api/boundary.hpp"
#include "api/endpoint.hpp"
#include "api/one_sided.hpp"
#include "api/posting.hpp"

namespace tally::api {
namespace {

unsigned right_for(OneSidedKind kind) noexcept {
  switch (kind) {
    case OneSidedKind::kPut:
      return TALLY_ACCESS_WRITE;
    case OneSidedKind::kGet:
      return TALLY_ACCESS_READ;
    default:
      return TALLY_ACCESS_ATOMIC;
  }
}

/// On aligned memory; what other ranks and the owner do through this library is atomic with it.
template <typename T>
T carry_out(OneSidedKind kind, T* at, T operand, T compare) noexcept {
  switch (kind) {
    case OneSidedKind::kFetchAdd:
      return __atomic_fetch_add(at, operand, __ATOMIC_ACQ_REL);
    case OneSidedKind::kSwap:
      return __atomic_exchange_n(at, operand, __ATOMIC_ACQ_REL);
    default:
      (void)__atomic_compare_exchange_n(at, &compare, operand, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
      return compare;  // what was there: the same, or what has been loaded into it
  }
}

constexpr bool is_atomic(OneSidedKind kind) noexcept {
  return kind == OneSidedKind::kFetchAdd || kind == OneSidedKind::kSwap || kind == OneSidedKind::kCompareSwap;
}

}  // namespace

// --- regions -----------------------------------------------------------------------------------------------

Status OneSided::export_region(tally_memory& memory, unsigned access, tally_remote_key* out) {
  Status status = stand();  // before anybody can ask
  if (!status.ok()) return status;
  std::uint64_t nonce = 0;
  if (::getrandom(&nonce, sizeof nonce, 0) != sizeof nonce)
    return {TALLY_ERR_INTERNAL, "key: the system gives no random numbers"};
  auto number = static_cast<std::uint32_t>(exports_.size());
  if (free_exports_.empty()) {
    exports_.emplace_back();
    free_exports_.reserve(exports_.size());
  } else {
    number = free_exports_.back();
    free_exports_.pop_back();
  }
  exports_[number] = {true, nonce, memory.base, memory.length, access, &memory, 0};
  RemoteKey key;
  key.rank = static_cast<std::uint16_t>(endpoint_.rank());
  key.access = static_cast<std::uint8_t>(access);
  key.low_address = static_cast<std::uint8_t>(reinterpret_cast<std::uintptr_t>(memory.base) & 7);
  key.job = endpoint_.job_.id;
  key.nonce = nonce;
  key.length = memory.length;
  key.number = number;
  write_key(key, out);
  return {};
}

Status OneSided::withdraw(const RemoteKey& key) {
  if (key.number >= exports_.size() || !exports_[key.number].live || exports_[key.number].nonce != key.nonce)
    return {TALLY_ERR_NOT_REGISTERED, "key has been released already"};
  exports_[key.number].live = false;
  return {};
}

void OneSided::forget(const RemoteKey& key) { free_exports_.push_back(key.number); }

std::size_t OneSided::exports_of(const tally_memory& memory) const noexcept {
  std::size_t count = 0;
  for (const Export& each : exports_) count += (each.live || each.users != 0) && each.region == &memory ? 1u : 0u;
  return count;
}

Refusal OneSided::check(std::uint32_t number, std::uint64_t nonce, OneSidedKind kind, bool wide, std::uint64_t offset,
                        std::uint64_t length, std::byte** at) const noexcept {
  if (number >= exports_.size()) return Refusal::kReleased;
  const Export& region = exports_[number];
  if (!region.live || region.nonce != nonce) return Refusal::kReleased;
  const unsigned right = right_for(kind);
  if ((region.access & right) == 0) return Refusal::kRight;
  if (offset > region.length || length > region.length - offset) return Refusal::kRange;
  *at = region.base + offset;
  if (!is_atomic(kind)) return Refusal::kNone;
  const std::uint64_t width = wide ? 8 : 4;
  if (length != width) return Refusal::kRange;  // not of this library
  return reinterpret_cast<std::uintptr_t>(*at) % width == 0 ? Refusal::kNone : Refusal::kAlignment;
}

std::uint64_t OneSided::atomic(OneSidedKind kind, bool wide, std::byte* at, std::uint64_t operand,
                               std::uint64_t compare) noexcept {
  if (wide) return carry_out(kind, reinterpret_cast<std::uint64_t*>(at), operand, compare);
  return carry_out(kind, reinterpret_cast<std::uint32_t*>(at), static_cast<std::uint32_t>(operand),
                   static_cast<std::uint32_t>(compare));
}

// --- other ranks' operations -------------------------------------------------------------------------------

void OneSided::serve(std::uint16_t origin, const Head& head, const std::byte* data, std::size_t bytes) {
  std::byte* at = nullptr;
  const bool put = head.kind == OneSidedKind::kPut;
  const bool get = head.kind == OneSidedKind::kGet;
  if (!put && !get && !is_atomic(head.kind)) return;  // not of this library
  const Refusal refusal = check(head.number, head.nonce, head.kind, head.wide != 0, head.offset, head.length, &at);
  if (refusal == Refusal::kNone && (put || get) && head.length > kInline) return serve_long(origin, head, at);
  Head answer = head;
  answer.word = Word::kAnswer;
  answer.refusal = refusal;
  if (refusal != Refusal::kNone) {
    answer.length = head.number < exports_.size() ? exports_[head.number].length : 0;
  } else if (put && head.length != 0) {
    if (bytes != head.length) return;  // not of this library
    std::memcpy(at, data, bytes);
    endpoint_.count_one_sided_copy(bytes);
  } else if (is_atomic(head.kind)) {
    answer.value = atomic(head.kind, head.wide != 0, at, head.operand, head.compare);
  }
  tell(answer, origin, at, refusal == Refusal::kNone && get ? head.length : 0);
}

void OneSided::tell(const Head& head, std::uint16_t origin, const std::byte* data, std::size_t bytes) {
  // Without memory for the answer nothing works any more: the operations of this rank fail, too.
  if (const Status status = compose(head, origin, data, bytes); !status.ok()) fail_all(status.code());
}

void OneSided::serve_long(std::uint16_t origin, const Head& head, std::byte* at) {
  std::uint32_t number = 0;
  while (number < served_.size() && served_[number].live) ++number;
  if (number == served_.size()) served_.emplace_back();
  Served& served = served_[number];
  served = Served{};
  served.ask = head;
  served.origin = origin;
  served.exported = head.number;
  served.at = at;
  served.live = true;
  ++serving_;
  ++exports_[head.number].users;
  Head go_on = head;
  go_on.word = Word::kGoOn;
  go_on.number = number;
  tell(go_on, origin, nullptr, 0);
}

void OneSided::advance_served() {
  for (std::uint32_t number = 0; number < served_.size(); ++number) {
    Served& served = served_[number];
    if (!served.live) continue;
    const bool put = served.ask.kind == OneSidedKind::kPut;
    const bool alone = left(served.origin);
    if (served.data == nullptr) {
      if (alone) {
        end_served(served);
        continue;
      }
      const Status status = post_data(!put, served.origin, put ? put_tag(number) : get_tag(served.ask.id), served.at,
                                      served.ask.length, exports_[served.exported].region, &served.data);
      if (status.code() == TALLY_AGAIN) continue;
      if (!status.ok()) {
        answer_long(served, status.code());
        continue;
      }
    }
    if (given_up(*served.data)) {
      end_served(served);
    } else if (served.data->state == tally_request::State::kDone) {
      const tally_status status = served.data->completion.status;
      endpoint_.release(*std::exchange(served.data, nullptr));
      if (alone || (!put && status == TALLY_OK)) {  // of a get the data tell
        end_served(served);
      } else {
        answer_long(served, status);
      }
    } else if (alone && put && !std::exchange(served.cancelled, true)) {
      endpoint_.engine_->cancel(served.data->cookie);
    } else if (alone && !put) {
      endpoint_.abandon(&served.data);
      end_served(served);
    }
  }
}

void OneSided::answer_long(Served& served, tally_status status) {
  Head answer = served.ask;
  answer.word = Word::kAnswer;
  answer.refusal = status == TALLY_OK ? Refusal::kNone : Refusal::kEngine;
  answer.value = static_cast<std::uint64_t>(status);
  tell(answer, served.origin, nullptr, 0);
  end_served(served);
}

void OneSided::end_served(Served& served) noexcept {
  served.live = false;
  --serving_;
  --exports_[served.exported].users;
}

}  // namespace tally::api
