// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/compose/verify.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace governor::cli::compose {
namespace {

using Kind = Node::Kind;
using Words = std::map<std::string, std::string>;

/// Length first, so that no text can pass for structure.
void append(std::string& out, char kind, std::string_view text) {
    out += kind;
    out += std::to_string(text.size());
    out += ':';
    out += text;
}

/// The whole content and structure of a document as text, without what the edits put in.
class Dump {
  public:
    Dump(const Project& project, const Edits& edits) {
        for (const Service& service : project.services()) {
            const auto found = edits.find(service.name);
            if (found != edits.end()) edited_.emplace(service.value, &found->second);
        }
    }

    std::string of(const Node& root) {
        add(root);
        return std::move(out_);
    }

  private:
    void add_head(const Node& node) {
        append(out_, 'a', std::to_string(node.anchor));
        append(out_, 't', node.tag);
    }

    void add(const Node& node) {
        add_head(node);
        if (node.kind == Kind::kAlias) {
            out_ += '*';
        } else if (node.kind == Kind::kScalar) {
            append(out_, 's', node.text);
        } else if (node.kind == Kind::kList) {
            out_ += '[';
            for (const Node* item : node.items) add(*item);
            out_ += ']';
        } else if (node.kind == Kind::kMap) {
            const auto edited = edited_.find(&node);
            out_ += '{';
            for (const Entry& entry : node.entries)
                add_entry(entry, edited == edited_.end() ? nullptr : edited->second);
            out_ += '}';
        }
    }

    void add_entry(const Entry& entry, const ServiceEdit* edit) {
        const auto is_added = [&](const auto& pair) { return pair.first == entry.key->text; };
        if (edit != nullptr && std::ranges::any_of(edit->keys, is_added)) return;
        if (edit != nullptr && !edit->annotations.empty() && entry.key->text == "annotations")
            return add_annotations(*entry.value, *edit);
        add(*entry.key);
        add(*entry.value);
    }

    /// Those that are not the edit's. An empty map, an empty list and nothing at all mean the same.
    void add_annotations(const Node& node, const ServiceEdit& edit) {
        const auto is_edited = [&](std::string_view key) {
            return std::ranges::any_of(edit.annotations, [&](const auto& pair) { return pair.first == key; });
        };
        std::string all = std::move(out_);
        out_.clear();
        for (const Node* item : node.items) {
            if (!is_edited(std::string_view(item->text).substr(0, item->text.find('=')))) add(*item);
        }
        for (const Entry& entry : node.entries) {
            if (is_edited(entry.key->text)) continue;
            add(*entry.key);
            add(*entry.value);
        }
        const std::string rest = std::exchange(out_, std::move(all));
        if (rest.empty() && node.anchor == 0 && node.tag.empty()) return;
        add_head(node);
        append(out_, '@', rest);
    }

    std::map<const Node*, const ServiceEdit*> edited_;
    std::string out_;
};

/// What annotate() may change, as Compose sees it for this service in the end.
Words effective(const Project& project, const Service& service) {
    Words out;
    for (const auto& [key, value] : project.words(service, "annotations")) out["annotations." + key] = value;
    for (const char* key : {"mem_limit", "memswap_limit"}) {
        if (const Setting found = project.setting(service, key)) out[key] = found.value().text;
    }
    return out;
}

void expect_edit(Words& words, const ServiceEdit& edit) {
    for (const auto& [key, value] : edit.annotations) words["annotations." + key] = value;
    for (const auto& [key, value] : edit.keys) words[key] = value;
}

/// What an annotation of a service's own says when it is to be as without any.
std::string neutral(const std::string& key) {
    const bool limit = key.ends_with("MemoryHigh") || key.ends_with("MemorySwapMax");
    return limit ? "uint64 18446744073709551615" : "uint64 0";
}

Problem taken_over(const Service& service, const std::string& key) {
    constexpr std::string_view kAnnotations = "annotations.";
    const bool is_annotation = key.starts_with(kAnnotations);
    const std::string own = is_annotation ? "below 'annotations:' '" + key.substr(kAnnotations.size()) +
                                                ": \"" + neutral(key) + "\"'"
                                          : "'" + key + "'";
    return {service.key->at,
            "service '" + service.name + "' would get " + key +
                " too, because it takes over (by an alias, '<<' or extends) from a service that is annotated",
            "give it an entry of its own, " + own + ", or move what they share to an 'x-...' section"};
}

}  // namespace

std::vector<Problem> verify(const Document& before, const Document& after, const Edits& edits) {
    const Problem not_safe{{},
                           "the layout of this file cannot be edited safely: nothing was changed",
                           "write the services in plain block style, or add what --check says by hand"};
    if (after.root == nullptr) return {not_safe};
    const Project old_project(before);
    const Project new_project(after);
    if (Dump(old_project, edits).of(*before.root) != Dump(new_project, edits).of(*after.root))
        return {not_safe};

    std::vector<Problem> out;
    for (const Service& service : old_project.services()) {
        const Service* edited = new_project.find_service(service.name);
        if (edited == nullptr) return {not_safe};
        Words expected = effective(old_project, service);
        const auto edit = edits.find(service.name);
        if (edit != edits.end()) expect_edit(expected, edit->second);
        const Words actual = effective(new_project, *edited);
        for (const auto& [key, value] : actual) {
            const auto found = expected.find(key);
            if (found != expected.end() && found->second == value) continue;
            out.push_back(taken_over(service, key));
            break;
        }
        // An own `annotations` hides a merged one: nothing of it may get lost.
        for (const auto& [key, value] : expected) {
            if (actual.contains(key)) continue;
            out.push_back({service.key->at, "service '" + service.name + "' would lose " + key,
                           "write it in the service itself; then annotate again"});
            break;
        }
    }
    return out;
}

}  // namespace governor::cli::compose
