// SPDX-License-Identifier: BSD-3-Clause
#include "engine/soft/rendezvous.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace tally::soft {
namespace {

/// Of a copy: small enough that both ends get a share, large enough that the calls into the kernel cost
/// little.
constexpr std::uint64_t kChunkBytes = 256u << 10;
/// Chunks that one advance() copies before frames are looked at again.
constexpr unsigned kChunksPerTurn = 4;

constexpr std::uint64_t kMostChunks = 0x7fff;  ///< so that a count of them fits 16 bits

/// Of a copy of so many bytes.
constexpr std::uint64_t chunk_size(std::uint64_t bytes) noexcept {
  return std::max(kChunkBytes, (bytes / kMostChunks + 4096) / 4096 * 4096);
}
constexpr std::uint32_t chunk_count(std::uint64_t bytes) noexcept {
  return static_cast<std::uint32_t>((bytes + chunk_size(bytes) - 1) / chunk_size(bytes));
}

/// Of a JointCopy that is being written.
constexpr std::uint32_t kClosed = ~std::uint32_t{0};

constexpr std::uint64_t joint_word(std::uint32_t generation, std::uint32_t taken) noexcept {
  return std::uint64_t{generation} << 32 | taken;
}

enum class End : std::uint8_t { kFront, kBack };

/// Takes a chunk of the copy that has this generation; false when there is none. The receiver takes from the front, the
/// sender from the back: of a buffer that is used again each finds in its own cache what it copied there before.
bool take_chunk(JointCopy& joint, std::uint32_t generation, End end, std::uint32_t* chunk) noexcept {
  std::uint64_t seen = joint.next.load(std::memory_order_acquire);
  for (;;) {
    if (static_cast<std::uint32_t>(seen >> 32) != generation) return false;
    const auto front = static_cast<std::uint32_t>(seen & 0xffff);
    const auto back = static_cast<std::uint32_t>(seen >> 16 & 0xffff);
    const std::uint32_t chunks = joint.chunks.load(std::memory_order_acquire);
    if (front + back >= chunks) return false;
    if (!joint.next.compare_exchange_weak(seen, seen + (end == End::kFront ? 1u : 1u << 16),
                                          std::memory_order_acq_rel, std::memory_order_acquire))
      continue;
    *chunk = end == End::kFront ? front : chunks - 1 - back;
    return true;
  }
}

}  // namespace

// --- the sender ------------------------------------------------------------------------------------------

Rendezvous::Asking Rendezvous::ask(const SendDescriptor& send) {
  const FrameSlot slot = transport_.reserve(send.destination, sizeof(Ask));
  if (slot.header == nullptr) return Asking::kNoRoom;
  Loan loan;
  const bool readable = send.length == 0 || transport_.lend(send.destination, send.buffer, send.length, &loan);
  if (!readable && !send.synchronous) return Asking::kUnlent;
  if (free_asked_.empty()) {
    free_asked_.push_back(static_cast<std::uint32_t>(asked_.size()));
    asked_.emplace_back();
    free_asked_.reserve(asked_.capacity());
  }
  const std::uint32_t number = free_asked_.back();
  free_asked_.pop_back();
  asked_[number] = {send, loan.number, true, asked_[number].round + 1};
  *slot.header = {.bytes = sizeof(Ask),
                  .kind = FrameKind::kAsk,
                  .context = send.context,
                  .tag = send.tag,
                  .length = send.length};
  Ask ask;
  ask.address = reinterpret_cast<std::uint64_t>(send.buffer);
  ask.number = number;
  ask.synchronous = send.synchronous ? 1 : 0;
  ask.readable = readable ? 1 : 0;
  ask.key = loan.key;
  std::memcpy(slot.payload, &ask, sizeof ask);
  transport_.commit(send.destination);
  return Asking::kSent;
}

