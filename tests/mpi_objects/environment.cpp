// SPDX-License-Identifier: BSD-3-Clause
// Versions, time, memory; errors and error handlers; sessions.
#include <cstdint>

#include "program.hpp"

namespace test {

void environment() {
  int flag = 0, version = 0, subversion = -1, length = 0, level = -1;
  MPI_Initialized(&flag);
  expect(flag != 0, "MPI_Initialized: no");
  MPI_Finalized(&flag);
  expect(flag == 0, "MPI_Finalized: yes");
  MPI_Get_version(&version, &subversion);
  expect(version == MPI_VERSION && subversion == MPI_SUBVERSION, "version %d.%d", version, subversion);
  char text[MPI_MAX_LIBRARY_VERSION_STRING];
  MPI_Get_library_version(text, &length);
  expect(length > 0 && std::strlen(text) <= static_cast<std::size_t>(length), "library version '%s'", text);
  char name[MPI_MAX_PROCESSOR_NAME];
  MPI_Get_processor_name(name, &length);
  expect(length > 0 && std::strlen(name) == static_cast<std::size_t>(length), "processor name '%s'", name);
  MPI_Query_thread(&level);
  expect(level >= MPI_THREAD_SINGLE && level <= MPI_THREAD_MULTIPLE, "thread level %d", level);
  MPI_Is_thread_main(&flag);
  expect(flag != 0, "MPI_Is_thread_main: no");
  MPI_Pcontrol(1);

  const double before = MPI_Wtime();
  const double tick = MPI_Wtick();
  expect(tick > 0 && tick < 1e-2, "MPI_Wtick %g", tick);
  double after = before;
  for (int i = 0; i < 1000000 && after <= before; ++i) after = MPI_Wtime();
  expect(after > before, "MPI_Wtime stands still");

  void* memory = nullptr;
  MPI_Alloc_mem(4096, MPI_INFO_NULL, &memory);
  expect(memory != nullptr, "MPI_Alloc_mem gives NULL");
  std::memset(memory, 1, 4096);
  MPI_Free_mem(memory);

  int array[4];
  MPI_Aint first = 0, last = 0;
  MPI_Get_address(&array[0], &first);
  MPI_Get_address(&array[3], &last);
  expect(MPI_Aint_diff(last, first) == 3 * sizeof(int), "MPI_Aint_diff");
  expect(MPI_Aint_add(first, 3 * sizeof(int)) == last, "MPI_Aint_add");
}

namespace {

int called = 0;
int called_with = MPI_SUCCESS;
MPI_Comm called_for = MPI_COMM_NULL;
void note(MPI_Comm* comm, int* code, ...) {
  ++called;
  called_with = *code;
  called_for = *comm;
}

}  // namespace

void errors() {
  const ErrorsReturn world(MPI_COMM_WORLD), self(MPI_COMM_SELF);
  int value = 0;
  EXPECT_ERROR(MPI_Send(&value, 1, MPI_INT, size, 0, MPI_COMM_WORLD), MPI_ERR_RANK,
               "send to a rank that is none");
  EXPECT_ERROR(MPI_Send(&value, -1, MPI_INT, 0, 0, MPI_COMM_WORLD), MPI_ERR_COUNT, "send of -1 elements");
  EXPECT_ERROR(MPI_Send(&value, 1, MPI_INT, 0, -5, MPI_COMM_WORLD), MPI_ERR_TAG, "send with tag -5");
  EXPECT_ERROR(MPI_Send(&value, 1, MPI_DATATYPE_NULL, 0, 0, MPI_COMM_WORLD), MPI_ERR_TYPE, "send of no type");
  EXPECT_ERROR(MPI_Comm_rank(MPI_COMM_NULL, &value), MPI_ERR_COMM, "rank in MPI_COMM_NULL");

  // The program's handler; communicators that are made of one have its handler.
  MPI_Errhandler handler = MPI_ERRHANDLER_NULL, got = MPI_ERRHANDLER_NULL;
  MPI_Comm_create_errhandler(note, &handler);
  MPI_Comm comm = MPI_COMM_NULL, child = MPI_COMM_NULL;
  MPI_Comm_dup(MPI_COMM_WORLD, &comm);
  MPI_Comm_get_errhandler(comm, &got);
  expect(got == MPI_ERRORS_RETURN, "a duplicate does not inherit MPI_ERRORS_RETURN");
  MPI_Errhandler_free(&got);
  expect(got == MPI_ERRHANDLER_NULL, "MPI_Errhandler_free leaves its handle");
  MPI_Comm_set_errhandler(comm, handler);
  MPI_Errhandler_free(&handler);  // the communicator keeps it
  called = 0;
  int code = MPI_Send(&value, 1, MPI_INT, size, 0, comm);
  expect(called == 1 && called_for == comm && called_with == code && code != MPI_SUCCESS,
         "the handler was called %d times with code %d, the call gave %d", called, called_with, code);
  MPI_Comm_split(comm, 0, 0, &child);
  code = MPI_Send(&value, 1, MPI_INT, size, 0, child);
  expect(called == 2 && called_for == child && code != MPI_SUCCESS,
         "a split communicator does not inherit the handler");
  code = MPI_Comm_call_errhandler(child, MPI_ERR_OTHER);
  expect(called == 3 && called_with == MPI_ERR_OTHER && code == MPI_SUCCESS,
         "MPI_Comm_call_errhandler: code %d", code);
  MPI_Comm_get_errhandler(child, &got);
  expect(got != MPI_ERRHANDLER_NULL, "MPI_Comm_get_errhandler gives the null handle");
  MPI_Errhandler_free(&got);
  MPI_Comm_free(&child);
  MPI_Comm_free(&comm);

  MPI_File_get_errhandler(MPI_FILE_NULL, &got);
  expect(got == MPI_ERRORS_RETURN, "files have another error handler than MPI_ERRORS_RETURN");
  MPI_Errhandler_free(&got);

  // Classes and codes of the program.
  int first = 0, second = 0, own = 0, of = 0, length = 0, flag = 0;
  int* last = nullptr;
  MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_LASTUSEDCODE, &last, &flag);
  expect(flag != 0 && *last >= MPI_ERR_LASTCODE, "MPI_LASTUSEDCODE before");
  MPI_Add_error_class(&first);
  expect(first > MPI_ERR_LASTCODE, "class %d is not above MPI_ERR_LASTCODE", first);
  MPI_Add_error_code(first, &own);
  MPI_Add_error_code(MPI_ERR_ARG, &second);
  MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_LASTUSEDCODE, &last, &flag);
  expect(*last >= first, "MPI_LASTUSEDCODE %d behind", *last);
  MPI_Error_class(own, &of);
  expect(of == first, "class of an own code");
  MPI_Error_class(second, &of);
  expect(of == MPI_ERR_ARG, "class of an own code of MPI_ERR_ARG");
  MPI_Add_error_string(own, "the own text");
  char text[MPI_MAX_ERROR_STRING];
  MPI_Error_string(own, text, &length);
  expect(std::string(text) == "the own text" && length == 12, "own text '%s'", text);
  MPI_Error_string(MPI_SUCCESS, text, &length);
  expect(length > 0, "MPI_SUCCESS has no text");
  EXPECT_ERROR(MPI_Add_error_string(MPI_ERR_ARG, "no"), MPI_ERR_ARG, "text for a predefined class");
