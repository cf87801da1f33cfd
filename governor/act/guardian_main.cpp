// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
// `governor-guardian guardian --fd N`: the guardian without the rest of the governor (docs/adr/0004). Called
// by the governor alone, with the words that its own binary understands too.
#include "governor/act/guardian.hpp"

#include <charconv>
#include <cstdio>
#include <string_view>

int main(int argc, char** argv) {
    const std::string_view value = argc == 4 ? argv[3] : "";
    int fd = -1;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), fd);
    if (value.empty() || error != std::errc{} || end != value.data() + value.size() || fd < 0 ||
        std::string_view(argv[1]) != "guardian" || std::string_view(argv[2]) != "--fd") {
        std::fputs("governor-guardian is started by the governor; there is nothing to run by hand\n", stderr);
        return 2;  // wrong use, as the governor's own
    }
    return governor::act::run_guardian(fd);
}
