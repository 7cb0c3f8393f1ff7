// SPDX-License-Identifier: BSD-3-Clause
// Sections about single messages: order, modes, truncation, cancel, probes.
#include <unistd.h>

#include <algorithm>
#include <numeric>

#include "program.hpp"

namespace test {

void order() {
  if (size < 2) return;
  constexpr int kMessages = 200;
  if (rank == 0) {
    // Started, all of them: a standard send may wait for its receive, and those are in another order.
    std::vector<std::vector<int>> data;
    std::vector<MPI_Request> requests(kMessages);
    for (int i = 0; i < kMessages; ++i) {
      data.emplace_back(static_cast<std::size_t>(i % 7 == 6 ? 20000 : i % 5 + 1),
                        i);  // short and long ones pass the same way
      CHECK_OK(MPI_Isend(data.back().data(), static_cast<int>(data.back().size()), MPI_INT, 1, i % 3,
                         MPI_COMM_WORLD, &requests[static_cast<std::size_t>(i)]));
    }
    CHECK_OK(MPI_Waitall(kMessages, requests.data(), MPI_STATUSES_IGNORE));
  } else if (rank == 1) {
    int next[3] = {0, 1, 2};
    std::vector<int> data(20000);
    for (int i = 0; i < kMessages; ++i) {  // each tag in order, whatever tag comes first
      MPI_Status status;
      const int tag = i < kMessages / 2 ? MPI_ANY_TAG : 2 - i % 3;
      if (tag != MPI_ANY_TAG && next[tag] >= kMessages) continue;
      CHECK_OK(MPI_Recv(data.data(), 20000, MPI_INT, 0, tag, MPI_COMM_WORLD, &status));
      CHECK_EQ(data[0], next[status.MPI_TAG]);
      CHECK_EQ(data[0], data[static_cast<std::size_t>(count_of(status, MPI_INT) - 1)]);
      next[status.MPI_TAG] += 3;
    }
    for (int tag = 0; tag < 3; ++tag) {
      for (; next[tag] < kMessages; next[tag] += 3) {
        CHECK_OK(MPI_Recv(data.data(), 20000, MPI_INT, 0, tag, MPI_COMM_WORLD, MPI_STATUS_IGNORE));
        CHECK_EQ(data[0], next[tag]);
      }
    }
  }
}

void wildcards() {
  if (size < 2) return;
  if (rank == 0) {
    std::vector<int> seen(static_cast<std::size_t>(size), 0);
    for (int i = 0; i < 10 * (size - 1); ++i) {
      int value = -1;
      MPI_Status status;
      CHECK_OK(MPI_Recv(&value, 1, MPI_INT, MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &status));
      CHECK(status.MPI_SOURCE > 0 && status.MPI_SOURCE < size);
      int& next = seen[static_cast<std::size_t>(status.MPI_SOURCE)];
      CHECK_EQ(value, status.MPI_SOURCE * 100 + next);
      CHECK_EQ(status.MPI_TAG, next);
      CHECK_EQ(count_of(status, MPI_INT), 1);
      ++next;
    }
    // Receives posted in an order are taken in that order.
    int a = 0;
    int b = 0;
    MPI_Request requests[2];
    MPI_Status statuses[2];
    CHECK_OK(MPI_Irecv(&a, 1, MPI_INT, MPI_ANY_SOURCE, 20, MPI_COMM_WORLD, &requests[0]));
    CHECK_OK(MPI_Irecv(&b, 1, MPI_INT, 1, MPI_ANY_TAG, MPI_COMM_WORLD, &requests[1]));
    CHECK_OK(MPI_Send(&a, 0, MPI_INT, 1, 30, MPI_COMM_WORLD));
    CHECK_OK(MPI_Waitall(2, requests, statuses));
    CHECK_EQ(a, 1);
    CHECK_EQ(b, 2);
    CHECK_EQ(statuses[0].MPI_SOURCE, 1);
    CHECK_EQ(statuses[1].MPI_TAG, 20);
  } else {
    for (int i = 0; i < 10; ++i) {
      const int value = rank * 100 + i;
      CHECK_OK(MPI_Send(&value, 1, MPI_INT, 0, i, MPI_COMM_WORLD));
    }
    if (rank == 1) {
      CHECK_OK(MPI_Recv(nullptr, 0, MPI_INT, 0, 30, MPI_COMM_WORLD, MPI_STATUS_IGNORE));
      for (int value = 1; value <= 2; ++value) CHECK_OK(MPI_Send(&value, 1, MPI_INT, 0, 20, MPI_COMM_WORLD));
    }
  }
}

void modes() {
  if (size < 2 || rank > 1) return;
  const int other = 1 - rank;
  for (const int length : {0, 1, 100, 100000}) {
    std::vector<int> data(static_cast<std::size_t>(length) + 1);
    if (rank == 0) {
      std::iota(data.begin(), data.end(), 5);
      MPI_Request request = MPI_REQUEST_NULL;
      CHECK_OK(MPI_Issend(data.data(), length, MPI_INT, other, 1, MPI_COMM_WORLD, &request));
      for (int i = 0; i < 20; ++i) {  // no receive has been posted: it must not complete
        int flag = 1;
        CHECK_OK(MPI_Test(&request, &flag, MPI_STATUS_IGNORE));
        CHECK_EQ(flag, 0);
        if (flag != 0) break;
        ::usleep(500);
      }
      CHECK_OK(MPI_Send(nullptr, 0, MPI_INT, other, 2, MPI_COMM_WORLD));
      CHECK_OK(MPI_Wait(&request, MPI_STATUS_IGNORE));
      CHECK(request == MPI_REQUEST_NULL);
      CHECK_OK(MPI_Ssend(data.data(), length, MPI_INT, other, 3, MPI_COMM_WORLD));
      CHECK_OK(MPI_Recv(nullptr, 0, MPI_INT, other, 4, MPI_COMM_WORLD, MPI_STATUS_IGNORE));
      CHECK_OK(MPI_Rsend(data.data(), length, MPI_INT, other, 5, MPI_COMM_WORLD));
      CHECK_OK(MPI_Recv(nullptr, 0, MPI_INT, other, 4, MPI_COMM_WORLD, MPI_STATUS_IGNORE));
      CHECK_OK(MPI_Irsend(data.data(), length, MPI_INT, other, 5, MPI_COMM_WORLD, &request));
      CHECK_OK(MPI_Wait(&request, MPI_STATUS_IGNORE));
    } else {
      const auto good = [&] {
        for (int i = 0; i < length; ++i) {
          if (data[static_cast<std::size_t>(i)] != i + 5) return false;
        }
        return true;
      };
      MPI_Status status;
      MPI_Request request = MPI_REQUEST_NULL;
      CHECK_OK(MPI_Recv(nullptr, 0, MPI_INT, other, 2, MPI_COMM_WORLD, MPI_STATUS_IGNORE));
      CHECK_OK(MPI_Recv(data.data(), length, MPI_INT, other, 1, MPI_COMM_WORLD, &status));
      CHECK_EQ(count_of(status, MPI_INT), length);
      CHECK(good());
      std::fill(data.begin(), data.end(), 0);
      CHECK_OK(MPI_Recv(data.data(), length, MPI_INT, other, 3, MPI_COMM_WORLD, MPI_STATUS_IGNORE));
      CHECK(good());
      for (int i = 0; i < 2; ++i) {
        std::fill(data.begin(), data.end(), 0);
        CHECK_OK(MPI_Irecv(data.data(), length, MPI_INT, other, 5, MPI_COMM_WORLD, &request));
        CHECK_OK(MPI_Send(nullptr, 0, MPI_INT, other, 4, MPI_COMM_WORLD));
        CHECK_OK(MPI_Wait(&request, MPI_STATUS_IGNORE));
        CHECK(good());
      }
    }
  }
}

void buffered() {
  if (size < 2 || rank > 1) return;
  constexpr int kInts = 1000;
  constexpr int kMessages = 4;
  std::vector<int> data(kInts);
  int bytes = 0;
  CHECK_OK(MPI_Pack_size(kInts, MPI_INT, MPI_COMM_WORLD, &bytes));
  std::vector<char> buffer(static_cast<std::size_t>(kMessages * (bytes + MPI_BSEND_OVERHEAD)));
  if (rank == 0) {
    // Others may send at once what needs no buffer.
    if (own_library()) CHECK_FAILS(MPI_Bsend(data.data(), kInts, MPI_INT, 1, 1, MPI_COMM_WORLD), MPI_ERR_BUFFER);
    CHECK_OK(MPI_Buffer_attach(buffer.data(), static_cast<int>(buffer.size())));
    for (int round = 0; round < 20; ++round) {
      for (int i = 0; i < kMessages; ++i) {
        std::fill(data.begin(), data.end(), round * kMessages + i);
        MPI_Request request = MPI_REQUEST_NULL;
        if (i % 2 == 0) {
          CHECK_OK(MPI_Bsend(data.data(), kInts, MPI_INT, 1, 1, MPI_COMM_WORLD));
        } else {
          CHECK_OK(MPI_Ibsend(data.data(), kInts, MPI_INT, 1, 1, MPI_COMM_WORLD, &request));
          CHECK_OK(MPI_Wait(&request, MPI_STATUS_IGNORE));
        }
      }
      CHECK_OK(MPI_Recv(nullptr, 0, MPI_INT, 1, 2, MPI_COMM_WORLD, MPI_STATUS_IGNORE));  // all have arrived
      void* address = nullptr;
      int length = 0;
      CHECK_OK(MPI_Buffer_detach(&address, &length));
      CHECK(address == buffer.data());
      CHECK_EQ(length, static_cast<int>(buffer.size()));
      CHECK_OK(MPI_Buffer_attach(buffer.data(), static_cast<int>(buffer.size())));
    }
    // A message that has more data than the whole buffer does not fit, and there is one buffer at a time. Both are
    // erroneous: Open MPI says so, too, but then sends nothing more.
    if (own_library()) {
      std::vector<char> large(buffer.size() + 1);
      CHECK_FAILS(MPI_Bsend(large.data(), static_cast<int>(large.size()), MPI_CHAR, 1, 3, MPI_COMM_WORLD),
                  MPI_ERR_BUFFER);
      CHECK_FAILS(MPI_Buffer_attach(buffer.data(), 10), MPI_ERR_BUFFER);
    }
    // Detach waits for what is in the buffer.
    CHECK_OK(MPI_Bsend(data.data(), kInts, MPI_INT, 1, 1, MPI_COMM_WORLD));
    void* address = nullptr;
    int length = 0;
    CHECK_OK(MPI_Buffer_detach(&address, &length));
    std::fill(buffer.begin(), buffer.end(), 'x');
  } else {
    for (int round = 0; round <= 20; ++round) {
      for (int i = 0; i < (round < 20 ? kMessages : 1); ++i) {
        CHECK_OK(MPI_Recv(data.data(), kInts, MPI_INT, 0, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE));
        const int expected = round < 20 ? round * kMessages + i : 20 * kMessages - 1;
        CHECK(std::all_of(data.begin(), data.end(), [expected](int value) { return value == expected; }));
      }
      if (round < 20) CHECK_OK(MPI_Send(nullptr, 0, MPI_INT, 0, 2, MPI_COMM_WORLD));
    }
  }
#if MPI_VERSION >= 5 || (MPI_VERSION == 4 && MPI_SUBVERSION >= 1)
  if (rank == 0) {
    CHECK_OK(MPI_Comm_attach_buffer(MPI_COMM_WORLD, MPI_BUFFER_AUTOMATIC, 0));
    for (int i = 0; i < 10; ++i) {
      std::fill(data.begin(), data.end(), i);
      CHECK_OK(MPI_Bsend(data.data(), kInts, MPI_INT, 1, 4, MPI_COMM_WORLD));
    }
    MPI_Request request = MPI_REQUEST_NULL;
    CHECK_OK(MPI_Comm_iflush_buffer(MPI_COMM_WORLD, &request));
    CHECK_OK(MPI_Wait(&request, MPI_STATUS_IGNORE));
    CHECK_OK(MPI_Comm_flush_buffer(MPI_COMM_WORLD));
    void* address = nullptr;
    int length = -1;
    CHECK_OK(MPI_Comm_detach_buffer(MPI_COMM_WORLD, &address, &length));
    CHECK(address == MPI_BUFFER_AUTOMATIC);
    CHECK_EQ(length, 0);
  } else {
    for (int i = 0; i < 10; ++i) {
      CHECK_OK(MPI_Recv(data.data(), kInts, MPI_INT, 0, 4, MPI_COMM_WORLD, MPI_STATUS_IGNORE));
      CHECK_EQ(data[kInts - 1], i);
    }
  }
#endif
}

void truncation() {
  if (size < 2 || rank > 1) return;
  for (const int length : {2, 50, 60000}) {
    std::vector<int> data(static_cast<std::size_t>(length), 7);
    if (rank == 0) {
      for (int i = 0; i < 3; ++i) CHECK_OK(MPI_Send(data.data(), length, MPI_INT, 1, 1, MPI_COMM_WORLD));
      CHECK_OK(MPI_Send(data.data(), 1, MPI_INT, 1, 1, MPI_COMM_WORLD));
      continue;
    }
    std::vector<int> room(static_cast<std::size_t>(length), -1);
    MPI_Status status;
    CHECK_FAILS(MPI_Recv(room.data(), length - 1, MPI_INT, 0, MPI_ANY_TAG, MPI_COMM_WORLD, &status),
                MPI_ERR_TRUNCATE);
    CHECK_EQ(status.MPI_SOURCE, 0);
    CHECK_EQ(status.MPI_TAG, 1);
    // Nothing behind the room is touched (Open MPI 4.1 writes there when it copies a long message at once).
    if (own_library()) CHECK_EQ(room[static_cast<std::size_t>(length - 1)], -1);
    // Among others: MPI_ERR_IN_STATUS, and each status tells its own.
    MPI_Request requests[3] = {MPI_REQUEST_NULL, MPI_REQUEST_NULL, MPI_REQUEST_NULL};
    MPI_Status statuses[3];
    int one = 0;
    CHECK_OK(MPI_Irecv(data.data(), length, MPI_INT, 0, 1, MPI_COMM_WORLD, &requests[0]));
    CHECK_OK(MPI_Irecv(room.data(), length - 1, MPI_INT, 0, 1, MPI_COMM_WORLD, &requests[1]));
    CHECK_OK(MPI_Irecv(&one, 1, MPI_INT, 0, 1, MPI_COMM_WORLD, &requests[2]));
    CHECK_FAILS(MPI_Waitall(3, requests, statuses), MPI_ERR_IN_STATUS);
    CHECK_EQ(statuses[0].MPI_ERROR, MPI_SUCCESS);
    CHECK_EQ(class_of(statuses[1].MPI_ERROR), MPI_ERR_TRUNCATE);
    if (class_of(statuses[2].MPI_ERROR) == MPI_ERR_PENDING) {  // allowed: not waited for after the failure
      CHECK_OK(MPI_Wait(&requests[2], MPI_STATUS_IGNORE));
    } else {
      CHECK_EQ(statuses[2].MPI_ERROR, MPI_SUCCESS);
    }
    CHECK_EQ(one, 7);
    CHECK_EQ(count_of(statuses[0], MPI_INT), length);
  }
}

void cancel() {
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Status status;
  int value = 0;
  int flag = 0;
  CHECK_OK(MPI_Irecv(&value, 1, MPI_INT, MPI_ANY_SOURCE, 77, MPI_COMM_WORLD, &request));
  CHECK_OK(MPI_Cancel(&request));
  CHECK_OK(MPI_Wait(&request, &status));
  CHECK_OK(MPI_Test_cancelled(&status, &flag));
  CHECK_EQ(flag, 1);
  CHECK(request == MPI_REQUEST_NULL);
  // A receive that has its message is not cancelled.
  MPI_Request sent = MPI_REQUEST_NULL;
  value = 3;
  int got = 0;
  CHECK_OK(MPI_Isend(&value, 1, MPI_INT, rank, 78, MPI_COMM_WORLD, &sent));
  CHECK_OK(MPI_Irecv(&got, 1, MPI_INT, rank, 78, MPI_COMM_WORLD, &request));
  CHECK_OK(MPI_Wait(&sent, MPI_STATUS_IGNORE));
  do {
    CHECK_OK(MPI_Request_get_status(request, &flag, &status));
  } while (flag == 0);
  CHECK_OK(MPI_Cancel(&request));
  CHECK_OK(MPI_Wait(&request, &status));
  CHECK_OK(MPI_Test_cancelled(&status, &flag));
  CHECK_EQ(flag, 0);
  CHECK_EQ(got, 3);
}

void probes() {
  if (size < 2) return;
  if (rank == 0) {
    for (int i = 1; i < size; ++i) {
      MPI_Status status;
      CHECK_OK(MPI_Probe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &status));
      const int count = count_of(status, MPI_INT);
      CHECK_EQ(count, status.MPI_SOURCE * 3);
      CHECK_EQ(status.MPI_TAG, status.MPI_SOURCE + 5);
      int flag = 0;
      MPI_Status again;
      CHECK_OK(MPI_Iprobe(status.MPI_SOURCE, status.MPI_TAG, MPI_COMM_WORLD, &flag, &again));
      CHECK_EQ(flag, 1);
      CHECK_EQ(count_of(again, MPI_INT), count);
      std::vector<int> data(static_cast<std::size_t>(count));
      CHECK_OK(MPI_Recv(data.data(), count, MPI_INT, status.MPI_SOURCE, status.MPI_TAG, MPI_COMM_WORLD,
                        MPI_STATUS_IGNORE));
      CHECK_EQ(data.back(), again.MPI_SOURCE);
    }
    int flag = 1;
    CHECK_OK(MPI_Iprobe(MPI_ANY_SOURCE, 99, MPI_COMM_WORLD, &flag, MPI_STATUS_IGNORE));
    CHECK_EQ(flag, 0);
  } else {
    const std::vector<int> data(static_cast<std::size_t>(rank * 3), rank);
    CHECK_OK(MPI_Send(data.data(), rank * 3, MPI_INT, 0, rank + 5, MPI_COMM_WORLD));
  }
}

