# SPDX-License-Identifier: BSD-3-Clause
# Install rules and the exported package: find_package(tally) gives tally::tally.
include(CMakePackageConfigHelpers)

set(TALLY_INSTALL_CMAKEDIR ${CMAKE_INSTALL_LIBDIR}/cmake/tally)

install(TARGETS tally EXPORT tally-targets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT development)
install(DIRECTORY host/include/tally DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development
  FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")
install(EXPORT tally-targets NAMESPACE tally:: DESTINATION ${TALLY_INSTALL_CMAKEDIR} COMPONENT development)

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/tally-config.cmake.in
  ${CMAKE_CURRENT_BINARY_DIR}/tally-config.cmake INSTALL_DESTINATION ${TALLY_INSTALL_CMAKEDIR})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/tally-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/tally-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/tally-config-version.cmake
  DESTINATION ${TALLY_INSTALL_CMAKEDIR} COMPONENT development)

# The `tally` command, where it is built.
if(TARGET tally_command)
  # The prefix may be moved: the command looks for the library beside itself.
  file(RELATIVE_PATH libdir_from_bindir ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
  set_target_properties(tally_command PROPERTIES INSTALL_RPATH "\$ORIGIN/${libdir_from_bindir}")
  install(TARGETS tally_command RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime)
endif()
