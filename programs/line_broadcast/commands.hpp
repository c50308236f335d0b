#pragma once

#include <bytes_handoff/expected.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace line_broadcast {

enum class Word : std::uint8_t { ping, sub, unsub, pub };

/// What a client asks for in a line.
struct Command {
  Word word = Word::ping;
  std::string_view topic;  ///< a part of the line; none for PING
  /// Of PUB: where the topic begins in the line. From there to its end it is what subscribers get.
  std::size_t publication = 0;
};

/// Bytes of a topic's name.
inline constexpr std::size_t kLongestTopic = 64;

/// Whether it can name a topic: letters, digits and `._-:/`. A word that begins a line of the
/// server cannot: `PONG`, `ERR`, `missed`.
[[nodiscard]] bool is_topic(std::string_view text) noexcept;

/// Reads a line with its LF: `PING`, `SUB topic`, `UNSUB topic`, `PUB topic text`. One space is
/// between words. A CR in front of the LF belongs to the end of the line, or to the text of a PUB.
///
/// Errors: what is wrong, for the client and the log. It has no bytes of the line.
[[nodiscard]] bytes_handoff::expected<Command, std::string_view> parse_command(
    std::string_view line) noexcept;

}  // namespace line_broadcast
