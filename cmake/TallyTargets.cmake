# SPDX-License-Identifier: BSD-3-Clause
# tally_compile_options(target): language level, warnings and sanitizer of our own code.
function(tally_compile_options target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  target_compile_options(${target} PRIVATE
    $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wconversion;-Wshadow>
    $<$<COMPILE_LANGUAGE:C>:-Wall;-Wextra>
    # g++ 12 warns of "text" + std::string where nothing overlaps (GCC bug 105651).
    $<$<AND:$<COMPILE_LANG_AND_ID:CXX,GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>
    $<$<BOOL:${TALLY_WERROR}>:-Werror>)
  if(TALLY_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${TALLY_SANITIZE} -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=${TALLY_SANITIZE})
  endif()
endfunction()

# tally_compile_quickly(target): the same for what is no hot path itself (tests, the command): compiling it takes longer than
# running it ever does.
function(tally_compile_quickly target)
  tally_compile_options(${target})
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)
endfunction()

# tally_library(name SOURCES... [DEPS targets...]): a static library with the alias tally::name. Headers are included
# by their path below host/, drivers/, sim/ (e.g. "schedule/schedule.hpp", "drivers/sim/attach.hpp").
function(tally_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_library(tally_${name} STATIC ${ARG_SOURCES})
  add_library(tally::${name} ALIAS tally_${name})
  target_include_directories(tally_${name} PUBLIC
    ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/host ${PROJECT_SOURCE_DIR}/host/include)
  target_link_libraries(tally_${name} PUBLIC ${ARG_DEPS})
  tally_compile_options(tally_${name})
endfunction()

# tally_inline_across_files(target): a call of a message goes through several parts, each of which does little; optimised
# builds compile them as one.
include(CheckIPOSupported)
check_ipo_supported(RESULT TALLY_IPO OUTPUT TALLY_IPO_REASON LANGUAGES CXX)
function(tally_inline_across_files target)
  if(TALLY_IPO AND NOT TALLY_SANITIZE AND NOT TALLY_COVERAGE)
    set_target_properties(${target} PROPERTIES
      INTERPROCEDURAL_OPTIMIZATION_RELEASE ON INTERPROCEDURAL_OPTIMIZATION_RELWITHDEBINFO ON)
  endif()
endfunction()

# tally_test(name SOURCES... [DEPS targets...] [TIMEOUT s]): a GoogleTest binary; each test case is one ctest test.
function(tally_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(TALLY_COVERAGE)
    math(EXPR ARG_TIMEOUT "4 * ${ARG_TIMEOUT}")
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gtest_main)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/host ${PROJECT_SOURCE_DIR}/tests)
  tally_compile_quickly(${name})
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT ${ARG_TIMEOUT})
endfunction()
