// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/hooks/messages.hpp"

#include "policies/policy.hpp"

#include <algorithm>

namespace governor::hooks {
namespace {

bool is_for(const policies::Hook& hook, const journal::Stored& event) {
    return hook.service.empty() || std::ranges::any_of(hook.service, [&](const std::string& glob) {
               return policies::glob_matches(glob, event.service);
           });
}

class Plain final : public Content {
  public:
    explicit Plain(policies::Hook hook) : hook_(std::move(hook)) {}
    std::optional<Parcel> for_event(const journal::Stored& event, WallTime) override {
        if (!is_for(hook_, event)) return std::nullopt;
        return Parcel{event, event.json, "application/json"};
    }
    Due due(WallTime) override { return {}; }
    void delivered(WallTime) override {}

  private:
    policies::Hook hook_;
};

}  // namespace

std::vector<std::string> types_of(const policies::Hook& hook) {
    return hook.on;
}

std::unique_ptr<Content> make_messages(const policies::Hook& hook, const Origin&) {
    return std::make_unique<Plain>(hook);
}

}  // namespace governor::hooks
