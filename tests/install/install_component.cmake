# SPDX-License-Identifier: BSD-3-Clause
# Installs one component into PREFIX.
execute_process(
  COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${PREFIX} --component ${COMPONENT}
  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "install of ${COMPONENT} failed:\n${output}")
endif()
