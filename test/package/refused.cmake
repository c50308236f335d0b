# Configures a project with LINES, which must fail and say MESSAGE.
file(REMOVE_RECURSE "${FOLDER}")
file(WRITE "${FOLDER}/CMakeLists.txt"
     "cmake_minimum_required(VERSION 3.25)\nproject(app LANGUAGES CXX)\n${LINES}\n")
file(WRITE "${FOLDER}/app.cpp" "int main() {}\n")
string(REPLACE "|" ";" ARGUMENTS "${ARGUMENTS}")
execute_process(
  COMMAND "${CMAKE_COMMAND}" -S "${FOLDER}" -B "${FOLDER}/build" "-DCMAKE_PREFIX_PATH=${PREFIX}"
          "-DCMAKE_CXX_COMPILER=${COMPILER}" ${ARGUMENTS}
  RESULT_VARIABLE status
  OUTPUT_VARIABLE output
  ERROR_VARIABLE output)
string(REGEX REPLACE "[ \n]+" " " text "${output}")
if(status EQUAL 0)
  message(FATAL_ERROR "It is configured.")
elseif(NOT text MATCHES "${MESSAGE}")
  message(FATAL_ERROR "It does not say '${MESSAGE}':\n${output}")
endif()
