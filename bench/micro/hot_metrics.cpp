// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "bench/micro/hot.hpp"
#include "governor/metrics/snapshot.hpp"

#include <array>
#include <memory>
#include <string>

// One scrape. It is written on the loop's thread: for so long no brake can begin.
namespace micro {
namespace {

using namespace governor::metrics;
using namespace std::chrono_literals;
using policies::operator""_MiB;

constexpr std::array<policies::Duration, 2> kBounds{1ms, 1s};

struct Scraped {
    Registry registry;
    Histogram lag{kBounds};
    Snapshot snapshot;
};

std::shared_ptr<Scraped> scraped(int containers) {
    auto out = std::make_shared<Scraped>();
    out->snapshot.registry = &out->registry;
    out->snapshot.loop_lag = &out->lag;
    for (int i = 0; i < containers; ++i) {
        const std::string service = "service-" + std::to_string(i);
        ContainerView view;
        view.labels.with("project", "jobmate").with("service", service);
        view.labels.with("container", "jobmate-" + service + "-1").with("policy", "worker");
        view.sample.emplace();
        view.sample->current = view.sample->unreclaimable = 1450_MiB;
        view.sample->hard = 2048_MiB;
        view.sample->tripwire = 1843_MiB;
        view.oom_in = 190s;
        view.phase = policies::Phase::kWatching;
        view.has_trigger = view.acts = true;
        view.counts = &out->registry.container(service);
        out->snapshot.containers.push_back(std::move(view));
    }
    return out;
}

Hot scrape(int containers, std::size_t rounds) {
    Hot out = hot("scrape/" + std::to_string(containers), Memory::kMay,
                  [what = scraped(containers)] { keep(render(what->snapshot)); });
    out.rounds = rounds;
    return out;
}

}  // namespace

void add_scraping(HotList& list) {
    list.push_back(
        hot("observe_loop_lag", Memory::kNever, [lag = Histogram(kBounds)]() mutable { lag.observe(2ms); }));
    list.push_back(scrape(10, 100));
    list.push_back(scrape(1000, 4));
}

}  // namespace micro
