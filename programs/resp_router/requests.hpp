#pragma once

// What a request asks of a router: of one server, of several, of none.

#include <bytes_handoff/bytes.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "support/resp_framer.hpp"

namespace programs {

/// Where a command goes, and how the replies of several servers become one.
enum class Route : std::uint8_t {
  one_key,  ///< to the server of its first key
  values,   ///< `MGET`: to the servers of its keys; the values in the order of the keys
  all_ok,   ///< `MSET`: the same with keys and values; `OK` if all say so
  sum,      ///< `DEL` and the like: the same; the sum of what they say
  ping,     ///< answered here
  echo,     ///< answered here
  quit,     ///< answered here; the connection ends behind it
  too_few,  ///< one of those above, without the arguments that it needs
  unknown,  ///< nobody can tell where it goes
};

/// `values`: of a whole request that is no inline one.
[[nodiscard]] Route route_of(std::string_view request, const std::vector<RespValue>& values);

[[nodiscard]] constexpr bool is_split(Route route) noexcept {
  return route == Route::values || route == Route::all_ok || route == Route::sum;
}

/// Makes an inline request an array, which `words` has scanned then. False: its quotes do not fit.
[[nodiscard]] bool inline_to_array(bytes_handoff::Bytes& request, RespFramer& words);

/// The reply to a request that no server gets: what is asked here, or an error.
[[nodiscard]] bytes_handoff::Bytes answer_here(const bytes_handoff::Bytes& request,
                                               const std::vector<RespValue>& values, Route route);

/// Which of `servers` has a key. The same as nutcracker's with `hash: fnv1a_32` and `distribution:
/// modula`, if all have the same weight.
[[nodiscard]] std::size_t server_of(std::string_view key, std::size_t servers) noexcept;

/// A part of a request with several keys.
struct RequestPart {
  std::size_t server = 0;
  std::vector<bytes_handoff::Bytes> slices;  ///< of one request. They share the memory of the whole
  std::vector<std::uint32_t> keys;           ///< which of the keys, counted from 0
};

/// The parts of a request whose route is `values`, `all_ok` or `sum`. If all keys are on one server
/// that is one part, of the whole request.
[[nodiscard]] std::vector<RequestPart> split_request(const bytes_handoff::Bytes& request,
                                                     const std::vector<RespValue>& values,
                                                     Route route, std::size_t servers);

/// The replies of several servers to the parts of one request.
class JoinedReply {
 public:
  JoinedReply(Route route, const std::vector<RequestPart>& parts);

  /// Takes the reply to one part. True: it was the last.
  bool add(std::size_t part, const bytes_handoff::Bytes& reply,
           const std::vector<RespValue>& values);

  /// The reply to the whole, once all were added. It is an error if one of them was, or was no
  /// reply to such a request.
  [[nodiscard]] std::vector<bytes_handoff::Bytes> take();

 private:
  [[nodiscard]] bool add_values(const std::vector<std::uint32_t>& keys,
                                const bytes_handoff::Bytes& reply,
                                const std::vector<RespValue>& values);
  [[nodiscard]] bool add_number(const bytes_handoff::Bytes& reply, const RespValue& value);

  Route route_;
  std::vector<std::vector<std::uint32_t>> keys_;  // of each part
  std::size_t missing_;
  std::vector<bytes_handoff::Bytes> values_;  // in the order of the keys
  std::uint64_t sum_ = 0;
  bytes_handoff::Bytes error_;
};

/// An error reply of one line.
[[nodiscard]] bytes_handoff::Bytes error_reply(std::string_view text);

}  // namespace programs
