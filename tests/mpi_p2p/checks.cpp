// SPDX-License-Identifier: BSD-3-Clause
// Sections about wrong arguments, messages to oneself, random traffic, intercommunicators and threads.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <string>
#include <thread>

#include "program.hpp"

namespace test {
namespace {

std::atomic<int> failures{0};
/// Calls MPI itself.
void count_failure(MPI_Comm* of, int*, ...) {
  int own = -1;
  MPI_Comm_rank(*of, &own);
  if (own == rank) ++failures;
}

/// The call fails with the class, and, in this project's library, the text of the code names the argument.
void expect(int code, int error_class, const char* argument, const char* file, int line) {
  if (class_of(code) != error_class) {
    failed(file, line,
           std::string("error class ") + std::to_string(class_of(code)) + ", not " +
               std::to_string(error_class));
    return;
  }
  if (!own_library()) return;
  char text[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  MPI_Error_string(code, text, &length);
  if (std::strstr(text, argument) == nullptr)
    failed(file, line, std::string("'") + text + "' does not name " + argument);
}
#define CHECK_NAMES(call, error_class, argument) expect(call, error_class, argument, __FILE__, __LINE__)

}  // namespace

void errors() {
  int value = 0;
  int flag = 0;
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Status status;
  const MPI_Comm world = MPI_COMM_WORLD;
  CHECK_NAMES(MPI_Send(&value, -1, MPI_INT, 0, 0, world), MPI_ERR_COUNT, "count");
  CHECK_NAMES(MPI_Send(&value, 1, MPI_DATATYPE_NULL, 0, 0, world), MPI_ERR_TYPE, "datatype");
  CHECK_NAMES(MPI_Send(&value, 1, MPI_INT, size, 0, world), MPI_ERR_RANK, "dest");
  CHECK_NAMES(MPI_Send(&value, 1, MPI_INT, -77, 0, world), MPI_ERR_RANK, "dest");
  CHECK_NAMES(MPI_Send(&value, 1, MPI_INT, 0, -5, world), MPI_ERR_TAG, "tag");
  CHECK_NAMES(MPI_Send(&value, 1, MPI_INT, 0, 0, MPI_COMM_NULL), MPI_ERR_COMM, "comm");
  CHECK_NAMES(MPI_Recv(&value, -1, MPI_INT, 0, 0, world, &status), MPI_ERR_COUNT, "count");
  CHECK_NAMES(MPI_Recv(&value, 1, MPI_INT, size, 0, world, &status), MPI_ERR_RANK, "source");
  CHECK_NAMES(MPI_Recv(&value, 1, MPI_INT, 0, -77, world, &status), MPI_ERR_TAG, "tag");
  CHECK_NAMES(MPI_Recv(&value, 1, MPI_INT, 0, 0, MPI_COMM_NULL, &status), MPI_ERR_COMM, "comm");
  CHECK_NAMES(MPI_Isend(&value, -1, MPI_INT, 0, 0, world, &request), MPI_ERR_COUNT, "count");
  CHECK_NAMES(MPI_Irecv(&value, 1, MPI_INT, size, 0, world, &request), MPI_ERR_RANK, "source");
  CHECK_NAMES(MPI_Issend(&value, 1, MPI_INT, 0, -7, world, &request), MPI_ERR_TAG, "tag");
  CHECK_NAMES(MPI_Send_init(&value, 1, MPI_INT, size, 0, world, &request), MPI_ERR_RANK, "dest");
  CHECK_NAMES(MPI_Recv_init(&value, 1, MPI_DATATYPE_NULL, 0, 0, world, &request), MPI_ERR_TYPE, "datatype");
  CHECK_NAMES(MPI_Sendrecv(&value, -1, MPI_INT, 0, 0, &value, 1, MPI_INT, 0, 0, world, &status),
              MPI_ERR_COUNT, "sendcount");
  CHECK_NAMES(MPI_Sendrecv(&value, 1, MPI_INT, 0, 0, &value, -1, MPI_INT, 0, 0, world, &status),
              MPI_ERR_COUNT, "recvcount");
  CHECK_NAMES(MPI_Sendrecv(&value, 1, MPI_INT, 0, 0, &value, 1, MPI_INT, size, 0, world, &status),
              MPI_ERR_RANK, "source");
  CHECK_NAMES(MPI_Probe(size, 0, world, &status), MPI_ERR_RANK, "source");
  CHECK_NAMES(MPI_Iprobe(0, -9, world, &flag, &status), MPI_ERR_TAG, "tag");
  if (own_library()) {  // where others crash or do not look
    CHECK_NAMES(MPI_Send(nullptr, 1, MPI_INT, 0, 0, world), MPI_ERR_BUFFER, "buf");
    CHECK_NAMES(MPI_Recv(nullptr, 1, MPI_INT, 0, 0, world, &status), MPI_ERR_BUFFER, "buf");
    CHECK_NAMES(MPI_Isend(&value, 1, MPI_INT, 0, 0, world, nullptr), MPI_ERR_REQUEST, "request");
    CHECK_NAMES(MPI_Iprobe(0, 0, world, nullptr, &status), MPI_ERR_ARG, "flag");
    CHECK_NAMES(MPI_Waitall(1, nullptr, MPI_STATUSES_IGNORE), MPI_ERR_REQUEST, "array_of_requests");
    CHECK_NAMES(MPI_Waitall(-1, &request, MPI_STATUSES_IGNORE), MPI_ERR_COUNT, "count");
    CHECK_NAMES(MPI_Get_count(&status, MPI_DATATYPE_NULL, &value), MPI_ERR_TYPE, "datatype");
    CHECK_NAMES(MPI_Request_free(&request), MPI_ERR_REQUEST, "request");
  }
  MPI_Datatype raw = MPI_DATATYPE_NULL;
  MPI_Type_contiguous(2, MPI_INT, &raw);
  CHECK_NAMES(MPI_Send(&value, 1, raw, 0, 0, world), MPI_ERR_TYPE, "datatype");
  MPI_Type_free(&raw);
  // Active, inactive and not persistent.
  CHECK_OK(MPI_Recv_init(&value, 1, MPI_INT, rank, 9, world, &request));
  CHECK_OK(MPI_Start(&request));
  if (own_library()) CHECK_NAMES(MPI_Start(&request), MPI_ERR_REQUEST, "request");
  CHECK_OK(MPI_Cancel(&request));
  CHECK_OK(MPI_Wait(&request, MPI_STATUS_IGNORE));
  CHECK_OK(MPI_Request_free(&request));
}

void self() {
  // To oneself, on both communicators, before and after the receive is posted.
  for (const MPI_Comm comm : {MPI_COMM_WORLD, MPI_COMM_SELF}) {
    const int me = comm == MPI_COMM_SELF ? 0 : rank;
    for (const int length : {0, 1, 3000, 200000}) {
      const auto room = static_cast<std::size_t>(length) + 1;
      std::vector<int> out(room, length);
      std::vector<int> in(room, -1);
      MPI_Request request = MPI_REQUEST_NULL;
      MPI_Status status;
      CHECK_OK(MPI_Isend(out.data(), length, MPI_INT, me, 2, comm, &request));
      CHECK_OK(MPI_Recv(in.data(), length, MPI_INT, MPI_ANY_SOURCE, MPI_ANY_TAG, comm, &status));
      CHECK_OK(MPI_Wait(&request, MPI_STATUS_IGNORE));
      CHECK_EQ(status.MPI_SOURCE, me);
      CHECK(length == 0 || in[static_cast<std::size_t>(length - 1)] == length);
      CHECK_OK(MPI_Irecv(in.data(), length, MPI_INT, me, 2, comm, &request));
      CHECK_OK(MPI_Send(out.data(), length, MPI_INT, me, 2, comm));
      CHECK_OK(MPI_Wait(&request, &status));
      CHECK_EQ(count_of(status, MPI_INT), length);
    }
  }
}

// Every rank knows the whole plan: who sends how much to whom, with which tag. Receives are posted in a
// random order, some by source and tag, some by source alone; the payload tells what was sent.
void traffic() {
  constexpr int kMessages = 400;
  struct Planned {
    int from, to, tag, length, number;
  };
  std::vector<Planned> plan;
  for (int i = 0; i < kMessages; ++i) {
    const std::uint32_t kind = random(10);
    const int length = static_cast<int>(kind < 6 ? random(20) : kind < 9 ? random(3000) : random(60000));
    plan.push_back({static_cast<int>(random(static_cast<std::uint32_t>(size))),
                    static_cast<int>(random(static_cast<std::uint32_t>(size))), static_cast<int>(random(4)),
                    length, i});
  }
  const auto value_at = [](const Planned& message, int i) { return message.number * 31 + i; };
  std::vector<std::vector<int>> outs;
  std::vector<std::vector<int>> ins;
  std::vector<MPI_Request> requests;
  std::vector<const Planned*> received;
  outs.reserve(plan.size());
  ins.reserve(plan.size());
  for (const Planned& message : plan) {
    // In the order of the plan at both ends, so that equal (source, tag) match as planned.
    if (message.to == rank) {
      ins.emplace_back(static_cast<std::size_t>(message.length) + 1, -1);
      requests.emplace_back();
      received.push_back(&message);
      CHECK_OK(MPI_Irecv(ins.back().data(), message.length, MPI_INT, message.from, message.tag,
                         MPI_COMM_WORLD, &requests.back()));
    }
    if (message.from == rank) {
      outs.emplace_back(static_cast<std::size_t>(message.length) + 1);
      for (int i = 0; i < message.length; ++i)
        outs.back()[static_cast<std::size_t>(i)] = value_at(message, i);
      requests.emplace_back();
      received.push_back(nullptr);
      const auto send = message.number % 5 == 0 ? MPI_Issend : MPI_Isend;
      CHECK_OK(send(outs.back().data(), message.length, MPI_INT, message.to, message.tag, MPI_COMM_WORLD,
                    &requests.back()));
    }
  }
  std::vector<MPI_Status> statuses(requests.size() + 1);
  CHECK_OK(MPI_Waitall(static_cast<int>(requests.size()), requests.data(), statuses.data()));
  std::size_t in = 0;
  for (std::size_t i = 0; i < received.size(); ++i) {
    if (received[i] == nullptr) continue;
    const Planned& message = *received[i];
    const std::vector<int>& data = ins[in++];
    CHECK_EQ(count_of(statuses[i], MPI_INT), message.length);
    bool good = data[static_cast<std::size_t>(message.length)] == -1;
    for (int k = 0; k < message.length; ++k)
      good = good && data[static_cast<std::size_t>(k)] == value_at(message, k);
    CHECK(good);
  }
}

void intercommunicator() {
  if (size < 2) return;
  const int color = rank % 2;
  MPI_Comm local = MPI_COMM_NULL;
  MPI_Comm inter = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, color, rank, &local);
  CHECK_OK(MPI_Intercomm_create(local, 0, MPI_COMM_WORLD, 1 - color, 12, &inter));
  MPI_Comm_set_errhandler(inter, MPI_ERRORS_RETURN);
  int mine = 0;
  int remote = 0;
  MPI_Comm_rank(inter, &mine);
  MPI_Comm_remote_size(inter, &remote);
  std::vector<int> values(static_cast<std::size_t>(remote), -1);
  std::vector<MPI_Request> requests(static_cast<std::size_t>(2 * remote));
  for (int peer = 0; peer < remote; ++peer) {
    CHECK_OK(MPI_Irecv(&values[static_cast<std::size_t>(peer)], 1, MPI_INT, peer, 4, inter,
                       &requests[static_cast<std::size_t>(peer)]));
    CHECK_OK(
        MPI_Isend(&rank, 1, MPI_INT, peer, 4, inter, &requests[static_cast<std::size_t>(remote + peer)]));
  }
  std::vector<MPI_Status> statuses(requests.size());
  CHECK_OK(MPI_Waitall(2 * remote, requests.data(), statuses.data()));
  for (int peer = 0; peer < remote; ++peer) {
    CHECK_EQ(values[static_cast<std::size_t>(peer)], 2 * peer + 1 - color);  // its rank in MPI_COMM_WORLD
    CHECK_EQ(statuses[static_cast<std::size_t>(peer)].MPI_SOURCE, peer);
  }
  if (mine == 0) {  // rank 0 of each group, by any source
    int value = -1;
    MPI_Status status;
    CHECK_OK(MPI_Send(&mine, 1, MPI_INT, 0, 5, inter));
    CHECK_OK(MPI_Probe(MPI_ANY_SOURCE, 5, inter, &status));
    CHECK_EQ(status.MPI_SOURCE, 0);
    CHECK_OK(MPI_Recv(&value, 1, MPI_INT, MPI_ANY_SOURCE, 5, inter, &status));
    CHECK_EQ(status.MPI_SOURCE, 0);
  }
  CHECK_FAILS(MPI_Send(&mine, 1, MPI_INT, remote, 5, inter), MPI_ERR_RANK);
  MPI_Comm_free(&inter);
  MPI_Comm_free(&local);
}

void threads() {
  int provided = 0;
  MPI_Query_thread(&provided);
  if (provided != MPI_THREAD_MULTIPLE) {
    failed(__FILE__, __LINE__, "MPI_THREAD_MULTIPLE is not provided");
    return;
  }
  constexpr int kRounds = 300;
  const int next = (rank + 1) % size;
  const int last = (rank + size - 1) % size;
  // Threads in blocking receives at once, each in a conversation of its own with the same thread of the
  // neighbours.
  const auto talk = [&](int tag) {
    std::vector<int> out(static_cast<std::size_t>(tag % 2 == 0 ? 1 : 5000), tag);
    std::vector<int> in(out.size());
    const int count = static_cast<int>(out.size());
    for (int round = 0; round < kRounds; ++round) {
      out[0] = round;
      MPI_Request request = MPI_REQUEST_NULL;
      CHECK_OK(MPI_Isend(out.data(), count, MPI_INT, next, tag, MPI_COMM_WORLD, &request));
      CHECK_OK(MPI_Recv(in.data(), count, MPI_INT, last, tag, MPI_COMM_WORLD, MPI_STATUS_IGNORE));
      CHECK_OK(MPI_Wait(&request, MPI_STATUS_IGNORE));
      CHECK_EQ(in[0], round);
    }
  };
  {
    std::vector<std::thread> all;
    for (int tag = 10; tag < 14; ++tag) all.emplace_back(talk, tag);
    for (std::thread& one : all) one.join();
  }
  meet();
  // One thread's send satisfies the receive that another one of the same process is blocked in; a third one
  // tests.
  {
    std::thread receiver([] {
      for (int i = 0; i < kRounds; ++i) {
        int value = -1;
        CHECK_OK(MPI_Recv(&value, 1, MPI_INT, rank, 20, MPI_COMM_WORLD, MPI_STATUS_IGNORE));
        CHECK_EQ(value, i);
        CHECK_OK(MPI_Send(&value, 1, MPI_INT, rank, 21, MPI_COMM_WORLD));
      }
    });
    std::thread tester([] {
      for (int i = 0; i < kRounds; ++i) {
        int value = -1;
        int flag = 0;
        MPI_Request request = MPI_REQUEST_NULL;
        CHECK_OK(MPI_Irecv(&value, 1, MPI_INT, rank, 22, MPI_COMM_WORLD, &request));
        while (flag == 0) {
          CHECK_OK(MPI_Test(&request, &flag, MPI_STATUS_IGNORE));
          std::this_thread::yield();
        }
        CHECK_EQ(value, i);
      }
    });
    for (int i = 0; i < kRounds; ++i) {
      int back = -1;
      CHECK_OK(MPI_Send(&i, 1, MPI_INT, rank, 20, MPI_COMM_WORLD));
      CHECK_OK(MPI_Send(&i, 1, MPI_INT, rank, 22, MPI_COMM_WORLD));
      CHECK_OK(MPI_Recv(&back, 1, MPI_INT, rank, 21, MPI_COMM_WORLD, MPI_STATUS_IGNORE));
      CHECK_EQ(back, i);
    }
    receiver.join();
    tester.join();
  }
  // Buffered sends of several threads share the buffer: none is written over, and each block is used again.
  {
    constexpr int kSenders = 4;
    std::vector<char> room(40000);
    MPI_Buffer_attach(room.data(), static_cast<int>(room.size()));
    std::vector<std::thread> senders;
    for (int sender = 0; sender < kSenders; ++sender) {
      senders.emplace_back([sender, next] {
        for (int i = 0; i < kRounds; ++i) {
          std::vector<int> data(static_cast<std::size_t>(1 + (i * 37 + sender * 11) % 500), sender * 1000 + i);
          const int length = static_cast<int>(data.size());
          // The buffer may be full for a while.
          while (MPI_Bsend(data.data(), length, MPI_INT, next, 30 + sender, MPI_COMM_WORLD) != MPI_SUCCESS)
            std::this_thread::yield();
        }
      });
    }
    for (int i = 0; i < kRounds; ++i) {
      for (int sender = 0; sender < kSenders; ++sender) {
        std::vector<int> data(500);
        MPI_Status status;
        CHECK_OK(MPI_Recv(data.data(), 500, MPI_INT, last, 30 + sender, MPI_COMM_WORLD, &status));
        const int length = count_of(status, MPI_INT);
        CHECK_EQ(length, 1 + (i * 37 + sender * 11) % 500);
        data.resize(static_cast<std::size_t>(std::max(length, 0)));
        CHECK(std::all_of(data.begin(), data.end(), [&](int value) { return value == sender * 1000 + i; }));
      }
    }
    for (std::thread& sender : senders) sender.join();
    void* given = nullptr;
    int bytes = 0;
    CHECK_OK(MPI_Buffer_detach(&given, &bytes));
    CHECK(given == room.data());
  }
  // Calls of several threads fail at once, by one error handler of which references come and go meanwhile.
  {
    MPI_Errhandler handler = MPI_ERRHANDLER_NULL;
    MPI_Comm comm = MPI_COMM_NULL;
    MPI_Comm_create_errhandler(count_failure, &handler);
    MPI_Comm_dup(MPI_COMM_WORLD, &comm);
    MPI_Comm_set_errhandler(comm, handler);
    MPI_Errhandler_free(&handler);
    const int before = failures;
    std::vector<std::thread> wrong;
    for (int i = 0; i < 3; ++i) {
      wrong.emplace_back([comm] {
        for (int round = 0; round < kRounds; ++round)
          CHECK(MPI_Send(&round, 1, MPI_INT, size, 0, comm) != MPI_SUCCESS);
      });
    }
    for (int i = 0; i < 20; ++i) {
      MPI_Comm copy = MPI_COMM_NULL;
      CHECK_OK(MPI_Comm_dup(comm, &copy));
      CHECK_OK(MPI_Comm_call_errhandler(copy, MPI_ERR_OTHER));
      CHECK_OK(MPI_Comm_free(&copy));
    }
    for (std::thread& one : wrong) one.join();
    CHECK_EQ(failures - before, 3 * kRounds + 20);
    MPI_Comm_free(&comm);
  }
  // A generalized request that another thread completes ends a wait.
  {
    MPI_Request request = MPI_REQUEST_NULL;
    const auto nothing = [](void*) { return MPI_SUCCESS; };
    const auto query = [](void*, MPI_Status* status) {
      MPI_Status_set_cancelled(status, 0);
      return MPI_Status_set_elements(status, MPI_BYTE, 0);
    };
    const auto cancel = [](void*, int) { return MPI_SUCCESS; };
    CHECK_OK(MPI_Grequest_start(query, nothing, cancel, nullptr, &request));
    const MPI_Request copy = request;
    std::thread worker([copy] {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      CHECK_OK(MPI_Grequest_complete(copy));
    });
    CHECK_OK(MPI_Wait(&request, MPI_STATUS_IGNORE));
    worker.join();
  }
}

}  // namespace test
