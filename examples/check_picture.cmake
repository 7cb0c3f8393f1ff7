# SPDX-License-Identifier: BSD-3-Clause
# Runs PROGRAM, which draws FILE, and checks the picture: each cell once, hot above and cold below.
file(REMOVE ${FILE})
execute_process(COMMAND ${PROGRAM} --size 8 --iterations 2000 --picture ${FILE} RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "jacobi --picture ended with ${result}")
endif()
file(READ ${FILE} text)
string(REGEX MATCHALL "width=\"1\" height=\"1\" fill=\"#[0-9a-f]+\"" cells "${text}")
list(LENGTH cells count)
list(GET cells 0 first)
list(GET cells 63 last)
# Converged, a row is as warm as the edges beside it: 8/9 and 1/9 of the way from 0 to 100 degrees.
if(NOT count EQUAL 64 OR NOT first MATCHES "#fbcd5f" OR NOT last MATCHES "#270733")
  message(FATAL_ERROR "${count} cells, the first ${first}, the last ${last}")
endif()
if(NOT text MATCHES "Heat in a plate after [0-9]+ iterations on 1 rank<" OR NOT text MATCHES ">100 °C<")
  message(FATAL_ERROR "the picture has no title or no scale")
endif()
