// What a build of the library with another Asio, compiler or flag says. See the step "refused".
#include <bytes_handoff.hpp>