void claimed() {
  if (size < 2 || rank > 1) return;
  if (rank == 0) {
    for (int i = 0; i < 4; ++i) CHECK_OK(MPI_Send(&i, 1, MPI_INT, 1, 6, MPI_COMM_WORLD));
    const std::vector<int> pairs = {1, 2, 3, 4};
    CHECK_OK(MPI_Send(pairs.data(), 4, MPI_INT, 1, 7, MPI_COMM_WORLD));
    return;
  }
  MPI_Message first = MPI_MESSAGE_NULL;
  MPI_Message second = MPI_MESSAGE_NULL;
  MPI_Status status;
  int value = -1;
  CHECK_OK(MPI_Mprobe(0, 6, MPI_COMM_WORLD, &first, &status));
  CHECK(first != MPI_MESSAGE_NULL);
  CHECK_EQ(count_of(status, MPI_INT), 1);
  int flag = 0;
  while (flag == 0) CHECK_OK(MPI_Improbe(MPI_ANY_SOURCE, 6, MPI_COMM_WORLD, &flag, &second, &status));
  CHECK_OK(MPI_Recv(&value, 1, MPI_INT, 0, 6, MPI_COMM_WORLD, MPI_STATUS_IGNORE));
  CHECK_EQ(value, 2);  // the first two are claimed
  MPI_Request request = MPI_REQUEST_NULL;
  CHECK_OK(MPI_Imrecv(&value, 1, MPI_INT, &second, &request));
  CHECK(second == MPI_MESSAGE_NULL);
  CHECK_OK(MPI_Wait(&request, &status));
  CHECK_EQ(value, 1);
  CHECK_EQ(status.MPI_SOURCE, 0);
  CHECK_EQ(status.MPI_TAG, 6);
  CHECK_OK(MPI_Mrecv(&value, 1, MPI_INT, &first, &status));
  CHECK_EQ(value, 0);
  CHECK(first == MPI_MESSAGE_NULL);
  CHECK_OK(MPI_Recv(&value, 1, MPI_INT, 0, 6, MPI_COMM_WORLD, MPI_STATUS_IGNORE));
  CHECK_EQ(value, 3);
  // Into a layout, and without room.
  MPI_Datatype strided = MPI_DATATYPE_NULL;
  MPI_Type_vector(4, 1, 2, MPI_INT, &strided);
  MPI_Type_commit(&strided);
  int data[8] = {};
  CHECK_OK(MPI_Mprobe(0, 7, MPI_COMM_WORLD, &first, MPI_STATUS_IGNORE));
  CHECK_OK(MPI_Mrecv(data, 1, strided, &first, &status));
  CHECK_EQ(count_of(status, strided), 1);
  CHECK(data[0] == 1 && data[1] == 0 && data[2] == 2 && data[4] == 3 && data[6] == 4 && data[7] == 0);
  MPI_Type_free(&strided);
  // From MPI_PROC_NULL.
  CHECK_OK(MPI_Mprobe(MPI_PROC_NULL, 1, MPI_COMM_WORLD, &first, &status));
  CHECK(first == MPI_MESSAGE_NO_PROC);
  CHECK_OK(MPI_Mrecv(&value, 1, MPI_INT, &first, &status));
  CHECK_EQ(status.MPI_SOURCE, MPI_PROC_NULL);
  CHECK_EQ(count_of(status, MPI_INT), 0);
}

}  // namespace test
