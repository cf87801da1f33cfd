// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/ports.hpp"

#include "tests/support/cgroup_tree.hpp"

#include <gtest/gtest.h>

#include <type_traits>

namespace governor {
namespace {

// What `never` forbids cannot even be written down: an actuator takes a Deed, and only permit() makes one.
static_assert(!std::is_default_constructible_v<Deed>);
static_assert(!std::is_constructible_v<Deed, Target, policies::Restraint>);
static_assert(!std::is_convertible_v<Target, Deed>);
// What takes something away is no relief, or it could be passed off as one.
static_assert(!std::is_constructible_v<policies::Relief, policies::Freeze>);
static_assert(!std::is_constructible_v<policies::Relief, policies::AskStop>);
static_assert(!std::is_constructible_v<policies::Relief, policies::SignalStop>);
static_assert(!std::is_constructible_v<policies::Relief, policies::KillWhole>);
static_assert(!std::is_constructible_v<policies::Relief, policies::StartContainer>);

class DeedTest : public testing::Test {
  protected:
    Target target(const policies::Never& never) const {
        test::add_scope(tree_, "0123", 1, "268435456");
        auto directory = cgroups::Directory::open(tree_.path("system.slice/docker-0123.scope"));
        auto files = cgroups::MemoryFiles::open(*directory);
        auto policy = std::make_shared<policies::ServicePolicy>();
        policy->never = never;
        Target out;
        out.run = std::make_shared<governor::Run>(std::move(*directory), std::move(*files));
        out.policy = policy;
        return out;
    }
    static std::vector<policies::Restraint> all() {
        return {policies::Freeze{}, policies::AskStop{}, policies::SignalStop{}, policies::KillWhole{},
                policies::StartContainer{}};
    }
    TempTree tree_;
};

TEST_F(DeedTest, NothingCanBeDoneToAServiceThatIsNeverTouched) {
    const Target database = target({true, true, true});
    for (const policies::Restraint& what : all()) EXPECT_FALSE(Deed::permit(database, what)) << what.index();
}

TEST_F(DeedTest, WithoutNeverAllIsAllowed) {
    const Target coach = target({});
    for (const policies::Restraint& what : all()) EXPECT_TRUE(Deed::permit(coach, what)) << what.index();
}

TEST_F(DeedTest, EachWordForbidsItsOwn) {
    const Target warm = target({.freeze = true, .restart = false, .kill = false});
    EXPECT_FALSE(Deed::permit(warm, policies::Freeze{}));
    EXPECT_TRUE(Deed::permit(warm, policies::KillWhole{}));
    const Target staying = target({.freeze = false, .restart = true, .kill = false});
    EXPECT_TRUE(Deed::permit(staying, policies::Freeze{}));
    EXPECT_FALSE(Deed::permit(staying, policies::AskStop{}));
    EXPECT_FALSE(Deed::permit(staying, policies::SignalStop{}));
    EXPECT_FALSE(Deed::permit(staying, policies::StartContainer{}));
    const Target precious = target({.freeze = false, .restart = false, .kill = true});
    EXPECT_FALSE(Deed::permit(precious, policies::KillWhole{}));
}

TEST_F(DeedTest, WithoutAPolicyOrARunThereIsNone) {
    Target target_without = target({});
    target_without.policy = nullptr;
    EXPECT_FALSE(Deed::permit(target_without, policies::Freeze{}));
    EXPECT_FALSE(Deed::permit(Target{}, policies::Freeze{}));
}

}  // namespace
}  // namespace governor
