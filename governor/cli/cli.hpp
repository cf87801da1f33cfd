// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace governor::cli {

/// The whole command line: parses, runs the command, returns its exit code.
int main(int argc, char** argv);

}  // namespace governor::cli
