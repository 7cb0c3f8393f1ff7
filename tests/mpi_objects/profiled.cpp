// SPDX-License-Identifier: BSD-3-Clause
//   mpi_profiled
//
// A program that has functions MPI_* of its own, as profilers do: each is called in place of the library's, finds the
// library's as PMPI_*, and is called by the program alone, never by the library.
#include <mpi.h>

#include <cstdio>
#include <map>
#include <string>

namespace {

std::map<std::string, int>& calls() {
  static std::map<std::string, int> all;
  return all;
}

}  // namespace

#define PROFILED(name, parameters, arguments) \
  int MPI_##name parameters {                 \
    ++calls()[#name];                         \
    return PMPI_##name arguments;             \
  }

extern "C" {
PROFILED(Init, (int* argc, char*** argv), (argc, argv))
PROFILED(Finalize, (), ())
PROFILED(Initialized, (int* flag), (flag))
PROFILED(Comm_rank, (MPI_Comm comm, int* rank), (comm, rank))
PROFILED(Comm_size, (MPI_Comm comm, int* size), (comm, size))
PROFILED(Comm_dup, (MPI_Comm comm, MPI_Comm* made), (comm, made))
PROFILED(Comm_split, (MPI_Comm comm, int color, int key, MPI_Comm* made), (comm, color, key, made))
PROFILED(Comm_free, (MPI_Comm * comm), (comm))
PROFILED(Comm_group, (MPI_Comm comm, MPI_Group* group), (comm, group))
PROFILED(Group_size, (MPI_Group group, int* size), (group, size))
PROFILED(Group_free, (MPI_Group * group), (group))
PROFILED(Comm_set_errhandler, (MPI_Comm comm, MPI_Errhandler handler), (comm, handler))
PROFILED(Comm_create_keyval,
         (MPI_Comm_copy_attr_function * copy, MPI_Comm_delete_attr_function* gone, int* key, void* state),
         (copy, gone, key, state))
PROFILED(Comm_set_attr, (MPI_Comm comm, int key, void* value), (comm, key, value))
PROFILED(Comm_get_attr, (MPI_Comm comm, int key, void* value, int* flag), (comm, key, value, flag))
PROFILED(Comm_free_keyval, (int* key), (key))
PROFILED(Info_create, (MPI_Info * info), (info))
PROFILED(Info_set, (MPI_Info info, const char* key, const char* value), (info, key, value))
PROFILED(Info_free, (MPI_Info * info), (info))
PROFILED(Type_vector, (int count, int length, int stride, MPI_Datatype of, MPI_Datatype* made),
         (count, length, stride, of, made))
PROFILED(Type_commit, (MPI_Datatype * type), (type))
PROFILED(Type_free, (MPI_Datatype * type), (type))
PROFILED(Op_create, (MPI_User_function * function, int commute, MPI_Op* op), (function, commute, op))
PROFILED(Op_free, (MPI_Op * op), (op))
PROFILED(Isend, (const void* data, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm, MPI_Request* request),
         (data, count, type, to, tag, comm, request))
PROFILED(Recv, (void* data, int count, MPI_Datatype type, int from, int tag, MPI_Comm comm, MPI_Status* status),
         (data, count, type, from, tag, comm, status))
PROFILED(Send_init,
         (const void* data, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm, MPI_Request* request),
         (data, count, type, to, tag, comm, request))
PROFILED(Start, (MPI_Request * request), (request))
PROFILED(Wait, (MPI_Request * request, MPI_Status* status), (request, status))
PROFILED(Request_free, (MPI_Request * request), (request))
PROFILED(Iprobe, (int from, int tag, MPI_Comm comm, int* flag, MPI_Status* status), (from, tag, comm, flag, status))
PROFILED(Get_count, (const MPI_Status* status, MPI_Datatype type, int* count), (status, type, count))
PROFILED(Barrier, (MPI_Comm comm), (comm))
PROFILED(Bcast, (void* data, int count, MPI_Datatype type, int root, MPI_Comm comm), (data, count, type, root, comm))
PROFILED(Allreduce, (const void* in, void* out, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm),
         (in, out, count, type, op, comm))
PROFILED(Iallreduce,
         (const void* in, void* out, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm, MPI_Request* request),
         (in, out, count, type, op, comm, request))
PROFILED(Cart_create, (MPI_Comm old, int n, const int dims[], const int periods[], int reorder, MPI_Comm* made),
         (old, n, dims, periods, reorder, made))
PROFILED(Cart_shift, (MPI_Comm comm, int direction, int by, int* from, int* to), (comm, direction, by, from, to))
PROFILED(Neighbor_allgather,
         (const void* in, int in_count, MPI_Datatype in_type, void* out, int out_count, MPI_Datatype out_type, MPI_Comm comm),
         (in, in_count, in_type, out, out_count, out_type, comm))
PROFILED(Pack, (const void* in, int count, MPI_Datatype type, void* out, int room, int* position, MPI_Comm comm),
         (in, count, type, out, room, position, comm))
PROFILED(Error_class, (int code, int* of), (code, of))
double MPI_Wtime() {
  ++calls()["Wtime"];
  return PMPI_Wtime();
}
}  // extern "C"

