#pragma once

#include <asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace programs {

/// The flags of a program, each with its target and its rule.
///
/// A flag that is not given leaves its target as it is: that is the default, which `--help` shows.
/// Both `--flag VALUE` and `--flag=VALUE`; the last of several counts. The targets must outlive
/// this.
///
///     CommandLine line("sni_router", "Routes TLS connections by their server name.");
///     line.number("--max-connections", options.max_connections, 1, 1'000'000, "open at once");
///     if (const auto status = line.read(argc, argv)) return *status;
class CommandLine {
 public:
  CommandLine(std::string program, std::string description);

  /// A text. `needed`: it must be given, and not be empty.
  void text(std::string flag, std::string value, std::string& target, std::string what,
            bool needed = false);
  /// A whole number in plain decimal.
  void number(std::string flag, std::size_t& target, std::size_t least, std::size_t most,
              std::string what);
  /// Seconds in plain decimal, fractions allowed; `least` and a day at most.
  void seconds(std::string flag, std::chrono::nanoseconds& target, std::chrono::nanoseconds least,
               std::string what);
  /// A numeric address and a port.
  void endpoint(std::string flag, asio::ip::tcp::endpoint& target, std::string what);
  /// Endpoints with commas between them, no port 0. At least one must be given.
  void endpoints(std::string flag, std::vector<asio::ip::tcp::endpoint>& target, std::string what);
  /// A flag without a value.
  void set(std::string flag, bool& target, std::string what);

  /// Sets the targets. Returns an exit status if nothing is to be run.
  ///
  /// 0: behind `--help`, which is printed on standard output. 2: for wrong arguments. Then one line
  /// on standard error names what is wrong, and the rule.
  [[nodiscard]] std::optional<int> read(int argc, const char* const* argv);

  /// Prints one line for what only the program knows to be wrong. The exit status 2.
  int refuse(std::string_view what) const;

 private:
  /// Sets the target, or returns the rule that the text breaks.
  using Setter = std::function<std::optional<std::string>(const std::string& text)>;
  struct Flag {
    std::string name;
    std::string value;  // empty: it takes none
    std::string what;
    Setter set;
    bool is_needed = false;
    bool is_given = false;
  };

  void add(std::string name, std::string value, std::string what, const std::string& by_default,
           Setter set);
  [[nodiscard]] Flag* find(std::string_view name);
  [[nodiscard]] std::optional<std::string> take(const std::vector<std::string>& words);
  void print_help() const;

  std::string program_;
  std::string description_;
  std::vector<Flag> flags_;
};

/// A numeric address and a port: `127.0.0.1:8443`, `[::1]:8443`. Nothing for anything else.
[[nodiscard]] std::optional<asio::ip::tcp::endpoint> parse_endpoint(std::string_view text);
/// The inverse.
[[nodiscard]] std::string to_text(const asio::ip::tcp::endpoint& endpoint);

/// The rule of an endpoint, for messages.
inline constexpr const char* kEndpointRule =
    "must be a numeric IPv4:PORT or [IPv6]:PORT, the port at most 65535";

}  // namespace programs