void Rendezvous::complete_send(std::uint32_t number, tally_status status) {
  Asked& asked = asked_[number];
  Completion completion;
  completion.cookie = asked.send.cookie;
  completion.status = status;
  completion.length = asked.send.length;
  completions_.push(completion);
  if (asked.loan != 0) transport_.take_back(asked.loan);
  asked.live = false;
  free_asked_.push_back(number);
}

void Rendezvous::drop_gone() {
  for (std::uint32_t number = 0; number < asked_.size(); ++number) {
    const std::uint32_t peer = asked_[number].send.destination;
    // What it sent before it left is taken first: it may be the word that the data have been fetched.
    if (asked_[number].live && transport_.gone(peer) && transport_.front(peer).header == nullptr) {
      complete_send(number, TALLY_ERR_JOB);
    }
  }
  for (Fetch*& fetch : refused_) {
    if (fetch == nullptr || !transport_.gone(fetch->source) ||
        transport_.front(fetch->source).header != nullptr)
      continue;
    complete_receive(*fetch, TALLY_ERR_JOB);
    fetch_pool_.give(std::exchange(fetch, nullptr));
  }
}

void Rendezvous::copy_joined() {
  unsigned budget = kChunksPerTurn;
  while (!joined_.empty()) {
    const Joined& at = joined_.front();
    JointCopy& joint = transport_.joint(at.peer, at.joint);
    std::uint32_t chunk = 0;
    while (!no_write_[at.peer] && take_chunk(joint, at.generation, End::kBack, &chunk)) {
      const std::uint64_t offset = chunk * joint.chunk_bytes;
      const std::uint64_t bytes = std::min(joint.chunk_bytes, joint.bytes - offset);
      if (transport_.write(at.peer, joint.to + offset, reinterpret_cast<const void*>(joint.from + offset),
                           bytes)) {
        work_.direct_bytes += bytes;
        joint.copied.fetch_add(1, std::memory_order_release);
      } else {
        no_write_[at.peer] = true;
        joint.returned.store(chunk + 1, std::memory_order_release);
      }
      if (--budget == 0) return;
    }
    (void)joined_.pop();
  }
}

void Rendezvous::push_fills() {
  // One round: who takes nothing, or has left, does not hold up what goes to others. Those to one rank keep
  // their order: what does not fit closes that rank's way for the round.
  std::uint64_t closed = 0;
  static_assert(kMaxRanks <= 64);
  for (std::size_t left = fills_.size(); left != 0; --left) {
    Fill fill = fills_.pop();
    const Asked& asked = asked_[fill.number];
    if (!asked.live || asked.round != fill.round) continue;  // ended by drop_gone()
    const SendDescriptor& send = asked.send;
    const std::uint64_t way = std::uint64_t{1} << send.destination;
    while (fill.sent != fill.bytes && (closed & way) == 0) {
      const auto bytes =
          static_cast<std::uint32_t>(std::min<std::uint64_t>(fill.bytes - fill.sent, kMaxPayload));
      const FrameSlot slot = transport_.reserve(send.destination, bytes);
      if (slot.header == nullptr) {
        closed |= way;
        break;
      }
      *slot.header = {
          .bytes = static_cast<std::uint16_t>(bytes), .kind = FrameKind::kFill, .tag = fill.receive};
      std::memcpy(slot.payload, static_cast<const std::byte*>(send.buffer) + fill.sent, bytes);
      transport_.commit(send.destination);
      work_.framed_bytes += bytes;
      fill.sent += bytes;
    }
    if (fill.sent == fill.bytes) {
      complete_send(fill.number, TALLY_OK);
    } else {
      fills_.push(fill);
    }
  }
}

// --- the receiver ----------------------------------------------------------------------------------------

