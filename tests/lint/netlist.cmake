# SPDX-License-Identifier: BSD-3-Clause
# Runs a module's tests on its netlist: yosys miscompiles some constructs without an error, and this finds it.
include_guard()

# tally_netlist(target TOP module [PREFIX name] [PARAMS NAME=VALUE...] SOURCES files... [KEEP files...]): the Verilated
# model of what yosys makes of a module (source names relative to hw/rtl). Modules of KEEP are black boxes for yosys and join
# the netlist as source: they are large and have a netlist test of their own.
# Which modules are in a netlist is noted for tests/lint (global property TALLY_NETLISTS: "target=module,...").
function(tally_netlist target)
  cmake_parse_arguments(ARG "" "TOP;PREFIX" "PARAMS;SOURCES;KEEP" ${ARGN})
  if(NOT ARG_PREFIX)
    set(ARG_PREFIX V${ARG_TOP})
  endif()
  if(NOT TARGET tally_verilated_runtime)
    add_library(tally_verilated_runtime STATIC
      ${VERILATOR_ROOT}/include/verilated.cpp ${VERILATOR_ROOT}/include/verilated_threads.cpp)
    target_include_directories(tally_verilated_runtime SYSTEM PUBLIC
      ${VERILATOR_ROOT}/include ${VERILATOR_ROOT}/include/vltstd)
    target_compile_features(tally_verilated_runtime PUBLIC cxx_std_20)
    target_compile_options(tally_verilated_runtime PRIVATE -w)
    target_link_libraries(tally_verilated_runtime PUBLIC Threads::Threads)
  endif()
  set(rtl ${PROJECT_SOURCE_DIR}/hw/rtl)
  set(paths "")
  foreach(source ${ARG_SOURCES})
    cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY ${rtl})
    list(APPEND paths ${source})
  endforeach()
  list(JOIN paths " " words)
  set(modules "")
  foreach(source ${ARG_SOURCES})
    cmake_path(GET source STEM stem)
    list(APPEND modules ${stem})
  endforeach()
  list(JOIN modules "," modules)
  set_property(GLOBAL APPEND PROPERTY TALLY_NETLISTS "${target}=${modules}")
  set(kept "")
  set(boxes "")
  if(ARG_KEEP)
    foreach(source ${ARG_KEEP})
      list(APPEND kept ${rtl}/${source})
    endforeach()
    list(JOIN kept " " boxes)
    # A package is read once: what -lib reads sees the one before it.
    set(boxes "read_verilog -sv -lib -I. ${boxes}; ")
    list(PREPEND kept ${rtl}/lint.vlt ${rtl}/tally_pkg.sv)
  endif()
  set(chparam "")
  foreach(param ${ARG_PARAMS})
    string(REPLACE "=" " " pair ${param})
    string(APPEND chparam " -chparam ${pair}")
  endforeach()
  set(dir ${CMAKE_CURRENT_BINARY_DIR}/${target}.dir)
  set(archive ${dir}/${ARG_PREFIX}__ALL.a)
  file(MAKE_DIRECTORY ${dir})
  # opt joins the bits of a memory's write enable; bit by bit the model takes minutes to compile.
  add_custom_command(OUTPUT ${archive}
    COMMAND ${TALLY_YOSYS} -q -p "read_verilog -sv -defer -I. tally_pkg.sv ${words}; ${boxes}\
hierarchy -check -top ${ARG_TOP}${chparam}; proc; opt; rename -top ${ARG_TOP}; \
write_verilog -noattr ${dir}/netlist.v"
    COMMAND ${VERILATOR_BIN} --cc --build -O3 -Wno-lint -Wno-fatal --x-initial unique --assert --no-timing -I${rtl} ${kept} ${dir}/netlist.v
            --top-module ${ARG_TOP} --prefix ${ARG_PREFIX} -Mdir ${dir} > ${dir}/verilator.log
    DEPENDS ${rtl}/tally_pkg.sv ${rtl}/tally_assert.svh ${rtl}/tally_icrc_xor.svh ${rtl}/tally_seq_lane.svh ${paths} ${kept}
    WORKING_DIRECTORY ${rtl}
    COMMENT "Netlist of ${ARG_TOP}" VERBATIM)
  add_custom_target(${target}_archive DEPENDS ${archive})
  add_library(${target} INTERFACE)
  add_dependencies(${target} ${target}_archive)
  target_include_directories(${target} SYSTEM INTERFACE ${dir})
  target_link_libraries(${target} INTERFACE ${archive} tally_verilated_runtime)
endfunction()

# tally_netlist_test(name SOURCES... DEPS targets... [TIMEOUT s]): like tally_test; the tests' names begin with
# "netlist.". Which netlists it runs is noted too (TALLY_NETLIST_TESTS: "name=target,...").
function(tally_netlist_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  list(JOIN ARG_DEPS "," deps)
  set_property(GLOBAL APPEND PROPERTY TALLY_NETLIST_TESTS "${name}=${deps}")
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gtest_main)
  target_include_directories(${name} PRIVATE
    ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/host ${PROJECT_SOURCE_DIR}/tests ${CMAKE_CURRENT_BINARY_DIR})
  tally_compile_quickly(${name})
  gtest_discover_tests(${name} TEST_PREFIX netlist. DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT ${ARG_TIMEOUT})
endfunction()

# tally_nightly_netlist(test sources...): the preset nightly alone builds this test, on a netlist of these modules; they take
# minutes to compile. Noted for tests/lint in either build (TALLY_NETLISTS_NIGHTLY: "test=module,...").
function(tally_nightly_netlist test)
  list(JOIN ARGN "," modules)
  string(REPLACE .sv "" modules "${modules}")
  set_property(GLOBAL APPEND PROPERTY TALLY_NETLISTS_NIGHTLY "${test}=${modules}")
endfunction()

find_program(TALLY_YOSYS yosys)
