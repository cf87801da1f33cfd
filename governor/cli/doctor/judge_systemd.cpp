// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/doctor/judge.hpp"

#include <string>

namespace governor::cli::doctor {

Checks judge_systemd(const std::optional<systemd::Outcome>& systemd) {
    const std::string id = "systemd.bus";
    const std::string about = "systemd";
    if (!systemd) return {};
    if (systemd->kind == systemd::Outcome::Kind::kDone)
        return {ok(id, about, "takes properties of units over the system bus")};
    std::string mend = systemd->message;
    if (mend.ends_with('.')) mend.pop_back();
    return {warn(
        id, about,
        "cannot be told of reservations and limits: what is set through files is lost when any property of "
        "the unit is set through systemd, and at docker update; it is repaired within 10 s instead of 1 s",
        std::move(mend))};
}

}  // namespace governor::cli::doctor
