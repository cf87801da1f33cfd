// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

/// Relative links in the documentation lead to files and headings that exist.
namespace governor {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// Markdown files of the source tree, without what was built in it.
std::vector<fs::path> pages() {
    static const std::set<std::string> kNotOurs{"build", ".git", ".cache", ".pytest_cache"};
    std::vector<fs::path> out;
    for (fs::recursive_directory_iterator it(GOVERNOR_SOURCE_DIR), end; it != end; ++it) {
        if (it->is_directory() && kNotOurs.contains(it->path().filename().string()))
            it.disable_recursion_pending();
        if (it->path().extension() == ".md") out.push_back(it->path());
    }
    return out;
}

/// A heading's anchor: lower case, blanks to dashes, punctuation gone.
std::string anchor_of(const std::string& heading) {
    std::string out;
    for (const char c : heading) {
        const auto byte = static_cast<unsigned char>(c);
        if (std::isalnum(byte) != 0 || c == '-' || c == '_') out += static_cast<char>(std::tolower(byte));
        if (c == ' ') out += '-';
    }
    return out;
}

struct Page {
    std::string prose;  ///< without code blocks
    std::set<std::string> anchors;
};

Page parse(const fs::path& path) {
    Page page;
    std::istringstream lines(read(path));
    bool code = false;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("```")) code = !code;
        if (code) continue;
        page.prose += line + "\n";
        const auto level = line.find_first_not_of('#');
        if (level != 0 && level != std::string::npos && line[level] == ' ')
            page.anchors.insert(anchor_of(line.substr(level + 1)));
    }
    return page;
}

TEST(DocsLinks, LeadToWhatIsThere) {
    static const std::regex kLink(R"(\]\(([^)\s]+)\))");
    const std::vector<fs::path> all = pages();
    ASSERT_FALSE(all.empty());
    for (const fs::path& path : all) {
        const Page page = parse(path);
        for (std::sregex_iterator it(page.prose.begin(), page.prose.end(), kLink), end; it != end; ++it) {
            const std::string link = (*it)[1].str();
            if (link.find("://") != std::string::npos) continue;
            const auto hash = link.find('#');
            const std::string file = link.substr(0, hash);
            const fs::path target = file.empty() ? path : path.parent_path() / file;
            EXPECT_TRUE(fs::exists(target)) << path << " has a dead link: " << link;
            if (hash == std::string::npos || target.extension() != ".md") continue;
            EXPECT_TRUE(parse(target).anchors.contains(link.substr(hash + 1)))
                << path << " has a dead link: " << link;
        }
    }
}

}  // namespace
}  // namespace governor
