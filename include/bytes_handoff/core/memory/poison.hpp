#pragma once

// Under AddressSanitizer: memory that was given up inside of a living block. A view that is kept
// over a mutator is seen where it is used, and not only once the block is freed.
//
// Only who owns a part of a block alone gives it up: a region, or a buffer. No slice shares it. The
// owner of all references takes the whole block up again, before it is used anew or goes back to
// where it came from.
//
// The package decides, as it was compiled: in others this does nothing.

#include <cstddef>

#include "bytes_handoff/core/support/abi.hpp"

namespace bytes_handoff::detail {

#if BYTES_HANDOFF_POISONS
void give_up(const std::byte* data, std::size_t size) noexcept;
void take_up(const std::byte* data, std::size_t size) noexcept;
#else
inline void give_up(const std::byte*, std::size_t) noexcept {}
inline void take_up(const std::byte*, std::size_t) noexcept {}
#endif

}  // namespace bytes_handoff::detail
