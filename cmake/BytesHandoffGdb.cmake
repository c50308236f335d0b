# The printers for GDB: one script, and a header that puts its text into a program.
set(bytes_handoff_gdb_script "${PROJECT_SOURCE_DIR}/debug/bytes_handoff_gdb.py")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${bytes_handoff_gdb_script}")

block(SCOPE_FOR VARIABLES)
  file(READ "${bytes_handoff_gdb_script}" bytes_handoff_gdb_lines)
  # Each quote gets a backslash in front of it: none ends the raw string of the header.
  string(REPLACE "\\" "\\\\" bytes_handoff_gdb_lines "${bytes_handoff_gdb_lines}")
  string(REPLACE "\"" "\\\"" bytes_handoff_gdb_lines "${bytes_handoff_gdb_lines}")
  string(REGEX REPLACE "([^\n]*)\n" ".ascii \"\\1\\\\n\"\n" bytes_handoff_gdb_lines
                       "${bytes_handoff_gdb_lines}")
  configure_file("${PROJECT_SOURCE_DIR}/cmake/gdb_printers.hpp.in"
                 "${bytes_handoff_generated_include}/bytes_handoff/gdb_printers.hpp" @ONLY)
endblock()
