# Libraries of headers alone, of the root's own packages, for another machine: in a folder of their
# own, since that of the root has the headers of its C library, too.
set(CROSS_HEADERS "$ENV{HOME}/headers")
file(MAKE_DIRECTORY "${CROSS_HEADERS}")
foreach(name IN ITEMS asio asio.hpp boost tl)
  if(NOT EXISTS "${CROSS_HEADERS}/${name}")
    file(CREATE_LINK "/usr/include/${name}" "${CROSS_HEADERS}/${name}" SYMBOLIC)
  endif()
endforeach()
set(StandaloneAsio_INCLUDE_DIR "${CROSS_HEADERS}")
set(Boost_DIR "${CMAKE_CURRENT_LIST_DIR}")
set(tl-expected_DIR "${CMAKE_CURRENT_LIST_DIR}")

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE BOTH)
