// SPDX-License-Identifier: BSD-3-Clause
// Buffered mode: MPI 5.0, 3.6.
//
// The program's buffer is a row of blocks, each a head and a message's data; a block is free again when its
// message has left. Neighbouring free blocks are joined when room is looked for, first fit. With
// MPI_BUFFER_AUTOMATIC each message has memory from the pool of staging instead.
#include <algorithm>
#include <list>
#include <memory>
#include <new>
#include <vector>

#include "core/functions.hpp"
#include "core/handles.hpp"
#include "core/p2p.hpp"
#include "core/session.hpp"
#include "mpi/datatype/pack.hpp"

namespace tally::mpi {

class SendBuffer {
 public:
  SendBuffer(void* memory, MPI_Count bytes) noexcept : given_(memory), size_(bytes) {
    if (automatic()) return;
    const auto start = reinterpret_cast<std::uintptr_t>(memory);
    const std::uintptr_t first = (start + alignof(Block) - 1) / alignof(Block) * alignof(Block);
    const std::uintptr_t end = (start + static_cast<std::uintptr_t>(bytes)) / alignof(Block) * alignof(Block);
    if (first + sizeof(Block) > end) return;  // no message has room
    first_ = new (reinterpret_cast<void*>(first)) Block{.bytes = end - first, .sending = {}};
    end_ = reinterpret_cast<std::byte*>(end);
  }
  [[nodiscard]] bool automatic() const noexcept { return given_ == MPI_BUFFER_AUTOMATIC; }
  [[nodiscard]] void* given() const noexcept { return given_; }
  [[nodiscard]] MPI_Count size() const noexcept { return automatic() ? 0 : size_; }

  void send(const Data& data, int dest, int tag, const Comm& comm) {
    if (automatic()) {
      const auto sent = sent_.emplace(sent_.end());
      try {
        sent->data = Staging(data.bytes);
        post(&sent->sending, data, sent->data.data(), dest, tag, comm);
      } catch (...) {
        sent_.erase(sent);
        throw;
      }
      (void)idle();
      return;
    }
    Block* const block = take(data.bytes);
    if (block == nullptr)
      fail(MPI_ERR_BUFFER,
           "the attached buffer of {} bytes has no room for a message of {} bytes: it needs "
           "MPI_BSEND_OVERHEAD ({}) more bytes "
           "for each message that has not left",
           size_, data.bytes, MPI_BSEND_OVERHEAD);
    post(&block->sending, data, reinterpret_cast<std::byte*>(block + 1), dest, tag, comm);
  }

  /// True when every message has left; moves them on.
  bool idle() {
    std::erase_if(sent_, [](Sent& sent) { return left(sent.sending); });
    bool all = sent_.empty();
    for (Block* block = first_; block != nullptr; block = after(*block)) all = left(block->sending) && all;
    return all;
  }

 private:
  struct Sending {
    tally_request* request = nullptr;
    /// A thread waits for the engine to take it, without the library's lock: the memory is in use already.
    bool starting = false;
  };
  struct alignas(16) Block {
    std::uint64_t bytes;  ///< with this head
    Sending sending;      ///< none: free
  };
  static_assert(sizeof(Block) + 2 * alignof(Block) <= MPI_BSEND_OVERHEAD);
  struct Sent {
    Staging data;
    Sending sending;
  };

  [[nodiscard]] Block* after(Block& block) const noexcept {
    auto* const next = reinterpret_cast<std::byte*>(&block) + block.bytes;
    return next == end_ ? nullptr : reinterpret_cast<Block*>(next);
  }

  static bool left(Sending& sending) {
    if (sending.starting) return false;
    if (sending.request == nullptr) return true;
    tally_result result{};
    result.size = sizeof result;
    const tally_status status = tally_test(&sending.request, &result);
    if (status == TALLY_AGAIN) return false;
    check(status);
    return true;
  }

  static void post(Sending* sending, const Data& data, std::byte* to, int dest, int tag, const Comm& comm) {
    if (data.bytes != 0) {
      if (data.contiguous) {  // a request's data may stand for an address alone
        std::copy_n(data.type == nullptr ? static_cast<const std::byte*>(data.buffer) : data.address(),
                    data.bytes, to);
        runtime.buffered_bytes += data.bytes;
      } else {
        datatype::pack(*data.type->type, data.buffer, data.count, 0, static_cast<MPI_Count>(data.bytes), to);
        runtime.packed_bytes += data.bytes;
      }
    }
    sending->starting = true;
    try {
      sending->request = start_engine([&](tally_request** request) {
        return tally_send_start(runtime.endpoint, comm.group, to, data.bytes, comm.peer(dest), tag, request);
      });
    } catch (...) {
      sending->starting = false;
      throw;
    }
    sending->starting = false;
  }

  Block* take(std::uint64_t bytes) {
    const std::uint64_t need = sizeof(Block) + (bytes + alignof(Block) - 1) / alignof(Block) * alignof(Block);
    (void)tally_endpoint_progress(runtime.endpoint);
    for (Block* block = first_; block != nullptr; block = after(*block)) {
      if (!left(block->sending)) continue;
      for (Block* next = after(*block); next != nullptr && left(next->sending); next = after(*block))
        block->bytes += next->bytes;
      if (block->bytes < need) continue;
      if (block->bytes - need >= sizeof(Block) + alignof(Block)) {
        new (reinterpret_cast<std::byte*>(block) + need) Block{.bytes = block->bytes - need, .sending = {}};
        block->bytes = need;
      }
      return block;
    }
    return nullptr;
  }

