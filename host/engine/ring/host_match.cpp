// SPDX-License-Identifier: BSD-3-Clause
#include "engine/ring/host_match.hpp"

#include <array>
#include <utility>

namespace tally::ring {

namespace {

constexpr auto kAnySource = static_cast<std::uint8_t>(device::kMsgFlagAnySource);
constexpr auto kAnyTag = static_cast<std::uint8_t>(device::kMsgFlagAnyTag);
constexpr std::uint8_t kClasses[] = {0, kAnySource, kAnyTag, kAnySource | kAnyTag};

MatchKey make_key(std::uint8_t flags, std::uint16_t context, std::uint16_t source, std::uint32_t tag) {
  return {.tag = (flags & kAnyTag) != 0 ? 0 : tag,
          .context = context,
          .source = (flags & kAnySource) != 0 ? std::uint16_t{0} : source,
          .flags = flags};
}

MatchKey key_of(const device::MsgHeader& message, std::uint8_t flags) {
  return make_key(flags, message.context_id, message.src_rank, message.tag);
}

}  // namespace

MatchKey key_of(const device::RecvDesc& receive) {
  return make_key(receive.flags & (kAnySource | kAnyTag), receive.context_id, receive.peer, receive.tag);
}

std::size_t HostMatch::Hash::operator()(const MatchKey& key) const {
  std::uint64_t h = std::uint64_t{key.tag} << 32 | std::uint64_t{key.context} << 16 | key.source;
  h = (h ^ key.flags) * 0x9e3779b97f4a7c15u;
  return static_cast<std::size_t>(h ^ (h >> 32));
}

void HostMatch::add_receive(std::uint64_t age, const device::RecvDesc& receive, OperationIndex index) {
  receives_.emplace(age, index);
  receives_by_key_[key_of(receive)].emplace(age, index);
}

void HostMatch::remove_receive(std::uint64_t age, const device::RecvDesc& receive) {
  receives_.erase(age);
  const auto found = receives_by_key_.find(key_of(receive));
  found->second.erase(age);
  if (found->second.empty()) receives_by_key_.erase(found);
}

OperationIndex HostMatch::receive_for(const device::MsgHeader& message) const {
  OperationIndex index = kNoOperation;
  std::uint64_t oldest = UINT64_MAX;
  for (const std::uint8_t flags : kClasses) {
    const auto found = receives_by_key_.find(key_of(message, flags));
    if (found == receives_by_key_.end()) continue;
    const auto& [age, receive] = *found->second.begin();
    if (age >= oldest) continue;
    oldest = age;
    index = receive;
  }
  return index;
}

void HostMatch::add_message(Message message) {
  const std::uint64_t age = next_message_++;
  const Message& stored = messages_.emplace(age, std::move(message)).first->second;
  for (const std::uint8_t flags : kClasses)
    messages_by_key_[key_of(stored.header, flags)].emplace(age, &stored);
}

const Message* HostMatch::message_for(const device::RecvDesc& receive) const {
  const auto found = messages_by_key_.find(key_of(receive));
  return found == messages_by_key_.end() ? nullptr : found->second.begin()->second;
}

Message HostMatch::take_message_for(const device::RecvDesc& receive) {
  const std::uint64_t age = messages_by_key_.find(key_of(receive))->second.begin()->first;
  auto node = messages_.extract(age);
  for (const std::uint8_t flags : kClasses) {
    const auto found = messages_by_key_.find(key_of(node.mapped().header, flags));
    found->second.erase(age);
    if (found->second.empty()) messages_by_key_.erase(found);
  }
  return std::move(node.mapped());
}

void HostMatch::clear() {
  receives_.clear();
  receives_by_key_.clear();
  messages_.clear();
  messages_by_key_.clear();
}

}  // namespace tally::ring
