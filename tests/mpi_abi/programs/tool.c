/* SPDX-License-Identifier: BSD-3-Clause */
/* MPI_T as a tool uses it: all variables by their numbers and names, a counter around sends, a control variable. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                  \
  do {                                                                    \
    if (!(condition)) {                                                   \
      printf("%s:%d: %s\n", __FILE__, __LINE__, #condition);              \
      exit(1);                                                            \
    }                                                                     \
  } while (0)

static unsigned long long read_counter(MPI_T_pvar_session session, MPI_T_pvar_handle handle) {
  unsigned long long value = 0;
  CHECK(MPI_T_pvar_read(session, handle, &value) == MPI_SUCCESS);
  return value;
}

int main(int argc, char** argv) {
  int provided = -1, cvars = 0, pvars = 0, categories = 0, i, rank, size, index = -1, count = 0, in_categories = 0;
  char name[128], text[1024], value[1024];
  MPI_T_pvar_session session = MPI_T_PVAR_SESSION_NULL;
  MPI_T_pvar_handle sends = MPI_T_PVAR_HANDLE_NULL, other = MPI_T_PVAR_HANDLE_NULL;
  MPI_T_cvar_handle timeout = MPI_T_CVAR_HANDLE_NULL;
  unsigned long long before, after;
  int data = 3;

  CHECK(MPI_T_cvar_get_num(&cvars) == MPI_T_ERR_NOT_INITIALIZED);
  CHECK(MPI_T_init_thread(MPI_THREAD_SINGLE, &provided) == MPI_SUCCESS);
  CHECK(provided >= MPI_THREAD_SINGLE);

  CHECK(MPI_T_cvar_get_num(&cvars) == MPI_SUCCESS && cvars > 5);
  for (i = 0; i < cvars; ++i) {
    int name_length = (int)sizeof name, text_length = (int)sizeof text, verbosity = -1, bind = -1, scope = -1;
    MPI_Datatype type = MPI_DATATYPE_NULL;
    MPI_T_enum values = MPI_T_ENUM_NULL;
    CHECK(MPI_T_cvar_get_info(i, name, &name_length, &verbosity, &type, &values, text, &text_length, &bind, &scope) ==
          MPI_SUCCESS);
    CHECK((int)strlen(name) + 1 == name_length && (int)strlen(text) + 1 == text_length && type == MPI_CHAR);
    CHECK(MPI_T_cvar_get_index(name, &index) == MPI_SUCCESS && index == i);
  }
  CHECK(MPI_T_cvar_get_info(cvars, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL) == MPI_T_ERR_INVALID_INDEX);
  CHECK(MPI_T_cvar_get_index("no such variable", &index) == MPI_T_ERR_INVALID_NAME);
  /* A short buffer is filled and closed; the length tells what was needed. */
  i = 4;
  CHECK(MPI_T_cvar_get_info(0, name, &i, NULL, NULL, NULL, NULL, NULL, NULL, NULL) == MPI_SUCCESS);
  CHECK(strlen(name) == 3 && i > 4);

  CHECK(MPI_T_cvar_get_index("TALLY_TIMEOUT", &index) == MPI_SUCCESS);
  CHECK(MPI_T_cvar_handle_alloc(index, NULL, &timeout, &count) == MPI_SUCCESS && count == (int)sizeof value);
  CHECK(MPI_T_cvar_write(timeout, "77") == MPI_SUCCESS);
  CHECK(MPI_T_cvar_read(timeout, value) == MPI_SUCCESS && strcmp(value, "77") == 0);

  CHECK(MPI_T_pvar_get_num(&pvars) == MPI_SUCCESS && pvars > 20);
  for (i = 0; i < pvars; ++i) {
    int name_length = (int)sizeof name, text_length = (int)sizeof text, verbosity, class, bind, readonly, continuous, atomic;
    MPI_Datatype type = MPI_DATATYPE_NULL;
    MPI_T_enum values;
    CHECK(MPI_T_pvar_get_info(i, name, &name_length, &verbosity, &class, &type, &values, text, &text_length, &bind,
                              &readonly, &continuous, &atomic) == MPI_SUCCESS);
    CHECK(class == MPI_T_PVAR_CLASS_COUNTER && type == MPI_UNSIGNED_LONG_LONG && continuous == 1 && text_length > 1);
    CHECK(MPI_T_pvar_get_index(name, class, &index) == MPI_SUCCESS && index == i);
  }
  CHECK(MPI_T_pvar_get_index("sends", MPI_T_PVAR_CLASS_TIMER, &index) == MPI_T_ERR_INVALID_NAME);

  CHECK(MPI_T_category_get_num(&categories) == MPI_SUCCESS && categories > 3);
  for (i = 0; i < categories; ++i) {
    int c = 0, p = 0, s = 0, indices[64];
    CHECK(MPI_T_category_get_info(i, NULL, NULL, NULL, NULL, &c, &p, &s) == MPI_SUCCESS);
    CHECK(MPI_T_category_get_cvars(i, c, indices) == MPI_SUCCESS && MPI_T_category_get_pvars(i, p, indices) == MPI_SUCCESS);
    CHECK(MPI_T_category_get_categories(i, s, indices) == MPI_SUCCESS);
    in_categories += c + p;
  }
  CHECK(in_categories == cvars + pvars); /* each is in one category */

  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  CHECK(MPI_T_cvar_write(timeout, "78") == MPI_T_ERR_CVAR_SET_NOT_NOW);
  CHECK(MPI_T_cvar_handle_free(&timeout) == MPI_SUCCESS && timeout == MPI_T_CVAR_HANDLE_NULL);
  CHECK(MPI_T_cvar_read(timeout, value) == MPI_T_ERR_INVALID_HANDLE);

  CHECK(MPI_T_pvar_session_create(&session) == MPI_SUCCESS);
  CHECK(MPI_T_pvar_get_index("sends", MPI_T_PVAR_CLASS_COUNTER, &index) == MPI_SUCCESS);
  CHECK(MPI_T_pvar_handle_alloc(session, index, NULL, &sends, &count) == MPI_SUCCESS && count == 1);
  CHECK(MPI_T_pvar_handle_alloc(session, index, NULL, &other, &count) == MPI_SUCCESS);
  CHECK(MPI_T_pvar_start(session, MPI_T_PVAR_ALL_HANDLES) == MPI_SUCCESS);
  CHECK(MPI_T_pvar_start(session, sends) == MPI_T_ERR_PVAR_NO_STARTSTOP);
  before = read_counter(session, sends);
  for (i = 0; i < 5; ++i) {
    if (rank % 2 == 0 && rank + 1 < size) MPI_Send(&data, 1, MPI_INT, rank + 1, i, MPI_COMM_WORLD);
    if (rank % 2 == 1) MPI_Recv(&data, 1, MPI_INT, rank - 1, i, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  }
  after = read_counter(session, sends);
  CHECK(after - before == (rank % 2 == 0 && rank + 1 < size ? 5u : 0u));
  CHECK(MPI_T_pvar_reset(session, sends) == MPI_SUCCESS && read_counter(session, sends) == 0);
  CHECK(read_counter(session, other) == after); /* the other handle does not notice */
  before = 1000;
  CHECK(MPI_T_pvar_write(session, sends, &before) == MPI_SUCCESS && read_counter(session, sends) == 1000);
  CHECK(MPI_T_pvar_readreset(session, sends, &after) == MPI_SUCCESS && after == 1000);
  CHECK(read_counter(session, sends) == 0);
  CHECK(MPI_T_pvar_handle_free(session, &sends) == MPI_SUCCESS && sends == MPI_T_PVAR_HANDLE_NULL);
  CHECK(MPI_T_pvar_read(session, sends, &after) == MPI_T_ERR_INVALID_HANDLE);
  CHECK(MPI_T_pvar_session_free(&session) == MPI_SUCCESS);
  CHECK(MPI_T_pvar_session_free(&session) == MPI_T_ERR_INVALID_SESSION);

  MPI_Finalize();
  CHECK(MPI_T_finalize() == MPI_SUCCESS);
  CHECK(MPI_T_pvar_get_num(&pvars) == MPI_T_ERR_NOT_INITIALIZED);
  if (rank == 0) printf("tool: all as it should be\n");
  return 0;
}
