#include "resp_router/requests.hpp"

#include <algorithm>
#include <array>
#include <bytes_handoff/bytes_mut.hpp>
#include <charconv>
#include <utility>

namespace programs {

using bytes_handoff::Bytes;
using bytes_handoff::BytesMut;

namespace {

// Commands whose first argument is their only key.
constexpr auto kOneKeyCommands = std::to_array<std::string_view>({
    "APPEND",
    "BITCOUNT",
    "BITFIELD",
    "BITFIELD_RO",
    "BITPOS",
    "DECR",
    "DECRBY",
    "DUMP",
    "EXPIRE",
    "EXPIREAT",
    "EXPIRETIME",
    "GEOADD",
    "GEODIST",
    "GEOHASH",
    "GEOPOS",
    "GEOSEARCH",
    "GET",
    "GETBIT",
    "GETDEL",
    "GETEX",
    "GETRANGE",
    "GETSET",
    "HDEL",
    "HEXISTS",
    "HGET",
    "HGETALL",
    "HINCRBY",
    "HINCRBYFLOAT",
    "HKEYS",
    "HLEN",
    "HMGET",
    "HMSET",
    "HRANDFIELD",
    "HSCAN",
    "HSET",
    "HSETNX",
    "HSTRLEN",
    "HVALS",
    "INCR",
    "INCRBY",
    "INCRBYFLOAT",
    "LINDEX",
    "LINSERT",
    "LLEN",
    "LPOP",
    "LPOS",
    "LPUSH",
    "LPUSHX",
    "LRANGE",
    "LREM",
    "LSET",
    "LTRIM",
    "PERSIST",
    "PEXPIRE",
    "PEXPIREAT",
    "PEXPIRETIME",
    "PFADD",
    "PSETEX",
    "PTTL",
    "RESTORE",
    "RPOP",
    "RPUSH",
    "RPUSHX",
    "SADD",
    "SCARD",
    "SET",
    "SETBIT",
    "SETEX",
    "SETNX",
    "SETRANGE",
    "SISMEMBER",
    "SMEMBERS",
    "SMISMEMBER",
    "SPOP",
    "SRANDMEMBER",
    "SREM",
    "SSCAN",
    "STRLEN",
    "SUBSTR",
    "TTL",
    "TYPE",
    "XACK",
    "XADD",
    "XAUTOCLAIM",
    "XCLAIM",
    "XDEL",
    "XLEN",
    "XPENDING",
    "XRANGE",
    "XREVRANGE",
    "XTRIM",
    "ZADD",
    "ZCARD",
    "ZCOUNT",
    "ZINCRBY",
    "ZLEXCOUNT",
    "ZMSCORE",
    "ZPOPMAX",
    "ZPOPMIN",
    "ZRANDMEMBER",
    "ZRANGE",
    "ZRANGEBYLEX",
    "ZRANGEBYSCORE",
    "ZRANK",
    "ZREM",
    "ZREMRANGEBYLEX",
    "ZREMRANGEBYRANK",
    "ZREMRANGEBYSCORE",
    "ZREVRANGE",
    "ZREVRANGEBYLEX",
    "ZREVRANGEBYSCORE",
    "ZREVRANK",
    "ZSCAN",
    "ZSCORE",
});

constexpr std::size_t kLongestName = 16;
constexpr std::size_t kLongestShown = 128;
constexpr std::size_t kMostSlices = 64;  // of a reply; more of them are copied into one

/// A name in capitals as two numbers.
using PackedName = std::array<std::uint64_t, 2>;
/// Precondition: at most `kLongestName` characters.
[[nodiscard]] constexpr PackedName packed(std::string_view name) noexcept {
  PackedName packed{};
  for (std::size_t i = 0; i < name.size(); ++i) {
    const auto c = static_cast<unsigned char>(name[i]);
    const bool is_small = c >= 'a' && c <= 'z';
    packed[i / 8] = packed[i / 8] << 8 | static_cast<std::uint64_t>(is_small ? c - 'a' + 'A' : c);
  }
  return packed;
}

struct Command {
  PackedName name;
  Route route = Route::unknown;
};
constexpr auto kOthers = std::to_array<Command>({
    {packed("MGET"), Route::values},
    {packed("MSET"), Route::all_ok},
    {packed("DEL"), Route::sum},
    {packed("EXISTS"), Route::sum},
    {packed("UNLINK"), Route::sum},
    {packed("TOUCH"), Route::sum},
    {packed("PING"), Route::ping},
    {packed("ECHO"), Route::echo},
    {packed("QUIT"), Route::quit},
});

/// Commands by their names, in a table with open addressing. Free places are unknown commands.
class CommandTable {
 public:
  constexpr CommandTable() {
    for (const std::string_view name : kOneKeyCommands) add({packed(name), Route::one_key});
    for (const Command& other : kOthers) add(other);
  }
  [[nodiscard]] constexpr Route route_of(const PackedName& name) const noexcept {
    return places_[place_of(name)].route;
  }

