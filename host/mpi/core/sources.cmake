# SPDX-License-Identifier: BSD-3-Clause
# Sources of the core: compiled once for each ABI. One a line; collectives/ has its own part.
set(TALLY_MPI_CORE_SOURCES
  handles.cpp
)
set(TALLY_MPI_COLLECTIVE_SOURCES
)
