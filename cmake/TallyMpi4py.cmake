# SPDX-License-Identifier: BSD-3-Clause
# TALLY_MPI4PY_PYTHON: an interpreter whose mpi4py is linked to libmpi.so.40; empty where there is none.
include_guard(GLOBAL)
if(NOT DEFINED CACHE{TALLY_MPI4PY_PYTHON})
  foreach(python ${Python3_EXECUTABLE} /usr/bin/python3)
    execute_process(COMMAND ${python} -c "import mpi4py, numpy; print(mpi4py.get_config().get('mpicc', ''))"
      RESULT_VARIABLE result OUTPUT_QUIET ERROR_QUIET)
    if(result EQUAL 0)
      set(TALLY_MPI4PY_PYTHON ${python} CACHE FILEPATH "Interpreter with Debian's mpi4py")
      break()
    endif()
  endforeach()
endif()
