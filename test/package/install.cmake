# Installs TREE, and moves what is installed to PREFIX: it must not remember where it was.
set(first "${PREFIX}_before")
file(REMOVE_RECURSE "${first}" "${PREFIX}")
execute_process(COMMAND "${CMAKE_COMMAND}" --install "${TREE}" --prefix "${first}"
                COMMAND_ERROR_IS_FATAL ANY OUTPUT_QUIET)
file(RENAME "${first}" "${PREFIX}")

file(GLOB_RECURSE texts "${PREFIX}/*.cmake" "${PREFIX}/*.pc" "${PREFIX}/*.hpp")
foreach(text IN LISTS texts)
  file(READ "${text}" content)
  foreach(folder IN ITEMS "${first}" "${TREE}" "${REPOSITORY}/")
    string(FIND "${content}" "${folder}" at)
    if(NOT at EQUAL -1)
      message(FATAL_ERROR "${text} names ${folder}")
    endif()
  endforeach()
endforeach()

file(GLOB licence "${PREFIX}/share/doc/*/LICENSE")
if(NOT licence)
  message(FATAL_ERROR "The licence is not installed")
endif()
