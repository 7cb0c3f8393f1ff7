// SPDX-License-Identifier: BSD-3-Clause
//   mpi_mismatch CASE
//
// Ranks call collectives that do not go together, in the checking mode (TALLY_CHECK=1): every rank gets an
// error that says what differs. Takes two ranks or more.
#include <mpi.h>

#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

namespace {

int rank = 0;
int size = 1;

struct Case {
  const char* name;
  int error_class;
  std::vector<const char*> words;  ///< that the text of every rank has
  std::function<int(MPI_Comm)> call;
};

int in[64], out[256];

std::vector<Case> cases() {
  std::vector<Case> all;
  all.push_back(
      {"function", MPI_ERR_OTHER, {"rank 1", "MPI_Bcast", "MPI_Allreduce"}, [](MPI_Comm comm) {
         if (rank == 1) return MPI_Allreduce(in, out, 1, MPI_INT, MPI_SUM, comm);
         return MPI_Bcast(in, 1, MPI_INT, 0, comm);
       }});
  all.push_back({"form", MPI_ERR_OTHER, {"MPI_Barrier", "MPI_Ibarrier"}, [](MPI_Comm comm) {
                   if (rank != 1) return MPI_Barrier(comm);
                   MPI_Request request = MPI_REQUEST_NULL;
                   const int started = MPI_Ibarrier(comm, &request);
                   return started != MPI_SUCCESS ? started : MPI_Wait(&request, MPI_STATUS_IGNORE);
                 }});
  all.push_back({"root", MPI_ERR_ROOT, {"MPI_Bcast", "root 0", "root 1"}, [](MPI_Comm comm) {
                   return MPI_Bcast(in, 1, MPI_INT, rank == 1 ? 1 : 0, comm);
                 }});
  all.push_back(
      {"operation", MPI_ERR_OP, {"MPI_Allreduce", "MPI_SUM", "MPI_MAX", "rank 1"}, [](MPI_Comm comm) {
         return MPI_Allreduce(in, out, 1, MPI_INT, rank == 1 ? MPI_MAX : MPI_SUM, comm);
       }});
  all.push_back({"count", MPI_ERR_COUNT, {"MPI_Allreduce", "12 bytes", "16 bytes"}, [](MPI_Comm comm) {
                   return MPI_Allreduce(in, out, rank == 1 ? 4 : 3, MPI_INT, MPI_SUM, comm);
                 }});
  all.push_back({"type", MPI_ERR_TYPE, {"MPI_Reduce", "datatype"}, [](MPI_Comm comm) {
                   return MPI_Reduce(in, out, 4, rank == 1 ? MPI_FLOAT : MPI_INT, MPI_SUM, 0, comm);
                 }});
  all.push_back({"blocks",
                 MPI_ERR_COUNT,
                 {"MPI_Gatherv", "rank 1 sends 8 bytes to rank 0, which receives 4"},
                 [](MPI_Comm comm) {
                   std::vector<int> counts(static_cast<std::size_t>(size), 1), places;
                   for (int i = 0; i < size; ++i) places.push_back(i);
                   return MPI_Gatherv(in, rank == 1 ? 2 : 1, MPI_INT, out, counts.data(), places.data(),
                                      MPI_INT, 0, comm);
                 }});
  all.push_back({"pairs", MPI_ERR_COUNT, {"MPI_Alltoallw", "sends", "receives"}, [](MPI_Comm comm) {
                   const std::vector<int> counts(static_cast<std::size_t>(size), rank == 1 ? 2 : 1);
                   const std::vector<int> places(static_cast<std::size_t>(size), 0);
                   const std::vector<MPI_Datatype> types(static_cast<std::size_t>(size), MPI_INT);
                   std::vector<int> apart, ones(static_cast<std::size_t>(size), 1);
                   for (int i = 0; i < size; ++i) apart.push_back(8 * i);
                   return MPI_Alltoallw(in, counts.data(), places.data(), types.data(), out, ones.data(),
                                        apart.data(), types.data(), comm);
                 }});
  // What goes together, whatever the datatypes say: the mode has no false alarm.
  all.push_back({"agreement", MPI_SUCCESS, {}, [](MPI_Comm comm) {
                   MPI_Datatype pair;
                   MPI_Type_contiguous(2, MPI_INT, &pair);
                   MPI_Type_commit(&pair);
                   int code =
                       rank == 0 ? MPI_Bcast(in, 2, pair, 0, comm) : MPI_Bcast(in, 4, MPI_INT, 0, comm);
                   MPI_Type_free(&pair);
                   if (code == MPI_SUCCESS) code = MPI_Reduce(in, out, 4, MPI_INT, MPI_SUM, 1, comm);
                   return code;
                 }});
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  MPI_Comm comm;
  MPI_Comm_dup(MPI_COMM_WORLD, &comm);
  MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN);
  bool good = false;
  for (const Case& test : cases()) {
    if (argc != 2 || std::strcmp(argv[1], test.name) != 0) continue;
    const int code = test.call(comm);
    int error_class = MPI_SUCCESS, length = 0;
    char text[MPI_MAX_ERROR_STRING + 1] = "";
    MPI_Error_class(code, &error_class);
    if (code != MPI_SUCCESS) MPI_Error_string(code, text, &length);
    good = error_class == test.error_class;
    for (const char* word : test.words) good = good && std::strstr(text, word) != nullptr;
    std::printf("rank %d: class %d, expected %d: %s\n", rank, error_class, test.error_class, text);
  }
  MPI_Comm_free(&comm);
  MPI_Finalize();
  return good ? 0 : 1;
}
