# SPDX-License-Identifier: BSD-3-Clause
# Copies the installed PREFIX to MOVED and runs a job, and the benchmark where it is built, with the command there.
unset(ENV{LD_LIBRARY_PATH})
file(REMOVE_RECURSE ${MOVED})
file(COPY ${PREFIX}/ DESTINATION ${MOVED})
set(tally ${MOVED}/${BINDIR}/tally)

# The command's library must be the one beside it, not that of the build folder.
execute_process(COMMAND ldd ${tally} OUTPUT_VARIABLE libraries RESULT_VARIABLE result)
if(result EQUAL 0 AND libraries MATCHES "libtally[^ ]* => ([^ ]+)")
  file(REAL_PATH ${CMAKE_MATCH_1} library)
  file(REAL_PATH ${MOVED} moved)
  string(FIND ${library} ${moved}/ at)
  if(NOT at EQUAL 0)
    message(FATAL_ERROR "the installed command loads ${library}")
  endif()
elseif(result EQUAL 0 AND libraries MATCHES "libtally.*not found")
  message(FATAL_ERROR "the installed command does not find its library:\n${libraries}")
endif()

execute_process(COMMAND ${tally} run -n 3 --engine ${ENGINE} -- ${PROGRAM} ${ENGINE}
  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE errors)
if(NOT result EQUAL 0 OR NOT output MATCHES "sum over 3 ranks: 6")
  message(FATAL_ERROR "tally run ended with ${result}:\n${output}\n${errors}")
endif()
if(BENCH)
  execute_process(COMMAND ${tally} bench allreduce --engine ${ENGINE} --ranks 2 --sizes 64 --repeats 1
    RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE errors)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "tally bench ended with ${result}:\n${output}\n${errors}")
  endif()
endif()
