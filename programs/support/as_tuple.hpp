#pragma once

// `as_tuple`, which older releases of Asio have elsewhere, and newer ones no longer have there.

#if __has_include(<asio/as_tuple.hpp>)
#include <asio/as_tuple.hpp>

namespace programs {
using asio::as_tuple;
}  // namespace programs
#else
#include <asio/experimental/as_tuple.hpp>

namespace programs {
using asio::experimental::as_tuple;
}  // namespace programs
#endif
