// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace governor::cli::doctor {

enum class Verdict : std::uint8_t { kOk, kWarn, kFail };

/// One thing that was looked at.
struct Check {
    std::string id;     ///< stable, for scripts: "cgroup.memory"
    std::string about;  ///< "memory controller", "container ai-coach-1"
    Verdict verdict = Verdict::kOk;
    std::string found;  ///< what is so, in plain words
    std::string mend;   ///< what to do about it; empty when it is good
};
using Checks = std::vector<Check>;

inline Check ok(std::string id, std::string about, std::string found) {
    return {std::move(id), std::move(about), Verdict::kOk, std::move(found), {}};
}
inline Check warn(std::string id, std::string about, std::string found, std::string mend) {
    return {std::move(id), std::move(about), Verdict::kWarn, std::move(found), std::move(mend)};
}
inline Check fail(std::string id, std::string about, std::string found, std::string mend) {
    return {std::move(id), std::move(about), Verdict::kFail, std::move(found), std::move(mend)};
}

}  // namespace governor::cli::doctor
