// Subscribers to topics, over TCP. A publisher's line is kept once, and written to all subscribers
// of its topic as a slice of what was read.
#include <bytes_handoff.hpp>
#include <map>
#include <stdexcept>

#include "line_broadcast/commands.hpp"
#include "line_broadcast/options.hpp"
#include "line_broadcast/topic.hpp"
#include "support/as_tuple.hpp"
#include "support/service.hpp"

namespace line_broadcast {
namespace {

using bytes_handoff::Bytes;
using bytes_handoff::HandoffBuffer;
using bytes_handoff::Subscription;
using bytes_handoff::WriteHandoff;
using programs::awaitable;
using programs::Connection;
using programs::ConnectionPointer;
using programs::tcp;

constexpr auto kToken = programs::as_tuple(programs::use_awaitable);
const bytes_handoff::LingerLimits kLinger{.silence = std::chrono::seconds(1),
                                          .whole = std::chrono::seconds(10)};

struct Client {
  struct Place {
    std::shared_ptr<Topic> topic;
    Subscription subscription;
  };

  Client(Connection& connection, const Options& options)
      : stop(connection.stop),
        socket(std::make_shared<tcp::socket>(std::move(connection.client))),
        in({.max_size = options.max_line + 64 * 1024}),
        out(socket, options.queue()) {
    asio::error_code ignored;
    socket->set_option(tcp::socket::keep_alive(true), ignored);  // a subscriber may only listen
  }

  programs::Stop& stop;
  const std::shared_ptr<tcp::socket> socket;
  HandoffBuffer in;
  const WriteHandoff out;
  std::map<std::string, Place, std::less<>> places;
};

class Broadcast {
 public:
  explicit Broadcast(const Options& options) : options_(options) {}

  int run() {
    return service_.run(
        [this](ConnectionPointer connection) { return serve(std::move(connection)); });
  }

  [[nodiscard]] programs::Statistics statistics() const {
    programs::Statistics all = service_.statistics();
    all.insert(all.end(), {{"lines_published", published_},
                           {"lines_without_subscribers", unheard_},
                           {"lines_queued", given_},
                           {"lines_missed", missed_},
                           {"bytes_sent", sent_bytes_},
                           {"slow_consumers_ended", slow_},
                           {"stalled_connections_ended", stalled_},
                           {"refused_connections", refused_},
                           {"connections_cut_at_end", cut_}});
    return all;
  }

 private:
  awaitable<void> serve(ConnectionPointer connection) {
    Client client(*connection, options_);
    bytes_handoff::DelimiterFramer lines(
        "\n", {.max_content = options_.max_line, .keep_delimiter = true});
    asio::error_code end;
    std::string problem;
    while (!end && problem.empty()) {
      if (client.stop.is_told()) break;
      const auto [error, n] = co_await client.in.async_wait_frame(*client.socket, lines, client.out,
                                                                  client.stop.token());
      end = n == 0 && !error ? asio::error::eof : error;
      if (!end) problem = co_await take_all(client, lines);
    }
    if (end == bytes_handoff::Errc::frame_too_long) {
      problem = "a line has more than " + std::to_string(options_.max_line) + " bytes";
    } else if (end == bytes_handoff::Errc::truncated_frame) {
      problem = "the last line has no end";
    }
    const bool is_cut =
        problem.empty() && end && end != asio::error::eof && end != asio::error::operation_aborted;
    if (is_cut) {
      client.out.abort();
    } else {
      co_await finish(client, problem, end == asio::error::eof);
    }
    count(client);
    if (!problem.empty()) throw std::runtime_error(problem);
    if (is_cut) throw std::runtime_error(reason(end));
  }

  // All lines that have been read. Empty, or what is wrong with one of them.
  awaitable<std::string> take_all(Client& client, bytes_handoff::DelimiterFramer& lines) {
    for (Bytes& line : client.in.frames(lines)) {
      const auto command = parse_command(line.view());
      if (!command) co_return std::string(command.error());
      if (command->word == Word::pub) {
        const std::shared_ptr<Topic> topic = publish(line, *command);
        while (topic && topic->is_ahead()) co_await topic->until_given();
      } else if (command->word == Word::ping) {
        Bytes pong = Bytes::from_static("PONG\n");
        co_await client.out.async_write(pong, client.stop.token());
      } else if (command->word == Word::unsub) {
        leave(client, command->topic);
      } else if (std::string problem = join(client, command->topic); !problem.empty()) {
        co_return problem;
      }
      if (client.stop.is_told()) break;
    }
    co_return std::string();
  }