#if MPI_VERSION >= 5 || (MPI_VERSION == 4 && MPI_SUBVERSION >= 1)
  EXPECT_ERROR(MPI_Remove_error_class(first), 0, "removal of a class that has codes");
  MPI_Remove_error_string(own);
  MPI_Remove_error_code(own);
  MPI_Remove_error_class(first);
  MPI_Remove_error_code(second);
  EXPECT_ERROR(MPI_Error_class(own, &of), 0, "class of a code that was removed");
#endif
}

void sessions() {
#if MPI_VERSION >= 4
  MPI_Session session = MPI_SESSION_NULL;
  MPI_Info info = MPI_INFO_NULL;
  MPI_Session_init(MPI_INFO_NULL, MPI_ERRORS_RETURN, &session);
  int sets = 0, length = 0, flag = 0;
  MPI_Session_get_num_psets(session, MPI_INFO_NULL, &sets);
  bool world = false, self = false;
  for (int i = 0; i < sets; ++i) {
    length = 0;
    MPI_Session_get_nth_pset(session, MPI_INFO_NULL, i, &length, nullptr);
    std::vector<char> name(static_cast<std::size_t>(length));
    MPI_Session_get_nth_pset(session, MPI_INFO_NULL, i, &length, name.data());
    world = world || std::string(name.data()) == "mpi://WORLD";
    self = self || std::string(name.data()) == "mpi://SELF";
  }
  expect(world && self, "the two process sets of the standard are not there");
  MPI_Session_get_pset_info(session, "mpi://WORLD", &info);
  char value[16] = "";
  length = sizeof value;
  MPI_Info_get_string(info, "mpi_size", &length, value, &flag);
  expect(flag != 0 && std::string(value) == std::to_string(size), "mpi_size '%s'", value);
  MPI_Info_free(&info);

  MPI_Group group = MPI_GROUP_NULL;
  MPI_Group_from_session_pset(session, "mpi://WORLD", &group);
  MPI_Comm comm = MPI_COMM_NULL, second = MPI_COMM_NULL, inter = MPI_COMM_NULL;
  MPI_Comm_create_from_group(group, "one", MPI_INFO_NULL, MPI_ERRORS_ARE_FATAL, &comm);
  MPI_Comm_create_from_group(group, "two", MPI_INFO_NULL, MPI_ERRORS_ARE_FATAL, &second);
  expect(world_ranks(comm) == world_ranks(MPI_COMM_WORLD),
         "a communicator of mpi://WORLD has other processes");
  expect_works(comm, "communicator of a session");
  expect_works(second, "second communicator of a session");
  MPI_Comm_free(&comm);
  MPI_Comm_free(&second);
  if (size > 1) {
    std::vector<int> even, odd;
    for (int i = 0; i < size; ++i) (i % 2 == 0 ? even : odd).push_back(i);
    MPI_Group evens = MPI_GROUP_NULL, odds = MPI_GROUP_NULL;
    MPI_Group_incl(group, static_cast<int>(even.size()), even.data(), &evens);
    MPI_Group_incl(group, static_cast<int>(odd.size()), odd.data(), &odds);
    const bool is_even = rank % 2 == 0;
    MPI_Intercomm_create_from_groups(is_even ? evens : odds, 0, is_even ? odds : evens, 0, "between",
                                     MPI_INFO_NULL, MPI_ERRORS_ARE_FATAL, &inter);
    int remote = 0;
    MPI_Comm_remote_size(inter, &remote);
    expect(remote == static_cast<int>((is_even ? odd : even).size()), "remote size %d", remote);
    MPI_Comm_free(&inter);
    MPI_Group_free(&evens);
    MPI_Group_free(&odds);
  }
#if MPI_VERSION >= 5 || (MPI_VERSION == 4 && MPI_SUBVERSION >= 1)
  // A buffer of the session serves what is made of it, also by way of other groups and communicators, and nothing else.
  {
    std::vector<char> room(4096);
    MPI_Session_attach_buffer(session, room.data(), static_cast<int>(room.size()));
    MPI_Group all = MPI_GROUP_NULL;
    MPI_Comm first = MPI_COMM_NULL;
    MPI_Group_union(group, MPI_GROUP_EMPTY, &all);
    MPI_Comm_create_from_group(all, "buffered", MPI_INFO_NULL, MPI_ERRORS_RETURN, &first);
    MPI_Comm_dup(first, &second);
    int sent = 7, received = 0;
    expect(MPI_Bsend(&sent, 1, MPI_INT, rank, 1, second) == MPI_SUCCESS, "no buffer of the session");
    MPI_Recv(&received, 1, MPI_INT, rank, 1, second, MPI_STATUS_IGNORE);
    expect(received == 7, "a message by the session's buffer: %d", received);
    const ErrorsReturn world_returns(MPI_COMM_WORLD);
    EXPECT_ERROR(MPI_Bsend(&sent, 1, MPI_INT, rank, 1, MPI_COMM_WORLD), MPI_ERR_BUFFER,
                 "a buffer of a session for MPI_COMM_WORLD");
    MPI_Session_flush_buffer(session);
    void* given = nullptr;
    int bytes = 0;
    MPI_Session_detach_buffer(session, &given, &bytes);
    expect(given == room.data() && bytes == 4096, "another buffer than that of the session: %d bytes", bytes);
    EXPECT_ERROR(MPI_Bsend(&sent, 1, MPI_INT, rank, 1, second), MPI_ERR_BUFFER, "a buffer that was detached");
    MPI_Comm_free(&second);
    MPI_Comm_free(&first);
    MPI_Group_free(&all);
  }
#endif
  MPI_Group_free(&group);
  MPI_Session_finalize(&session);
  expect(session == MPI_SESSION_NULL, "MPI_Session_finalize leaves its handle");
#endif
}

}  // namespace test
