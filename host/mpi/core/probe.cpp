// SPDX-License-Identifier: BSD-3-Clause
// Probes and claimed messages: MPI 5.0, 3.8.
#include <algorithm>

#include "core/functions.hpp"
#include "core/p2p.hpp"
#include "core/status.hpp"

namespace tally::mpi {
namespace {

void check_out(const void* pointer, const char* argument) {
  if (pointer == nullptr) fail(MPI_ERR_ARG, "{} is NULL", argument);
}

tally_result empty_result() noexcept {
  tally_result result{};
  result.size = sizeof result;
  return result;
}

void report(const Comm& comm, const tally_result& result, MPI_Status* status) {
  set_status(status, source_of(comm, result.source), result.tag, result.length);
}

/// blocking() is a waiting probe of tally.h, now(&found) its form that does not wait.
template <typename Blocking, typename Now>
void probe_until_found(Blocking blocking, Now now) {
  if (direct()) {
    check(blocking());
    return;
  }
  wait_until([&] {
    int found = 0;
    check(now(&found));
    return found != 0;
  });
}

/// What MPI_Mprobe gives the program.
MPI_Message give(Comm& comm, tally_message* claimed, const tally_result& result) {
  auto* const message = new Message();
  message->claimed = claimed;
  message->comm = Ref<Comm>::share(&comm);
  message->source = source_of(comm, result.source);
  message->tag = result.tag;
  message->length = result.length;
  return handle(message);
}

Message* message_of(MPI_Message* message) {
  if (message == nullptr) fail(MPI_ERR_ARG, "message is NULL");
  if (*message == MPI_MESSAGE_NO_PROC) return nullptr;
  return &get_message(*message);
}

}  // namespace

void Probe(int source, int tag, MPI_Comm handle, MPI_Status* status) {
  const Comm& comm = get_comm(handle);
  check_source(comm, source, tag);
  if (source == MPI_PROC_NULL) return set_proc_null(status);
  current_call.message(Call::Peer::kSource, source, tag);
  tally_result result = empty_result();
  const int from = engine_source(comm, source);
  probe_until_found([&] { return tally_probe(runtime.endpoint, comm.group, from, engine_tag(tag), &result); },
                    [&](int* found) {
                      return tally_iprobe(runtime.endpoint, comm.group, from, engine_tag(tag), found,
                                          &result);
                    });
  report(comm, result, status);
}

void Iprobe(int source, int tag, MPI_Comm handle, int* flag, MPI_Status* status) {
  const Comm& comm = get_comm(handle);
  check_source(comm, source, tag);
  check_out(flag, "flag");
  if (source == MPI_PROC_NULL) {
    *flag = 1;
    return set_proc_null(status);
  }
  if (detail::first_task != nullptr) progress();
  tally_result result = empty_result();
  int found = 0;
  check(tally_iprobe(runtime.endpoint, comm.group, engine_source(comm, source), engine_tag(tag), &found,
                     &result));
  *flag = found;
  if (found == 0) return let_others_in();
  report(comm, result, status);
}

void Mprobe(int source, int tag, MPI_Comm of, MPI_Message* message, MPI_Status* status) {
  Comm& comm = get_comm(of);
  check_source(comm, source, tag);
  check_out(message, "message");
  if (source == MPI_PROC_NULL) {
    *message = MPI_MESSAGE_NO_PROC;
    return set_proc_null(status);
  }
  current_call.message(Call::Peer::kSource, source, tag);
  tally_result result = empty_result();
  tally_message* claimed = nullptr;
  const int from = engine_source(comm, source);
  probe_until_found(
      [&] { return tally_mprobe(runtime.endpoint, comm.group, from, engine_tag(tag), &claimed, &result); },
      [&](int* found) {
        return tally_improbe(runtime.endpoint, comm.group, from, engine_tag(tag), found, &claimed, &result);
      });
  *message = give(comm, claimed, result);
  report(comm, result, status);
}

void Improbe(int source, int tag, MPI_Comm of, int* flag, MPI_Message* message, MPI_Status* status) {
  Comm& comm = get_comm(of);
  check_source(comm, source, tag);
  check_out(flag, "flag");
  check_out(message, "message");
  if (source == MPI_PROC_NULL) {
    *flag = 1;
    *message = MPI_MESSAGE_NO_PROC;
    return set_proc_null(status);
  }
  if (detail::first_task != nullptr) progress();
  tally_result result = empty_result();
  tally_message* claimed = nullptr;
  int found = 0;
  check(tally_improbe(runtime.endpoint, comm.group, engine_source(comm, source), engine_tag(tag), &found,
                      &claimed, &result));
  *flag = found;
  if (found == 0) return let_others_in();
  *message = give(comm, claimed, result);
  report(comm, result, status);
}

void Imrecv(void* buf, MPI_Count count, MPI_Datatype datatype, MPI_Message* message, MPI_Request* request) {
  const Data data = check_data(buf, count, datatype);
  Message* const claimed = message_of(message);
  check_out(request, "request");
  Comm& comm = claimed == nullptr ? *runtime.world : *claimed->comm;
  Request* const made = make_receive(data, claimed == nullptr ? MPI_PROC_NULL : claimed->source,
                                     claimed == nullptr ? MPI_ANY_TAG : claimed->tag, comm, false);
  if (claimed == nullptr) {
    finish(*made);
  } else {
    try {
      made->engine = start_engine([&](tally_request** engine) {
        return tally_mrecv_start(&claimed->claimed, made->packed ? made->packed.data() : made->buffer,
                                 data.bytes, engine);
      });
    } catch (...) {
      delete made;
      throw;
    }
    release(claimed);
  }
  *message = MPI_MESSAGE_NULL;
  *request = mpi::handle(made);
}

void Mrecv(void* buf, MPI_Count count, MPI_Datatype datatype, MPI_Message* message, MPI_Status* status) {
  MPI_Request request = MPI_REQUEST_NULL;
  Imrecv(buf, count, datatype, message, &request);
  Wait(&request, status);
}

}  // namespace tally::mpi
