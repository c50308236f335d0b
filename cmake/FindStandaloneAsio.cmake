# Finds the headers of standalone Asio (without Boost) and defines the target
# StandaloneAsio::StandaloneAsio. Installed with the package and used by its configuration file.
find_package(Threads QUIET)
find_path(StandaloneAsio_INCLUDE_DIR NAMES asio/any_io_executor.hpp)
mark_as_advanced(StandaloneAsio_INCLUDE_DIR)

if(StandaloneAsio_INCLUDE_DIR AND EXISTS "${StandaloneAsio_INCLUDE_DIR}/asio/version.hpp")
  file(STRINGS "${StandaloneAsio_INCLUDE_DIR}/asio/version.hpp" version_line
       REGEX "#define ASIO_VERSION [0-9]+ // [0-9.]+")
  string(REGEX REPLACE ".*// ([0-9.]+).*" "\\1" StandaloneAsio_VERSION "${version_line}")
  unset(version_line)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  StandaloneAsio
  REQUIRED_VARS StandaloneAsio_INCLUDE_DIR Threads_FOUND
  VERSION_VAR StandaloneAsio_VERSION
  REASON_FAILURE_MESSAGE
    "Install the headers of standalone Asio (Debian: libasio-dev), or set StandaloneAsio_INCLUDE_DIR to the folder of asio.hpp")

if(StandaloneAsio_FOUND AND NOT TARGET StandaloneAsio::StandaloneAsio)
  add_library(StandaloneAsio::StandaloneAsio INTERFACE IMPORTED)
  target_include_directories(StandaloneAsio::StandaloneAsio SYSTEM
                             INTERFACE "${StandaloneAsio_INCLUDE_DIR}")
  target_link_libraries(StandaloneAsio::StandaloneAsio INTERFACE Threads::Threads)
endif()
