#pragma once

#include <cstdint>
#include <memory>

#include "bytes_handoff/detail/net.hpp"
#include "bytes_handoff/impl/duplex_link.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// What an operation leaves in its handler's cancellation slot. It may be triggered at any time,
/// after the operation and the streams are gone too.
class DuplexCancel {
 public:
  DuplexCancel(const std::shared_ptr<DuplexLink>& link, DuplexSide side, std::uint64_t id) noexcept
      : link_(link), side_(side), id_(id) {}

  void operator()(net::cancellation_type_t type) {
    constexpr auto kServed = net::cancellation_type::terminal | net::cancellation_type::partial |
                             net::cancellation_type::total;
    if ((type & kServed) == net::cancellation_type::none) return;
    if (const auto link = link_.lock()) link->cancel(side_, id_);
  }

 private:
  std::weak_ptr<DuplexLink> link_;
  DuplexSide side_;
  std::uint64_t id_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
