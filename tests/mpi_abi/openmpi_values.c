/* SPDX-License-Identifier: BSD-3-Clause */
/* Compiled twice: with the header that the library is built with, and with the installed one of Open MPI. */
#include <mpi.h>
#include <stddef.h>

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

struct value {
  const char* name;
  long long number; /* or an address */
};
/* Addresses are constants only for the linker: they are filled by a function. */
int JOIN(values_of_, SIDE)(struct value* out) {
  int count = 0;
#define INTEGER(constant) out[count].name = #constant, out[count++].number = (long long)(constant);
#define ADDRESS(constant) out[count].name = #constant, out[count++].number = (long long)(ptrdiff_t)(constant);
#include "openmpi_values.inc"
  INTEGER(sizeof(MPI_Status))
  INTEGER(offsetof(MPI_Status, MPI_SOURCE))
  INTEGER(offsetof(MPI_Status, MPI_TAG))
  INTEGER(offsetof(MPI_Status, MPI_ERROR))
  INTEGER(offsetof(MPI_Status, _cancelled))
  INTEGER(offsetof(MPI_Status, _ucount))
  INTEGER(sizeof(MPI_Aint))
  INTEGER(sizeof(MPI_Offset))
  INTEGER(sizeof(MPI_Count))
  INTEGER(sizeof(MPI_Fint))
  INTEGER((MPI_Aint)-1 < 0)
  return count;
}
