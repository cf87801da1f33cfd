// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/doctor/doctor.hpp"

#include "governor/cli/doctor/judge.hpp"
#include "governor/cli/doctor/probe.hpp"
#include "tests/support/kernel_texts.hpp"
#include "tests/support/private_bus.hpp"
#include "tests/support/tree.hpp"

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <sstream>

namespace governor::cli::doctor {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t bit(unsigned n) {
    return std::uint64_t{1} << n;
}
constexpr std::uint64_t kAllCapabilities = bit(5) | bit(1) | bit(24) | bit(14) | bit(19);

/// The check with this id; one that fails with "missing" when there is none.
Check find(const Checks& checks, const std::string& id) {
    for (const auto& check : checks) {
        if (check.id == id) return check;
    }
    return fail(id, "", "no such check", "");
}

HostFacts good_host() {
    HostFacts host;
    host.hierarchy = cgroups::Hierarchy{cgroups::Mode::kUnified, "/sys/fs/cgroup", true, true, true};
    host.tree_is_host = true;
    host.memory = policies::Bytes{8ULL << 30U};
    host.write = {true, true, "/sys/fs/cgroup/system.slice/x", ""};
    host.host_cgroup_namespace = true;
    host.host_pid_namespace = true;
    host.capabilities = kAllCapabilities;
    return host;
}

ContainerFacts container(const std::string& service) {
    ContainerFacts out;
    out.details.id = "4f2a" + service;
    out.details.name = "jobmate-" + service + "-1";
    out.details.labels = {{"com.docker.compose.project", "jobmate"}, {"com.docker.compose.service", service}};
    out.details.state.pid = 100;
    out.details.host_config.memory = 1 << 30;
    out.details.host_config.restart_policy = "unless-stopped";
    out.pid1 = cgroups::SignalStatus{};
    out.pid1->caught = bit(SIGTERM - 1);
    out.pid1_cgroup = "/system.slice/docker-4f2a" + service + ".scope";
    return out;
}

DockerFacts good_docker() {
    DockerFacts docker;
    docker.socket = "/var/run/docker.sock";
    docker.version.version = "26.1.5";
    docker.api = "1.45";
    docker.info.cgroup_driver = "systemd";
    docker.info.cgroup_version = "2";
    docker.containers = {container("ai")};
    return docker;
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
    auto docker = good_docker();
    docker.containers = {one};
    return judge_containers(docker, policies);
}

TEST(DoctorHost, AGoodHostIsGood) {
    for (const auto& check : judge_host(good_host())) EXPECT_EQ(check.verdict, Verdict::kOk) << check.id;
}

TEST(DoctorHost, EachDefectIsFound) {
    auto host = good_host();
    host.hierarchy->memory_controller = false;
    host.hierarchy->psi = false;
    host.write = {false, false, "/sys/fs/cgroup/cgroup.procs", "Read-only file system"};
    host.tree_is_host = false;
    host.host_pid_namespace = false;
    host.capabilities = bit(5);
    host.memlock = 64 << 10;
    host.kernel_log_error = "cannot open the kernel's log /dev/kmsg: Operation not permitted";
    const auto checks = judge_host(host);
    EXPECT_EQ(find(checks, "cgroup.memory").verdict, Verdict::kFail);
    EXPECT_EQ(find(checks, "cgroup.psi").verdict, Verdict::kWarn);
    EXPECT_EQ(find(checks, "cgroup.write").verdict, Verdict::kFail);
    EXPECT_THAT(find(checks, "cgroup.write").found, HasSubstr("Read-only"));
    EXPECT_EQ(find(checks, "cgroup.namespace").verdict, Verdict::kFail);
    EXPECT_EQ(find(checks, "pid.namespace").verdict, Verdict::kWarn);
    EXPECT_EQ(find(checks, "capability.KILL").verdict, Verdict::kOk);
    EXPECT_EQ(find(checks, "capability.SYS_RESOURCE").verdict, Verdict::kWarn);
    EXPECT_THAT(find(checks, "memlock").found, HasSubstr("64KiB"));
    EXPECT_EQ(find(checks, "kernel.log").verdict, Verdict::kWarn);
    EXPECT_THAT(find(checks, "kernel.log").mend, HasSubstr("SYSLOG"));
    for (const auto& check : checks) EXPECT_EQ(check.mend.empty(), check.verdict == Verdict::kOk) << check.id;
}

TEST(DoctorHost, WithoutCgroupV2) {
    HostFacts host;
    EXPECT_EQ(find(judge_host(host), "cgroup.version").verdict, Verdict::kFail);
    host.hierarchy.emplace();
    EXPECT_EQ(find(judge_host(host), "cgroup.version").verdict, Verdict::kFail);
    host.hierarchy = cgroups::Hierarchy{cgroups::Mode::kHybrid, "/sys/fs/cgroup/unified", false, true, true};
    EXPECT_EQ(find(judge_host(host), "cgroup.version").verdict, Verdict::kFail);
}

TEST(DoctorDocker, ReachedOrNot) {
    auto docker = good_docker();
    EXPECT_EQ(find(judge_docker(docker), "docker.pid1").verdict, Verdict::kOk);
    docker.containers[0].pid1_cgroup = "/../../x";
    EXPECT_EQ(find(judge_docker(docker), "docker.pid1").verdict, Verdict::kWarn);
    docker.info.cgroup_driver = "none";
    EXPECT_EQ(find(judge_docker(docker), "docker.cgroup_driver").verdict, Verdict::kFail);
    docker.error =
        docker::Error{docker::Error::Kind::kUnreachable, 0, "ask", "ask: permission denied; use sudo"};
    const auto checks = judge_docker(docker);
    ASSERT_EQ(checks.size(), 1U);
    EXPECT_EQ(checks[0].mend, "permission denied; use sudo");
}

TEST(DoctorSystemd, WhatIsLostWithoutItIsSaid) {
    EXPECT_TRUE(judge_systemd(std::nullopt).empty()) << "the cgroupfs driver has no use for it";
    EXPECT_EQ(find(judge_systemd(systemd::Outcome{}), "systemd.bus").verdict, Verdict::kOk);
    const auto check =
        find(judge_systemd(systemd::Outcome{systemd::Outcome::Kind::kRefused, "Access denied: do that."}),
             "systemd.bus");
    EXPECT_EQ(check.verdict, Verdict::kWarn) << "the files hold all the same";
    EXPECT_THAT(check.found, HasSubstr("repaired within 10 s instead of 1 s"));
    EXPECT_EQ(check.mend, "Access denied: do that");
}

TEST(DoctorSystemd, IsAskedForNothingOnTheBus) {
    test::PrivateBus bus;
    EXPECT_EQ(probe_systemd(bus.address()).kind, systemd::Outcome::Kind::kAbsent);
    bus.start();
    EXPECT_EQ(probe_systemd(bus.address()).kind, systemd::Outcome::Kind::kAbsent) << "a bus, but no systemd";
    test::FakeSystemd systemd(bus.address());
    EXPECT_EQ(probe_systemd(bus.address()).kind, systemd::Outcome::Kind::kDone);
    const auto calls = systemd.calls();
    ASSERT_EQ(calls.size(), 1U);
    EXPECT_EQ(calls[0].unit, "-.slice");
    EXPECT_TRUE(calls[0].properties.empty());
}

TEST(DoctorContainers, AGoodOneIsGood) {
    const auto checks = judge_one(container("ai"), policy_for("ai"));
    ASSERT_EQ(checks.size(), 1U);
    EXPECT_EQ(checks[0].verdict, Verdict::kOk);
}

TEST(DoctorContainers, StopSignal) {
    auto deaf = container("ai");
    deaf.pid1->caught = 0;
    EXPECT_THAT(find(judge_one(deaf, policy_for("ai")), "container.stop_signal").found,
                HasSubstr("does not handle SIGTERM"));
    deaf.details.stop_signal = "SIGQUIT";
    deaf.pid1->caught = bit(SIGTERM - 1);
    EXPECT_THAT(find(judge_one(deaf, policy_for("ai")), "container.stop_signal").found, HasSubstr("SIGQUIT"));
    deaf.pid1->caught = bit(SIGQUIT - 1);
    EXPECT_EQ(judge_one(deaf, policy_for("ai"))[0].verdict, Verdict::kOk);
    deaf.details.stop_signal = "SIGKILL";
    EXPECT_EQ(find(judge_one(deaf, policy_for("ai")), "container.stop_signal").verdict, Verdict::kWarn);
    deaf.details.stop_signal = "SIGFOO";
    EXPECT_EQ(find(judge_one(deaf, policy_for("ai")), "container.stop_signal").verdict, Verdict::kWarn);
    deaf.details.stop_signal.clear();
    deaf.pid1.reset();
    EXPECT_EQ(judge_one(deaf, policy_for("ai"))[0].verdict, Verdict::kOk);
}

TEST(DoctorContainers, LimitRestartAndGrace) {
    auto poor = container("ai");
    poor.details.host_config.memory = 0;
    poor.details.host_config.restart_policy = "on-failure";
    poor.details.stop_timeout = std::chrono::seconds(1);
    const auto checks = judge_one(poor, policy_for("ai"));
    EXPECT_EQ(find(checks, "container.hard_limit").verdict, Verdict::kFail);
    EXPECT_EQ(find(checks, "container.restart_policy").verdict, Verdict::kWarn);
    EXPECT_EQ(find(checks, "container.stop_grace_period").verdict, Verdict::kWarn);
    auto rich = policy_for("ai");
    rich.policy->services[0].memory.hard = policies::percent(50);
    rich.policy->services[0].never.restart = true;
    rich.policy->services[0].near_oom->drain.grace = std::chrono::seconds(10);
    EXPECT_EQ(judge_one(poor, rich)[0].verdict, Verdict::kOk);
}

TEST(DoctorContainers, WhichPolicy) {
    EXPECT_EQ(find(judge_one(container("ai"), policy_for("redis")), "policy.unused").verdict, Verdict::kWarn);
    auto twice = policy_for("ai");
    twice.policy->services.push_back(twice.policy->services[0]);
    twice.policy->services[1].name = "other";
    EXPECT_THAT(find(judge_one(container("ai"), twice), "container.policy").found,
                HasSubstr("\"ai\", \"other\""));
    auto labelled = container("ai");
    labelled.details.labels["governor.policy"] = "gone";
    EXPECT_THAT(find(judge_one(labelled, policy_for("ai")), "container.policy").found, HasSubstr("\"gone\""));
}

policies::LoadResult reserving_policy(policies::Bytes min) {
    auto policies = policy_for("postgres");
    policies.policy->services[0].near_oom.reset();
    policies.policy->services[0].reserve.emplace().min = policies::Size{.bytes = min, .share = std::nullopt};
    policies.policy->host.keep_free = policies::percent(10);
    return policies;
}

TEST(DoctorLedger, CountsWhatRunsLineByLine) {
    auto docker = good_docker();
    docker.containers = {container("postgres"), container("postgres"), container("postgres"),
                         container("elsewhere")};
    docker.containers[2].details.host_config.memory = 0;
    const auto checks = judge_ledger(good_host(), docker, reserving_policy(policies::Bytes{512U << 20U}));
    ASSERT_EQ(checks.size(), 3U);
    EXPECT_EQ(checks[0].found, "2 containers: hard limit 1GiB, min 512MiB each");
    EXPECT_EQ(checks[1].found, "1 container: no hard limit, min 512MiB");
    EXPECT_EQ(checks[2].id, "ledger");
    EXPECT_EQ(checks[2].verdict, Verdict::kOk);
    EXPECT_EQ(checks[2].found,
              "min 1.5GiB, low 1.5GiB, kept free 819.2MiB, worst case 3.3GiB of the host's 8GiB");
}

TEST(DoctorLedger, WhatCannotBeKeptIsAProblemAndWhatIsOverCommittedAWarning) {
    auto docker = good_docker();
    docker.containers = {container("postgres"), container("postgres")};
    const auto too_much =
        find(judge_ledger(good_host(), docker, reserving_policy(policies::Bytes{4ULL << 30U})), "ledger");
    EXPECT_EQ(too_much.verdict, Verdict::kFail);
    EXPECT_THAT(too_much.found, HasSubstr("postgres 2 x 4GiB"));
    EXPECT_FALSE(too_much.mend.empty());
    for (auto& each : docker.containers) each.details.host_config.memory = 5LL << 30U;
    const auto over =
        find(judge_ledger(good_host(), docker, reserving_policy(policies::Bytes{1ULL << 30U})), "ledger");
    EXPECT_EQ(over.verdict, Verdict::kWarn);
    EXPECT_THAT(over.found, HasSubstr("hard limits of 10GiB"));
}

TEST(DoctorLedger, WithoutDockerOrTheHostsMemory) {
    auto docker = good_docker();
    docker.error = docker::Error{docker::Error::Kind::kUnreachable, 0, "ask", "no such socket"};
    const auto policies = reserving_policy(policies::Bytes{1ULL << 30U});
    const auto alone = judge_ledger(good_host(), docker, policies);
    EXPECT_THAT(alone.front().found, HasSubstr("1 container: no hard limit, min 1GiB"));
    auto host = good_host();
    host.memory.reset();
    host.memory_error = "cannot read /proc/meminfo: Permission denied";
    const auto unknown = judge_ledger(host, docker, policies);
    ASSERT_EQ(unknown.size(), 1U);
    EXPECT_EQ(unknown[0].verdict, Verdict::kWarn);
    EXPECT_THAT(unknown[0].found, HasSubstr("Permission denied"));
    EXPECT_TRUE(judge_ledger(good_host(), docker, {}).empty()) << "no policies, no promises";
}

TEST(DoctorProbe, ReadsAFakeHost) {
    const TempTree tree;
    tree.file("proc/meminfo", kernel_texts::kMeminfo);
    tree.file("proc/self/cgroup", "0::/system.slice/gov.scope\n");
    tree.file("proc/self/status", "Name:\tx\nCapEff:\t0000000001004020\n");
    tree.file("proc/self/limits",
              "Limit                     Soft Limit           Hard Limit           Units\nMax locked memory  "
              "       65536                8388608              bytes\n");
    tree.folder("proc/self/ns");
    ASSERT_EQ(::symlink("cgroup:[4026531835]", tree.path("proc/self/ns/cgroup").c_str()), 0);
    ASSERT_EQ(::symlink("pid:[4026532999]", tree.path("proc/self/ns/pid").c_str()), 0);
    tree.file("cg/cgroup.controllers", "cpu memory\n");
    tree.file("cg/cgroup.procs", "");
    tree.folder("cg/system.slice/gov.scope");
    const auto host = probe_host(tree.path("proc"), tree.path("sys"), tree.path("cg"));
    EXPECT_EQ(host.host_cgroup_namespace, true);
    EXPECT_EQ(host.host_pid_namespace, false);
    EXPECT_EQ(host.capabilities, bit(24) | bit(14) | bit(5));
    EXPECT_EQ(host.memlock, 65536U);
    EXPECT_EQ(host.memory, policies::Bytes{8137456ULL * 1024});
    EXPECT_TRUE(host.tree_is_host);
    EXPECT_TRUE(host.write.good) << host.write.reason;
    EXPECT_TRUE(host.write.tried);
    EXPECT_TRUE(std::filesystem::is_empty(tree.path("cg/system.slice/gov.scope")));
}

TEST(DoctorProbe, InTheRootOnlyTheRightsAreLookedAt) {
    const TempTree tree;
    tree.file("proc/self/cgroup", "0::/\n");
    tree.file("cg/cgroup.procs", "");
    tree.file("cg/cgroup.type", "domain\n");
    const auto host = probe_host(tree.path("proc"), tree.path("sys"), tree.path("cg"));
    EXPECT_FALSE(host.tree_is_host);
    EXPECT_FALSE(host.write.tried);
    EXPECT_TRUE(host.write.good);
    EXPECT_FALSE(host.host_pid_namespace.has_value());
}

TEST(Doctor, ExitCodesAndPrinting) {
    const Checks checks{ok("a", "first", "fine"), warn("b", "second one", "so so", "do this"),
                        fail("c", "third", "bad", "do that")};
    EXPECT_EQ(exit_code({checks[0], checks[1]}, true), kGood);
    EXPECT_EQ(exit_code(checks, true), kProblems);
    EXPECT_EQ(exit_code(checks, false), kUnreachable);
    std::ostringstream stream;
    const Console console{stream, stream, false};
    EXPECT_EQ(to_text(console, checks),
              "OK    first       fine\n"
              "WARN  second one  so so\n"
              "                  -> do this\n"
              "FAIL  third       bad\n"
              "                  -> do that\n"
              "\n1 OK, 1 WARN, 1 FAIL\n");
    const auto json = to_json(checks);
    EXPECT_EQ(json["fail"], 1);
    EXPECT_EQ(json["checks"][1]["mend"], "do this");
}

TEST(Doctor, PoliciesAndDaemon) {
    EXPECT_EQ(judge_policies({})[0].verdict, Verdict::kFail);
    EXPECT_EQ(judge_policies(policy_for("ai"))[0].verdict, Verdict::kOk);
    EXPECT_EQ(judge_daemon({GOVERNOR_VERSION, ""})[0].verdict, Verdict::kOk);
    EXPECT_EQ(judge_daemon({"9.9", ""})[0].verdict, Verdict::kWarn);
    EXPECT_EQ(judge_daemon({"", "no such socket"})[0].verdict, Verdict::kWarn);
}

/// A container that uses 100 MiB of what it reserved, in a slice that protects `above`.
DockerFacts reserved(std::uint64_t above) {
    constexpr std::uint64_t kMib = 1ULL << 20U;
    DockerFacts docker = good_docker();
    const auto level = [](const char* path, std::uint64_t min) {
        return cgroups::ProtectionLevel{path,
                                        {100 * kMib},
                                        {min * kMib},
                                        {min * kMib},
                                        {std::min<std::uint64_t>(100, min) * kMib},
                                        {std::min<std::uint64_t>(100, min) * kMib}};
    };
    docker.containers[0].protection = {level("/sys/fs/cgroup/system.slice", above),
                                       level("/sys/fs/cgroup/system.slice/x.scope", 512)};
    return docker;
}

policies::LoadResult reserving_policy() {
    policies::LoadResult result = policy_for("ai");
    policies::Policy policy = *result.policy;
    policy.services[0].reserve.emplace().min = policies::Size{policies::Bytes{512ULL << 20U}, {}};
    result.policy = policy;
    return result;
}

TEST(DoctorProtection, SaysWhatTheKernelWouldHonour) {
    const auto good = judge_protection(good_host(), reserved(512), reserving_policy(), {"0.1.0", {}});
    ASSERT_EQ(good.size(), 1U);
    EXPECT_EQ(good[0].verdict, Verdict::kOk);
    EXPECT_EQ(good[0].found, "min 512MiB of 512MiB is honoured by the kernel");
    const auto capped = judge_protection(good_host(), reserved(64), reserving_policy(), {"0.1.0", {}});
    EXPECT_EQ(capped[0].verdict, Verdict::kWarn);
    EXPECT_EQ(capped[0].found, "min 64MiB of 512MiB would be honoured by the kernel");
    EXPECT_NE(capped[0].mend.find("governor explain"), std::string::npos);
    const auto without = judge_protection(good_host(), reserved(0), reserving_policy(), {});
    EXPECT_NE(without[0].mend.find("a running governor"), std::string::npos);
}

TEST(DoctorProtection, HasNothingToSayOfThoseThatReserveNothing) {
    EXPECT_TRUE(judge_protection(good_host(), good_docker(), policy_for("ai"), {}).empty());
}

}  // namespace
}  // namespace governor::cli::doctor
