// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/compose/editor.hpp"

#include <algorithm>

namespace governor::cli::compose {
namespace {

using Pair = std::pair<std::string, std::string>;
using Kind = Node::Kind;

std::size_t line_of(const Node& node) {
    return static_cast<std::size_t>(node.at.line) - 1;
}
std::size_t column_of(const Node& node) {
    return static_cast<std::size_t>(node.at.column) - 1;
}

std::string as_entry(const Pair& pair) {
    return pair.first + ": \"" + pair.second + "\"";
}
std::string as_item(const Pair& pair) {
    return "\"" + pair.first + "=" + pair.second + "\"";
}

class ServiceEditor {
  public:
    ServiceEditor(Lines& lines, const Service& service, const ServiceEdit& edit,
                  std::vector<Problem>& problems)
        : lines_(lines), service_(service), edit_(edit), problems_(problems) {}

    void run() {
        if (!is_editable()) return;
        indent_ = column_of(*service_.value->entries.front().key);
        for (const auto& [key, value] : edit_.keys)
            added_.push_back(std::string(indent_, ' ') + key + ": " + value);
        if (!edit_.annotations.empty()) annotate();
        if (added_.empty()) return;
        lines_.insert_lines(lines_.end_of_block(line_of(*service_.key), indent_), added_);
    }

  private:
    void problem(Position at, std::string message, std::string hint) {
        problems_.push_back({at, "service '" + service_.name + "': " + std::move(message), std::move(hint)});
    }

    /// Its lines can only be added to when it has some: a block of "key: value" below its name.
    bool is_editable() {
        const Node& value = *service_.value;
        if (value.kind == Kind::kAlias) {
            problem(value.at, "it is an alias of a section that others use too",
                    "write it as a service of its own, which merges that section: '<<: *name'");
        } else if (value.kind != Kind::kMap) {
            problem(service_.key->at, "it has no keys", "give it its image, or whatever it consists of");
        } else if (value.flow || value.entries.empty()) {
            problem(
                value.at, "it is written in flow style ({ }), which cannot be added to line by line",
                "write it in block style: one 'key: value' a line, indented below '" + service_.name + ":'");
        } else if (const Node& first = *value.entries.front().key;
                   line_of(first) <= line_of(*service_.key) ||
                   !lines_.only_spaces_before(line_of(first), column_of(first))) {
            problem(first.at, "this is not a plain 'key: value' line",
                    "write the service in block style, without '?'");
        } else {
            return true;
        }
        return false;
    }

    void annotate() {
        const Found found = find(*service_.value, "annotations");
        if (!found) return add_block();
        const Node& value = *found.entry->value;
        if (!found.own) {
            // An own `annotations` would hide the merged one: nothing of it may get lost.
            problem(service_.key->at, "its annotations come from a section that it merges ('<<')",
                    "give it `annotations:` of its own, with those entries repeated; then annotate again");
        } else if (value.kind == Kind::kAlias) {
            problem(value.at, "its annotations are an alias of a section that others use too",
                    "write them out: 'annotations:' and below it '<<: " + std::string("*name'") +
                        "; then annotate again");
        } else if (value.kind == Kind::kNull) {
            fill_empty(*found.entry->key);
        } else if (value.kind == Kind::kMap) {
            edit_map(value);
        } else if (value.kind == Kind::kList) {
            edit_list(value);
        } else {
            problem(value.at, "its annotations are neither a map nor a list",
                    "write them as 'key: value' lines");
        }
    }

    void add_block() {
        added_.push_back(std::string(indent_, ' ') + "annotations:");
        for (const Pair& pair : edit_.annotations)
            added_.push_back(std::string(inner_indent(), ' ') + as_entry(pair));
    }

    /// `annotations:` with nothing behind it.
    void fill_empty(const Node& key) {
        const char first = lines_.at(line_of(key), column_of(key));
        const std::size_t quotes = first == '"' || first == '\'' ? 2 : 0;
        const std::size_t colon = column_of(key) + key.text.size() + quotes;
        if (lines_.at(line_of(key), colon) != ':' || !lines_.nothing_behind(line_of(key), colon + 1))
            return problem(key.at, "its annotations are null", "remove this line");
        std::vector<std::string> added;
        for (const Pair& pair : edit_.annotations)
            added.push_back(std::string(inner_indent(), ' ') + as_entry(pair));
        lines_.insert_lines(line_of(key) + 1, added);
    }

