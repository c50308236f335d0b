# The target `dist`: an archive of the last commit, bytes-handoff-<version>.tar.gz, in the build
# folder. The same commit makes the same bytes, on any day and with any settings of git.
add_custom_target(
  dist
  COMMAND
    "${CMAKE_COMMAND}" "-DSOURCE=${PROJECT_SOURCE_DIR}" "-DNAME=bytes-handoff-${PROJECT_VERSION}"
    "-DFOLDER=${PROJECT_BINARY_DIR}" -P "${PROJECT_SOURCE_DIR}/cmake/make_archive.cmake"
  VERBATIM)
