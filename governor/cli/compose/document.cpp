// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/compose/document.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <exception>
#include <set>
#include <sstream>
#include <unordered_map>
#include <utility>

namespace governor::cli::compose {
namespace {

constexpr std::size_t kMostNodes = 100'000;
constexpr std::size_t kMostLevels = 64;
constexpr std::string_view kMerge = "<<";

Position position_of(const YAML::Mark& mark) {
    return {std::max(mark.line, 0) + 1, std::max(mark.column, 0) + 1};
}

/// Thrown through yaml-cpp to stop it; never leaves this file.
struct Stop {
    Problem problem;
};

class Builder final : public YAML::EventHandler {
  public:
    explicit Builder(Document& document) : document_(document) {}

    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        place(make(mark, Node::Kind::kNull, {}, anchor), anchor);
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        Node& node = make(mark, Node::Kind::kScalar, tag, anchor);
        node.text = value;
        place(node, anchor);
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        const auto found = complete_.find(anchor);
        if (found == complete_.end())
            throw Stop{{position_of(mark), "this alias stands inside the very section that it repeats",
                        "an alias can only repeat what is complete above it"}};
        Node& node = make(mark, Node::Kind::kAlias, {}, anchor);
        node.target = found->second;
        place(node, YAML::NullAnchor);
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value style) override {
        open(make(mark, Node::Kind::kList, tag, anchor), style);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value style) override {
        open(make(mark, Node::Kind::kMap, tag, anchor), style);
    }
    void OnMapEnd() override { close(); }

    bool empty() const { return root_ == nullptr; }
    const Node* root() const { return root_; }

  private:
    struct Level {
        Node* node;
        const Node* key = nullptr;  ///< of a map: read, its value not yet
        std::set<std::string, std::less<>> keys;
    };

    Node& make(const YAML::Mark& mark, Node::Kind kind, const std::string& tag, YAML::anchor_t anchor) {
        if (document_.nodes.size() >= kMostNodes)
            throw Stop{
                {position_of(mark), "this file has more than " + std::to_string(kMostNodes) + " values", ""}};
        Node& node = document_.nodes.emplace_back();
        node.kind = kind;
        node.at = position_of(mark);
        // "?" is a plain node, "!" a quoted scalar: neither was written by anyone.
        if (tag != "?" && tag != "!") node.tag = tag;
        node.anchor = anchor;
        return node;
    }

    void open(Node& node, YAML::EmitterStyle::value style) {
        node.flow = style == YAML::EmitterStyle::Flow;
        if (levels_.size() >= kMostLevels)
            throw Stop{{node.at, "nested deeper than " + std::to_string(kMostLevels) + " levels", ""}};
        levels_.push_back({&node, nullptr, {}});
    }

    void close() {
        Node& node = *levels_.back().node;
        levels_.pop_back();
        place(node, node.anchor);
    }

    void place(const Node& node, YAML::anchor_t anchor) {
        if (anchor != YAML::NullAnchor) complete_[anchor] = &node;
        if (levels_.empty()) {
            root_ = &node;
            return;
        }
        Level& level = levels_.back();
        if (level.node->kind == Node::Kind::kList) {
            level.node->items.push_back(&node);
        } else if (level.key == nullptr) {
            refuse_twice(level, node);
            level.key = &node;
        } else {
            level.node->entries.push_back({std::exchange(level.key, nullptr), &node});
        }
    }

    /// Compose refuses such a file too; which of the two would be edited is nothing to guess.
    void refuse_twice(Level& level, const Node& key) {
        if (key.kind != Node::Kind::kScalar || key.text == kMerge) return;
        if (!level.keys.insert(key.text).second)
            document_.problems.push_back(
                {key.at, "the key '" + key.text + "' is given twice", "remove one of them"});
    }

    Document& document_;
    const Node* root_ = nullptr;
    std::vector<Level> levels_;
    std::unordered_map<YAML::anchor_t, const Node*> complete_;
};

bool begins_with_tab(const std::string& text, int line) {
    std::istringstream in(text);
    std::string found;
    for (int i = 0; i <= line; ++i) std::getline(in, found);
    return found.substr(0, found.find_first_not_of(" \t")).find('\t') != std::string::npos;
}

void parse_into(const std::string& text, Document& document) {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    Builder builder(document);
    if (!parser.HandleNextDocument(builder) || builder.empty()) return;
    Document second;
    Builder rest(second);
    if (parser.HandleNextDocument(rest)) {
        document.problems.push_back(
            {rest.empty() ? Position{} : rest.root()->at,
             "a second YAML document begins here, and only files of one are annotated",
             "make it a file of its own"});
    }
    document.root = builder.root();
}

Found find_in(const Node& map, std::string_view key, std::set<const Node*>& seen, bool own) {
    if (map.kind != Node::Kind::kMap || !seen.insert(&map).second) return {};
    for (const Entry& entry : map.entries) {
        if (entry.key->kind == Node::Kind::kScalar && entry.key->text == key) return {&entry, own};
    }
    for (const Entry& entry : map.entries) {
        if (entry.key->kind != Node::Kind::kScalar || entry.key->text != kMerge) continue;
        const Node& merged = resolved(*entry.value);
        if (const Found found = find_in(merged, key, seen, false)) return found;
        for (const Node* item : merged.items) {
            if (const Found found = find_in(resolved(*item), key, seen, false)) return found;
        }
    }
    return {};
}

}  // namespace

Document parse(const std::string& text) {
    Document document;
    try {
        parse_into(text, document);
    } catch (const Stop& stop) {
        document.problems.push_back(stop.problem);
    } catch (const YAML::Exception& error) {
        document.problems.push_back({position_of(error.mark), "this is not YAML: " + error.msg,
                                     begins_with_tab(text, error.mark.line)
                                         ? "YAML is indented with spaces, not with tabs"
                                         : "`docker compose config` says more about it"});
    } catch (const std::exception& error) {
        document.problems.push_back({Position{}, std::string("this cannot be read: ") + error.what(), ""});
    }
    if (!document.problems.empty()) document.root = nullptr;
    return document;
}

const Node& resolved(const Node& node) {
    return node.target == nullptr ? node : *node.target;
}

Found find(const Node& map, std::string_view key) {
    std::set<const Node*> seen;
    return find_in(map, key, seen, true);
}

std::string text_at(const Node& map, std::string_view key) {
    const Found found = find(map, key);
    return found && found.value().kind == Node::Kind::kScalar ? found.value().text : std::string();
}

}  // namespace governor::cli::compose
