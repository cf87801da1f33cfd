// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/ports.hpp"

#include <variant>

namespace governor {
namespace {

bool forbidden(const policies::Never& never, const policies::Restraint& what) {
    struct Ask {
        const policies::Never& never;
        bool operator()(const policies::Freeze&) const { return never.freeze; }
        bool operator()(const policies::AskStop&) const { return never.restart; }
        bool operator()(const policies::SignalStop&) const { return never.restart; }
        bool operator()(const policies::StartContainer&) const { return never.restart; }
        bool operator()(const policies::KillWhole&) const { return never.kill; }
        bool operator()(const policies::RecycleProcess&) const { return never.restart || never.kill; }
        bool operator()(const policies::KillProcess&) const { return never.kill; }
        bool operator()(const policies::HoldOthers&) const { return never.freeze; }
    };
    return std::visit(Ask{never}, what);
}

}  // namespace

std::optional<Deed> Deed::permit(const Target& target, const policies::Restraint& what) {
    if (!target.run || !target.policy || forbidden(target.policy->never, what)) return std::nullopt;
    return Deed(target, what);
}

}  // namespace governor
