#include "support/deadline.hpp"

#include <asio/system_error.hpp>

namespace programs {

void Stop::throw_if_told() const {
  if (is_told_) throw asio::system_error(asio::error::operation_aborted);
}

Deadlines::Deadlines(asio::io_context& context, std::chrono::nanoseconds length)
    : length_(length), timer_(context) {}

Deadlines::~Deadlines() {
  while (!all_.is_alone()) all_.next()->leave();
}

void Deadlines::watch() {
  is_watching_ = true;
  timer_.expires_at(static_cast<Deadline*>(all_.next())->at_);
  timer_.async_wait([this](const asio::error_code& error) {
    is_watching_ = false;
    if (!error) look();
  });
}

void Deadlines::look() {
  const auto now = steady_timer::clock_type::now();
  while (!all_.is_alone()) {
    auto& first = *static_cast<Deadline*>(all_.next());
    if (first.at_ > now) return watch();
    first.leave();
    first.is_over_ = true;
    first.stop_.interrupt();
  }
}

Deadline::Deadline(Deadlines& of, Stop& stop)
    : stop_(stop), at_(steady_timer::clock_type::now() + of.length_) {
  join(of.all_);
  if (!of.is_watching_) of.watch();
}

}  // namespace programs
