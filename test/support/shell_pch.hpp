#pragma once

// What every test of the shell needs and never changes: Asio, GoogleTest, the standard library.

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "support/asio.hpp"
