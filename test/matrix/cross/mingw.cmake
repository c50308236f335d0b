# Windows, by MinGW-w64 with threads of POSIX; its programs are run by Wine. All of the compiler's
# own libraries are in the programs, which find no other.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_RC_COMPILER x86_64-w64-mingw32-windres)
set(CMAKE_CROSSCOMPILING_EMULATOR wine64)
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static")
# Of Windows 10. Big objects: Asio's templates have more sections than the older format counts.
set(CMAKE_CXX_FLAGS_INIT "-D_WIN32_WINNT=0x0A00 -Wa,-mbig-obj")
set(CMAKE_FIND_ROOT_PATH "/usr/x86_64-w64-mingw32")
include("${CMAKE_CURRENT_LIST_DIR}/headers.cmake")
