#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/writer_pointer.hpp"
#include "bytes_handoff/config.hpp"
#include "bytes_handoff/core/observing/registry_state.hpp"
#include "bytes_handoff/statistics.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// A queue's place in its registry.
class RegistrySeat final : public RegistryMember {
 public:
  /// Null without a registry. Throws std::bad_alloc.
  [[nodiscard]] static std::unique_ptr<RegistrySeat> make(WriterBase& writer,
                                                          const WriteHandoffConfig& config) {
    return config.registry.valid()
               ? std::make_unique<RegistrySeat>(writer, RegistryAccess::state(config.registry))
               : nullptr;
  }

  RegistrySeat(WriterBase& writer, std::shared_ptr<QueueRegistryState> state) noexcept
      : writer_(&writer), state_(std::move(state)) {}

  /// From when the writer is whole, until it is destroyed.
  void enter() noexcept {
    state_->enter(*this);
    is_entered_ = true;
  }
  void leave() noexcept {
    if (std::exchange(is_entered_, false)) {
      state_->leave(*this);
    }
  }

  // Defined where the writer is known.
  [[nodiscard]] bool try_hold() noexcept override;
  [[nodiscard]] WriteStatistics last_statistics() noexcept override;
  void let_go() noexcept override;
  [[nodiscard]] WriteStatistics statistics() noexcept override;
  [[nodiscard]] bool has_ended() const noexcept override;
  [[nodiscard]] std::string_view name() const noexcept override;

 private:
  WriterBase* writer_;
  std::shared_ptr<QueueRegistryState> state_;
  bool is_entered_ = false;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
