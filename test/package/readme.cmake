# Copies README's CMakeLists.txt and program into an empty folder, builds and runs them.
set(PROJECT_SOURCE_DIR "${REPOSITORY}")
include("${REPOSITORY}/cmake/BytesHandoffCodeOfDocument.cmake")
bytes_handoff_code_of(README.md project cmake)
bytes_handoff_code_of(README.md program)
file(REMOVE_RECURSE "${FOLDER}")
file(WRITE "${FOLDER}/CMakeLists.txt" "${project_1}")
file(WRITE "${FOLDER}/main.cpp" "${program_3}")

execute_process(
  COMMAND "${CMAKE_COMMAND}" -S "${FOLDER}" -B "${FOLDER}/build" -G "${GENERATOR}"
          "-DCMAKE_PREFIX_PATH=${PREFIX}" "-DCMAKE_CXX_COMPILER=${COMPILER}"
  COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND "${CMAKE_COMMAND}" --build "${FOLDER}/build" COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND "${FOLDER}/build/app" OUTPUT_VARIABLE output COMMAND_ERROR_IS_FATAL ANY)
if(NOT output STREQUAL "hello through a queue\n")
  message(FATAL_ERROR "The program prints '${output}'")
endif()
