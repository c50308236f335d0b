#pragma once

namespace stream_harness {

/// Makes malloc keep what is freed for the next wave, where it can be told to (glibc). Otherwise
/// the streams and buffers that each wave frees go back to the system and are faulted in again by
/// the next, which costs more than moving the bytes does. A limit that the environment sets
/// (`MALLOC_TRIM_THRESHOLD_`, `MALLOC_MMAP_THRESHOLD_`) is left as it is. To be called before any
/// thread is started.
void keep_freed_memory() noexcept;

}  // namespace stream_harness
