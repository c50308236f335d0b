#pragma once

// Runs a program to its end and keeps what it printed.

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace bytes_handoff::test {

struct ChildResult {
  int exit_status = -1;  ///< -1: it did not end by itself
  std::string standard_output;
  std::string standard_error;
};

namespace child_process_detail {

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

inline std::string contents(std::FILE* file) {
  std::string text;
  std::array<char, 4096> piece;
  std::rewind(file);
  for (std::size_t n = 0; (n = std::fread(piece.data(), 1, piece.size(), file)) != 0;) {
    text.append(piece.data(), n);
  }
  return text;
}

}  // namespace child_process_detail

/// Runs `program` with `arguments` and waits for it. Output goes through unnamed temporary files,
/// so a child that prints much cannot block.
inline ChildResult run_child(const std::string& program, std::vector<std::string> arguments) {
  using child_process_detail::File;
  const File out(std::tmpfile(), &std::fclose);
  const File err(std::tmpfile(), &std::fclose);
  arguments.insert(arguments.begin(), program);
  std::vector<char*> argv;
  for (std::string& argument : arguments) {
    argv.push_back(argument.data());
  }
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, fileno(out.get()), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, fileno(err.get()), STDERR_FILENO);
  ChildResult result;
  pid_t child = 0;
  const int failed = posix_spawn(&child, program.c_str(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) {
    result.standard_error = "cannot start " + program;
    return result;
  }
  int status = 0;
  waitpid(child, &status, 0);
  result.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  result.standard_output = child_process_detail::contents(out.get());
  result.standard_error = child_process_detail::contents(err.get());
  return result;
}

}  // namespace bytes_handoff::test
