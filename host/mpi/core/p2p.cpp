// SPDX-License-Identifier: BSD-3-Clause
// Messages: MPI 5.0, chapter 3, but probes, buffered mode and the completion of requests.
#include "core/p2p.hpp"

#include <algorithm>
#include <limits>

#include "core/functions.hpp"
#include "core/status.hpp"
#include "mpi/datatype/pack.hpp"

namespace tally::mpi {

void detail::bad_data(const void* buffer, MPI_Count count, const Datatype& type, const DataNames& names) {
  if (count < 0) fail(MPI_ERR_COUNT, "{} is {}, less than 0", names.count, count);
  if (!type.type->committed()) fail(MPI_ERR_TYPE, "{} is not committed", names.type);
  std::int64_t bytes = 0;
  if (__builtin_mul_overflow(count, type.type->size(), &bytes))
    fail(MPI_ERR_COUNT, "{} is {}: so many elements of {} bytes are more than a message holds", names.count,
         count, type.type->size());
  fail(MPI_ERR_BUFFER, "{} is {}, but {} is {}", names.buffer, buffer == nullptr ? "NULL" : "invalid",
       names.count, count);
}

void detail::bad_rank(const char* argument, int rank, int peers, bool receive) {
  fail(MPI_ERR_RANK, "{} is {}, out of range (0 to {}, {}MPI_PROC_NULL)", argument, rank, peers - 1,
       receive ? "MPI_ANY_SOURCE, " : "");
}

void detail::bad_tag(const char* argument, int tag, bool receive) {
  fail(MPI_ERR_TAG, "{} is {}, out of range (0 to {}{})", argument, tag, TALLY_MAX_TAG,
       receive ? ", MPI_ANY_TAG" : "");
}

Staging packed(const Data& data) {
  Staging block(data.bytes);
  datatype::pack(*data.type->type, data.buffer, data.count, 0, static_cast<MPI_Count>(data.bytes),
                 block.data());
  runtime.packed_bytes += data.bytes;
  return block;
}

void unpack(const Data& data, const std::byte* from, std::uint64_t bytes) {
  datatype::unpack(*data.type->type, data.buffer, data.count, 0, static_cast<MPI_Count>(bytes), from);
  runtime.unpacked_bytes += bytes;
}

namespace {

tally_status engine_send(SendMode mode, const Comm& comm, const void* from, std::uint64_t bytes, int dest,
                         int tag, tally_request** request) {
  const auto start_it = mode == SendMode::kSynchronous ? tally_ssend_start : tally_send_start;
  return start_it(runtime.endpoint, comm.group, from, bytes, comm.peer(dest), tag, request);
}

/// Blocking modes but the buffered one.
void send(SendMode mode, const void* buf, MPI_Count count, MPI_Datatype datatype, int dest, int tag,
          MPI_Comm handle) {
  Comm& comm = get_comm(handle);
  const Data data = check_data(buf, count, datatype);
  check_destination(comm, dest, tag);
  if (dest == MPI_PROC_NULL) [[unlikely]]
    return;
  current_call.message(Call::Peer::kDestination, dest, tag);
  Staging copy;
  const std::byte* from = nullptr;
  if (data.contiguous) [[likely]] {
    from = data.address();
  } else {
    copy = packed(data);
    from = copy.data();
  }
  check(run_engine(
      [&] {
        const auto blocking = mode == SendMode::kSynchronous ? tally_ssend : tally_send;
        return blocking(runtime.endpoint, comm.group, from, data.bytes, comm.peer(dest), tag);
      },
      [&](tally_request** request) {
        return engine_send(mode, comm, from, data.bytes, dest, tag, request);
      }));
}

/// After the engine's receive: status, unpacking, errors.
void received(const Comm& comm, const Data& data, const std::byte* staged, tally_status code,
              const tally_result& result, MPI_Status* status) {
  if (code != TALLY_OK && code != TALLY_ERR_TRUNCATED) check(code);
  const std::uint64_t got = std::min<std::uint64_t>(result.length, data.bytes);
  const int source = source_of(comm, result.source);
  set_status(status, source, result.tag, got);
  if (staged != nullptr) unpack(data, staged, got);
  if (code == TALLY_ERR_TRUNCATED) [[unlikely]]
    throw Error{MPI_ERR_TRUNCATE, truncation_text(result.length, source, result.tag, data.bytes)};
}

/// Receives and sends at once. `from`: what is sent, contiguous.
void exchange(Comm& comm, const std::byte* from, std::uint64_t bytes, int dest, int sendtag, const Data& into,
              int source, int recvtag, MPI_Status* status) {
  if (source != MPI_PROC_NULL) {
    current_call.message(Call::Peer::kSource, source, recvtag);
  } else {
    current_call.message(Call::Peer::kDestination, dest, sendtag);
  }
  Staging staged;
  std::byte* to = into.contiguous ? into.address() : nullptr;
  if (!into.contiguous) {
    staged = Staging(into.bytes);
    to = staged.data();
  }
  tally_request* incoming = nullptr;
  if (source != MPI_PROC_NULL) {
    incoming = start_engine([&](tally_request** request) {
      return tally_recv_start(runtime.endpoint, comm.group, to, into.bytes, engine_source(comm, source),
                              engine_tag(recvtag), request);
    });
  }
  tally_result result{};
  result.size = sizeof result;
  if (dest != MPI_PROC_NULL) {
    try {
      check(wait_engine(start_engine([&](tally_request** request) {
                          return engine_send(SendMode::kStandard, comm, from, bytes, dest, sendtag, request);
                        }),
                        nullptr));
    } catch (...) {
      if (incoming != nullptr) {  // it writes to the program's buffer
        (void)tally_cancel(incoming);
        (void)wait_engine(incoming, &result);
      }
      throw;
    }
  }
  if (incoming == nullptr) {
    set_proc_null(status);
    return;
  }
  const tally_status code = wait_engine(incoming, &result);
  received(comm, into, staged.data(), code, result, status);
}

/// The same as a Task. The data of the plan are those of the call.
struct Exchange : Plan {
  Data out{};
  Data in{};
  Ref<Datatype> in_type;
  Staging packed_out;
  Staging packed_in;
  tally_result result{};
  bool receives = false;

