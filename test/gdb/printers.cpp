// Puts the printers into the program that this is linked to.
#include <bytes_handoff/gdb_printers.hpp>
