# Compiles SOURCE with COMPILER and OPTIONS. There must be exactly ERRORS errors, or any number of
# them for "some", and the output must match MESSAGE as often, at least. For "only" the first error
# must match MESSAGE, and the compilation must end with the line behind it.

execute_process(
  COMMAND "${COMPILER}" ${OPTIONS} "${SOURCE}"
  RESULT_VARIABLE status
  OUTPUT_VARIABLE output
  ERROR_VARIABLE output)
# What matches becomes elements of lists, which these characters would join or split.
string(REGEX REPLACE "[][;]" " " output "${output}")
string(REGEX MATCHALL "error: " errors "${output}")
string(REGEX MATCHALL "${MESSAGE}" messages "${output}")
list(LENGTH errors errors)
list(LENGTH messages messages)

if(status EQUAL 0)
  message(FATAL_ERROR "It compiles.")
elseif(ERRORS STREQUAL "only")
  string(REGEX MATCH "error: [^\n]*" first "${output}")
  if(NOT first MATCHES "${MESSAGE}"
     OR NOT output MATCHES "the line above says what to do"
     OR errors GREATER 2)
    message(FATAL_ERROR "There are ${errors} errors, and the first is not '${MESSAGE}':\n${output}")
  endif()
  return()
elseif(ERRORS STREQUAL "some")
  set(ERRORS 1)
elseif(NOT errors EQUAL ERRORS)
  message(FATAL_ERROR "There are ${errors} errors, not ${ERRORS}:\n${output}")
endif()
if(messages LESS ERRORS)
  message(FATAL_ERROR "The compiler says '${MESSAGE}' ${messages} times:\n${output}")
endif()