    void edit_map(const Node& map) {
        std::vector<Pair> missing;
        for (const Pair& pair : edit_.annotations) {
            const Found old = find(map, pair.first);
            // What is merged is overridden by an entry of its own.
            if (!old || !old.own) {
                missing.push_back(pair);
            } else {
                replace(*old.entry->value, pair.second, map.flow);
            }
        }
        if (missing.empty()) return;
        if (map.flow) return add_to_flow(map, missing, '{', map.entries.empty());
        const Node& first = *map.entries.front().key;
        const std::size_t indent = column_of(first);
        if (!lines_.only_spaces_before(line_of(first), indent))
            return problem(first.at, "this is not a plain 'key: value' line",
                           "write the annotations one a line");
        std::vector<std::string> added;
        for (const Pair& pair : missing) added.push_back(std::string(indent, ' ') + as_entry(pair));
        lines_.insert_lines(lines_.end_of_block(line_of(first), indent), added);
    }

    void edit_list(const Node& list) {
        std::vector<Pair> missing;
        for (const Pair& pair : edit_.annotations) {
            const auto old = std::ranges::find_if(list.items, [&](const Node* item) {
                const std::string& text = resolved(*item).text;
                return text == pair.first || text.starts_with(pair.first + "=");
            });
            if (old == list.items.end()) {
                missing.push_back(pair);
            } else {
                replace(**old, pair.first + "=" + pair.second, list.flow);
            }
        }
        if (missing.empty()) return;
        if (list.flow) return add_to_flow(list, missing, '[', list.items.empty());
        const Node& last = *list.items.back();
        const std::size_t indent = lines_.indentation(line_of(last));
        if (last.kind != Kind::kScalar || lines_.at(line_of(last), indent) != '-' ||
            !lines_.word(last.at, last.text, false))
            return problem(last.at, "this is not a plain '- key=value' line",
                           "write the annotations one a line");
        std::vector<std::string> added;
        for (const Pair& pair : missing) added.push_back(std::string(indent, ' ') + "- " + as_item(pair));
        lines_.insert_lines(line_of(last) + 1, added);
    }

    /// `{ a: b }` and `[ a=b ]` on one line or several: behind the bracket there is always room.
    void add_to_flow(const Node& node, const std::vector<Pair>& pairs, char bracket, bool is_empty) {
        if (lines_.at(line_of(node), column_of(node)) != bracket)
            return problem(node.at, "its annotations have an anchor or a tag",
                           "write them as 'key: value' lines");
        std::string text;
        for (const Pair& pair : pairs)
            text += (text.empty() ? " " : ", ") + (bracket == '{' ? as_entry(pair) : as_item(pair));
        if (!is_empty) text += ',';
        if (lines_.at(line_of(node), column_of(node) + 1) != ' ') text += ' ';
        lines_.insert_behind(line_of(node), column_of(node), text);
    }

    void replace(const Node& old, const std::string& text, bool flow) {
        const bool scalar = old.kind == Kind::kScalar;
        if (scalar && old.text == text) return;
        const auto word = scalar ? lines_.word(old.at, old.text, flow) : std::nullopt;
        if (!word)
            return problem(old.kind == Kind::kNull ? service_.key->at : old.at,
                           "an annotation stands in the way of '" + text +
                               "': it is no plain or quoted word on one line",
                           "remove it; then annotate again");
        lines_.replace(*word, text);
    }

    std::size_t inner_indent() const {
        const std::size_t outer = column_of(*service_.key);
        return indent_ + (indent_ > outer ? indent_ - outer : 2);
    }

    Lines& lines_;
    const Service& service_;
    const ServiceEdit& edit_;
    std::vector<Problem>& problems_;
    std::size_t indent_ = 0;
    std::vector<std::string> added_;
};

}  // namespace

void edit_service(Lines& lines, const Service& service, const ServiceEdit& edit,
                  std::vector<Problem>& problems) {
    ServiceEditor(lines, service, edit, problems).run();
}

}  // namespace governor::cli::compose
