# cmake -DPROGRAM=<program> -DEXPECTED=<file> [-DARGUMENT=<argument>] [-DEMULATOR=<command>]
#       -P check_output.cmake
#
# Runs the program, by the emulator if it is for another machine: it must end with status 0 and print
# exactly what the file has, in the lines of its system.
execute_process(
  COMMAND ${EMULATOR} "${PROGRAM}" ${ARGUMENT}
  OUTPUT_VARIABLE output
  RESULT_VARIABLE status
  TIMEOUT 20)
string(REPLACE "\r\n" "\n" output "${output}")
file(READ "${EXPECTED}" expected)
if(NOT status STREQUAL "0")
  message(FATAL_ERROR "${PROGRAM} ended with '${status}'; it printed:\n${output}")
endif()
if(NOT output STREQUAL expected)
  message(FATAL_ERROR "${PROGRAM} printed:\n${output}\nexpected:\n${expected}")
endif()
