// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "bench/micro/hot.hpp"
#include "governor/controller.hpp"
#include "governor/hooks/alert_book.hpp"
#include "governor/hooks/body.hpp"
#include "governor/http/docker_filter.hpp"
#include "governor/http/docker_message.hpp"
#include "governor/metrics/registry.hpp"
#include "governor/publish/journald.hpp"
#include "governor/publish/publisher.hpp"
#include "governor/publish/render.hpp"
#include "tests/support/full_record.hpp"
#include "tests/support/stored_event.hpp"

#include <memory>

// What one event costs on its way out. The record has every field that an event can have.
namespace micro {
namespace {

using namespace governor;
using publish::Record;

constexpr auto kWhen = std::chrono::sys_seconds(std::chrono::seconds(1'777'601'647));
const http::DaemonName kDaemon{"1e86d1b1", "node-1"};

Record record() {
    return test::full_records().front();
}

void add_forms(HotList& list) {
    list.push_back(hot("event_json", Memory::kMay, [r = record()] { keep(publish::to_json_line(r)); }));
    list.push_back(hot("event_text", Memory::kMay, [r = record()] { keep(publish::to_text(r)); }));
    list.push_back(
        hot("event_docker", Memory::kMay, [r = record()] { keep(http::to_docker_event(r, kDaemon)); }));
    list.push_back(
        hot("event_journald", Memory::kMay, [r = record()] { keep(publish::journal_entry(r, "message")); }));
    policies::Event killed = *record().event;
    killed.type = policies::EventType::kKilled;
    killed.reason.rule = policies::Rule::kGraceEnded;
    list.push_back(hot("event_explain", Memory::kMay, [killed] { keep(explain_event(killed)); }));
    const auto filter =
        *http::DockerFilter::parse(R"({"type":["container"],"event":["oom","die"],"label":["a=b"]})");
    const auto streamed = http::to_docker_event(record(), kDaemon);
    list.push_back(hot("docker_filter", Memory::kNever,
                       [filter, event = streamed.event] { keep(filter.matches(event)); }));
}

/// Numbered, rendered, kept, and handed to a reader and to the counters behind the metrics.
Hot publishing() {
    struct Published {
        metrics::Registry registry;
        publish::Publisher publisher{[] { return kWhen; }, nullptr, options()};
        std::shared_ptr<publish::Subscription> reader = publisher.subscribe({}, [] {});
        static publish::Publisher::Options options() {
            publish::Publisher::Options out;
            out.keep = 8;
            return out;
        }
    };
    const auto published = std::make_shared<Published>();
    published->publisher.also(published->registry);
    return hot("publish_event", Memory::kMay, [published, r = record()] {
        published->publisher.publish(r);
        keep(published->reader->next());
    });
}

Hot counting() {
    const auto registry = std::make_shared<metrics::Registry>();
    return hot("count_event", Memory::kNever, [registry, r = record()] { registry->publish(r); });
}

void add_hooks(HotList& list) {
    const hooks::Origin origin{"node-1", "0.1.0"};
    policies::Webhook webhook;
    webhook.format = policies::HookFormat::kCloudevents;
    list.push_back(
        hot("hook_cloudevent", Memory::kMay, [webhook, origin, event = test::stored(test::oom_verdict())] {
            keep(hooks::render_body(webhook, event, origin));
        }));
    list.push_back(hot("hook_alert", Memory::kMay, [origin, event = test::stored(test::oom_verdict())] {
        hooks::AlertBook book({origin, std::chrono::minutes(1), std::chrono::minutes(5)});
        book.apply(event, true);
        const auto batch = book.due(kWhen);
        book.sent(batch, kWhen);
        keep(batch);
    }));
}

}  // namespace

void add_publishing(HotList& list) {
    add_forms(list);
    list.push_back(publishing());
    list.push_back(counting());
    add_hooks(list);
}

}  // namespace micro
