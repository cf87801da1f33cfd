// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/yaml_reader.hpp"

#include "policies/quantity.hpp"
#include "policies/substitute.hpp"
#include "policies/suggest.hpp"

#include <algorithm>
#include <array>

namespace policies {
namespace {

/// Messages quote what was written; more of it than this helps nobody.
constexpr std::size_t kQuoted = 80;

/// Per file. A file with more than this is not a policy with mistakes but something else, and its findings
/// would fill memory.
constexpr std::size_t kMostDiagnostics = 500;

std::string shortened(std::string_view text) {
    if (text.size() <= kQuoted) return std::string(text);
    auto end = kQuoted;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
    return std::string(text.substr(0, end)) + "...";
}

}  // namespace

YamlReader::Inside::Inside(YamlReader& reader, std::string_view key)
    : reader_(&reader), length_(reader.path_.size()) {
    if (!reader.path_.empty() && !key.starts_with('[')) reader.path_ += '.';
    reader.path_ += shortened(key);
}

void YamlReader::add(Severity severity, Position at, std::string message, std::string hint) {
    if (diagnostics_.size() >= kMostDiagnostics) {
        ++untold_;
        return;
    }
    auto diagnostic = lines_->diagnose(severity, at, std::move(message), std::move(hint));
    diagnostic.path = path_;
    diagnostics_.push_back(std::move(diagnostic));
}

void YamlReader::error(Position at, std::string message, std::string hint) {
    ++errors_;
    add(Severity::kError, at, std::move(message), std::move(hint));
}

void YamlReader::warning(Position at, std::string message, std::string hint) {
    add(Severity::kWarning, at, std::move(message), std::move(hint));
}

void YamlReader::hide(const YamlNode& node) {
    if (all_hidden_) return;
    for (const auto& item : node.items) hide(*item);
    for (const auto& entry : node.entries) hide(*entry.value);
    if (node.kind != YamlNode::Kind::kScalar) return;
    // A default is written out, and so is what cannot be filled in.
    const auto filled =
        substitute(node.text, [](std::string_view) { return std::optional<std::string>(""); });
    if (filled.text && filled.has_variables && node.text.find(":-") == std::string::npos) return;
    hide(node.at);
    // Of a text over several lines it is not known where it ends. Long lines are shown in no case.
    const auto line = lines_->line(node.at);
    if (line.size() > kLongestSnippet || line.find(node.text) == std::string_view::npos) all_hidden_ = true;
}

void YamlReader::hide(Position at) {
    hidden_lines_.insert(at.line);
}

std::vector<Diagnostic> YamlReader::take_diagnostics() {
    for (auto& diagnostic : diagnostics_) {
        if (all_hidden_ || hidden_lines_.contains(diagnostic.line)) diagnostic.snippet.clear();
    }
    std::ranges::stable_sort(diagnostics_, {},
                             [](const Diagnostic& d) { return std::pair(d.line, d.column); });
    if (untold_ != 0) {
        const auto severity = errors_ != 0 ? Severity::kError : Severity::kWarning;
        const Position last{diagnostics_.back().line, diagnostics_.back().column};
        auto& rest = diagnostics_.emplace_back(lines_->diagnose(
            severity, last, "and " + std::to_string(untold_) + " more of the same file", ""));
        if (all_hidden_ || !hidden_lines_.empty()) rest.snippet.clear();
    }
    return std::move(diagnostics_);
}

std::string YamlReader::named(const YamlNode& node, std::string_view value) {
    auto out = "'" + shortened(value) + "'";
    if (node.text != value) out += " (from '" + shortened(node.text) + "')";
    return out;
}

std::optional<std::string> YamlReader::text(const YamlNode& node) {
    if (node.kind == YamlNode::Kind::kNull) {
        error(node.at, "the value is missing");
        return std::nullopt;
    }
    if (node.kind != YamlNode::Kind::kScalar) {
        const bool variable = node.kind == YamlNode::Kind::kMap;
        error(node.at, "a single value belongs here, not " + std::string(kind_name(node)),
              variable ? "a variable inside { } must be quoted: \"${NAME}\"" : "");
        return std::nullopt;
    }
    auto filled = substitute(node.text, *environment_);
    if (!filled.text) error(node.at, std::move(filled.message), std::move(filled.hint));
    return std::move(filled.text);
}

void YamlReader::size(const YamlNode& node, Size& out, Zero zero) {
    const auto written = text(node);
    if (!written) return;
    auto parsed = parse_size(*written);
    if (!parsed) {
        error(node.at, named(node, *written) + " " + parsed.message, std::move(parsed.hint));
    } else if (zero == Zero::kRefused && parsed.value->bytes == Bytes{} &&
               parsed.value->share.value_or(Permille{}).value == 0) {
        error(node.at, named(node, *written) + " must be more than 0");
    } else {
        out = *parsed.value;
    }
}

void YamlReader::bytes(const YamlNode& node, Size& out, Zero zero) {
    // No size that can be read is kUnlimited, so it stands for "was not read".
    Size read{.bytes = kUnlimited, .share = std::nullopt};
    size(node, read, zero);
    if (read.share) {
        error(node.at, "a percentage has no meaning here: this size is the base of the others",
              "write for example 2GiB");
    } else if (read.bytes != kUnlimited) {
        out = read;
    }
}

void YamlReader::share(const YamlNode& node, Permille& out) {
    const auto written = text(node);
    if (!written) return;
    auto parsed = parse_share(*written);
    if (!parsed) {
        error(node.at, named(node, *written) + " " + parsed.message, std::move(parsed.hint));
    } else if (parsed.value->value == 0 || parsed.value->value > 1000) {
        error(node.at, named(node, *written) + " must be more than 0% and at most 100%");
    } else {
        out = *parsed.value;
    }
}

void YamlReader::duration(const YamlNode& node, milliseconds& out) {
    duration(node, out, kLongestDuration);
}

void YamlReader::duration(const YamlNode& node, milliseconds& out, milliseconds longest) {
    duration(node, out, milliseconds{1}, longest);
}

void YamlReader::duration(const YamlNode& node, milliseconds& out, milliseconds shortest,
                          milliseconds longest) {
    const auto written = text(node);
    if (!written) return;
    auto parsed = parse_duration(*written);
    if (!parsed) {
        error(node.at, named(node, *written) + " " + parsed.message, std::move(parsed.hint));
    } else if (*parsed.value <= milliseconds{0} && shortest > milliseconds{0}) {
        error(node.at, named(node, *written) + " must be more than 0");
    } else if (*parsed.value > longest) {
        error(node.at, named(node, *written) + " is too long: here the most is " + to_string(longest));
    } else if (*parsed.value < shortest) {
        error(node.at, named(node, *written) + " is too short: here the least is " + to_string(shortest));
    } else {
        out = *parsed.value;
    }
}

void YamlReader::integer(const YamlNode& node, int& out, int lowest, int highest) {
    const auto written = text(node);
    if (!written) return;
    auto parsed = parse_integer(*written, lowest, highest);
    if (parsed) {
        out = *parsed.value;
    } else {
        error(node.at, named(node, *written) + " " + parsed.message, std::move(parsed.hint));
    }
}

void YamlReader::strings(const YamlNode& node, std::vector<std::string>& out) {
    std::vector<std::string> read;
    if (node.kind != YamlNode::Kind::kList) {
        auto single = text(node);
        if (!single) return;
        read.push_back(std::move(*single));
    } else if (node.items.empty()) {
        error(node.at, "the list is empty");
        return;
    }
    bool good = true;
    for (const auto& item : node.items) {
        auto value = text(*item);
        good = good && value.has_value();
        if (value) read.push_back(std::move(*value));
    }
    if (good) out = std::move(read);
}

std::optional<std::size_t> YamlReader::choice(const YamlNode& node, std::span<const std::string_view> words) {
    const auto written = text(node);
    if (!written) return std::nullopt;
    const auto found = std::ranges::find(words, std::string_view(*written));
    if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
    const auto near = nearest(*written, words);
    error(node.at, named(node, *written) + " is not known here",
          near ? "did you mean '" + std::string(*near) + "'?" : "known here: " + joined(words));
    return std::nullopt;
}

bool YamlReader::expect_map(const YamlNode& node, std::string_view example) {
    if (node.kind == YamlNode::Kind::kMap) return true;
    const auto found =
        node.kind == YamlNode::Kind::kNull ? "but nothing is here" : "not " + std::string(kind_name(node));
    error(node.at, "keys and values belong here, " + found, "for example: " + std::string(example));
    return false;
}

bool YamlReader::expect_list(const YamlNode& node, std::string_view example) {
    if (node.kind == YamlNode::Kind::kList && !node.items.empty()) return true;
    const auto found = node.kind == YamlNode::Kind::kList   ? std::string("but it is empty")
                       : node.kind == YamlNode::Kind::kNull ? std::string("but nothing is here")
                                                            : "not " + std::string(kind_name(node));
    error(node.at, "a list belongs here, " + found, "for example: " + std::string(example));
    return false;
}

std::string_view kind_name(const YamlNode& node) {
    static constexpr std::array<std::string_view, 4> kNames{"nothing", "a single value", "a list",
                                                            "keys and values"};
    return kNames[static_cast<std::size_t>(node.kind)];
}

const YamlNode* find_key(const YamlNode& map, std::string_view key) {
    const auto found =
        std::ranges::find(map.entries, key, [](const auto& entry) { return std::string_view(entry.key); });
    return found == map.entries.end() ? nullptr : found->value.get();
}

Position place_of(const YamlNode& map, std::initializer_list<std::string_view> keys) {
    const auto* node = &map;
    for (const auto key : keys) {
        const auto* next = find_key(*node, key);
        if (next == nullptr) break;
        node = next;
    }
    return node->at;
}

}  // namespace policies