void Rendezvous::fetch(const RecvDescriptor& receive, std::uint16_t source, std::uint32_t tag,
                       std::uint64_t length, const Ask& ask) {
  Fetch* fetch = fetch_pool_.take();
  *fetch = Fetch{};
  fetch->receive = receive;
  fetch->source = source;
  fetch->tag = tag;
  fetch->length = length;
  fetch->bytes = std::min(length, receive.length);
  fetch->ask = ask;
  fetch->chunks = chunk_count(fetch->bytes);
  if (fetch->bytes != 0 && (ask.readable == 0 || !transport_.direct(source))) return refuse(fetch);
  if (fetch->bytes != 0 && transport_.reads_by_device(source)) {
    fetch->read = transport_.start_read(source, receive.buffer, ask.address, fetch->bytes, ask.key);
    if (fetch->read == Transport::kNoRead && !transport_.gone(source)) return refuse(fetch);
    reading_.push_back(fetch);
    return;
  }
  if (fetch->chunks > 1 && source != transport_.rank() &&
      !open_joint(source, ask.address, receive.buffer, fetch->bytes, &fetch->joint, &fetch->generation))
    fetch->joint = kNone;
  fetches_.push(fetch);
}

void Rendezvous::refuse(Fetch* fetch) {
  std::uint32_t number = 0;
  while (number < refused_.size() && refused_[number] != nullptr) ++number;
  if (number == refused_.size()) refused_.push_back(nullptr);
  refused_[number] = fetch;
  send_note(
      {fetch->source,
       FrameKind::kRefused,
       fetch->ask.number,
       {number, static_cast<std::uint32_t>(fetch->bytes), static_cast<std::uint32_t>(fetch->bytes >> 32)}});
}

bool Rendezvous::open_joint(std::uint32_t peer, std::uint64_t from, void* to, std::uint64_t bytes,
                            std::uint32_t* joint_number, std::uint32_t* generation_number) {
  if (free_joints_ == 0 || !transport_.joins(peer)) return false;
  const auto n = static_cast<std::uint32_t>(std::countr_zero(free_joints_));
  JointCopy& joint = transport_.joint(transport_.rank(), n);
  // Nobody takes a chunk of the old generation any more: all of them are copied.
  const auto generation = static_cast<std::uint32_t>(joint.next.load(std::memory_order_relaxed) >> 32) + 1;
  joint.next.store(joint_word(generation, kClosed), std::memory_order_relaxed);
  // What closes it comes before: who sees this number of chunks, sees that too.
  joint.chunks.store(chunk_count(bytes), std::memory_order_release);
  joint.from = from;
  joint.to = reinterpret_cast<std::uint64_t>(to);
  joint.bytes = bytes;
  joint.chunk_bytes = chunk_size(bytes);
  joint.copied.store(0, std::memory_order_relaxed);
  joint.returned.store(0, std::memory_order_relaxed);
  joint.next.store(joint_word(generation, 0), std::memory_order_release);
  if (!try_note({peer, FrameKind::kJoin, 0, {n, generation}})) return false;
  free_joints_ &= ~(1u << n);
  *joint_number = n;
  *generation_number = generation;
  return true;
}

Rendezvous::Fetched Rendezvous::fetch_now(std::uint32_t peer, void* to, std::uint64_t from,
                                          std::uint32_t key, std::uint64_t bytes, Share* share) {
  if (transport_.reads_by_device(peer)) {
    const std::uint32_t read = transport_.start_read(peer, to, from, bytes, key);
    return read != Transport::kNoRead && transport_.end_read(read) ? Fetched::kDone : Fetched::kFailed;
  }
  Fetch fetch;
  fetch.receive.buffer = to;
  fetch.source = static_cast<std::uint16_t>(peer);
  fetch.bytes = bytes;
  fetch.ask.address = from;
  fetch.chunks = chunk_count(bytes);
  if (share != nullptr && !share->open && fetch.chunks > 1 &&
      open_joint(peer, from, to, bytes, &share->joint, &share->generation)) {
    share->open = true;
    ++shares_;
    transport_.flush();
  }
  const bool jointly = share != nullptr && share->open;
  fetch.joint = jointly ? share->joint : kNone;
  fetch.generation = jointly ? share->generation : 0;
  tally_status status = TALLY_OK;
  unsigned budget = ~0u;
  if (!copy(fetch, &budget, &status)) {
    // A chunk that the peer has taken takes it a moment, if it runs. It may have been stopped.
    if (!transport_.gone(peer)) return Fetched::kLater;
    status = TALLY_ERR_JOB;
  }
  if (jointly) {
    if (status == TALLY_OK) free_joints_ |= 1u << fetch.joint;
    share->open = false;
    --shares_;
  }
  return status == TALLY_OK ? Fetched::kDone : Fetched::kFailed;
}

