# Which Python the tests run, for every find_package(Python3) of this project: the one that `python3`
# starts, if it is new enough. That name may be a script of a version manager, which takes longer to
# start than most tests; FindPython would start one for each version, many times.
if(NOT Python3_EXECUTABLE)
  find_program(BYTES_HANDOFF_PYTHON NAMES python3)
  mark_as_advanced(BYTES_HANDOFF_PYTHON)
  if(BYTES_HANDOFF_PYTHON)
    execute_process(
      COMMAND "${BYTES_HANDOFF_PYTHON}" -c
              "import sys; print(sys.executable if sys.version_info >= (3, 10) else '', end='')"
      OUTPUT_VARIABLE python
      ERROR_QUIET)
    if(python)
      set(Python3_EXECUTABLE
          "${python}"
          CACHE FILEPATH "The Python that the tests run")
    endif()
  endif()
endif()
