// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/metrics/exporter.hpp"

#include "governor/metrics/process.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace governor::metrics {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr policies::Duration kFresh = 500ms;

std::optional<policies::Bytes> to_policy(const std::optional<cgroups::Bytes>& bytes) {
    if (!bytes) return std::nullopt;
    return policies::Bytes{bytes->value};
}

void add_reservation(ContainerView& view, const reserve::Standing& standing) {
    view.min.asked = to_policy(standing.min);
    view.low.asked = to_policy(standing.low);
    if (!standing.known) return;
    if (view.min.asked) view.min.effective = policies::Bytes{standing.effective.min.value};
    if (view.low.asked) view.low.effective = policies::Bytes{standing.effective.low.value};
    view.protection_short = standing.short_of_min || standing.short_of_low;
}

}  // namespace

Exporter::Exporter(Parts parts, std::optional<asio::ip::tcp::endpoint> listen)
    : parts_(std::move(parts)), lag_(parts_.loop, parts_.clock) {
    if (!listen) return;
    ListenerOptions options;
    options.address = *listen;
    listener_ = std::make_unique<Listener>(parts_.loop, options, [this] { return text(); });
}

tl::expected<void, std::string> Exporter::open() {
    if (!listener_) return {};
    return listener_->open();
}

SharedText Exporter::text() {
    lag_.scraped();
    const policies::TimePoint now = parts_.clock();
    if (!text_ || now - made_at_ >= kFresh) {
        text_ = std::make_shared<const std::string>(render(look()));
        made_at_ = now;
    }
    return text_;
}

ContainerView Exporter::view_of(const Supervisor::Entry& entry) const {
    const Controller& controller = *entry.controller;
    const policies::State& state = controller.state();
    const publish::Subject& subject = *controller.subject();
    const auto& policy = controller.target().policy;
    ContainerView view;
    view.labels.with("project", subject.project)
        .with("service", subject.service)
        .with("container", subject.name)
        .with("policy", subject.policy);
    // What was seen of a life that has ended says nothing about now.
    if (entry.armed && state.has_sample) {
        view.sample = state.last;
        if (state.limit != policies::kUnlimited) {
            view.oom_in = policies::forecast(state);
            view.limit = state.limit;
            const auto& run = controller.target().run;
            const auto* node = run ? run->files.ancestor(state.bound_level) : nullptr;
            view.bound_by = node == nullptr ? "container" : node->name();
        }
    }
    view.phase = state.phase;
    view.quarantined = state.quarantined;
    view.has_trigger = policy && policy->near_oom;
    view.acts = view.has_trigger && policy->near_oom->action != policies::NearOomAction::kNotify;
    view.recycles = view.has_trigger && policies::recycles(policy->near_oom->action);
    if (const auto standing = parts_.keeper.standing(subject.id)) add_reservation(view, *standing);
    view.counts = &parts_.registry.container(subject.id);
    return view;
}

Snapshot Exporter::look() const {
    Snapshot out;
    // While Compose replaces a container, old and new bear the same name for a moment: the one that runs is
    // shown, for a series may be there only once.
    std::map<std::string, std::size_t> seen;
    for (const auto& [id, entry] : parts_.supervisor.entries()) {
        if (!entry.controller) continue;
        ContainerView view = view_of(entry);
        const auto [at, is_new] = seen.emplace(view.labels.text(), out.containers.size());
        if (is_new) {
            out.containers.push_back(std::move(view));
        } else if (entry.armed) {
            out.containers[at->second] = std::move(view);
        }
    }
    std::ranges::sort(out.containers, {},
                      [](const ContainerView& view) -> const std::string& { return view.labels.text(); });
    if (const auto memory = parts_.processes.host_memory())
        out.host.available = policies::Bytes{memory->available.value};
    out.host.keep_free = parts_.keep_free();
    out.host.is_short = parts_.host_watch.state().is_short;
    out.host.docker_connected = parts_.supervisor.docker_connected();
    out.process = look_at_self(parts_.proc, parts_.started);
    out.registry = &parts_.registry;
    out.loop_lag = &lag_.histogram();
    return out;
}

}  // namespace governor::metrics
