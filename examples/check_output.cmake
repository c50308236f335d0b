# cmake -DPROGRAM=<program> -DEXPECTED=<file> -P check_output.cmake
#
# Runs the program: it must end with status 0 and print exactly what the file has.
execute_process(
  COMMAND "${PROGRAM}"
  OUTPUT_VARIABLE output
  RESULT_VARIABLE status
  TIMEOUT 20)
file(READ "${EXPECTED}" expected)
if(NOT status STREQUAL "0")
  message(FATAL_ERROR "${PROGRAM} ended with '${status}'; it printed:\n${output}")
endif()
if(NOT output STREQUAL expected)
  message(FATAL_ERROR "${PROGRAM} printed:\n${output}\nexpected:\n${expected}")
endif()