void Rendezvous::drop(Share& share) noexcept {
  if (!share.open) return;
  // The peer takes no other chunk. It may hold one, so that the record stays out of use.
  transport_.joint(transport_.rank(), share.joint)
      .next.store(joint_word(share.generation, kClosed), std::memory_order_release);
  share.open = false;
  --shares_;
}

bool Rendezvous::copy_chunk(const Fetch& fetch, std::uint32_t chunk) {
  const std::uint64_t size = chunk_size(fetch.bytes);
  const std::uint64_t offset = chunk * size;
  const std::uint64_t bytes = std::min(size, fetch.bytes - offset);
  if (!transport_.read(fetch.source, static_cast<std::byte*>(fetch.receive.buffer) + offset,
                       fetch.ask.address + offset, bytes))
    return false;
  work_.direct_bytes += bytes;
  return true;
}

bool Rendezvous::copy(Fetch& fetch, unsigned* budget, tally_status* status) {
  *status = TALLY_ERR_JOB;  // of a read that fails: the sender was there and has died
  if (fetch.joint == kNone) {
    for (; fetch.taken < fetch.chunks; ++fetch.taken, --*budget) {
      if (*budget == 0) return false;
      if (!copy_chunk(fetch, fetch.taken)) return true;
    }
    *status = TALLY_OK;
    return true;
  }
  JointCopy& joint = transport_.joint(transport_.rank(), fetch.joint);
  for (; *budget != 0; --*budget) {
    std::uint32_t chunk = 0;
    if (!take_chunk(joint, fetch.generation, End::kFront, &chunk)) {
      const std::uint32_t returned = joint.returned.exchange(0, std::memory_order_acquire);
      if (returned == 0) break;
      chunk = returned - 1;
    }
    if (!copy_chunk(fetch, chunk)) return true;
    joint.copied.fetch_add(1, std::memory_order_relaxed);
  }
  if (joint.copied.load(std::memory_order_acquire) != fetch.chunks) return false;
  *status = TALLY_OK;
  return true;
}

void Rendezvous::complete_receive(const Fetch& fetch, tally_status status) {
  Completion completion;
  completion.cookie = fetch.receive.cookie;
  completion.status = status != TALLY_OK                    ? status
                      : fetch.length > fetch.receive.length ? TALLY_ERR_TRUNCATED
                                                            : TALLY_OK;
  completion.length = fetch.length;
  completion.tag = fetch.tag;
  completion.source = fetch.source;
  completions_.push(completion);
}

void Rendezvous::push_notes() {
  // As push_fills(). What does not fit to a rank that has left is dropped.
  std::uint64_t closed = 0;
  for (std::size_t left = notes_.size(); left != 0; --left) {
    const Note note = notes_.pop();
    const std::uint64_t way = std::uint64_t{1} << note.peer;
    if ((closed & way) == 0 && try_note(note)) continue;
    closed |= way;
    if (!transport_.gone(note.peer)) notes_.push(note);
  }
}

void Rendezvous::end_reads() {
  for (std::size_t i = 0; i < reading_.size();) {
    Fetch* fetch = reading_[i];
    const ReadState state =
        fetch->read == Transport::kNoRead ? ReadState::kFailed : transport_.read_state(fetch->read);
    if (state == ReadState::kLater) {
      ++i;
      continue;
    }
    reading_[i] = reading_.back();
    reading_.pop_back();
    const bool done_well = state == ReadState::kDone;
    if (done_well) done(fetch->source, fetch->ask);
    complete_receive(*fetch, done_well ? TALLY_OK : TALLY_ERR_JOB);
    fetch_pool_.give(fetch);
  }
}

