// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/doctor/doctor.hpp"
#include "governor/cli/doctor/judge.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

namespace governor::cli::doctor {
namespace {

using testing::HasSubstr;

/// The check with this id; one that says "no such check" when there is none.
Check find(const Checks& checks, const std::string& id) {
    for (const auto& check : checks)
        if (check.id == id) return check;
    return fail(id, "", "no such check", "");
}

ContainerFacts container(const std::string& service) {
    ContainerFacts out;
    out.details.id = "4f2a" + service;
    out.details.name = "jobmate-" + service + "-1";
    out.details.labels = {{"com.docker.compose.project", "jobmate"}, {"com.docker.compose.service", service}};
    out.details.host_config.memory = 1 << 30;
    out.details.host_config.restart_policy = "unless-stopped";
    out.pid1 = cgroups::SignalStatus{};
    out.pid1->caught = std::uint64_t{1} << (SIGTERM - 1);
    return out;
}

policies::LoadResult policy_for(const std::string& service) {
    policies::LoadResult result;
    policies::ServicePolicy policy;
    policy.name = service;
    policy.match.service = {service};
    policy.near_oom.emplace();
    result.policy.emplace();
    result.policy->services = {policy};
    return result;
}

Checks judge_one(const ContainerFacts& one, const policies::LoadResult& policies) {
    DockerFacts docker;
    docker.containers = {one};
    return judge_containers(docker, policies);
}

TEST(DoctorContainers, AnUnknownStopSignalIsTermAsInDocker) {
    auto one = container("ai");
    one.details.stop_signal = "SIGFOO";
    const auto checks = judge_one(one, policy_for("ai"));
    EXPECT_THAT(find(checks, "container.stop_signal").found, HasSubstr("Docker, which sends SIGTERM"));
    for (const char* known : {"sigterm", "Term", "15"}) {
        one.details.stop_signal = known;
        EXPECT_EQ(judge_one(one, policy_for("ai"))[0].verdict, Verdict::kOk) << known;
    }
}

TEST(DoctorContainers, AMainProcessThatIsNoInitIsJudgedAsTheKernelTreatsIt) {
    auto one = container("ai");
    one.pid1->caught = 0;
    one.pid1->namespace_init = false;
    const auto ended = find(judge_one(one, policy_for("ai")), "container.stop_signal");
    EXPECT_EQ(ended.verdict, Verdict::kWarn);
    EXPECT_THAT(ended.found, HasSubstr("the signal ends it at once"));
    EXPECT_THAT(ended.found, testing::Not(HasSubstr("drops")));
    one.details.stop_signal = "SIGWINCH";
    EXPECT_THAT(find(judge_one(one, policy_for("ai")), "container.stop_signal").found,
                HasSubstr("ignores SIGWINCH"));
}

TEST(DoctorContainers, NamesWhoSharesTheNamespacesOfOneThatIsRestarted) {
    DockerFacts docker;
    docker.containers = {container("ai")};
    docker.containers[0].details.id = std::string(64, 'a');
    auto sidecar = container("sidecar");
    sidecar.details.host_config.network_mode = "container:" + std::string(64, 'a');
    docker.containers.push_back(sidecar);
    const auto found = find(judge_containers(docker, policy_for("ai")), "container.joined");
    EXPECT_EQ(found.verdict, Verdict::kWarn);
    EXPECT_THAT(found.found, HasSubstr("jobmate-sidecar-1 shares its network namespace"));

    auto watched = policy_for("ai");
    watched.policy->services[0].near_oom.reset();
    EXPECT_EQ(find(judge_containers(docker, watched), "container.joined").found, "no such check");
    docker.containers[1].details.host_config.network_mode = "container:" + std::string(64, 'b');
    EXPECT_EQ(find(judge_containers(docker, policy_for("ai")), "container.joined").found, "no such check");
}

}  // namespace
}  // namespace governor::cli::doctor
