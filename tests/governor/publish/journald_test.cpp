// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/publish/journald.hpp"

#include "governor/publish/line_writer.hpp"
#include "governor/publish/publisher.hpp"
#include "tests/support/tree.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace governor::publish {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

/// A journal of the test's own.
class Socket {
  public:
    explicit Socket(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, path.size());
        // Only ever reached by a test that hangs.
        const timeval guard{30, 0};
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &guard, sizeof guard);
        EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    }
    /// The next entry.
    std::string next() const {
        std::array<char, 65536> buffer{};
        const auto size = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
        return size < 0 ? "" : std::string(buffer.data(), static_cast<std::size_t>(size));
    }

  private:
    cgroups::UniqueFd fd_;
};

Record near_oom() {
    Record record;
    record.sequence = 41;
    record.type = "oom_near";
    record.subject =
        Subject{"4f2a91c07be34f2a91c07be3", "jobmate-coach-1", "python", "jobmate", "coach", 1, "ai", {}};
    record.event.emplace();
    record.event->type = policies::EventType::kOomNear;
    record.event->reason = {policies::Rule::kUnreclaimable,
                            policies::Quantity::of(policies::Bytes{240ULL << 20U}),
                            policies::Quantity::of(policies::Bytes{230ULL << 20U}),
                            {}};
    return record;
}

TEST(JournalEntry, HasAFieldForWhatOneSearchesFor) {
    EXPECT_EQ(journal_entry(near_oom(), "the line"),
              "MESSAGE=the line\n"
              "PRIORITY=6\n"
              "SYSLOG_IDENTIFIER=governor\n"
              "GOVERNOR_TYPE=oom_near\n"
              "GOVERNOR_EVENT_ID=41\n"
              "GOVERNOR_SERVICE=coach\n"
              "GOVERNOR_PROJECT=jobmate\n"
              "GOVERNOR_POLICY=ai\n"
              "CONTAINER_ID=4f2a91c07be3\n"
              "CONTAINER_ID_FULL=4f2a91c07be34f2a91c07be3\n"
              "CONTAINER_NAME=jobmate-coach-1\n"
              "IMAGE_NAME=python\n"
              "GOVERNOR_RULE=unreclaimable\n"
              "GOVERNOR_MEASURED=240MiB\n"
              "GOVERNOR_THRESHOLD=230MiB\n");
}

TEST(JournalEntry, ThePriorityTellsWhatToLookAt) {
    const auto priority = [](const std::string& type, policies::Outcome outcome) {
        Record record = near_oom();
        record.type = type;
        record.event->outcome = outcome;
        const auto entry = journal_entry(record, "x");
        return entry.substr(entry.find("PRIORITY=") + 9, 1);
    };
    using policies::Outcome;
    EXPECT_EQ(priority("breaker_opened", Outcome::kNone), "3");
    EXPECT_EQ(priority("docker_slow", Outcome::kNone), "4");
    EXPECT_EQ(priority("restart_finished", Outcome::kFailed), "4");
    EXPECT_EQ(priority("restart_finished", Outcome::kGraceful), "6");
}

TEST(JournalEntry, AValueOfSeveralLinesCannotMakeFieldsOfItsOwn) {
    Record record;
    record.type = "action_failed";
    record.detail = "one\nPRIORITY=0";
    const std::string size("\x0e\0\0\0\0\0\0\0", 8);
    EXPECT_THAT(journal_entry(record, "x"), EndsWith("GOVERNOR_DETAIL\n" + size + "one\nPRIORITY=0\n"));
}

TEST(JournalStream, OnlyTheStreamThatTheVariableNames) {
    const TempTree tree;
    const cgroups::UniqueFd fd(::open(tree.path("out").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    struct stat found {};
    ASSERT_EQ(::fstat(fd.get(), &found), 0);
    const std::string right = std::to_string(found.st_dev) + ":" + std::to_string(found.st_ino);
    EXPECT_TRUE(is_journal_stream(fd.get(), right.c_str()));
    EXPECT_FALSE(is_journal_stream(fd.get(), (right + "1").c_str()));
    EXPECT_FALSE(is_journal_stream(fd.get(), nullptr));
    EXPECT_FALSE(is_journal_stream(fd.get(), ""));
    EXPECT_FALSE(is_journal_stream(-1, right.c_str()));
}

TEST(Journal, TakesWhatFitsAndSaysWhatDoesNot) {
    const TempTree tree;
    const Socket socket(tree.path("journal"));
    Journal journal(tree.path("journal"));
    EXPECT_TRUE(journal.send("MESSAGE=a\n"));
    EXPECT_EQ(socket.next(), "MESSAGE=a\n");
    EXPECT_FALSE(journal.send(std::string(16UL << 20U, 'x')));
    EXPECT_FALSE(Journal(tree.path("none")).send("MESSAGE=a\n"));
    EXPECT_FALSE(Journal(std::string(500, 'x')).send("MESSAGE=a\n"));
    // A journal that does not read: its queue fills, and nobody waits for it for ever.
    int taken = 0;
    while (taken < 100'000 && journal.send("MESSAGE=a\n")) ++taken;
    EXPECT_LT(taken, 100'000);
}

TEST(Journal, APublishersLinesGoThereAndToTheOutputWhenItDoesNotTakeThem) {
    const TempTree tree;
    const std::string path = tree.path("journal");
    const std::string output = tree.path("out");
    const cgroups::UniqueFd fd(::open(output.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    std::string entry;
    {
        LineWriter::Options options;
        auto journal = std::make_shared<Journal>(path);
        options.deliver = [journal](const std::string& text) { return journal->send(text); };
        LineWriter log(fd.get(), std::move(options));
        Publisher::Options publisher_options;
        publisher_options.journal = true;
        Publisher publisher([] { return std::chrono::system_clock::time_point{}; }, &log, publisher_options);
        {
            const Socket socket(path);
            publisher.publish(near_oom());
            entry = socket.next();
        }
        ::unlink(path.c_str());
        Record late;
        late.type = "journal_away";
        publisher.publish(late);
        EXPECT_TRUE(log.close(30s));
    }
    EXPECT_THAT(entry, AllOf(HasSubstr("\nGOVERNOR_TYPE=oom_near\n"), HasSubstr("MESSAGE={")));
    EXPECT_THAT(tree.text("out"), AllOf(HasSubstr("journal_away"), Not(HasSubstr("oom_near"))));
}

}  // namespace
}  // namespace governor::publish
