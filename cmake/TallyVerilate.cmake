# SPDX-License-Identifier: BSD-3-Clause
# tally_verilate(target TOP module [PARAMS NAME=VALUE...] SOURCES files... [COVERS files...]): a static library with the
# Verilated model V<module> of hw/rtl sources (names relative to hw/rtl; package, assertions and lint waivers are added).
# COVERS are the sources whose coverage the model counts: those that its tests are for. Without it, all but tally_fifo, which
# is counted where it is the top.
function(tally_verilate target)
  cmake_parse_arguments(ARG "" "TOP;PREFIX" "PARAMS;SOURCES;COVERS" ${ARGN})
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
  set(slow "")
  if(TALLY_COVERAGE)
    # When Verilator splits or reorders blocks it moves counters before or behind what their branches depend on: grants of an
    # arbiter were counted after its loop, the code of a function before its argument was there.
    # Whole blocks look like loops to it.
    # Vectors wider than 256 bits, which are beats of data, and memories of more bits have no toggle points.
    set(coverage --coverage-line --coverage-toggle --coverage-max-width 256 -fno-split -fno-reorder -Wno-UNOPTFLAT)
    target_compile_definitions(${target} PUBLIC TALLY_COVERAGE)
    if(NOT ARG_COVERS)
      set(ARG_COVERS ${ARG_SOURCES})
      if(NOT ARG_TOP STREQUAL tally_fifo)
        list(REMOVE_ITEM ARG_COVERS tally_fifo.sv)
      endif()
    endif()
    set(uncounted ${ARG_SOURCES})
    list(REMOVE_ITEM uncounted ${ARG_COVERS})
    set(config "`verilator_config\n")
    foreach(source ${uncounted})
      cmake_path(GET source FILENAME name)
      string(APPEND config "coverage_off -file \"*${name}\"\n")
    endforeach()
    set(config_file ${CMAKE_CURRENT_BINARY_DIR}/${target}_coverage.vlt)
    file(CONFIGURE OUTPUT ${config_file} CONTENT "${config}" @ONLY)
    list(INSERT files 1 ${config_file})
    # The list of all points is one function, on which an optimising compiler spends minutes.
    set(slow OPT_SLOW -O0)
  endif()
  verilate(${target} ${trace} TOP_MODULE ${ARG_TOP} PREFIX ${ARG_PREFIX} SOURCES ${files}
    INCLUDE_DIRS ${rtl} ${slow}
    VERILATOR_ARGS --assert -Wall --no-timing -O3 --x-assign fast --x-initial unique ${coverage} ${params})
  # Users see the model as third-party code.
  get_target_property(dirs ${target} INCLUDE_DIRECTORIES)
  target_include_directories(${target} SYSTEM INTERFACE ${dirs})
  target_link_libraries(${target} PUBLIC Threads::Threads)
endfunction()
