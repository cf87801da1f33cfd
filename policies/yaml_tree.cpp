// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/yaml_tree.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <exception>
#include <sstream>
#include <unordered_map>

namespace policies {
namespace {

Position position_of(const YAML::Mark& mark) {
    return {std::max(mark.line, 0) + 1, std::max(mark.column, 0) + 1};
}

/// Thrown through yaml-cpp to stop it; never leaves this file.
struct Stop {
    YamlProblem problem;
};

class TreeBuilder final : public YAML::EventHandler {
  public:
    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        add(leaf(mark, YamlNode::Kind::kNull), anchor);
    }

    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        refuse_tag(mark, tag);
        auto node = leaf(mark, YamlNode::Kind::kScalar);
        node->text = value;
        add(std::move(node), anchor);
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        const auto found = anchored_.find(anchor);
        // An anchor is complete when its node is; until then an alias to it would contain itself.
        if (found == anchored_.end()) {
            throw Stop{{position_of(mark), "this alias stands inside the very section that it repeats",
                        "an alias can only repeat what is complete above it"}};
        }
        place(found->second, position_of(mark));
    }

    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(mark, tag, anchor, YamlNode::Kind::kList);
    }
    void OnSequenceEnd() override { close(); }

    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(mark, tag, anchor, YamlNode::Kind::kMap);
    }
    void OnMapEnd() override { close(); }

    YamlTree take() { return {std::move(root_), std::move(problems_)}; }
    void problem(YamlProblem found) { problems_.push_back(std::move(found)); }

  private:
    struct Level {
        std::shared_ptr<YamlNode> node;
        YAML::anchor_t anchor = YAML::NullAnchor;
        YamlNodePtr key;  ///< of a map: read, its value not yet
        Position key_at;
    };

    static std::shared_ptr<YamlNode> leaf(const YAML::Mark& mark, YamlNode::Kind kind) {
        auto node = std::make_shared<YamlNode>();
        node->kind = kind;
        node->at = position_of(mark);
        return node;
    }

    /// "?" is a plain node, "!" a quoted scalar: neither was written by anyone.
    void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
        if (tag.empty() || tag == "?" || tag == "!") return;
        problem({position_of(mark), "tags are not used in policies: '" + tag.substr(0, 60) + "'",
                 "leave it out"});
    }

    void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YamlNode::Kind kind) {
        refuse_tag(mark, tag);
        if (levels_.size() >= static_cast<std::size_t>(kMaxDepth)) throw too_deep(position_of(mark));
        levels_.push_back({leaf(mark, kind), anchor, nullptr, {}});
    }

    void close() {
        auto level = std::move(levels_.back());
        levels_.pop_back();
        add(std::move(level.node), level.anchor);
    }

    void add(YamlNodePtr node, YAML::anchor_t anchor) {
        if (anchor != YAML::NullAnchor) anchored_[anchor] = node;
        const auto at = node->at;
        place(std::move(node), at);
    }

    /// Puts a complete node where the document is: into the open list or map, or as the root.
    void place(YamlNodePtr node, Position at) {
        if (levels_.empty()) {
            root_ = std::move(node);
            return;
        }
        auto& level = levels_.back();
        auto& parent = *level.node;
        parent.weight += node->weight;
        parent.height = std::max(parent.height, node->height + 1);
        if (parent.weight > kMaxNodes || ++placed_ > kMaxNodes) {
            throw Stop{{at,
                        "with its aliases written out this file has more than " + std::to_string(kMaxNodes) +
                            " values",
                        ""}};
        }
        if (static_cast<std::size_t>(parent.height) + levels_.size() >
            static_cast<std::size_t>(kMaxDepth) + 1)
            throw too_deep(at);
        if (parent.kind == YamlNode::Kind::kList) {
            parent.items.push_back(std::move(node));
        } else if (level.key == nullptr) {
            level.key = std::move(node);
            level.key_at = at;
        } else {
            add_entry(level, std::move(node));
        }
    }

    void add_entry(Level& level, YamlNodePtr value) {
        const auto key = std::exchange(level.key, nullptr);
        if (key->kind != YamlNode::Kind::kScalar) {
            problem(
                {level.key_at, "a key must be a word", "quote values with braces or brackets: \"${NAME}\""});
        } else if (key->text == "<<") {
            problem({level.key_at, "merge keys (<<) are not supported",
                     "repeat a whole section with an alias, or write the keys out"});
        } else {
            level.node->entries.push_back({key->text, level.key_at, std::move(value)});
        }
    }

    static Stop too_deep(Position at) {
        return Stop{{at, "nested deeper than " + std::to_string(kMaxDepth) + " levels", ""}};
    }

    YamlNodePtr root_;
    std::vector<Level> levels_;
    std::unordered_map<YAML::anchor_t, YamlNodePtr> anchored_;
    std::vector<YamlProblem> problems_;
    std::size_t placed_ = 0;
};

bool has(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

/// yaml-cpp speaks of tokens; these are the mistakes behind them.
std::string hint_for(std::string_view message, std::string_view line) {
    if (has(line.substr(0, line.find_first_not_of(" \t")), "\t"))
        return "YAML is indented with spaces, not with tabs";
    if (has(line, ": *") || has(line, "[*") || has(line, ", *") || has(line, "- *")) {
        return "a value that begins with * must be quoted: \"*\"";
    }
    if (has(line, "{") && has(line, "${")) return "inside { } a variable must be quoted: \"${NAME}\"";
    if (has(message, "end of map")) return "is this line indented like its neighbours?";
    if (has(message, "illegal map value")) return "quote a value that has ': ' in it";
    return {};
}

std::string line_of(const std::string& text, int line) {
    std::size_t begin = 0;
    for (int i = 0; i < line; ++i) {
        const auto end = text.find('\n', begin);
        if (end == std::string::npos) return {};
        begin = end + 1;
    }
    return text.substr(begin, text.find('\n', begin) - begin);
}

void parse_all(const std::string& text, TreeBuilder& builder) {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) return;
    TreeBuilder rest;
    if (parser.HandleNextDocument(rest)) {
        const auto second = rest.take();
        builder.problem({second.root ? second.root->at : Position{},
                         "a policy file is one YAML document; here a second one begins",
                         "remove the '---' line, or make it a file of its own"});
    }
}

}  // namespace

YamlTree parse_yaml(const std::string& text) {
    TreeBuilder builder;
    try {
        parse_all(text, builder);
        return builder.take();
    } catch (const Stop& stop) {
        builder.problem(stop.problem);
    } catch (const YAML::Exception& error) {
        builder.problem({position_of(error.mark), "this is not YAML: " + error.msg,
                         hint_for(error.msg, line_of(text, std::max(error.mark.line, 0)))});
    } catch (const std::exception& error) {
        builder.problem({Position{}, std::string("this cannot be read: ") + error.what(), ""});
    }
    auto tree = builder.take();
    // Half a document would only give errors that follow from the first.
    tree.root = nullptr;
    return tree;
}

}  // namespace policies
