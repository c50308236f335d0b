#pragma once

// All of Asio, of the flavour that is under test, and what has different names in the two. The only
// place where tests include Asio.

#include "bytes_handoff/asio/support/net.hpp"

#if defined(BYTES_HANDOFF_BOOST_ASIO)

#include <boost/asio.hpp>

namespace bytes_handoff::test {
using net::as_tuple;
using net::deferred;
}  // namespace bytes_handoff::test

#else

#include <asio.hpp>

#if __has_include(<asio/deferred.hpp>)
namespace bytes_handoff::test {
using net::as_tuple;
using net::deferred;
}  // namespace bytes_handoff::test
#else
#include <asio/experimental/as_tuple.hpp>
#include <asio/experimental/deferred.hpp>

namespace bytes_handoff::test {
using net::experimental::as_tuple;
using net::experimental::deferred;
}  // namespace bytes_handoff::test
#endif

#endif

// Headers of Windows define them, for pointers of former times.
#undef near
#undef far

// Set in build/newer: that what was unpacked there is what is compiled.
#if defined(BYTES_HANDOFF_TEST_NEWER_ASIO)
#if defined(BYTES_HANDOFF_BOOST_ASIO)
#include <boost/version.hpp>
static_assert(BOOST_VERSION >= 108800, "not the Boost of Debian 13");
#else
static_assert(ASIO_VERSION >= 103000, "not the Asio of Debian 13");
#endif
#endif
