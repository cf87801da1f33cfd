// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/compose/project.hpp"

#include "policies/quantity.hpp"

#include <algorithm>
#include <set>

namespace governor::cli::compose {
namespace {

constexpr int kMostReplicas = 1000;

/// The service of the same file that `extends` names; empty when it names none, or one of another file.
std::string extended_here(const Node& extends) {
    if (extends.kind == Node::Kind::kScalar) return extends.text;
    return find(extends, "file") ? std::string() : text_at(extends, "service");
}

void collect_words(const Node& node, std::map<std::string, std::string>& out, int depth) {
    constexpr int kDeepestMerge = 64;
    if (depth > kDeepestMerge) return;
    for (const Node* item : node.items) {
        const Node& word = resolved(*item);
        if (word.kind != Node::Kind::kScalar) continue;
        const auto equals = word.text.find('=');
        out.emplace(word.text.substr(0, equals),
                    equals == std::string::npos ? std::string() : word.text.substr(equals + 1));
    }
    // Own keys first: emplace() keeps what is there already.
    for (const Entry& entry : node.entries) {
        const Node& value = resolved(*entry.value);
        if (entry.key->text != "<<" && value.kind == Node::Kind::kScalar)
            out.emplace(entry.key->text, value.text);
    }
    for (const Entry& entry : node.entries) {
        if (entry.key->text != "<<") continue;
        const Node& merged = resolved(*entry.value);
        if (merged.kind == Node::Kind::kMap) collect_words(merged, out, depth + 1);
        for (const Node* item : merged.items) collect_words(resolved(*item), out, depth + 1);
    }
}

}  // namespace

std::map<std::string, std::string> words_of(const Node& node) {
    std::map<std::string, std::string> out;
    collect_words(node, out, 0);
    return out;
}

Project::Project(const Document& document) {
    name_ = text_at(*document.root, "name");
    const Found services = find(*document.root, "services");
    if (!services) return;
    for (const Entry& entry : services.value().entries) {
        if (entry.key->kind == Node::Kind::kScalar && entry.key->text != "<<")
            services_.push_back({entry.key->text, entry.key, entry.value});
    }
}

const Service* Project::find_service(std::string_view name) const {
    const auto found = std::ranges::find(services_, name, &Service::name);
    return found == services_.end() ? nullptr : &*found;
}

std::vector<const Service*> Project::chain(const Service& service) const {
    std::vector<const Service*> out;
    const Service* at = &service;
    while (at != nullptr && std::ranges::find(out, at) == out.end()) {
        out.push_back(at);
        const Found extends = find(resolved(*at->value), "extends");
        at = extends ? find_service(extended_here(extends.value())) : nullptr;
    }
    return out;
}

Setting Project::setting(const Service& service, std::string_view key) const {
    for (const Service* at : chain(service)) {
        if (const Found found = find(resolved(*at->value), key))
            return {found.entry, at == &service && found.own};
    }
    return {};
}

std::map<std::string, std::string> Project::words(const Service& service, std::string_view key) const {
    std::map<std::string, std::string> out;
    // The nearest says: merge() keeps what is there already.
    for (const Service* at : chain(service)) {
        if (const Found found = find(resolved(*at->value), key)) out.merge(words_of(found.value()));
    }
    return out;
}

const Node* Project::deploy_memory(const Service& service, std::string_view kind) const {
    for (const Service* at : chain(service)) {
        const Node* node = &resolved(*at->value);
        for (const std::string_view key :
             {std::string_view("deploy"), std::string_view("resources"), kind, std::string_view("memory")}) {
            const Found found = find(*node, key);
            node = found ? &found.value() : nullptr;
            if (node == nullptr) break;
        }
        if (node != nullptr && node->kind == Node::Kind::kScalar) return node;
    }
    return nullptr;
}

bool Project::extends_another_file(const Service& service) const {
    return std::ranges::any_of(chain(service), [](const Service* at) {
        const Found extends = find(resolved(*at->value), "extends");
        return extends && find(extends.value(), "file");
    });
}

policies::Candidate Project::candidate(const Service& service, const std::string& project) const {
    policies::Candidate out{.project = project, .service = service.name, .container = {}, .labels = {}};
    const Setting name = setting(service, "container_name");
    out.container = name ? name.value().text : project + "-" + service.name + "-1";
    auto labels = words(service, "labels");
    labels["com.docker.compose.project"] = project;
    labels["com.docker.compose.service"] = service.name;
    out.labels.assign(labels.begin(), labels.end());
    return out;
}

int Project::replicas(const Service& service) const {
    const auto number = [](const std::string& text) {
        return policies::parse_integer(text, 0, kMostReplicas).value;
    };
    const Node& own = resolved(*service.value);
    if (const auto scale = number(text_at(own, "scale"))) return *scale;
    const Setting deploy = setting(service, "deploy");
    if (!deploy) return 1;
    return number(text_at(deploy.value(), "replicas")).value_or(1);
}

}  // namespace governor::cli::compose
