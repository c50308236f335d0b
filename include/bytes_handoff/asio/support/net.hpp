#pragma once

// The one place that names the Asio flavour. Shell code includes Asio through this header and says
// `net::`, `net_error_code` and `net_system_error`; what else a translation unit needs of Asio it
// includes itself.
//
// Types of the shell live in `inline namespace BYTES_HANDOFF_FLAVOUR`, so that a program may link
// translation units of both flavours; one translation unit uses one of them.
//
// `BYTES_HANDOFF_HANDLER_LOCATION(name)` names the operation in Asio's handler tracking: what is
// posted or started on this thread, until the end of the block, is printed as "in 'name'". It
// stands once in a function. Without tracking it does nothing, and does not evaluate the name.

#include "bytes_handoff/core/support/abi.hpp"

#if defined(BYTES_HANDOFF_STANDALONE_ASIO) && defined(BYTES_HANDOFF_BOOST_ASIO)
#error \
    "One translation unit links either bytes_handoff::asio or bytes_handoff::boost_asio: remove one from its target"
#include <the line above says what to do>
#elif defined(BYTES_HANDOFF_STANDALONE_ASIO)

#if !__has_include(<asio/any_io_executor.hpp>)
#error \
    "bytes_handoff::asio needs the headers of standalone Asio: install them (Debian: libasio-dev), or link bytes_handoff::boost_asio"
#include <the line above says what to do>
#elif !__has_include(<asio/associated_cancellation_slot.hpp>)
#error "bytes_handoff::asio needs Asio 1.22 or later: install it (Debian: libasio-dev)"
#include <the line above says what to do>
#endif

#include <asio/any_io_executor.hpp>
#include <asio/associated_allocator.hpp>
#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/basic_stream_socket.hpp>
#include <asio/basic_writable_pipe.hpp>
#include <asio/bind_allocator.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/bind_executor.hpp>
#include <asio/buffer.hpp>
#include <asio/buffered_read_stream_fwd.hpp>
#include <asio/buffered_stream_fwd.hpp>
#include <asio/buffered_write_stream_fwd.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/cancellation_state.hpp>
#include <asio/cancellation_type.hpp>
#include <asio/dispatch.hpp>
#include <asio/error.hpp>
#include <asio/error_code.hpp>
#include <asio/execution_context.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/basic_stream_descriptor.hpp>
#include <asio/post.hpp>
#include <asio/prefer.hpp>
#include <asio/require.hpp>
#include <asio/ssl/stream_base.hpp>
#include <asio/steady_timer.hpp>
#include <asio/strand.hpp>
#include <asio/system_error.hpp>

#if __has_include(<asio/deferred.hpp>)
#include <asio/deferred.hpp>
#define BYTES_HANDOFF_HAS_DEFERRED
#endif
#if __has_include(<asio/associated_immediate_executor.hpp>)
#include <asio/any_completion_executor.hpp>
#include <asio/associated_immediate_executor.hpp>
#define BYTES_HANDOFF_HAS_IMMEDIATE_EXECUTOR
#endif

#define BYTES_HANDOFF_FLAVOUR asio_flavour
#if defined(ASIO_HAS_PIPE)
#define BYTES_HANDOFF_HAS_PIPE
#endif
#if defined(ASIO_HAS_POSIX_STREAM_DESCRIPTOR)
#define BYTES_HANDOFF_HAS_DESCRIPTOR
#endif
#define BYTES_HANDOFF_HANDLER_LOCATION(name) ASIO_HANDLER_LOCATION((__FILE__, __LINE__, name))

namespace bytes_handoff {
namespace net = ::asio;
using net_error_code = ::asio::error_code;
using net_system_error = ::asio::system_error;
}  // namespace bytes_handoff

#elif defined(BYTES_HANDOFF_BOOST_ASIO)

#if !__has_include(<boost/asio/any_io_executor.hpp>)
#error \
    "bytes_handoff::boost_asio needs the headers of Boost: install them (Debian: libboost1.81-dev), or link bytes_handoff::asio"
#include <the line above says what to do>
#elif !__has_include(<boost/asio/associated_cancellation_slot.hpp>)
#error "bytes_handoff::boost_asio needs Boost 1.81 or later: install it (Debian: libboost1.81-dev)"
#include <the line above says what to do>
#endif

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_writable_pipe.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/buffered_read_stream_fwd.hpp>
#include <boost/asio/buffered_stream_fwd.hpp>
#include <boost/asio/buffered_write_stream_fwd.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/require.hpp>
#include <boost/asio/ssl/stream_base.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#if __has_include(<boost/asio/deferred.hpp>)
#include <boost/asio/deferred.hpp>
#define BYTES_HANDOFF_HAS_DEFERRED
#endif
#if __has_include(<boost/asio/associated_immediate_executor.hpp>)
#include <boost/asio/any_completion_executor.hpp>
#include <boost/asio/associated_immediate_executor.hpp>
#define BYTES_HANDOFF_HAS_IMMEDIATE_EXECUTOR
#endif

#define BYTES_HANDOFF_FLAVOUR boost_asio_flavour
#if defined(BOOST_ASIO_HAS_PIPE)
#define BYTES_HANDOFF_HAS_PIPE
#endif
#if defined(BOOST_ASIO_HAS_POSIX_STREAM_DESCRIPTOR)
#define BYTES_HANDOFF_HAS_DESCRIPTOR
#endif
#define BYTES_HANDOFF_HANDLER_LOCATION(name) BOOST_ASIO_HANDLER_LOCATION((__FILE__, __LINE__, name))

namespace bytes_handoff {
namespace net = ::boost::asio;
using net_error_code = ::boost::system::error_code;
using net_system_error = ::boost::system::system_error;
}  // namespace bytes_handoff

#else
#error \
    "This header needs Asio: link the CMake target bytes_handoff::asio or bytes_handoff::boost_asio"
#include <the line above says what to do>
#endif
