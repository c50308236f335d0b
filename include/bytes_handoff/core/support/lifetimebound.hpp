#pragma once

// Behind a member function whose result refers to what its object keeps alive: Clang warns where
// such a result outlives a temporary. Other compilers do not know it.
#if defined(__has_cpp_attribute)
#if __has_cpp_attribute(clang::lifetimebound)
#define BYTES_HANDOFF_LIFETIMEBOUND [[clang::lifetimebound]]
#endif
#endif
#if !defined(BYTES_HANDOFF_LIFETIMEBOUND)
#define BYTES_HANDOFF_LIFETIMEBOUND
#endif
