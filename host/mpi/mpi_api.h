/* SPDX-License-Identifier: BSD-3-Clause */
/* The header of the ABI that the core is being built for. */
#ifndef TALLY_MPI_API_H
#define TALLY_MPI_API_H

/* What it declares is visible outside of the library, unlike the rest. */
#pragma GCC visibility push(default)
#ifdef TALLY_MPI_OPENMPI_ABI
#include "ompi_abi/mpi.h" /* generated in the build folder */
#else
#include "include/mpi.h"
#endif
#pragma GCC visibility pop

#endif /* TALLY_MPI_API_H */
