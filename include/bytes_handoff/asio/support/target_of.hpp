#pragma once

#include <typeinfo>

#include "bytes_handoff/asio/support/net.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// What an erased executor is, if it is of that type; null if it is of another one, is empty, or
/// the program has no type information. Asio 1.22 does not look at the type.
template <class Executor>
[[nodiscard]] const Executor* target_of(const net::any_io_executor& executor) noexcept {
#if defined(ASIO_NO_TYPEID) || defined(BOOST_ASIO_NO_TYPEID)
  return nullptr;
#else
  return executor.target_type() == typeid(Executor) ? executor.template target<Executor>()
                                                    : nullptr;
#endif
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