void Rendezvous::advance_some() {
  if (!reading_.empty()) end_reads();
  if (!notes_.empty()) push_notes();
  if (!fills_.empty()) push_fills();
  if (!joined_.empty()) copy_joined();
  unsigned budget = kChunksPerTurn;
  while (!fetches_.empty()) {
    Fetch* fetch = fetches_.front();
    tally_status status = TALLY_OK;
    if (!copy(*fetch, &budget, &status)) return;
    // A dead sender takes no chunk any more; its record stays out of use.
    if (fetch->joint != kNone && status == TALLY_OK) free_joints_ |= 1u << fetch->joint;
    done(fetch->source, fetch->ask);
    complete_receive(*fetch, status);
    fetch_pool_.give(fetches_.pop());
  }
}

void Rendezvous::arrive(std::uint32_t source, const FrameView& frame) {
  std::uint32_t words[4] = {};
  const std::uint32_t tag = frame.header->tag;
  if (frame.header->kind != FrameKind::kFill) std::memcpy(words, frame.payload, sizeof words);
  switch (frame.header->kind) {
    case FrameKind::kJoin:
      joined_.push({source, words[0], words[1]});
      break;
    case FrameKind::kDone:
      complete_send(tag, TALLY_OK);
      break;
    case FrameKind::kRefused:
      fills_.push({tag, asked_[tag].round, words[0], words[1] | std::uint64_t{words[2]} << 32, 0});
      break;
    case FrameKind::kFill: {
      Fetch& fetch = *refused_[tag];
      std::memcpy(static_cast<std::byte*>(fetch.receive.buffer) + fetch.arrived, frame.payload,
                  frame.header->bytes);
      fetch.arrived += frame.header->bytes;
      work_.framed_bytes += frame.header->bytes;
      work_.staged_bytes += frame.header->bytes;
      if (fetch.arrived != fetch.bytes) break;
      complete_receive(fetch, TALLY_OK);
      fetch_pool_.give(refused_[tag]);
      refused_[tag] = nullptr;
      break;
    }
    default:
      break;
  }
}

// --- both ------------------------------------------------------------------------------------------------

bool Rendezvous::try_note(const Note& note) {
  const FrameSlot slot = transport_.reserve(note.peer, sizeof note.words);
  if (slot.header == nullptr) return false;
  *slot.header = {.bytes = sizeof note.words, .kind = note.kind, .tag = note.tag};
  std::memcpy(slot.payload, note.words, sizeof note.words);
  transport_.commit(note.peer);
  return true;
}

void Rendezvous::send_note(const Note& note) {
  if (!notes_.empty() || !try_note(note)) notes_.push(note);
}

std::string Rendezvous::describe_pending() const {
  std::string text;
  for (const Asked& asked : asked_) {
    if (!asked.live) continue;
    text += fmt::format("send to rank {}, tag {}, context {}: {} bytes wait for their receive\n",
                        asked.send.destination, asked.send.tag, asked.send.context, asked.send.length);
  }
  for (const Fetch* fetch = fetches_.front(); fetch != nullptr; fetch = fetch->next) {
    text += fmt::format("receive of {} bytes from rank {}, tag {}: being fetched\n", fetch->length,
                        fetch->source, fetch->tag);
  }
  for (const Fetch* fetch : reading_) {
    text += fmt::format("receive of {} bytes from rank {}, tag {}: the device reads them\n", fetch->length,
                        fetch->source, fetch->tag);
  }
  for (const Fetch* fetch : refused_) {
    if (fetch == nullptr) continue;
    text += fmt::format("receive of {} bytes from rank {}, tag {}: {} of {} bytes arrived\n", fetch->length,
                        fetch->source, fetch->tag, fetch->arrived, fetch->bytes);
  }
  return text;
}

}  // namespace tally::soft