namespace {

void add(void* in, void* inout, int* count, MPI_Datatype*) {
  for (int i = 0; i < *count; ++i) static_cast<int*>(inout)[i] += static_cast<int*>(in)[i];
}

int wrong = 0;
void expect(bool good, const char* what) {
  if (good) return;
  ++wrong;
  std::printf("FAILED: %s\n", what);
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0, size = 0, flag = 0, value = 0;
  MPI_Initialized(&flag);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  MPI_Comm copy, half;
  int key = MPI_KEYVAL_INVALID;
  MPI_Comm_create_keyval(MPI_COMM_DUP_FN, MPI_COMM_NULL_DELETE_FN, &key, nullptr);
  MPI_Comm_set_attr(MPI_COMM_WORLD, key, &rank);
  MPI_Comm_dup(MPI_COMM_WORLD, &copy);
  void* found = nullptr;
  MPI_Comm_get_attr(copy, key, &found, &flag);
  MPI_Comm_free_keyval(&key);
  MPI_Comm_split(copy, rank % 2, rank, &half);
  MPI_Comm_set_errhandler(copy, MPI_ERRORS_RETURN);
  MPI_Group group;
  MPI_Comm_group(copy, &group);
  MPI_Group_size(group, &value);
  MPI_Group_free(&group);
  MPI_Info info;
  MPI_Info_create(&info);
  MPI_Info_set(info, "key", "value");
  MPI_Info_free(&info);
  MPI_Datatype type;
  MPI_Type_vector(2, 1, 2, MPI_INT, &type);
  MPI_Type_commit(&type);
  int out[3] = {1, 2, 3}, in[8] = {};
  MPI_Request request, persistent;
  MPI_Status status;
  MPI_Isend(out, 1, type, rank, 1, copy, &request);
  MPI_Recv(in, 2, MPI_INT, rank, 1, copy, &status);
  MPI_Wait(&request, MPI_STATUS_IGNORE);
  MPI_Get_count(&status, MPI_INT, &value);
  expect(value == 2 && in[0] == 1 && in[1] == 3, "the message");
  MPI_Send_init(out, 3, MPI_INT, rank, 2, copy, &persistent);
  MPI_Start(&persistent);
  for (flag = 0; flag == 0;) PMPI_Iprobe(rank, 2, copy, &flag, MPI_STATUS_IGNORE);
  MPI_Iprobe(rank, 2, copy, &flag, MPI_STATUS_IGNORE);
  MPI_Recv(in, 3, MPI_INT, rank, 2, copy, MPI_STATUS_IGNORE);
  MPI_Wait(&persistent, MPI_STATUS_IGNORE);
  MPI_Request_free(&persistent);
  char packed[8];
  int position = 0;
  MPI_Pack(out, 1, type, packed, sizeof packed, &position, copy);
  MPI_Type_free(&type);
  MPI_Op op;
  MPI_Op_create(add, 1, &op);
  MPI_Barrier(copy);
  MPI_Bcast(out, 3, MPI_INT, 0, copy);
  MPI_Allreduce(&rank, &value, 1, MPI_INT, op, copy);
  expect(value == size * (size - 1) / 2, "the sum");
  MPI_Iallreduce(&rank, &value, 1, MPI_INT, op, copy, &request);
  MPI_Wait(&request, MPI_STATUS_IGNORE);
  expect(value == size * (size - 1) / 2, "the sum of MPI_Iallreduce");
  MPI_Op_free(&op);
  MPI_Comm ring;
  const int periodic = 1;
  int before = -1, behind = -1;
  MPI_Cart_create(copy, 1, &size, &periodic, 0, &ring);
  MPI_Cart_shift(ring, 0, 1, &before, &behind);
  MPI_Neighbor_allgather(&rank, 1, MPI_INT, in, 1, MPI_INT, ring);
  expect(in[0] == before && in[1] == behind, "the neighbours");
  MPI_Error_class(MPI_ERR_RANK, &value);
  expect(value == MPI_ERR_RANK, "the error class");
  expect(MPI_Wtime() > 0, "the time");
  expect(found == &rank, "the attribute");
  MPI_Comm_free(&ring);
  MPI_Comm_free(&half);
  MPI_Comm_free(&copy);
  MPI_Finalize();
  const std::map<std::string, int> several = {{"Wait", 3}, {"Recv", 2}, {"Comm_free", 3}};
  for (const char* name :
       {"Init", "Finalize", "Initialized", "Comm_rank", "Comm_size", "Comm_dup", "Comm_split", "Comm_free", "Comm_group",
        "Group_size", "Group_free", "Comm_set_errhandler", "Comm_create_keyval", "Comm_set_attr", "Comm_get_attr",
        "Comm_free_keyval", "Info_create", "Info_set", "Info_free", "Type_vector", "Type_commit", "Type_free", "Op_create",
        "Op_free", "Isend", "Recv", "Send_init", "Start", "Wait", "Request_free", "Iprobe", "Get_count", "Barrier", "Bcast",
        "Allreduce", "Iallreduce", "Cart_create", "Cart_shift", "Neighbor_allgather", "Pack", "Error_class", "Wtime"}) {
    const auto wanted = several.find(name);
    const int times = wanted == several.end() ? 1 : wanted->second;
    if (calls()[name] == times) continue;
    std::printf("FAILED rank %d: MPI_%s was called %d times, not %d\n", rank, name, calls()[name], times);
    ++wrong;
  }
  return wrong == 0 ? 0 : 1;
}
