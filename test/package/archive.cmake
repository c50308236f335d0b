# The archive of a release: whole, and the same bytes from another folder and other settings.
find_program(GIT git)
if(NOT GIT OR NOT EXISTS "${REPOSITORY}/.git")
  message("SKIPPED: an archive is made in a repository of git")
  return()
endif()
set(name "bytes-handoff-${VERSION}")
file(REMOVE_RECURSE "${FOLDER}")
file(MAKE_DIRECTORY "${FOLDER}/once" "${FOLDER}/again")

# make(<folder> <variable=value>...)
function(make folder)
  execute_process(
    COMMAND "${CMAKE_COMMAND}" -E env ${ARGN} "${CMAKE_COMMAND}" "-DSOURCE=${REPOSITORY}" "-DNAME=${name}"
            "-DFOLDER=${FOLDER}/${folder}" -P "${REPOSITORY}/cmake/make_archive.cmake"
    COMMAND_ERROR_IS_FATAL ANY ERROR_QUIET)
endfunction()
make(once TZ=UTC)
make(again TZ=Asia/Tokyo GIT_CONFIG_COUNT=2 GIT_CONFIG_KEY_0=tar.umask GIT_CONFIG_VALUE_0=0077
     GIT_CONFIG_KEY_1=core.autocrlf GIT_CONFIG_VALUE_1=true GZIP=--rsyncable)
file(SHA512 "${FOLDER}/once/${name}.tar.gz" once)
file(SHA512 "${FOLDER}/again/${name}.tar.gz" again)
if(NOT once STREQUAL again)
  message(FATAL_ERROR "Two archives of one commit differ")
endif()

execute_process(COMMAND "${CMAKE_COMMAND}" -E tar xf "${FOLDER}/once/${name}.tar.gz"
                WORKING_DIRECTORY "${FOLDER}" COMMAND_ERROR_IS_FATAL ANY)
file(GLOB_RECURSE unpacked RELATIVE "${FOLDER}/${name}" "${FOLDER}/${name}/*")
execute_process(COMMAND "${GIT}" ls-tree -r --name-only HEAD WORKING_DIRECTORY "${REPOSITORY}"
                OUTPUT_VARIABLE tracked COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "[^\n]+" tracked "${tracked}")
list(LENGTH unpacked unpacked_count)
list(LENGTH tracked tracked_count)
list(REMOVE_ITEM tracked ${unpacked})
if(tracked OR NOT unpacked_count EQUAL tracked_count)
  message(FATAL_ERROR "The archive lacks '${tracked}': it has ${unpacked_count} files of ${tracked_count}")
endif()
