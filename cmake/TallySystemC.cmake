# SPDX-License-Identifier: BSD-3-Clause
# tally::systemc. Debian's SystemC is built as C++17 and its version symbol says so: SC_CPLUSPLUS makes C++20 code link.
find_path(SYSTEMC_INCLUDE_DIR systemc REQUIRED)
find_library(SYSTEMC_LIBRARY systemc REQUIRED)
add_library(tally_systemc INTERFACE)
add_library(tally::systemc ALIAS tally_systemc)
target_include_directories(tally_systemc SYSTEM INTERFACE ${SYSTEMC_INCLUDE_DIR})
target_compile_definitions(tally_systemc INTERFACE SC_CPLUSPLUS=201703L)
target_link_libraries(tally_systemc INTERFACE ${SYSTEMC_LIBRARY} Threads::Threads)
