// SPDX-License-Identifier: BSD-3-Clause
// Copies, reductions and collectives that the MPI library does itself, as the performance variables of MPI_T show them: each act
// makes its own cause count by what it moves, and leaves the others alone. Two ranks.
#include <mpi.h>

#include <array>
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace {

using Values = std::map<std::string, unsigned long long>;

int failures = 0;
int own_rank = 0;
MPI_T_pvar_session session;
std::map<std::string, MPI_T_pvar_handle> handles;

const std::vector<std::string> kNames{"cpu_copied_packing", "cpu_copied_unpacking", "cpu_copied_buffered", "cpu_copied_local",
                                      "fallback_composed", "cpu_copied_frames", "cpu_copied_direct", "cpu_copied_unexpected",
                                      "cpu_copied_spilled", "cpu_copied_schedule", "fallback_segments", "cpu_copied_bytes",
                                      "cpu_reduced_bytes"};

void open_variables() {
  int provided = 0;
  MPI_T_init_thread(MPI_THREAD_SINGLE, &provided);
  MPI_T_pvar_session_create(&session);
  for (const std::string& name : kNames) {
    int index = -1;
    int count = 0;
    if (MPI_T_pvar_get_index(name.c_str(), MPI_T_PVAR_CLASS_COUNTER, &index) != MPI_SUCCESS) {
      std::printf("no variable %s\n", name.c_str());
      ++failures;
      continue;
    }
    MPI_T_pvar_handle_alloc(session, index, nullptr, &handles[name], &count);
  }
}

Values read_all() {
  Values values;
  for (const auto& [name, handle] : handles) MPI_T_pvar_read(session, handle, &values[name]);
  return values;
}

/// What the library itself counts must have grown by `expected` at this rank, the others of these not at all.
void act(const char* what, const Values& expected, const std::function<void()>& body) {
  const Values before = read_all();
  body();
  const Values after = read_all();
  for (int i = 0; i < 5; ++i) {
    const std::string& name = kNames[static_cast<std::size_t>(i)];
    const auto found = expected.find(name);
    const unsigned long long wanted = found == expected.end() ? 0 : found->second;
    const unsigned long long got = after.at(name) - before.at(name);
    if (got == wanted) continue;
    std::printf("rank %d: %s: %s has grown by %llu, not %llu\n", own_rank, what, name.c_str(), got, wanted);
    ++failures;
  }
  unsigned long long causes = 0;
  for (const std::string& name : kNames) {
    if (name.starts_with("cpu_copied_") && name != "cpu_copied_bytes") causes += after.at(name);
  }
  causes += after.at("fallback_segments");
  if (causes == after.at("cpu_copied_bytes")) return;
  std::printf("rank %d: %s: the causes make %llu bytes, cpu_copied_bytes is %llu\n", own_rank, what, causes,
              after.at("cpu_copied_bytes"));
  ++failures;
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &own_rank);
  open_variables();
  const bool first = own_rank == 0;
  const int other = 1 - own_rank;
  std::array<int, 200> data{};
  std::array<int, 200> room{};
  MPI_Datatype column = MPI_DATATYPE_NULL;
  MPI_Type_vector(50, 1, 4, MPI_INT, &column);
  MPI_Type_commit(&column);

  act("a contiguous message", {}, [&] {
    if (first) MPI_Send(data.data(), 200, MPI_INT, 1, 0, MPI_COMM_WORLD);
    if (!first) MPI_Recv(room.data(), 200, MPI_INT, 0, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  });
  act("a column", {{first ? "cpu_copied_packing" : "cpu_copied_unpacking", 200}}, [&] {
    if (first) MPI_Send(data.data(), 1, column, 1, 0, MPI_COMM_WORLD);
    if (!first) MPI_Recv(room.data(), 1, column, 0, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  });
  act("columns by requests", {{"cpu_copied_packing", 200}, {"cpu_copied_unpacking", 200}}, [&] {
    std::array<MPI_Request, 2> requests{};
    MPI_Irecv(room.data(), 1, column, other, 0, MPI_COMM_WORLD, &requests[0]);
    MPI_Isend(data.data(), 1, column, other, 0, MPI_COMM_WORLD, &requests[1]);
    MPI_Waitall(2, requests.data(), MPI_STATUSES_IGNORE);
  });
  act("a buffered message", first ? Values{{"cpu_copied_buffered", 400}} : Values{}, [&] {
    std::vector<char> buffer(400 + MPI_BSEND_OVERHEAD);
    void* detached = nullptr;
    int size = 0;
    MPI_Buffer_attach(buffer.data(), static_cast<int>(buffer.size()));
    if (first) MPI_Bsend(data.data(), 100, MPI_INT, 1, 0, MPI_COMM_WORLD);
    if (!first) MPI_Recv(room.data(), 100, MPI_INT, 0, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    MPI_Buffer_detach(&detached, &size);
  });
  act("a collective of the engine", {},
      [&] { MPI_Allreduce(data.data(), room.data(), 10, MPI_INT, MPI_SUM, MPI_COMM_WORLD); });
  act("a broadcast of a column", {{first ? "cpu_copied_packing" : "cpu_copied_unpacking", 200}},
      [&] { MPI_Bcast(room.data(), 1, column, 0, MPI_COMM_WORLD); });
  act("MPI_Alltoallw", {{"fallback_composed", 1}, {"cpu_copied_local", 40}}, [&] {
    const std::array<int, 2> counts{10, 10};
    const std::array<int, 2> places{0, 40};
    const std::array<MPI_Datatype, 2> types{MPI_INT, MPI_INT};
    MPI_Alltoallw(data.data(), counts.data(), places.data(), types.data(), room.data(), counts.data(), places.data(),
                  types.data(), MPI_COMM_WORLD);
  });

  MPI_Type_free(&column);
  MPI_T_pvar_session_free(&session);
  MPI_T_finalize();
  MPI_Finalize();
  return failures == 0 ? 0 : 1;
}
