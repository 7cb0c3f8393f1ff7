# SPDX-License-Identifier: BSD-3-Clause
# tally_rdma_vm_test(name COMMAND word... [GUESTS n] [CLUSTER] [DEVICES n] [MEMORY MiB] [TIMEOUT s] [SHARE dir...] [ENVIRONMENT NAME=VALUE...]):
# a ctest test that runs a command in guests with RDMA devices (docs/rdma-vm.md); generator expressions may stand in the words.
# Skipped, with the reason, where guests cannot run. Every guest costs some seconds: let a script do what belongs together.
set(TALLY_RDMA_VM ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_LIST_DIR}/../tests/rdma-vm/rdma_vm.py)

function(tally_rdma_vm_properties name timeout)
  set_tests_properties(${name} PROPERTIES LABELS rdma_vm PROCESSORS 2 SKIP_RETURN_CODE 77 TIMEOUT ${timeout})
endfunction()

function(tally_rdma_vm_test name)
  cmake_parse_arguments(ARG "CLUSTER" "GUESTS;DEVICES;MEMORY;TIMEOUT" "COMMAND;SHARE;ENVIRONMENT" ${ARGN})
  if(TALLY_SANITIZE)  # emulated and instrumented: minutes
    return()
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 180)
  endif()
  set(options --timeout ${ARG_TIMEOUT})
  if(ARG_CLUSTER)
    list(APPEND options --cluster)
  endif()
  foreach(option GUESTS DEVICES MEMORY)
    if(ARG_${option})
      string(TOLOWER ${option} word)
      list(APPEND options --${word} ${ARG_${option}})
    endif()
  endforeach()
  foreach(folder IN LISTS ARG_SHARE)
    list(APPEND options --share ${folder})
  endforeach()
  foreach(setting IN LISTS ARG_ENVIRONMENT)
    list(APPEND options --env ${setting})
  endforeach()
  math(EXPR limit "${ARG_TIMEOUT} + 60")
  add_test(NAME ${name} COMMAND ${TALLY_RDMA_VM} run ${options} -- ${ARG_COMMAND})
  tally_rdma_vm_properties(${name} ${limit})
endfunction()
