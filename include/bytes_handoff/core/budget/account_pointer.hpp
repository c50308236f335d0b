#pragma once

#include "bytes_handoff/core/support/counted_pointer.hpp"

namespace bytes_handoff::detail {

class MemberAccount;

/// Counts the members that use an account.
struct AccountReference {
  static void add(MemberAccount* account) noexcept;
  static void drop(MemberAccount* account) noexcept;
};
using AccountPointer = CountedPointer<MemberAccount, AccountReference>;

}  // namespace bytes_handoff::detail
