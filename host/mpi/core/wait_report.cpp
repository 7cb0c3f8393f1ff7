// SPDX-License-Identifier: BSD-3-Clause
// What a wait that lasts is for, in the program's terms.
#include <cstdio>
#include <string>

#include "core/awaited.hpp"
#include "core/handles.hpp"
#include "core/request.hpp"

namespace tally::mpi {
namespace {

std::string peer_text(int peer, int tag, Call::Peer role) {
  if (role == Call::Peer::kRoot) return fmt::format("root {}", peer);
  std::string text = role == Call::Peer::kSource ? "from " : "to ";
  if (peer == MPI_ANY_SOURCE) {
    text += "any rank";
  } else {
    text += fmt::format("rank {}", peer);
  }
  text += tag == MPI_ANY_TAG ? ", any tag" : fmt::format(", tag {}", tag);
  return text;
}

std::string comm_text(const Comm& comm) {
  return fmt::format("communicator {} of {} ranks",
                     comm.name.empty() ? "without a name" : fmt::format("'{}'", comm.name),
                     comm.inter() ? comm.peers() : comm.size);
}

std::string request_text(const Request& request) {
  std::string text =
      request.function == nullptr ? "a request" : fmt::format("a request of {}", request.function);
  if (request.comm) text += " on " + comm_text(*request.comm);
  const bool message = request.type == Request::Type::kSend || request.type == Request::Type::kReceive;
  if (message)
    text += ", " + peer_text(request.peer, request.tag,
                             request.type == Request::Type::kReceive ? Call::Peer::kSource
                                                                     : Call::Peer::kDestination);
  return text;
}

}  // namespace

constinit thread_local FirstAwaited first_awaited = nullptr;

// The lock of the library is not held: what is read here belongs to the call of this thread.
void describe_wait(void*, char* text, std::size_t bytes) noexcept {
  try {
    const Call& call = current_call;
    if (call.function == nullptr) return;
    std::string line = call.function;
    const Request* const request = first_awaited != nullptr ? first_awaited() : call.request;
    if (request != nullptr) {
      line += " for " + request_text(*request);
    } else {
      const Comm* const comm = call.comm == nullptr ? nullptr : detail::find<Comm>(call.comm, Kind::kComm);
      if (comm != nullptr) line += " on " + comm_text(*comm);
      if (call.peer != MPI_PROC_NULL) line += ", " + peer_text(call.peer, call.tag, call.role);
    }
    std::snprintf(text, bytes, "%s", line.c_str());
  } catch (...) {
    text[0] = '\0';
  }
}

}  // namespace tally::mpi
