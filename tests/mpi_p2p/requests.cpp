// SPDX-License-Identifier: BSD-3-Clause
// Sections about requests: persistent ones, completion of several, generalized ones, and datatypes with gaps.
#include <unistd.h>

#include <algorithm>
#include <numeric>

#include "program.hpp"

namespace test {

void persistent() {
  const int next = (rank + 1) % size;
  const int last = (rank + size - 1) % size;
  int out = 0;
  int in[3] = {};
  MPI_Datatype pair = MPI_DATATYPE_NULL;
  MPI_Type_vector(2, 1, 2, MPI_INT, &pair);
  MPI_Type_commit(&pair);
  MPI_Request requests[4];
  CHECK_OK(MPI_Recv_init(in, 1, pair, last, 3, MPI_COMM_WORLD, &requests[0]));
  CHECK_OK(MPI_Send_init(&out, 1, MPI_INT, next, 3, MPI_COMM_WORLD, &requests[1]));
  CHECK_OK(MPI_Recv_init(&in[1], 1, MPI_INT, MPI_ANY_SOURCE, 4, MPI_COMM_WORLD, &requests[2]));
  CHECK_OK(MPI_Ssend_init(&out, 1, MPI_INT, next, 4, MPI_COMM_WORLD, &requests[3]));
  MPI_Type_free(&pair);  // the request keeps it
  MPI_Status statuses[4];
  CHECK_OK(MPI_Waitall(4, requests, statuses));  // inactive: at once, and empty
  CHECK_EQ(statuses[0].MPI_SOURCE, MPI_ANY_SOURCE);
  CHECK_EQ(statuses[0].MPI_TAG, MPI_ANY_TAG);
  for (int round = 0; round < 50; ++round) {
    out = round * 1000 + rank;
    in[2] = -5;
    CHECK_OK(MPI_Startall(4, requests));
    if (round % 2 == 0) {
      CHECK_OK(MPI_Waitall(4, requests, statuses));
      CHECK_EQ(statuses[2].MPI_SOURCE, last);
    } else {
      for (MPI_Request& request : requests) {
        int flag = 0;
        while (flag == 0) CHECK_OK(MPI_Test(&request, &flag, MPI_STATUS_IGNORE));
      }
    }
    CHECK_EQ(in[0], round * 1000 + last);  // one of the pair's two elements
    CHECK_EQ(in[1], round * 1000 + last);
    CHECK_EQ(in[2], -5);
    for (MPI_Request request : requests) CHECK(request != MPI_REQUEST_NULL);
  }
  CHECK_OK(MPI_Start(&requests[0]));
  CHECK_OK(MPI_Cancel(&requests[0]));
  CHECK_OK(MPI_Wait(&requests[0], &statuses[0]));
  int flag = 0;
  CHECK_OK(MPI_Test_cancelled(&statuses[0], &flag));
  CHECK_EQ(flag, 1);
  for (MPI_Request& request : requests) {
    CHECK_OK(MPI_Request_free(&request));
    CHECK(request == MPI_REQUEST_NULL);
  }
}

void completion() {
  if (size < 2) return;
  constexpr int kEach = 30;
  const int peers = size - 1;
  if (rank != 0) {
    for (int i = 0; i < 4 * kEach; ++i) {
      const int value = rank * 1000 + i;
      CHECK_OK(MPI_Send(&value, 1, MPI_INT, 0, i, MPI_COMM_WORLD));
      if (random(8) == 0) ::usleep(200);
    }
    return;
  }
  for (int way = 0; way < 4; ++way) {
    const int count = peers * kEach + 2;
    std::vector<int> values(static_cast<std::size_t>(count), -1);
    std::vector<MPI_Request> requests(static_cast<std::size_t>(count), MPI_REQUEST_NULL);
    std::vector<MPI_Status> statuses(static_cast<std::size_t>(count));
    std::vector<int> indices(static_cast<std::size_t>(count));
    std::vector<int> source_of(static_cast<std::size_t>(count));
    std::vector<int> tag_of(static_cast<std::size_t>(count));
    int at = 1;  // the first and the last one stay null
    for (int i = kEach - 1; i >= 0; --i) {
      for (int peer = 1; peer < size; ++peer, ++at) {
        const auto place = static_cast<std::size_t>(at);
        source_of[place] = peer;
        tag_of[place] = way * kEach + i;
        CHECK_OK(
            MPI_Irecv(&values[place], 1, MPI_INT, peer, tag_of[place], MPI_COMM_WORLD, &requests[place]));
      }
    }
    const auto check = [&](int index, const MPI_Status& status) {
      const auto place = static_cast<std::size_t>(index);
      CHECK(index > 0 && index < count - 1);
      CHECK(requests[place] == MPI_REQUEST_NULL);
      CHECK_EQ(values[place], source_of[place] * 1000 + tag_of[place]);
      CHECK_EQ(status.MPI_SOURCE, source_of[place]);
      CHECK_EQ(status.MPI_TAG, tag_of[place]);
    };
    int done = 0;
    while (done < count - 2) {
      int index = -7;
      int flag = 0;
      int some = -7;
      switch (way) {
        case 0:
          CHECK_OK(MPI_Waitany(count, requests.data(), &index, statuses.data()));
          check(index, statuses[0]);
          ++done;
          break;
        case 1:
          CHECK_OK(MPI_Testany(count, requests.data(), &index, &flag, statuses.data()));
          if (flag == 0) {
            CHECK_EQ(index, MPI_UNDEFINED);
            break;
          }
          check(index, statuses[0]);
          ++done;
          break;
        case 2:
          if (random(2) == 0) {
            CHECK_OK(MPI_Waitsome(count, requests.data(), &some, indices.data(), statuses.data()));
            CHECK(some > 0);
          } else {
            CHECK_OK(MPI_Testsome(count, requests.data(), &some, indices.data(), statuses.data()));
            CHECK(some >= 0);
          }
          for (int i = 0; i < some; ++i)
            check(indices[static_cast<std::size_t>(i)], statuses[static_cast<std::size_t>(i)]);
          done += some;
          break;
        default:
          CHECK_OK(MPI_Testall(count, requests.data(), &flag, statuses.data()));
          if (flag == 0) break;
          for (int i = 1; i < count - 1; ++i) check(i, statuses[static_cast<std::size_t>(i)]);
          CHECK_EQ(statuses[0].MPI_SOURCE, MPI_ANY_SOURCE);
          done = count - 2;
      }
    }
    int index = 0;
    int flag = 0;
    CHECK_OK(MPI_Waitany(count, requests.data(), &index, statuses.data()));
    CHECK_EQ(index, MPI_UNDEFINED);
    CHECK_EQ(statuses[0].MPI_TAG, MPI_ANY_TAG);
    CHECK_OK(MPI_Testany(count, requests.data(), &index, &flag, statuses.data()));
    CHECK(flag == 1 && index == MPI_UNDEFINED);
    CHECK_OK(MPI_Waitsome(count, requests.data(), &index, indices.data(), MPI_STATUSES_IGNORE));
    CHECK_EQ(index, MPI_UNDEFINED);
    CHECK_OK(MPI_Testsome(count, requests.data(), &index, indices.data(), MPI_STATUSES_IGNORE));
    CHECK_EQ(index, MPI_UNDEFINED);
    CHECK_OK(MPI_Testall(count, requests.data(), &flag, MPI_STATUSES_IGNORE));
    CHECK_EQ(flag, 1);
    CHECK_OK(MPI_Waitall(0, nullptr, MPI_STATUSES_IGNORE));
  }
}

void statuses() {
  // A null request and one that is over give the empty status; MPI_ERROR stays.
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Status status;
  status.MPI_ERROR = 12345;
  CHECK_OK(MPI_Wait(&request, &status));
  CHECK_EQ(status.MPI_SOURCE, MPI_ANY_SOURCE);
  CHECK_EQ(status.MPI_TAG, MPI_ANY_TAG);
  CHECK_EQ(count_of(status, MPI_INT), 0);
  int flag = 0;
  CHECK_OK(MPI_Test(&request, &flag, &status));
  CHECK_EQ(flag, 1);
  CHECK_OK(MPI_Request_get_status(request, &flag, &status));
  CHECK_EQ(flag, 1);
  CHECK_OK(MPI_Test_cancelled(&status, &flag));
  CHECK_EQ(flag, 0);
  // What a program sets.
  CHECK_OK(MPI_Status_set_elements(&status, MPI_INT, 6));
  CHECK_EQ(count_of(status, MPI_INT), 6);
  MPI_Datatype four = MPI_DATATYPE_NULL;
  MPI_Type_contiguous(4, MPI_INT, &four);
  MPI_Type_commit(&four);
  CHECK_EQ(count_of(status, four), MPI_UNDEFINED);
  int elements = 0;
  CHECK_OK(MPI_Get_elements(&status, four, &elements));
  CHECK_EQ(elements, 6);
  MPI_Count wide = 0;
  CHECK_OK(MPI_Status_set_elements_x(&status, MPI_BYTE, MPI_Count{1} << 33));
  CHECK_OK(MPI_Get_elements_x(&status, MPI_BYTE, &wide));
  CHECK_EQ(wide, MPI_Count{1} << 33);
  CHECK_EQ(count_of(status, MPI_BYTE), MPI_UNDEFINED);
  CHECK_OK(MPI_Status_set_cancelled(&status, 1));
  CHECK_OK(MPI_Test_cancelled(&status, &flag));
  CHECK_EQ(flag, 1);
  MPI_Type_free(&four);
  // Completed, and looked at without an end.
  int value = 4;
  int got = 0;
  CHECK_OK(MPI_Irecv(&got, 1, MPI_INT, rank, 1, MPI_COMM_WORLD, &request));
  CHECK_OK(MPI_Request_get_status(request, &flag, &status));
  CHECK_EQ(flag, 0);
  CHECK_OK(MPI_Send(&value, 1, MPI_INT, rank, 1, MPI_COMM_WORLD));
  for (int i = 0; i < 2; ++i) {
    do {
      CHECK_OK(MPI_Request_get_status(request, &flag, &status));
    } while (flag == 0);
    CHECK(request != MPI_REQUEST_NULL);
    CHECK_EQ(status.MPI_SOURCE, rank);
  }
  CHECK_OK(MPI_Wait(&request, &status));
  CHECK_EQ(got, 4);
}

void proc_null() {
  int value = 3;
  MPI_Status status;
  MPI_Request requests[4];
  CHECK_OK(MPI_Send(&value, 1, MPI_INT, MPI_PROC_NULL, 0, MPI_COMM_WORLD));
  CHECK_OK(MPI_Ssend(&value, 1, MPI_INT, MPI_PROC_NULL, 0, MPI_COMM_WORLD));
  CHECK_OK(MPI_Recv(&value, 1, MPI_INT, MPI_PROC_NULL, 0, MPI_COMM_WORLD, &status));
  const auto is_null = [](const MPI_Status& of) {
    return of.MPI_SOURCE == MPI_PROC_NULL && of.MPI_TAG == MPI_ANY_TAG && count_of(of, MPI_INT) == 0;
  };
  CHECK(is_null(status));
  CHECK_EQ(value, 3);
  int flag = 0;
  CHECK_OK(MPI_Iprobe(MPI_PROC_NULL, 0, MPI_COMM_WORLD, &flag, &status));
  CHECK(flag == 1 && is_null(status));
  CHECK_OK(MPI_Probe(MPI_PROC_NULL, MPI_ANY_TAG, MPI_COMM_WORLD, &status));
  CHECK(is_null(status));
  CHECK_OK(MPI_Irecv(&value, 1, MPI_INT, MPI_PROC_NULL, 0, MPI_COMM_WORLD, &requests[0]));
  CHECK_OK(MPI_Isend(&value, 1, MPI_INT, MPI_PROC_NULL, 0, MPI_COMM_WORLD, &requests[1]));
  CHECK_OK(MPI_Recv_init(&value, 1, MPI_INT, MPI_PROC_NULL, 0, MPI_COMM_WORLD, &requests[2]));
  CHECK_OK(MPI_Send_init(&value, 1, MPI_INT, MPI_PROC_NULL, 0, MPI_COMM_WORLD, &requests[3]));
  CHECK_OK(MPI_Startall(2, requests + 2));
  MPI_Status four[4];
  CHECK_OK(MPI_Waitall(4, requests, four));
#ifndef MPICH_VERSION  // MPICH 4.0 gives the empty status
  CHECK(is_null(four[0]));
  CHECK(is_null(four[2]));
#endif
  CHECK_OK(MPI_Request_free(&requests[2]));
  CHECK_OK(MPI_Request_free(&requests[3]));
  CHECK_OK(MPI_Sendrecv(&value, 1, MPI_INT, MPI_PROC_NULL, 0, &value, 1, MPI_INT, MPI_PROC_NULL, 0,
                        MPI_COMM_WORLD, &status));
  CHECK(is_null(status));
}

void layouts() {
  const int next = (rank + 1) % size;
  const int last = (rank + size - 1) % size;
  for (const int blocks : {1, 3, 1000, 20000}) {
    MPI_Datatype strided = MPI_DATATYPE_NULL;
    MPI_Type_vector(blocks, 2, 3, MPI_INT, &strided);
    MPI_Type_commit(&strided);
    std::vector<int> out(static_cast<std::size_t>(3 * blocks));
    std::iota(out.begin(), out.end(), rank * 7);
    std::vector<int> in(static_cast<std::size_t>(3 * blocks), -1);
    std::vector<int> flat(static_cast<std::size_t>(2 * blocks), -1);
    MPI_Request request = MPI_REQUEST_NULL;
    MPI_Status status;
    // From gaps into none, and the other way around.
    CHECK_OK(MPI_Irecv(flat.data(), 2 * blocks, MPI_INT, last, 1, MPI_COMM_WORLD, &request));
    CHECK_OK(MPI_Send(out.data(), 1, strided, next, 1, MPI_COMM_WORLD));
    CHECK_OK(MPI_Wait(&request, &status));
    CHECK_EQ(count_of(status, MPI_INT), 2 * blocks);
    bool good = true;
    for (int i = 0; i < 2 * blocks; ++i)
      good = good && flat[static_cast<std::size_t>(i)] == last * 7 + i / 2 * 3 + i % 2;
    CHECK(good);
    CHECK_OK(MPI_Isend(flat.data(), 2 * blocks, MPI_INT, next, 2, MPI_COMM_WORLD, &request));
    CHECK_OK(MPI_Recv(in.data(), 1, strided, last, 2, MPI_COMM_WORLD, &status));
    CHECK_OK(MPI_Wait(&request, MPI_STATUS_IGNORE));
    CHECK_EQ(count_of(status, strided), 1);
    const int origin = (last + size - 1) % size;
    for (int i = 0; i < 3 * blocks; ++i) {
      // The last block of a vector has no gap behind it; what is there stays as all gaps do.
      good = good && in[static_cast<std::size_t>(i)] == (i % 3 == 2 ? -1 : origin * 7 + i);
    }
    CHECK(good);
    // A part of the elements: the others stay.
    std::fill(in.begin(), in.end(), -1);
    CHECK_OK(MPI_Isend(out.data(), 1, MPI_INT, next, 3, MPI_COMM_WORLD, &request));
    CHECK_OK(MPI_Recv(in.data(), 1, strided, last, 3, MPI_COMM_WORLD, &status));
    CHECK_OK(MPI_Wait(&request, MPI_STATUS_IGNORE));
    CHECK_EQ(count_of(status, strided), MPI_UNDEFINED);
    int elements = 0;
    CHECK_OK(MPI_Get_elements(&status, strided, &elements));
    CHECK_EQ(elements, 1);
    CHECK_EQ(in[0], last * 7);
    CHECK_EQ(in[1], -1);
    MPI_Type_free(&strided);
  }
}

void exchanges() {
  const int next = (rank + 1) % size;
  const int last = (rank + size - 1) % size;
  for (const int length : {0, 1, 1000, 50000}) {
    const auto bytes = static_cast<std::size_t>(length) + 1;
    std::vector<int> out(bytes, rank);
    std::vector<int> in(bytes, -1);
    MPI_Status status;
    CHECK_OK(MPI_Sendrecv(out.data(), length, MPI_INT, next, 5, in.data(), length, MPI_INT, last, MPI_ANY_TAG,
                          MPI_COMM_WORLD, &status));
    CHECK_EQ(status.MPI_SOURCE, last);
    CHECK_EQ(status.MPI_TAG, 5);
    CHECK_EQ(count_of(status, MPI_INT), length);
    CHECK(length == 0 || in[static_cast<std::size_t>(length - 1)] == last);
    CHECK_OK(MPI_Sendrecv_replace(out.data(), length, MPI_INT, next, 6, MPI_ANY_SOURCE, 6, MPI_COMM_WORLD,
                                  &status));
    CHECK_EQ(status.MPI_SOURCE, last);
    CHECK(length == 0 || out[0] == last);
    if (size > 1 && length > 0) {
      const int code = MPI_Sendrecv(out.data(), length, MPI_INT, next, 7, in.data(), length - 1, MPI_INT,
                                    last, 7, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
      CHECK_EQ(class_of(code), MPI_ERR_TRUNCATE);
    }
#if MPI_VERSION >= 4
    MPI_Request requests[2];
    std::fill(out.begin(), out.end(), rank);
    std::vector<int> turned(bytes, rank + 100);
    CHECK_OK(MPI_Isendrecv(out.data(), length, MPI_INT, next, 8, in.data(), length, MPI_INT, last, 8,
                           MPI_COMM_WORLD, &requests[0]));
    CHECK_OK(MPI_Isendrecv_replace(turned.data(), length, MPI_INT, next, 9, last, 9, MPI_COMM_WORLD,
                                   &requests[1]));
    MPI_Status both[2];
    CHECK_OK(MPI_Waitall(2, requests, both));
    CHECK_EQ(both[0].MPI_SOURCE, last);
#ifndef MPICH_VERSION  // MPICH 4.0 does not write it
    CHECK_EQ(count_of(both[1], MPI_INT), length);
#endif
    CHECK(length == 0 || (in[0] == last && turned[0] == last + 100));
    // A blocking call moves it on.
    CHECK_OK(MPI_Isendrecv(out.data(), length, MPI_INT, next, 8, in.data(), length, MPI_INT, last, 8,
                           MPI_COMM_WORLD, &requests[0]));
    MPI_Barrier(MPI_COMM_WORLD);
    CHECK_OK(MPI_Wait(&requests[0], both));
#endif
  }
}

void abandoned() {
  // Freed while under way: a send arrives all the same.
  const int next = (rank + 1) % size;
  const int last = (rank + size - 1) % size;
  std::vector<int> out(40000, rank);
  std::vector<int> in(40000, -1);
  for (int i = 0; i < 10; ++i) {
    MPI_Request request = MPI_REQUEST_NULL;
    CHECK_OK(MPI_Isend(out.data(), i % 2 == 0 ? 1 : 40000, MPI_INT, next, 1, MPI_COMM_WORLD, &request));
    CHECK_OK(MPI_Request_free(&request));
    CHECK(request == MPI_REQUEST_NULL);
    MPI_Status status;
    CHECK_OK(MPI_Recv(in.data(), 40000, MPI_INT, last, 1, MPI_COMM_WORLD, &status));
    CHECK_EQ(count_of(status, MPI_INT), i % 2 == 0 ? 1 : 40000);
    CHECK_EQ(in[0], last);
  }
  meet();  // the buffer is in use until then
  // A communicator that is freed while a message is under way lives as long as the message.
  MPI_Comm other = MPI_COMM_NULL;
  MPI_Comm_dup(MPI_COMM_WORLD, &other);
  MPI_Request request = MPI_REQUEST_NULL;
  CHECK_OK(MPI_Irecv(in.data(), 1, MPI_INT, last, 2, other, &request));
  CHECK_OK(MPI_Send(out.data(), 1, MPI_INT, next, 2, other));
  MPI_Comm_free(&other);
  CHECK_OK(MPI_Wait(&request, MPI_STATUS_IGNORE));
  CHECK_EQ(in[0], last);
}

namespace {

struct Work {
  int queries = 0;
  int frees = 0;
  int cancels = 0;
  int cancelled_complete = -1;
};
int query(void* state, MPI_Status* status) {
  ++static_cast<Work*>(state)->queries;
  MPI_Status_set_elements(status, MPI_INT, 5);
  MPI_Status_set_cancelled(status, 0);
  status->MPI_SOURCE = 42;
  status->MPI_TAG = 43;
  return MPI_SUCCESS;
}
int release(void* state) {
  ++static_cast<Work*>(state)->frees;
  return MPI_SUCCESS;
}
int cancel_work(void* state, int complete) {
  ++static_cast<Work*>(state)->cancels;
  static_cast<Work*>(state)->cancelled_complete = complete;
  return MPI_SUCCESS;
}

}  // namespace

void generalized() {
  Work work;
  MPI_Request request = MPI_REQUEST_NULL;
  CHECK_OK(MPI_Grequest_start(query, release, cancel_work, &work, &request));
  int flag = 1;
  CHECK_OK(MPI_Test(&request, &flag, MPI_STATUS_IGNORE));
  CHECK_EQ(flag, 0);
  CHECK_OK(MPI_Cancel(&request));
  CHECK_EQ(work.cancels, 1);
  CHECK_EQ(work.cancelled_complete, 0);
  CHECK_OK(MPI_Grequest_complete(request));
  MPI_Status status;
  CHECK_OK(MPI_Wait(&request, &status));
  CHECK(request == MPI_REQUEST_NULL);
  CHECK_EQ(status.MPI_SOURCE, 42);
  CHECK_EQ(status.MPI_TAG, 43);
  CHECK_EQ(count_of(status, MPI_INT), 5);
  CHECK_EQ(work.frees, 1);
  CHECK(work.queries >= 1);
  // Among messages.
  int value = 1;
  int got = 0;
  MPI_Request three[3];
  CHECK_OK(MPI_Irecv(&got, 1, MPI_INT, rank, 1, MPI_COMM_WORLD, &three[0]));
  CHECK_OK(MPI_Grequest_start(query, release, cancel_work, &work, &three[1]));
  CHECK_OK(MPI_Isend(&value, 1, MPI_INT, rank, 1, MPI_COMM_WORLD, &three[2]));
  CHECK_OK(MPI_Grequest_complete(three[1]));
  MPI_Status all[3];
  CHECK_OK(MPI_Waitall(3, three, all));
  CHECK_EQ(all[1].MPI_TAG, 43);
  CHECK_EQ(work.frees, 2);
  // Freed first: the program's function is called when it is complete.
  CHECK_OK(MPI_Grequest_start(query, release, cancel_work, &work, &request));
  MPI_Request copy = request;
  CHECK_OK(MPI_Request_free(&request));
#ifndef MPICH_VERSION  // MPICH 4.0 calls free_fn here
  CHECK_EQ(work.frees, 2);
#endif
  CHECK_OK(MPI_Grequest_complete(copy));
  CHECK_EQ(work.frees, 3);
}

}  // namespace test
