#pragma once

#include "bytes_handoff/asio/support/net.hpp"

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

#if defined(BYTES_HANDOFF_HAS_DEFERRED)
/// The completion token of an operation of a queue or a ticket that is given none: Asio's
/// `deferred`, which gives an operation to be started later. Asio before 1.25 has it only under
/// `experimental`: there a token must be given.
using DefaultToken = net::deferred_t;
#else
struct DefaultToken {
  DefaultToken() = delete;  // this Asio has `deferred` only under `experimental`: give a token
};
#endif

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff
