# Builds the library anew in FOLDER, as WHAT says, and a consumer on it.
file(REMOVE_RECURSE "${FOLDER}")
set(common -G "${GENERATOR}" "-DCMAKE_CXX_COMPILER=${COMPILER}"
           "-DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}" -DCMAKE_UNITY_BUILD=ON)

# run(<command> <argument>...): it must succeed.
function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# build(<source folder> <build folder> <cmake argument>...)
function(build source folder)
  run("${CMAKE_COMMAND}" -S "${source}" -B "${folder}" ${common} ${ARGN})
  run("${CMAKE_COMMAND}" --build "${folder}")
endfunction()

# install_library(<cmake argument>...): into FOLDER/prefix.
function(install_library)
  build("${REPOSITORY}" "${FOLDER}/library" -DCMAKE_BUILD_TYPE=Release -DBYTES_HANDOFF_BUILD_EXAMPLES=OFF
        -DBYTES_HANDOFF_WARNINGS_AS_ERRORS=ON ${ARGN})
  run("${CMAKE_COMMAND}" --install "${FOLDER}/library" --prefix "${FOLDER}/prefix")
endfunction()

if(WHAT STREQUAL "shared")
  install_library(-DBUILD_SHARED_LIBS=ON)
  file(GLOB_RECURSE libraries "${FOLDER}/prefix/libbytes_handoff_*.so.${VERSION}")
  list(LENGTH libraries count)
  if(NOT count EQUAL 2)
    message(FATAL_ERROR "The shared libraries are '${libraries}'")
  endif()
  find_program(NM nm REQUIRED)
  foreach(library IN LISTS libraries)
    execute_process(COMMAND "${NM}" -D --defined-only --format=posix "${library}"
                    OUTPUT_VARIABLE names COMMAND_ERROR_IS_FATAL ANY)
    string(REGEX MATCHALL "[^\n]+" names "${names}")
    list(LENGTH names count)
    if(count LESS 10)
      message(FATAL_ERROR "${library} shows ${count} names")
    endif()
    list(FILTER names EXCLUDE REGEX "^(_Z[A-Za-z0-9_]*13bytes_handoff|BYTES_HANDOFF_)")
    if(names)
      message(FATAL_ERROR "${library} shows names that are not the library's: ${names}")
    endif()
  endforeach()
  build("${SOURCES}/both_flavours_consumer" "${FOLDER}/consumer" "-DCMAKE_PREFIX_PATH=${FOLDER}/prefix"
        -DCMAKE_CXX_VISIBILITY_PRESET=hidden -DCMAKE_VISIBILITY_INLINES_HIDDEN=ON)
  run("${FOLDER}/consumer/both_flavours_consumer")
  # GDB finds the printers beside the library.
  find_program(GDB gdb REQUIRED)
  execute_process(
    COMMAND "${GDB}" -nx -batch -iex "set auto-load safe-path ${FOLDER}" -iex "set debuginfod enabled off"
            -ex "set disable-randomization off" -ex "break main" -ex run -ex "info pretty-printer"
            "${FOLDER}/consumer/both_flavours_consumer"
    OUTPUT_VARIABLE printers COMMAND_ERROR_IS_FATAL ANY)
  if(NOT printers MATCHES "libbytes_handoff_core.so.${VERSION} pretty-printers:\n  bytes_handoff\n    Bytes")
    message(FATAL_ERROR "GDB has no printers of the library's: ${printers}")
  endif()

elseif(WHAT STREQUAL "fetched")
  file(MAKE_DIRECTORY "${FOLDER}/archive")
  run("${CMAKE_COMMAND}" "-DSOURCE=${REPOSITORY}" "-DNAME=bytes-handoff-${VERSION}"
      "-DFOLDER=${FOLDER}/archive" -P "${REPOSITORY}/cmake/make_archive.cmake")
  file(SHA512 "${FOLDER}/archive/bytes-handoff-${VERSION}.tar.gz" hash)
  file(MAKE_DIRECTORY "${FOLDER}/source")
  file(COPY "${SOURCES}/asio_consumer/main.cpp" DESTINATION "${FOLDER}/source")
  file(WRITE "${FOLDER}/source/CMakeLists.txt"
       "cmake_minimum_required(VERSION 3.25)
project(app LANGUAGES CXX)
include(FetchContent)
FetchContent_Declare(bytes_handoff URL \"${FOLDER}/archive/bytes-handoff-${VERSION}.tar.gz\"
                     URL_HASH SHA512=${hash} DOWNLOAD_EXTRACT_TIMESTAMP ON)
FetchContent_MakeAvailable(bytes_handoff)
add_executable(app main.cpp)
target_link_libraries(app PRIVATE bytes_handoff::asio)
")
  build("${FOLDER}/source" "${FOLDER}/build" -DCMAKE_BUILD_TYPE=Release)
  run("${FOLDER}/build/app")

elseif(WHAT STREQUAL "first_build")
  # As README says, without a build type: optimized, with the examples, without tests.
  run("${CMAKE_COMMAND}" -S "${REPOSITORY}" -B "${FOLDER}/build" ${common})
  file(STRINGS "${FOLDER}/build/CMakeCache.txt" type REGEX "^CMAKE_BUILD_TYPE")
  if(NOT type MATCHES "=Release$")
    message(FATAL_ERROR "Without a build type: '${type}'")
  endif()
  run("${CMAKE_COMMAND}" --build "${FOLDER}/build")
  if(NOT EXISTS "${FOLDER}/build/bin/example_line_protocol" OR EXISTS "${FOLDER}/build/bin/core_tests")
    message(FATAL_ERROR "It builds other things than the library and the examples")
  endif()
  run("${FOLDER}/build/bin/example_line_protocol")

elseif(WHAT STREQUAL "std_expected")
  install_library(-DBYTES_HANDOFF_EXPECTED=std)
  build("${SOURCES}/asio_consumer" "${FOLDER}/newer" "-DCMAKE_PREFIX_PATH=${FOLDER}/prefix"
        -DCMAKE_CXX_STANDARD=23)
  run("${FOLDER}/newer/asio_consumer")
  # Not raised for the consumer, and told.
  run("${CMAKE_COMMAND}" -S "${SOURCES}/asio_consumer" -B "${FOLDER}/older" ${common}
      "-DCMAKE_PREFIX_PATH=${FOLDER}/prefix" -DCMAKE_CXX_STANDARD=20)
  execute_process(COMMAND "${CMAKE_COMMAND}" --build "${FOLDER}/older" RESULT_VARIABLE status
                  OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(status EQUAL 0 OR NOT output MATCHES "built with std::expected: compile this with -std=c[+][+]23")
    message(FATAL_ERROR "A consumer of C++20 gets:\n${output}")
  endif()
else()
  message(FATAL_ERROR "WHAT is '${WHAT}'")
endif()
