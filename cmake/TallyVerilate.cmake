# SPDX-License-Identifier: BSD-3-Clause
# tally_verilate(target TOP module [PARAMS NAME=VALUE...] SOURCES files...): a static library with the Verilated model
# V<module> of hw/rtl sources (names relative to hw/rtl; package, assertions and lint waivers are added).
function(tally_verilate target)
  cmake_parse_arguments(ARG "" "TOP;PREFIX" "PARAMS;SOURCES" ${ARGN})
  if(NOT ARG_PREFIX)
    set(ARG_PREFIX V${ARG_TOP})
  endif()
  set(rtl ${PROJECT_SOURCE_DIR}/hw/rtl)
  set(files ${rtl}/lint.vlt ${rtl}/tally_pkg.sv)
  foreach(source ${ARG_SOURCES})
    cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY ${rtl})
    list(APPEND files ${source})
  endforeach()
  set(params "")
  foreach(param ${ARG_PARAMS})
    list(APPEND params -G${param})
  endforeach()
  add_library(${target} STATIC)
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX)
  target_compile_features(${target} PUBLIC cxx_std_20)
  # Third-party code: no warnings, no sanitizer, and no debug information, which would triple the compile time.
  target_compile_options(${target} PRIVATE -w -O2 $<$<NOT:$<CONFIG:Release>>:-g0>)
  set(trace "")
  if(TALLY_TRACE)
    set(trace TRACE_FST)
  endif()
  set(coverage "")
  if(TALLY_COVERAGE)
    # When Verilator splits or reorders blocks it moves counters before or behind what their branches depend on: grants of an
    # arbiter were counted after its loop, the code of a function before its argument was there.
    # Whole blocks look like loops to it.
    set(coverage --coverage-line -fno-split -fno-reorder -Wno-UNOPTFLAT)
    target_compile_definitions(${target} PUBLIC TALLY_COVERAGE)
  endif()
  verilate(${target} ${trace} TOP_MODULE ${ARG_TOP} PREFIX ${ARG_PREFIX} SOURCES ${files}
    INCLUDE_DIRS ${rtl}
    VERILATOR_ARGS --assert -Wall --no-timing -O3 --x-assign fast --x-initial unique ${coverage} ${params})
  # Users see the model as third-party code.
  get_target_property(dirs ${target} INCLUDE_DIRECTORIES)
  target_include_directories(${target} SYSTEM INTERFACE ${dirs})
  target_link_libraries(${target} PUBLIC Threads::Threads)
endfunction()
