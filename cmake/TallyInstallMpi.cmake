# SPDX-License-Identifier: BSD-3-Clause
# Install rules of the MPI libraries, their header, compiler wrappers and mpiexec. Included by host/mpi.
install(TARGETS mpi_abi
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT development)
# No link for linkers: programs for Open MPI's ABI are linked with Open MPI's own library.
install(TARGETS mpi_openmpi
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/tally/openmpi COMPONENT runtime NAMELINK_SKIP)
# Beside libtally, wherever the prefix is moved.
set_target_properties(mpi_abi PROPERTIES INSTALL_RPATH "\$ORIGIN")
set_target_properties(mpi_openmpi PROPERTIES INSTALL_RPATH "\$ORIGIN/../..")
install(FILES ${CMAKE_CURRENT_SOURCE_DIR}/include/mpi.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/tally/mpi
  COMPONENT development)
foreach(name mpicc mpicxx mpic++ mpiCC)
  install(PROGRAMS ${CMAKE_CURRENT_BINARY_DIR}/installed/${name} DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT development)
endforeach()
install(PROGRAMS ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/mpiexec ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/mpirun
  DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/installed/tally-mpi.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
  COMPONENT development)
