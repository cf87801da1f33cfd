// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/cli/console.hpp"

#include <string>
#include <vector>

namespace governor::cli {

/// The whole command line: parses, runs the command, returns its exit code.
int main(int argc, char** argv);

/// The same, with the arguments after the program's name, printing to `console`.
int run_command_line(std::vector<std::string> arguments, const Console& console);

}  // namespace governor::cli
