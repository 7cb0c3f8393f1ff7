// SPDX-License-Identifier: BSD-3-Clause
//   mpi_ends HOW
//
// Programs that end in unusual ways; run.py checks how the job ends and what it prints.
#include <mpi.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

int rank = -1;
int size = 0;

int tell_delete(MPI_Comm, int, void* value, void*) {
  int initialized = 0, finalized = 1, own = -1;
  MPI_Initialized(&initialized);
  MPI_Finalized(&finalized);
  MPI_Comm_rank(MPI_COMM_WORLD, &own);
  std::printf("deleted %d: initialized %d, finalized %d\n", *static_cast<int*>(value), initialized,
              finalized);
  std::fflush(stdout);
  return MPI_SUCCESS;
}

void call_fatal(MPI_Comm*, int* code, ...) {
  std::printf("handler with class %d\n", *code == MPI_ERR_RANK ? 1 : 0);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string how = argc > 1 ? argv[1] : "";
  if (how == "before") {
    int flag = 1;
    MPI_Initialized(&flag);
    std::printf("initialized %d\n", flag);
    std::fflush(stdout);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);  // before MPI_Init: ends the process
    return 0;
  }
  if (how == "sessions") {  // without MPI_Init
#if MPI_VERSION >= 4
    MPI_Session session = MPI_SESSION_NULL;
    MPI_Group group = MPI_GROUP_NULL;
    MPI_Comm comm = MPI_COMM_NULL;
    MPI_Session_init(MPI_INFO_NULL, MPI_ERRORS_ARE_FATAL, &session);
    int flag = 1;
    MPI_Initialized(&flag);
    MPI_Group_from_session_pset(session, "mpi://WORLD", &group);
    MPI_Comm_create_from_group(group, "ends", MPI_INFO_NULL, MPI_ERRORS_ARE_FATAL, &comm);
    MPI_Group_free(&group);
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &size);
    int sum = 0;
    MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, comm);
    if (rank == 0)
      std::printf("initialized %d, sum %s\n", flag, sum == size * (size - 1) / 2 ? "right" : "wrong");
    MPI_Comm_free(&comm);
    MPI_Session_finalize(&session);
#endif
    return 0;
  }
  if (how == "cycles" || how == "late") {  // sessions before, beside and behind MPI_Init and MPI_Finalize
#if MPI_VERSION >= 4
    const auto cycle = [](const char* when) {
      MPI_Session session = MPI_SESSION_NULL;
      MPI_Group group = MPI_GROUP_NULL;
      MPI_Comm comm = MPI_COMM_NULL;
      const int code = MPI_Session_init(MPI_INFO_NULL, MPI_ERRORS_RETURN, &session);
      if (code != MPI_SUCCESS) {
        int of = 0;
        MPI_Error_class(code, &of);
        std::printf("%s: not served %d\n", when, of == MPI_ERR_UNSUPPORTED_OPERATION ? 1 : 0);
        std::fflush(stdout);
        return;
      }
      MPI_Group_from_session_pset(session, "mpi://WORLD", &group);
      MPI_Comm_create_from_group(group, when, MPI_INFO_NULL, MPI_ERRORS_ARE_FATAL, &comm);
      MPI_Group_free(&group);
      MPI_Comm_rank(comm, &rank);
      MPI_Comm_size(comm, &size);
      int sum = 0;
      MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, comm);
      MPI_Comm_free(&comm);
      MPI_Session_finalize(&session);
      if (rank == 0) {
        std::printf("%s: sum %s\n", when, sum == size * (size - 1) / 2 ? "right" : "wrong");
        std::fflush(stdout);
      }
    };
    if (how == "cycles") {
      cycle("first");
      cycle("second");
    }
    MPI_Init(&argc, &argv);
    if (how == "cycles") cycle("beside");
    MPI_Finalize();
    cycle("behind");
    int finalized = 0;
    MPI_Finalized(&finalized);
    if (how == "cycles" && rank == 0) std::printf("finalized %d\n", finalized);
