# What pkg-config says of both flavours of Asio; a program is compiled and linked by it alone.
file(REMOVE_RECURSE "${FOLDER}")
file(MAKE_DIRECTORY "${FOLDER}")
file(GLOB_RECURSE found "${PREFIX}/*/bytes_handoff-core.pc")
cmake_path(GET found PARENT_PATH path)
set(ENV{PKG_CONFIG_PATH} "${path}")

# run_pkg_config(<variable> <argument>...)
function(run_pkg_config variable)
  execute_process(COMMAND "${PKG_CONFIG}" ${ARGN} OUTPUT_VARIABLE output
                  OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(output UNIX_COMMAND "${output}")
  set(${variable} "${output}" PARENT_SCOPE)
endfunction()

run_pkg_config(ignored --validate bytes_handoff-testing)
foreach(flavour IN ITEMS asio boost_asio)
  run_pkg_config(ignored --validate bytes_handoff-${flavour})
  run_pkg_config(cflags --cflags bytes_handoff-${flavour})
  run_pkg_config(libs --libs bytes_handoff-${flavour})
  foreach(flag IN LISTS cflags)
    if(flag MATCHES "^-(D.*ASIO_[A-Z]|std)" AND NOT flag MATCHES "^-DBYTES_HANDOFF_")
      message(FATAL_ERROR "bytes_handoff-${flavour}.pc gives its users ${flag}")
    endif()
  endforeach()
  if(flavour STREQUAL "boost_asio")
    break() # its program would be the same, and take as long again
  endif()
  set(program "${FOLDER}/${flavour}")
  execute_process(COMMAND "${COMPILER}" -std=c++20 ${cflags} "${SOURCES}/${flavour}_consumer/main.cpp" -o
                          "${program}" ${libs} COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND "${program}" COMMAND_ERROR_IS_FATAL ANY)
endforeach()