  // The topic, if somebody subscribes to it.
  std::shared_ptr<Topic> publish(Bytes& line, const Command& command) {
    const auto found = topics_.find(std::string(command.topic));
    ++published_;
    if (found == topics_.end()) {
      ++unheard_;
      return nullptr;
    }
    auto topic = found->second.lock();
    line.advance(command.publication);
    if (!topic->publish(line)) throw std::runtime_error("a line does not fit its topic");
    return topic;
  }

  std::string join(Client& client, std::string_view name) {
    if (client.places.contains(name)) return {};
    if (client.places.size() >= options_.max_subscriptions) {
      return "a connection may have " + std::to_string(options_.max_subscriptions) + " topics";
    }
    const std::string key(name);
    const auto found = topics_.find(key);
    std::shared_ptr<Topic> topic;
    if (found != topics_.end()) {
      topic = found->second.lock();
    } else if (topics_.size() >= options_.max_topics) {
      return "there are " + std::to_string(options_.max_topics) + " topics already";
    } else {
      const bytes_handoff::FanOutConfig config{.max_bytes = options_.topic_bytes,
                                               .max_entries = options_.topic_lines};
      topic = std::make_shared<Topic>(topics_, key, config, nowhere_);
      topics_.emplace(key, topic);
    }
    Subscription subscription = topic->log.subscribe(client.out, options_.policy(key));
    client.places.emplace(key, Client::Place{std::move(topic), std::move(subscription)});
    return {};
  }

  void leave(Client& client, std::string_view name) {
    const auto place = client.places.find(name);
    if (place == client.places.end()) return;
    missed_ += place->second.subscription.missed();
    client.places.erase(place);
  }

  // In order: with what was published for it, or with why it is ended.
  awaitable<void> finish(Client& client, const std::string& problem, bool has_peer_ended) {
    programs::steady_timer limit(service_.context(), options_.end_limit);
    limit.async_wait([out = client.out](const asio::error_code& error) {
      if (!error) out.abort();
    });
    if (problem.empty()) {
      for (const auto& [name, place] : client.places) {
        co_await place.subscription.async_caught_up(kToken);
      }
    } else {
      ++refused_;
      while (!client.places.empty()) leave(client, client.places.begin()->first);
      Bytes line = Bytes::from_owner("ERR " + problem + "\n");
      co_await client.out.async_write(line, kToken);
    }
    const auto [error] = co_await client.out.async_close(kToken);
    if (error) ++cut_;
    // It may still send: the last lines must not be lost by a reset.
    if (!error && !has_peer_ended) co_await async_linger(*client.socket, kLinger, kToken);
  }

  void count(Client& client) {
    while (!client.places.empty()) leave(client, client.places.begin()->first);
    const auto statistics = client.out.statistics();
    given_ += statistics.admitted_items;
    sent_bytes_ += statistics.written_bytes;
  }

  std::string reason(const asio::error_code& end) {
    if (end == bytes_handoff::Errc::slow_consumer) {
      ++slow_;
      return "it is too slow for its topics";
    }
    if (end == bytes_handoff::Errc::timed_out) {
      ++stalled_;
      return "it takes none of its lines";
    }
    return end.message();
  }

  const Options& options_;
  Topics topics_;
  programs::Service service_{"line_broadcast", options_.service};
  const WriteHandoff nowhere_{
      std::make_shared<Nowhere>(service_.context().get_executor()),
      {.max_items = options_.topic_lines, .max_pending_bytes = options_.topic_bytes},
      bytes_handoff::leave_open};
  std::uint64_t published_ = 0, unheard_ = 0, given_ = 0, missed_ = 0, sent_bytes_ = 0;
  std::uint64_t slow_ = 0, stalled_ = 0, refused_ = 0, cut_ = 0;
};

int run(int argc, char** argv) {
  Options options;
  programs::CommandLine line(
      "line_broadcast",
      "Lines that are published on topics, for many subscribers: SUB topic, UNSUB topic,\n"
      "PUB topic text, PING. Ends with SIGINT or SIGTERM, and prints key=value lines then.");
  options.declare(line);
  if (const auto status = line.read(argc, argv)) return *status;
  if (const auto problem = options.problem()) return line.refuse(*problem);
  Broadcast broadcast(options);
  const int status = broadcast.run();
  if (status == 0) programs::print(broadcast.statistics());
  return status;
}

}  // namespace
}  // namespace line_broadcast

int main(int argc, char** argv) { return line_broadcast::run(argc, argv); }
