# Boost's headers, for a cross compiler: that of the package names the folder of all headers.
if(NOT TARGET Boost::headers)
  add_library(Boost::headers INTERFACE IMPORTED)
  target_include_directories(Boost::headers SYSTEM INTERFACE "${CROSS_HEADERS}")
endif()