  void finish(Request& request) override {
    if (!receives) {
      set_proc_null(&request.status);
      return;
    }
    if (request.failure != MPI_SUCCESS && request.failure != MPI_ERR_TRUNCATE) return;
    const std::uint64_t got = std::min<std::uint64_t>(result.length, in.bytes);
    set_status(&request.status, source_of(*request.comm, result.source), result.tag, got);
    if (packed_in) unpack(in, packed_in.data(), got);
  }
};

Task exchange_task(Exchange& plan, Ref<Comm> comm, int dest, int sendtag, int source, int recvtag) {
  Operations operations;
  if (plan.receives) {
    operations.receive(comm->group, plan.packed_in ? plan.packed_in.data() : plan.in.address(), plan.in.bytes,
                       engine_source(*comm, source), engine_tag(recvtag));
  }
  if (dest != MPI_PROC_NULL) {
    operations.send(comm->group, plan.packed_out ? plan.packed_out.data() : plan.out.address(),
                    plan.out.bytes, comm->peer(dest), sendtag);
  }
  try {
    co_await operations.all();
  } catch (const Error& error) {
    if (plan.receives) plan.result = operations.result(0);
    if (error.error_class != MPI_ERR_TRUNCATE) throw;
    throw Error{MPI_ERR_TRUNCATE, truncation_text(plan.result.length, source_of(*comm, plan.result.source),
                                                  plan.result.tag, plan.in.bytes)};
  }
  if (plan.receives) plan.result = operations.result(0);
}

Request* start_exchange(Comm& comm, std::unique_ptr<Exchange> plan, int dest, int sendtag, int source,
                        int recvtag) {
  plan->receives = source != MPI_PROC_NULL;
  if (plan->receives && !plan->in.contiguous) {
    plan->packed_in = Staging(plan->in.bytes);
    plan->in_type = Ref<Datatype>::share(plan->in.type);
  }
  Task task = exchange_task(*plan, Ref<Comm>::share(&comm), dest, sendtag, source, recvtag);
  Request* const request = launch(comm, std::move(task), std::move(plan));
  request->function = current_call.function;
  return request;
}

/// Gives the request's operation to the engine, or begins what its plan says.
void begin(Request& request);

/// Of a new request.
MPI_Request started(Request* request) {
  try {
    begin(*request);
  } catch (...) {
    delete request;
    throw;
  }
  return handle(request);
}

void check_request_argument(const MPI_Request* request) {
  if (request == nullptr) fail(MPI_ERR_REQUEST, "request is NULL");
}

void start_send(SendMode mode, const void* buf, MPI_Count count, MPI_Datatype datatype, int dest, int tag,
                MPI_Comm handle, MPI_Request* request, bool keep) {
  Comm& comm = get_comm(handle);
  const Data data = check_data(buf, count, datatype);
  check_destination(comm, dest, tag);
  check_request_argument(request);
  Request* const made = make_send(mode, data, dest, tag, comm, keep);
  *request = keep ? mpi::handle(made) : started(made);
}

void start_receive(void* buf, MPI_Count count, MPI_Datatype datatype, int source, int tag, MPI_Comm handle,
                   MPI_Request* request, bool keep) {
  Comm& comm = get_comm(handle);
  const Data data = check_data(buf, count, datatype);
  check_source(comm, source, tag);
  check_request_argument(request);
  Request* const made = make_receive(data, source, tag, comm, keep);
  *request = keep ? mpi::handle(made) : started(made);
}

Request* make_message(Request::Type type, const Data& data, int peer, int tag, Comm& comm, bool keep) {
  auto* const request = new Request(peer == MPI_PROC_NULL ? Request::Type::kNothing : type);
  request->persistent = keep;
  request->active = !keep;
  request->function = current_call.function;
  request->comm = Ref<Comm>::share(&comm);
  request->buffer = data.contiguous ? data.address() : data.buffer;
  request->count = data.count;
  request->bytes = data.bytes;
  request->peer = peer;
  request->tag = tag;
  if (!data.contiguous) {
    request->datatype = Ref<Datatype>::share(data.type);
    if (peer != MPI_PROC_NULL) request->packed = Staging(data.bytes);
  }
  if (type == Request::Type::kReceive) {
    set_proc_null(&request->status);
  } else {
    set_empty(&request->status);
  }
  return request;
}

/// kSend and kReceive: gives the message to the engine.
void post(Request& request) {
  const Comm& comm = *request.comm;
  void* const where = request.packed ? request.packed.data() : request.buffer;
  if (request.type == Request::Type::kReceive) {
    request.engine = start_engine([&](tally_request** engine) {
      return tally_recv_start(runtime.endpoint, comm.group, where, request.bytes,
                              engine_source(comm, request.peer), engine_tag(request.tag), engine);
    });
    return;
  }
  const Data data{request.buffer, request.count, request.datatype.get(), request.bytes, !request.packed};
  if (request.mode == SendMode::kBuffered) {
    send_buffered(data, request.peer, request.tag, *request.comm);
    return;
  }
  if (request.packed) {
    datatype::pack(*data.type->type, data.buffer, data.count, 0, static_cast<MPI_Count>(data.bytes),
                   request.packed.data());
    runtime.packed_bytes += data.bytes;
  }
  request.engine = start_engine([&](tally_request** engine) {
    return engine_send(request.mode, comm, where, request.bytes, request.peer, request.tag, engine);
  });
}

void begin(Request& request) {
  try {
    if (request.plan != nullptr) [[unlikely]] {
      request.plan->start(request);
    } else if (request.type != Request::Type::kNothing) {
      post(request);
    }
  } catch (Error& error) {
    request.active = false;
    if (!error.comm) error.comm = request.comm;
    throw;
  } catch (...) {
    request.active = false;
    throw;
  }
  if (request.engine == nullptr && !request.task && !request.complete) finish(request);
}

}  // namespace

Request* make_send(SendMode mode, const Data& data, int dest, int tag, Comm& comm, bool keep) {
  Request* const request = make_message(Request::Type::kSend, data, dest, tag, comm, keep);
  request->mode = mode;
  return request;
}

Request* make_receive(const Data& data, int source, int tag, Comm& comm, bool keep) {
  return make_message(Request::Type::kReceive, data, source, tag, comm, keep);
}

void start(Request& request) {
  request.complete = false;
  request.cancelled = false;
  request.cancel_asked = false;
  request.failure = MPI_SUCCESS;
  request.failure_text.clear();
  request.active = true;
  begin(request);
}

// --- MPI_* -----------------------------------------------------------------------------------

void Send(const void* buf, MPI_Count count, MPI_Datatype datatype, int dest, int tag, MPI_Comm comm) {
  send(SendMode::kStandard, buf, count, datatype, dest, tag, comm);
}
void Rsend(const void* buf, MPI_Count count, MPI_Datatype datatype, int dest, int tag, MPI_Comm comm) {
  send(SendMode::kReady, buf, count, datatype, dest, tag, comm);
}
void Ssend(const void* buf, MPI_Count count, MPI_Datatype datatype, int dest, int tag, MPI_Comm comm) {
  send(SendMode::kSynchronous, buf, count, datatype, dest, tag, comm);
}
void Bsend(const void* buf, MPI_Count count, MPI_Datatype datatype, int dest, int tag, MPI_Comm handle) {
  Comm& comm = get_comm(handle);
  const Data data = check_data(buf, count, datatype);
  check_destination(comm, dest, tag);
  if (dest != MPI_PROC_NULL) send_buffered(data, dest, tag, comm);
}

void Recv(void* buf, MPI_Count count, MPI_Datatype datatype, int source, int tag, MPI_Comm handle,
          MPI_Status* status) {
  Comm& comm = get_comm(handle);
  const Data data = check_data(buf, count, datatype);
  check_source(comm, source, tag);
  if (source == MPI_PROC_NULL) [[unlikely]] {
    set_proc_null(status);
    return;
  }
  current_call.message(Call::Peer::kSource, source, tag);
  Staging staged;
  std::byte* to = nullptr;
  if (data.contiguous) [[likely]] {
    to = data.address();
  } else {
    staged = Staging(data.bytes);
    to = staged.data();
  }
  const int from = engine_source(comm, source);
  tally_result result{};
  result.size = sizeof result;
  const tally_status code = run_engine(
      [&] {
        return tally_recv(runtime.endpoint, comm.group, to, data.bytes, from, engine_tag(tag), &result);
      },
      [&](tally_request** request) {
        return tally_recv_start(runtime.endpoint, comm.group, to, data.bytes, from, engine_tag(tag), request);
      },
      &result);
  received(comm, data, staged.data(), code, result, status);
}

void Isend(const void* buf, MPI_Count count, MPI_Datatype datatype, int dest, int tag, MPI_Comm comm,
           MPI_Request* request) {
  start_send(SendMode::kStandard, buf, count, datatype, dest, tag, comm, request, false);
}
void Issend(const void* buf, MPI_Count count, MPI_Datatype datatype, int dest, int tag, MPI_Comm comm,
            MPI_Request* request) {
  start_send(SendMode::kSynchronous, buf, count, datatype, dest, tag, comm, request, false);
}
void Irsend(const void* buf, MPI_Count count, MPI_Datatype datatype, int dest, int tag, MPI_Comm comm,
            MPI_Request* request) {
  start_send(SendMode::kReady, buf, count, datatype, dest, tag, comm, request, false);
}
void Ibsend(const void* buf, MPI_Count count, MPI_Datatype datatype, int dest, int tag, MPI_Comm comm,
            MPI_Request* request) {
  start_send(SendMode::kBuffered, buf, count, datatype, dest, tag, comm, request, false);
}
void Irecv(void* buf, MPI_Count count, MPI_Datatype datatype, int source, int tag, MPI_Comm comm,
           MPI_Request* request) {
  start_receive(buf, count, datatype, source, tag, comm, request, false);
}

void Send_init(const void* buf, MPI_Count count, MPI_Datatype datatype, int dest, int tag, MPI_Comm comm,
               MPI_Request* request) {
  start_send(SendMode::kStandard, buf, count, datatype, dest, tag, comm, request, true);
}
void Ssend_init(const void* buf, MPI_Count count, MPI_Datatype datatype, int dest, int tag, MPI_Comm comm,
                MPI_Request* request) {
  start_send(SendMode::kSynchronous, buf, count, datatype, dest, tag, comm, request, true);
}
void Rsend_init(const void* buf, MPI_Count count, MPI_Datatype datatype, int dest, int tag, MPI_Comm comm,
                MPI_Request* request) {
  start_send(SendMode::kReady, buf, count, datatype, dest, tag, comm, request, true);
}
void Bsend_init(const void* buf, MPI_Count count, MPI_Datatype datatype, int dest, int tag, MPI_Comm comm,
                MPI_Request* request) {
  start_send(SendMode::kBuffered, buf, count, datatype, dest, tag, comm, request, true);
}
void Recv_init(void* buf, MPI_Count count, MPI_Datatype datatype, int source, int tag, MPI_Comm comm,
               MPI_Request* request) {
  start_receive(buf, count, datatype, source, tag, comm, request, true);
}

namespace {

constexpr DataNames kSent{"sendbuf", "sendcount", "sendtype"};
constexpr DataNames kReceived{"recvbuf", "recvcount", "recvtype"};
constexpr PeerNames kTo{"dest", "sendtag"};
constexpr PeerNames kFrom{"source", "recvtag"};

}  // namespace

void Sendrecv(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, int dest, int sendtag,
              void* recvbuf, MPI_Count recvcount, MPI_Datatype recvtype, int source, int recvtag,
              MPI_Comm handle, MPI_Status* status) {
  Comm& comm = get_comm(handle);
  const Data out = check_data(sendbuf, sendcount, sendtype, kSent);
  const Data in = check_data(recvbuf, recvcount, recvtype, kReceived);
  check_destination(comm, dest, sendtag, kTo);
  check_source(comm, source, recvtag, kFrom);
  Staging copy;
  if (!out.contiguous && dest != MPI_PROC_NULL) copy = packed(out);
  exchange(comm, copy ? copy.data() : out.address(), out.bytes, dest, sendtag, in, source, recvtag, status);
}

void Sendrecv_replace(void* buf, MPI_Count count, MPI_Datatype datatype, int dest, int sendtag, int source,
                      int recvtag, MPI_Comm handle, MPI_Status* status) {
  Comm& comm = get_comm(handle);
  const Data data = check_data(buf, count, datatype);
  check_destination(comm, dest, sendtag, kTo);
  check_source(comm, source, recvtag, kFrom);
  Staging copy;
  if (dest != MPI_PROC_NULL) copy = packed(data);
  exchange(comm, copy.data(), data.bytes, dest, sendtag, data, source, recvtag, status);
}

void Isendrecv(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, int dest, int sendtag,
               void* recvbuf, MPI_Count recvcount, MPI_Datatype recvtype, int source, int recvtag,
               MPI_Comm handle, MPI_Request* request) {
  Comm& comm = get_comm(handle);
  auto plan = std::make_unique<Exchange>();
  plan->out = check_data(sendbuf, sendcount, sendtype, kSent);
  plan->in = check_data(recvbuf, recvcount, recvtype, kReceived);
  check_destination(comm, dest, sendtag, kTo);
  check_source(comm, source, recvtag, kFrom);
  check_request_argument(request);
  if (!plan->out.contiguous && dest != MPI_PROC_NULL) plan->packed_out = packed(plan->out);
  *request = mpi::handle(start_exchange(comm, std::move(plan), dest, sendtag, source, recvtag));
}

void Isendrecv_replace(void* buf, MPI_Count count, MPI_Datatype datatype, int dest, int sendtag, int source,
                       int recvtag, MPI_Comm handle, MPI_Request* request) {
  Comm& comm = get_comm(handle);
  auto plan = std::make_unique<Exchange>();
  plan->out = plan->in = check_data(buf, count, datatype);
  check_destination(comm, dest, sendtag, kTo);
  check_source(comm, source, recvtag, kFrom);
  check_request_argument(request);
  if (dest != MPI_PROC_NULL) plan->packed_out = packed(plan->out);
  *request = mpi::handle(start_exchange(comm, std::move(plan), dest, sendtag, source, recvtag));
}

void Start(MPI_Request* request) {
  check_request_argument(request);
  Request& object = get_request(*request);
  if (!object.persistent) fail(MPI_ERR_REQUEST, "request is not persistent");
  if (object.active)
    fail(MPI_ERR_REQUEST, "request is active: it has been started and not yet completed by wait or test");
  start(object);
}

void Startall(int count, MPI_Request array_of_requests[]) {
  if (count < 0) fail(MPI_ERR_COUNT, "count is {}, less than 0", count);
  if (count > 0 && array_of_requests == nullptr) fail(MPI_ERR_REQUEST, "array_of_requests is NULL");
  for (int i = 0; i < count; ++i) {
    const Request& object = get_request(array_of_requests[i], "array_of_requests");
    if (!object.persistent || object.active)
      fail(MPI_ERR_REQUEST, "array_of_requests[{}] is {}", i,
           object.persistent ? "active" : "not persistent");
  }
  for (int i = 0; i < count; ++i) start(get_request(array_of_requests[i]));
}

}  // namespace tally::mpi