  void* given_;
  MPI_Count size_;
  Block* first_ = nullptr;
  std::byte* end_ = nullptr;
  std::list<Sent> sent_;  ///< automatic; a list, since one that is starting stays where it is
};

namespace {

std::shared_ptr<SendBuffer> process_buffer;  ///< MPI_Buffer_attach
/// Communicators that have one (Comm::send_buffer), for the end of the library.
std::vector<std::weak_ptr<SendBuffer>> attached;

void attach(std::shared_ptr<SendBuffer>& to, void* buffer, MPI_Count size) {
  if (to != nullptr) fail(MPI_ERR_BUFFER, "a buffer of {} bytes is attached already", to->size());
  if (buffer != MPI_BUFFER_AUTOMATIC) {
    if (size < 0) fail(MPI_ERR_ARG, "size is {}, less than 0", size);
    if (buffer == nullptr && size > 0) fail(MPI_ERR_BUFFER, "buffer is NULL");
  }
  to = std::make_shared<SendBuffer>(buffer, size);
  std::erase_if(attached, [](const auto& buffer_there) { return buffer_there.expired(); });
  attached.push_back(to);
}

/// A share of its own: another thread may detach the buffer meanwhile.
void flush(const std::shared_ptr<SendBuffer>& share) {
  const std::shared_ptr<SendBuffer> buffer = share;
  if (buffer != nullptr && !buffer->idle()) wait_until([&] { return buffer->idle(); });
}

void detach(std::shared_ptr<SendBuffer>& from, void* buffer_addr, MPI_Count* size) {
  if (buffer_addr == nullptr) fail(MPI_ERR_ARG, "buffer_addr is NULL");
  if (size == nullptr) fail(MPI_ERR_ARG, "size is NULL");
  if (from == nullptr) fail(MPI_ERR_BUFFER, "no buffer is attached");
  const std::shared_ptr<SendBuffer> buffer = from;
  flush(buffer);
  if (from != buffer) fail(MPI_ERR_BUFFER, "another thread has detached the buffer");
  *static_cast<void**>(buffer_addr) = buffer->given();
  *size = buffer->size();
  from.reset();
}

Task flush_task(std::shared_ptr<SendBuffer> buffer) {
  Operations operations;
  if (buffer != nullptr)
    operations.add([&](tally_request**) { return buffer->idle() ? TALLY_OK : TALLY_AGAIN; });
  co_await operations.all();
}

void start_flush(Comm& comm, const std::shared_ptr<SendBuffer>& buffer, MPI_Request* request) {
  if (request == nullptr) fail(MPI_ERR_REQUEST, "request is NULL");
  Request* const made = launch(comm, flush_task(buffer));
  made->function = current_call.function;
  *request = handle(made);
}

}  // namespace

void send_buffered(const Data& data, int dest, int tag, Comm& comm) {
  // Its own share: a thread may detach the buffer while this one waits.
  const SessionBuffer of_session = comm.session_buffer != nullptr ? *comm.session_buffer : nullptr;
  const SessionBuffer buffer = comm.send_buffer != nullptr ? comm.send_buffer
                               : of_session != nullptr     ? of_session
                                                           : process_buffer;
  if (buffer == nullptr) fail(MPI_ERR_BUFFER, "no buffer is attached");
  buffer->send(data, dest, tag, comm);
}

void conclude_buffered() {
  for (const auto& place : attached) {
    flush(place.lock());
  }
  process_buffer.reset();
  attached.clear();
}

// --- MPI_* -----------------------------------------------------------------------------------

void Buffer_attach(void* buffer, MPI_Count size) { attach(process_buffer, buffer, size); }
void Buffer_detach(void* buffer_addr, MPI_Count* size) { detach(process_buffer, buffer_addr, size); }
void Buffer_flush() { flush(process_buffer); }
void Buffer_iflush(MPI_Request* request) { start_flush(*runtime.self, process_buffer, request); }

void Comm_attach_buffer(MPI_Comm comm, void* buffer, MPI_Count size) {
  attach(get_comm(comm).send_buffer, buffer, size);
}
void Comm_detach_buffer(MPI_Comm comm, void* buffer_addr, MPI_Count* size) {
  detach(get_comm(comm).send_buffer, buffer_addr, size);
}
void Comm_flush_buffer(MPI_Comm comm) {
  flush(get_comm(comm).send_buffer);
}
void Comm_iflush_buffer(MPI_Comm comm, MPI_Request* request) {
  Comm& object = get_comm(comm);
  start_flush(object, object.send_buffer, request);
}


void Session_attach_buffer(MPI_Session session, void* buffer, MPI_Count size) {
  attach(*get_session<Session>(session).buffer, buffer, size);
}
void Session_detach_buffer(MPI_Session session, void* buffer_addr, MPI_Count* size) {
  detach(*get_session<Session>(session).buffer, buffer_addr, size);
}
void Session_flush_buffer(MPI_Session session) { flush(*get_session<Session>(session).buffer); }
void Session_iflush_buffer(MPI_Session session, MPI_Request* request) {
  start_flush(*runtime.self, *get_session<Session>(session).buffer, request);
}

}  // namespace tally::mpi
