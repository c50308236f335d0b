#include "bytes_handoff/message_stream.hpp"

#include "bytes_handoff/core/memory/tagged.hpp"

namespace bytes_handoff {
namespace {

// What goes into one piece with its tag in any case.
constexpr std::size_t kAlwaysCopied = 256;

bool is_worth_keeping(detail::Owner* owner, std::size_t size) noexcept {
  return size > kAlwaysCopied &&
         (size > detail::TaggedOwner::kMostCopied ||
          detail::is_tight(detail::retained_by(owner) + detail::TaggedOwner::footprint_of_keeper(),
                           size));
}

}  // namespace

Bytes tag_message(const Bytes& content, MessageTag tag) {
  detail::Owner* owner = detail::BytesAccess::owner(content);
  if (auto* const tagged = detail::TaggedOwner::of(owner); tagged && !tagged->is_copy()) {
    owner = tagged->kept();
  }
  if (is_worth_keeping(owner, content.size())) {
    return detail::BytesAccess::adopt(content.data(), content.size(),
                                      detail::TaggedOwner::keep(owner, tag));
  }
  auto* const copy = detail::TaggedOwner::copy_of(content.span(), tag);
  return detail::BytesAccess::adopt(copy->data(), content.size(), copy);
}

MessageTag message_tag(const Bytes& bytes) noexcept {
  return detail::tag_of(detail::BytesAccess::owner(bytes));
}

}  // namespace bytes_handoff
