// Asio's own code, for programs that are compiled with ASIO_SEPARATE_COMPILATION or with
// BOOST_ASIO_SEPARATE_COMPILATION.
#if defined(BYTES_HANDOFF_BOOST_ASIO)
#include <boost/asio/impl/src.hpp>
#else
#include <asio/impl/src.hpp>
#endif
