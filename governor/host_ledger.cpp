// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/host_ledger.hpp"

#include "cgroup/parse.hpp"

#include <cerrno>
#include <fstream>
#include <iterator>

namespace governor {

cgroups::Result<policies::Bytes> read_host_memory(const std::string& proc) {
    const std::string path = proc + "/meminfo";
    errno = 0;
    std::ifstream in(path);
    if (!in) return cgroups::errno_error("read", path);
    const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    const auto total = cgroups::parse_meminfo(text, "MemTotal");
    if (!total || total->value == 0)
        return cgroups::make_error(std::errc::invalid_argument, "find MemTotal in", path);
    return policies::Bytes{total->value};
}

std::string refuse_by_ledger(const policies::Policy& policy, policies::Bytes host_memory) {
    if (host_memory == policies::Bytes{}) return {};
    const auto ledger = policies::add_up(policy, host_memory);
    if (ledger.error.empty()) return {};
    return "this host cannot keep what the policies promise: " + ledger.error +
           ". Promise less, or use a larger host; `governor check --host` shows it line by line";
}

}  // namespace governor
