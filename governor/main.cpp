// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/cli.hpp"

int main(int argc, char** argv) {
    return governor::cli::main(argc, argv);
}
