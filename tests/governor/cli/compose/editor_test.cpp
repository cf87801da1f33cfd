// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/compose/editor.hpp"

#include "tests/governor/cli/compose/annotating.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace governor::cli::compose {
namespace {

using policies::operator""_GiB;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const Policies kMin{reserved("database", "db", 1_GiB, {})};
constexpr const char* kEntry = "org.systemd.property.MemoryMin: \"uint64 1073741824\"";

std::string entry(int indent) {
    return std::string(static_cast<std::size_t>(indent), ' ') + kEntry + "\n";
}

TEST(AnnotateEdits, EntriesAreAddedToAMapAtItsEndAndItsIndentation) {
    EXPECT_EQ(annotated("services:\n"
                        "  db:\n"
                        "    annotations:   # ours\n"
                        "        # about a\n"
                        "        com.example.a: \"1\"\n"
                        "        com.example.b: >\n"
                        "           several\n"
                        "           lines\n"
                        "\n"
                        "    image: x\n",
                        kMin)
                  .text,
              "services:\n"
              "  db:\n"
              "    annotations:   # ours\n"
              "        # about a\n"
              "        com.example.a: \"1\"\n"
              "        com.example.b: >\n"
              "           several\n"
              "           lines\n" +
                  entry(8) +
                  "\n"
                  "    image: x\n");
}

TEST(AnnotateEdits, OtherValuesAreReplacedInPlaceAndInTheirQuotes) {
    for (const std::string quote : {"", "'", "\""}) {
        const std::string before =
            "services:\n  db:\n    annotations:\n      org.systemd.property.MemoryMin: " + quote +
            "uint64 5" + quote + "   # why\n      b: c\n    image: x\n";
        const std::string after =
            "services:\n  db:\n    annotations:\n      org.systemd.property.MemoryMin: " + quote +
            "uint64 1073741824" + quote + "   # why\n      b: c\n    image: x\n";
        const auto done = annotated(before, kMin);
        EXPECT_EQ(done.text, after);
        ASSERT_EQ(done.differences.size(), 1U);
        EXPECT_EQ(done.differences.front().found, "uint64 5");
        EXPECT_EQ(done.differences.front().at.line, 3);
    }
}

TEST(AnnotateEdits, ListsStayLists) {
    EXPECT_EQ(
        annotated(
            "services:\n  db:\n    annotations:\n    - a=b\n    - org.systemd.property.MemoryMin=uint64 5\n"
            "    image: x\n",
            kMin)
            .text,
        "services:\n  db:\n    annotations:\n    - a=b\n    - org.systemd.property.MemoryMin=uint64 "
        "1073741824\n"
        "    image: x\n");
    EXPECT_EQ(annotated("services:\n  db:\n    annotations:\n      - 'a=b'   # c\n    image: x\n", kMin).text,
              "services:\n  db:\n    annotations:\n      - 'a=b'   # c\n"
              "      - \"org.systemd.property.MemoryMin=uint64 1073741824\"\n    image: x\n");
}

TEST(AnnotateEdits, FlowStyleAnnotationsAreAddedTo) {
    const std::string head = "services:\n  db:\n    image: x\n    annotations: ";
    EXPECT_EQ(annotated(head + "{}\n", kMin).text, head + "{ " + kEntry + " }\n");
    EXPECT_EQ(annotated(head + "{ a: b }\n", kMin).text, head + "{ " + kEntry + ", a: b }\n");
    EXPECT_EQ(annotated(head + "{a: b,\n      c: d}\n", kMin).text,
              head + "{ " + kEntry + ", a: b,\n      c: d}\n");
    EXPECT_EQ(annotated(head + "[ a=b ]\n", kMin).text,
              head + "[ \"org.systemd.property.MemoryMin=uint64 1073741824\", a=b ]\n");
    EXPECT_EQ(annotated(head + "{ org.systemd.property.MemoryMin: uint64 5, a: b }\n", kMin).text,
              head + "{ org.systemd.property.MemoryMin: uint64 1073741824, a: b }\n");
}

TEST(AnnotateEdits, EmptyAnnotationsAreFilled) {
    EXPECT_EQ(annotated("services:\n  db:\n    annotations:   # none yet\n    image: x\n", kMin).text,
              "services:\n  db:\n    annotations:   # none yet\n" + entry(6) + "    image: x\n");
    EXPECT_EQ(
        annotated("services:\n  db:\n    image: x\n    \"annotations\":", kMin).text,
        "services:\n  db:\n    image: x\n    \"annotations\":\n" + entry(6).substr(0, entry(6).size() - 1));
    EXPECT_THAT(errors_of("services:\n  db:\n    image: x\n    annotations: null\n", kMin),
                ElementsAre(AllOf(HasSubstr("compose.yaml:4:5"), HasSubstr("null"))));
}

TEST(AnnotateEdits, LineEndsAndAMissingLastOneStay) {
    EXPECT_EQ(annotated("services:\r\n  db:\r\n    image: x\r\n\r\n  web:\r\n    image: y", kMin).text,
              "services:\r\n  db:\r\n    image: x\r\n    annotations:\r\n      " + std::string(kEntry) +
                  "\r\n\r\n  web:\r\n    image: y");
    EXPECT_EQ(annotated("services:\n  db:\n    image: x", kMin).text,
              "services:\n  db:\n    image: x\n    annotations:\n      " + std::string(kEntry));
    EXPECT_EQ(annotated("\xEF\xBB\xBFservices:\n  db:\n    image: x\n", kMin).text,
              "\xEF\xBB\xBFservices:\n  db:\n    image: x\n    annotations:\n" + entry(6));
}

TEST(AnnotateEdits, TheEndOfAServiceIsFoundBehindCommentsTextsAndTabs) {
    const std::string service =
        "services:\n"
        "  db: &db\n"
        "    image:\tx\t# tabs\n"
        "    command: |\n"
        "      # not a comment\n"
        "      run\n"
        "\n"
        "    healthcheck:\n"
        "      test: [ \"CMD\",\n"
        "              \"true\" ]\n"
        "    # ports: later\n";
    const std::string rest =
        "\n"
        "  # the cache\n"
        "  redis:\n"
        "    image: y\n"
        "...\n";
    EXPECT_EQ(annotated(service + rest, kMin).text, service + "    annotations:\n" + entry(6) + rest);
}

TEST(AnnotateEdits, TheLastServiceBeforeOtherSectionsAndAnyIndentation) {
    EXPECT_EQ(annotated("services:\n    db:\n            image: x\nnetworks: {}\n", kMin).text,
              "services:\n    db:\n            image: x\n            annotations:\n" + entry(20) +
                  "networks: {}\n");
    EXPECT_EQ(annotated("services:\n db:\n  image: x\n", kMin).text,
              "services:\n db:\n  image: x\n  annotations:\n" + entry(3));
    EXPECT_EQ(annotated("\"services\":\n  \"db\":\n    \"image\": x\n", kMin).text,
              "\"services\":\n  \"db\":\n    \"image\": x\n    annotations:\n" + entry(6));
}

TEST(AnnotateEdits, FlowStyleServicesAreRefusedWithTheirPlace) {
    EXPECT_THAT(
        errors_of("services:\n  db: { image: x }\n", kMin),
        ElementsAre(AllOf(HasSubstr("compose.yaml:2:7"), HasSubstr("flow style"), HasSubstr("block style"))));
    EXPECT_THAT(errors_of("{\"services\": {\"db\": {\"image\": \"x\"}}}\n", kMin),
                ElementsAre(HasSubstr("compose.yaml:1:21")));
    EXPECT_THAT(errors_of("services:\n  db:\n", kMin), ElementsAre(HasSubstr("no keys")));
    // Nothing is to be done here, so nothing is wrong.
    const std::string right = "services:\n  db: { annotations: { " + std::string(kEntry) + " } }\n";
    EXPECT_EQ(annotated(right, kMin).text, right);
}

TEST(AnnotateEdits, MergedServicesGetAnnotationsOfTheirOwn) {
    const std::string text =
        "x-common: &common\n"
        "  restart: always\n"
        "services:\n"
        "  db:\n"
        "    <<: *common\n"
        "    image: x\n"
        "  web:\n"
        "    <<: *common\n"
        "    image: y\n";
    EXPECT_EQ(annotated(text, kMin).text,
              "x-common: &common\n  restart: always\nservices:\n  db:\n    <<: *common\n    image: x\n"
              "    annotations:\n" +
                  entry(6) + "  web:\n    <<: *common\n    image: y\n");
}

TEST(AnnotateEdits, AnnotationsThatOthersUseTooAreRefused) {
    EXPECT_THAT(
        errors_of("x-a: &a\n  b: c\nservices:\n  db:\n    image: x\n    annotations: *a\n", kMin),
        ElementsAre(AllOf(HasSubstr("compose.yaml:6:18"), HasSubstr("alias"), HasSubstr("<<: *name"))));
    EXPECT_THAT(
        errors_of("x-a: &a\n  annotations:\n    b: c\nservices:\n  db:\n    <<: *a\n    image: x\n", kMin),
        ElementsAre(AllOf(HasSubstr("compose.yaml:5:3"), HasSubstr("merges"))));
    EXPECT_THAT(errors_of("services:\n  web: &web\n    image: x\n  db: *web\n", kMin),
                ElementsAre(AllOf(HasSubstr("compose.yaml:4:7"), HasSubstr("alias"))));
    // The mend of the first works.
    EXPECT_THAT(
        annotated("x-a: &a\n  b: c\nservices:\n  db:\n    image: x\n    annotations:\n      <<: *a\n", kMin)
            .text,
        HasSubstr("      <<: *a\n" + entry(6)));
    // What merges the right value needs nothing.
    const std::string right =
        "x-a: &a\n  annotations:\n" + entry(4) + "services:\n  db:\n    <<: *a\n    image: x\n";
    EXPECT_EQ(annotated(right, kMin).text, right);
}

TEST(AnnotateEdits, AnotherServiceMustNotGetThemBecauseItTakesThisOneOver) {
    for (const char* how : {"    <<: *db\n", "    extends: db\n", "    extends:\n      service: db\n"}) {
        EXPECT_THAT(
            errors_of(std::string("services:\n  db: &db\n    image: x\n  job:\n") + how + "    command: y\n",
                      kMin),
            ElementsAre(AllOf(HasSubstr("compose.yaml:4:3"), HasSubstr("service 'job' would get"),
                              HasSubstr("MemoryMin: \"uint64 0\""))))
            << how;
    }
    // The mend that it names works.
    annotated(
        "services:\n  db: &db\n    image: x\n  job:\n    extends: db\n    annotations:\n"
        "      org.systemd.property.MemoryMin: \"uint64 0\"\n",
        kMin);
    // Both have the policy: each gets its own.
    const Policies both{reserved("database", "d*", 1_GiB, {})};
    EXPECT_EQ(annotated("services:\n  db: &db\n    image: x\n  db2:\n    <<: *db\n", both).matched, 2U);
}

TEST(AnnotateEdits, ServicesThatExtendAnotherFileAreAnnotatedThemselves) {
    const Policies hard{worker("database", "db", 1_GiB)};
    const auto done = annotated(
        "services:\n  db:\n    extends:\n      file: base.yaml\n      service: db\n    image: x\n", hard);
    EXPECT_THAT(done.text, HasSubstr("MemoryHigh"));
    EXPECT_THAT(done.text, Not(HasSubstr("mem_limit"))) << "the other file may say one in another form";
    EXPECT_THAT(done.notes, testing::Contains(HasSubstr("another file")));
}

TEST(AnnotateEdits, TagsAndOtherFeaturesAreKept) {
    EXPECT_THAT(
        annotated("services:\n  db: !override\n    image: x\n    ports: !reset []\n    ? tty\n    : true\n",
                  kMin)
            .text,
        AllOf(HasSubstr("!override"), HasSubstr("ports: !reset []"), HasSubstr(kEntry)));
}

TEST(AnnotateEdits, ValuesThatCannotBeReplacedInPlaceAreRefused) {
    for (const char* value :
         {"|\n        uint64 5", "*five", "", "\"uint64 \\\n        5\"", "!!str uint64 5"}) {
        const std::string text =
            "x-five: &five uint64 5\nservices:\n  db:\n    image: x\n    annotations:\n"
            "      org.systemd.property.MemoryMin: " +
            std::string(value) + "\n      a: b\n";
        EXPECT_THAT(errors_of(text, kMin), ElementsAre(HasSubstr("stands in the way"))) << value;
    }
}

TEST(AnnotateEdits, WhatIsNoComposeFileIsRefused) {
    const auto error = [](const std::string& text) {
        const auto errors = errors_of(text, kMin);
        return errors.empty() ? std::string() : errors.front();
    };
    EXPECT_THAT(error(""), HasSubstr("nothing in this file"));
    EXPECT_THAT(error("# only a comment\n"), HasSubstr("nothing in this file"));
    EXPECT_THAT(error("volumes: {}\n"), HasSubstr("no services"));
    EXPECT_THAT(error("services:\n"), HasSubstr("has no services"));
    EXPECT_THAT(error("services: [ a ]\n"), HasSubstr("has no services"));
    EXPECT_THAT(error("just words\n"), HasSubstr("not a Compose file"));
    EXPECT_THAT(error("services:\n  db: [\n"), HasSubstr("not YAML"));
    EXPECT_THAT(error("services:\n\tdb:\n\t\timage: x\n"),
                AllOf(HasSubstr("compose.yaml:2:"), HasSubstr("tabs")));
    EXPECT_THAT(error("services:\n  db:\n    image: x\n  db:\n    image: y\n"),
                AllOf(HasSubstr("compose.yaml:4:3"), HasSubstr("twice")));
    EXPECT_THAT(error("services:\n  db:\n    image: x\n---\nservices: {}\n"),
                HasSubstr("second YAML document"));
    EXPECT_THAT(error(std::string("services:\0\n", 11)), HasSubstr("not a text file"));
    EXPECT_THAT(error("services:\n  db: &db\n    <<: *db\n"), HasSubstr("inside the very section"));
    EXPECT_THAT(error(std::string(2U << 20U, '#')), HasSubstr("1MiB"));
    EXPECT_THAT(error("services: " + std::string(5000, '[')), Not(testing::IsEmpty()));
}

TEST(AnnotateEdits, WhatWouldChangeSomethingElseIsNotDone) {
    // The blank lines at the end are part of this text: lines added before them would take them away.
    EXPECT_THAT(errors_of("services:\n  db:\n    image: x\n    command: |+\n      run\n\n\n", kMin),
                ElementsAre(HasSubstr("cannot be edited safely")));
}

/// Any damage to a file gives errors, or a result in which nothing else changed (annotated() checks it).
TEST(AnnotateEdits, DamagedFilesAreRefusedOrEditedRightly) {
    const std::string whole =
        "name: p\nx-a: &a\n  b: c\nservices:\n  db: &db   # one\n    image: 'x'\n    annotations:\n      <<: "
        "*a\n"
        "      org.systemd.property.MemoryMin: \"uint64 5\"\n    command: >-\n      run\n        it\n\n"
        "  db2:\n    <<: *a\n    annotations: [ 'a=b', \"c=d\" ]\n    ports:\n    - 80:80\n  web: { image: y "
        "}\n";
    const std::string odd = " \t\n\r:#-{}[]'\"&*|>?,x";
    const Policies both{reserved("database", "db*", 1_GiB, {})};
    std::mt19937 random(7);
    int edited = 0;
    for (int i = 0; i < 1000; ++i) {
        std::string text = whole;
        for (auto n = 1 + random() % 3; n > 0; --n) {
            const std::size_t at = random() % text.size();
            if (random() % 2 == 0) {
                text.erase(at, 1 + random() % 4);
            } else {
                text.insert(at, 1, odd[random() % odd.size()]);
            }
        }
        if (!run(text, both).errors.empty()) continue;
        annotated(text, both);
        ASSERT_FALSE(HasFailure()) << text;
        ++edited;
    }
    EXPECT_GT(edited, 100);
}

TEST(AnnotateEdits, AllErrorsComeAtOnce) {
    EXPECT_THAT(
        errors_of("services:\n  db1: { image: x }\n  db2: { image: x }\n", {reserved("d", "db*", 1_GiB, {})}),
        testing::SizeIs(2));
}

}  // namespace
}  // namespace governor::cli::compose
