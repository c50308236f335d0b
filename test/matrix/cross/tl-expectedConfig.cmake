# tl::expected, for a cross compiler: that of the package names the folder of all headers.
if(NOT TARGET tl::expected)
  add_library(tl::expected INTERFACE IMPORTED)
  target_include_directories(tl::expected SYSTEM INTERFACE "${CROSS_HEADERS}")
endif()