 private:
  static constexpr std::size_t kBits = 8;
  static_assert(kOneKeyCommands.size() + kOthers.size() < (1U << kBits) / 2);

  constexpr void add(const Command& command) noexcept { places_[place_of(command.name)] = command; }
  // Where it is, or could be.
  [[nodiscard]] constexpr std::size_t place_of(const PackedName& name) const noexcept {
    constexpr std::uint64_t kMixer = 0x9e3779b97f4a7c15;
    std::size_t at = static_cast<std::size_t>((name[0] ^ (name[1] >> 7)) * kMixer >> (64 - kBits));
    while (places_[at].route != Route::unknown && places_[at].name != name) {
      at = (at + 1) % places_.size();
    }
    return at;
  }

  std::array<Command, 1U << kBits> places_{};
};
constexpr CommandTable kCommands;

[[nodiscard]] char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

[[nodiscard]] Route route_of_name(std::string_view name) {
  return name.size() > kLongestName ? Route::unknown : kCommands.route_of(packed(name));
}

[[nodiscard]] bool has_arguments(Route route, std::size_t n) noexcept {
  switch (route) {
    case Route::ping:
      return n <= 1;
    case Route::echo:
      return n == 1;
    case Route::all_ok:
      return n >= 2 && n % 2 == 0;
    case Route::quit:
      return true;
    default:
      return n >= 1;
  }
}

[[nodiscard]] std::size_t values_a_key(Route route) noexcept {
  return route == Route::all_ok ? 2 : 1;
}

[[nodiscard]] Bytes part_of(const Bytes& whole, std::size_t first, std::size_t last) {
  return *whole.slice(first, last - first);
}

[[nodiscard]] Bytes array_header(std::size_t n) {
  return Bytes::copy_of("*" + std::to_string(n) + "\r\n");
}

/// Whether `next` is what follows `slice` in memory. Then both are one part of `whole`.
[[nodiscard]] bool append_neighbour(Bytes& slice, const Bytes& next, const Bytes& whole) {
  if (slice.empty() || slice.end() != next.begin()) return false;
  const auto first = static_cast<std::size_t>(slice.begin() - whole.begin());
  slice = part_of(whole, first, first + slice.size() + next.size());
  return true;
}

[[nodiscard]] Bytes copy_all(const std::vector<Bytes>& slices) {
  std::size_t size = 0;
  for (const Bytes& slice : slices) size += slice.size();
  BytesMut all = BytesMut::with_capacity(size);
  for (const Bytes& slice : slices) all.extend(slice.span());
  return std::move(all).freeze();
}

}  // namespace

Route route_of(std::string_view request, const std::vector<RespValue>& values) {
  const Route route = route_of_name(values[1].text(request));
  if (route == Route::unknown) return route;
  return has_arguments(route, values.size() - 2) ? route : Route::too_few;
}

bool inline_to_array(Bytes& request, RespFramer& words) {
  const auto found = split_inline(request.view());
  if (!found) return false;
  request = Bytes::from_owner(make_request(*found));
  return words.scan(request.span()).is_complete();
}

Bytes answer_here(const Bytes& request, const std::vector<RespValue>& values, Route route) {
  switch (route) {
    case Route::ping:
      if (values.size() == 2) return Bytes::from_static("+PONG\r\n");
      [[fallthrough]];
    case Route::echo:
      return part_of(request, values[2].first, values[2].last());
    case Route::quit:
      return Bytes::from_static("+OK\r\n");
    default:
      break;
  }
  std::string name(values[1].text(request.view()).substr(0, kLongestShown));
  if (route != Route::too_few) {
    return error_reply("unknown command '" + name + "', or one that cannot be routed");
  }
  std::ranges::transform(name, name.begin(), &lower);
  return error_reply("wrong number of arguments for '" + name + "' command");
}

std::size_t server_of(std::string_view key, std::size_t servers) noexcept {
  std::uint32_t hash = 2166136261;
  for (const char c : key) {
    hash ^= static_cast<std::uint32_t>(static_cast<int>(c));
    hash *= 16777619;
  }
  return hash % static_cast<std::uint32_t>(servers);
}

std::vector<RequestPart> split_request(const Bytes& request, const std::vector<RespValue>& values,
                                       Route route, std::size_t servers) {
  const std::size_t each = values_a_key(route);
  std::vector<RequestPart> of_server(servers);
  for (std::size_t i = 2; i < values.size(); i += each) {
    const std::size_t server = server_of(values[i].text(request.view()), servers);
    of_server[server].server = server;
    of_server[server].keys.push_back(static_cast<std::uint32_t>((i - 2) / each));
  }
  std::erase_if(of_server, [](const RequestPart& part) { return part.keys.empty(); });
  if (of_server.size() == 1) {
    of_server[0].slices.push_back(request);
    return of_server;
  }
  for (RequestPart& part : of_server) {
    part.slices.push_back(array_header(1 + part.keys.size() * each));
    part.slices.push_back(part_of(request, values[1].first, values[1].last()));
    for (const std::uint32_t key : part.keys) {
      const std::size_t i = 2 + key * each;
      Bytes next = part_of(request, values[i].first, values[i + each - 1].last());
      if (!append_neighbour(part.slices.back(), next, request)) {
        part.slices.push_back(std::move(next));
      }
    }
    if (part.slices.size() > kMostSlices) part.slices = {copy_all(part.slices)};
  }
  return of_server;
}

JoinedReply::JoinedReply(Route route, const std::vector<RequestPart>& parts)
    : route_(route), missing_(parts.size()) {
  std::size_t keys = 0;
  for (const RequestPart& part : parts) {
    keys_.push_back(part.keys);
    keys += part.keys.size();
  }
  if (route_ == Route::values) values_.resize(keys);
}

bool JoinedReply::add(std::size_t part, const Bytes& reply, const std::vector<RespValue>& values) {
  const RespValue& first = values.front();
  bool is_good = false;
  if (route_ == Route::values) {
    is_good = add_values(keys_[part], reply, values);
  } else if (route_ == Route::sum) {
    is_good = add_number(reply, first);
  } else {
    is_good = reply == "+OK\r\n";
  }
  if (!is_good && error_.empty()) {
    error_ = first.type == '-' ? reply : error_reply("a server sent another reply than is joined");
  }
  return --missing_ == 0;
}

bool JoinedReply::add_values(const std::vector<std::uint32_t>& keys, const Bytes& reply,
                             const std::vector<RespValue>& values) {
  if (values.front().type != '*' || values.size() != 1 + keys.size()) return false;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const RespValue& value = values[i + 1];
    if (value.type == '*') return false;
    values_[keys[i]] = part_of(reply, value.first, value.last());
  }
  return true;
}

bool JoinedReply::add_number(const Bytes& reply, const RespValue& value) {
  const std::string_view digits = value.text(reply.view());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.begin(), digits.end(), number);
  sum_ += number;
  return value.type == ':' && error == std::errc() && end == digits.end();
}

std::vector<Bytes> JoinedReply::take() {
  if (!error_.empty()) return {std::move(error_)};
  if (route_ == Route::all_ok) return {Bytes::from_static("+OK\r\n")};
  if (route_ == Route::sum) return {Bytes::copy_of(":" + std::to_string(sum_) + "\r\n")};
  std::vector<Bytes> slices = {array_header(values_.size())};
  std::ranges::move(values_, std::back_inserter(slices));
  if (slices.size() > kMostSlices) slices = {copy_all(slices)};
  return slices;
}

Bytes error_reply(std::string_view text) {
  std::string line = "-ERR ";
  // What a client sent may be in it: only one line, whatever that was.
  for (const char c : text) line += c >= ' ' && c != '\x7f' ? c : '?';
  return Bytes::copy_of(line + "\r\n");
}

}  // namespace programs
