#pragma once

// All of Asio, of the flavour that is under test, and what has different names in the two. The only
// place where tests include Asio.

#include "bytes_handoff/detail/net.hpp"

#if defined(BYTES_HANDOFF_BOOST_ASIO)

#include <boost/asio.hpp>

namespace bytes_handoff::test {
using net::as_tuple;
using net::deferred;
}  // namespace bytes_handoff::test

#else

#include <asio.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <asio/experimental/deferred.hpp>

namespace bytes_handoff::test {
using net::experimental::as_tuple;
using net::experimental::deferred;
}  // namespace bytes_handoff::test

#endif