#endif
    return 0;
  }
  if (how == "threads") {
    int provided = -1, again = -1;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &provided);
    MPI_Query_thread(&again);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    const bool multiple = provided == MPI_THREAD_MULTIPLE && again == provided;
    // Two threads make communicators of one group of processes at the same time, in any order among them.
    MPI_Comm parents[2];
    for (MPI_Comm& parent : parents) MPI_Comm_dup(MPI_COMM_WORLD, &parent);
    long wrong[2] = {0, 0};
    const auto work = [&](int which) {
      for (int i = 0; i < 50; ++i) {
        MPI_Comm made = MPI_COMM_NULL;
        MPI_Comm_dup(parents[which], &made);
        int sum = 0, wanted = 0, processes = 0;
        MPI_Comm_size(made, &processes);
        for (int r = 0; r < processes; ++r) wanted += r + which;
        const int mine = rank + which;
        MPI_Allreduce(&mine, &sum, 1, MPI_INT, MPI_SUM, made);
        if (sum != wanted) ++wrong[which];
        MPI_Comm_free(&made);
      }
    };
    if (multiple) {
      std::thread other(work, 1);
      work(0);
      other.join();
    } else {
      work(0);
    }
    if (rank == 0)
      std::printf("provided %s, %ld wrong\n", multiple ? "multiple" : "less", wrong[0] + wrong[1]);
    for (MPI_Comm& parent : parents) MPI_Comm_free(&parent);
    MPI_Finalize();
    return 0;
  }
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (how == "abort") {
    MPI_Comm comm = MPI_COMM_NULL;
    MPI_Comm_dup(MPI_COMM_WORLD, &comm);
    MPI_Comm_set_name(comm, "mine");
    if (rank == size - 1) MPI_Abort(comm, 17);
    MPI_Barrier(MPI_COMM_WORLD);  // the others wait for ever
  } else if (how == "abort0") {
    if (rank == size - 1) MPI_Abort(MPI_COMM_WORLD, 0);
    MPI_Barrier(MPI_COMM_WORLD);
  } else if (how == "fatal") {
    int value = 0;
    if (rank == 0) MPI_Send(&value, 1, MPI_INT, size + 4, 0, MPI_COMM_WORLD);
    MPI_Barrier(MPI_COMM_WORLD);
  } else if (how == "handler") {
    MPI_Errhandler handler = MPI_ERRHANDLER_NULL;
    MPI_Comm_create_errhandler(call_fatal, &handler);
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, handler);
    int value = 0;
    const int code = MPI_Send(&value, 1, MPI_INT, size + 4, 0, MPI_COMM_WORLD);
    std::printf("code %s\n", code == MPI_ERR_RANK ? "MPI_ERR_RANK" : "another");
  } else if (how == "twice") {
    MPI_Init(&argc, &argv);
  } else if (how == "delete") {
    static int values[2] = {1, 2};
    for (int& value : values) {
      int keyval = MPI_KEYVAL_INVALID;
      MPI_Comm_create_keyval(MPI_COMM_NULL_COPY_FN, tell_delete, &keyval, nullptr);
      MPI_Comm_set_attr(MPI_COMM_SELF, keyval, &value);
    }
  } else if (how == "leaks") {
    // Nothing of this is ever received, waited for or freed.
    static std::vector<char> buffer(1 << 20), other(1 << 20);
    MPI_Request requests[4];
    MPI_Comm comm = MPI_COMM_NULL, twin = MPI_COMM_NULL;
    MPI_Datatype type = MPI_DATATYPE_NULL;
    MPI_Info info = MPI_INFO_NULL;
    MPI_Comm_dup(MPI_COMM_WORLD, &comm);
    MPI_Comm_idup(comm, &twin, &requests[3]);
    MPI_Wait(&requests[3], MPI_STATUS_IGNORE);
    MPI_Type_contiguous(3, MPI_INT, &type);
    MPI_Info_create(&info);
    MPI_Irecv(other.data(), 1 << 20, MPI_CHAR, MPI_ANY_SOURCE, 99, comm, &requests[0]);
    MPI_Isend(buffer.data(), 4, MPI_CHAR, (rank + 1) % size, 98, comm, &requests[1]);
    MPI_Isend(buffer.data(), 1 << 20, MPI_CHAR, (rank + 1) % size, 97, MPI_COMM_WORLD, &requests[2]);
    MPI_Request_free(&requests[1]);
    if (rank == 0) MPI_Ibarrier(comm, &requests[3]);  // the others never do
  }
  MPI_Finalize();
  int flag = 0;
  MPI_Finalized(&flag);
  if (rank == 0) std::printf("finalized %d\n", flag);
  if (how == "behind") {
    std::fflush(stdout);
    MPI_Barrier(MPI_COMM_WORLD);  // ends the process
  }
  return 0;
}
