# arm64, by Debian's cross compiler; its programs are run by qemu-user.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L /usr/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH "/usr/aarch64-linux-gnu")
include("${CMAKE_CURRENT_LIST_DIR}/headers.cmake")
