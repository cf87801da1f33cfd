// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/docker/container_list.hpp"

#include "governor/docker/json_fields.hpp"

#include <utility>

namespace governor::docker {
namespace {

constexpr const char* kOperation = "read the list of containers";
/// Enough to tell "null" and an object from a list.
constexpr std::size_t kMaxBefore = 16;

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

}  // namespace

void ContainerListReader::feed(std::string_view piece) {
    for (const char c : piece) {
        if (!failure_.empty()) return;
        take(c);
    }
}

void ContainerListReader::take(char c) {
    switch (where_) {
        case Where::kBefore:
            if (c == '[' && before_.empty()) {
                where_ = Where::kInside;
            } else if (!is_space(c) && before_.size() < kMaxBefore) {
                before_ += c;
            }
            return;
        case Where::kInside:
            return take_in_item(c);
        case Where::kAfter:
            if (!is_space(c)) fail("the answer is not JSON");
            return;
    }
}

void ContainerListReader::take_in_item(char c) {
    if (in_string_) {
        if (escaped_) {
            escaped_ = false;
        } else if (c == '\\') {
            escaped_ = true;
        } else if (c == '"') {
            in_string_ = false;
        }
    } else if (c == '"') {
        in_string_ = true;
    } else if (c == '{' || c == '[') {
        ++depth_;
    } else if (depth_ == 0 && (c == ',' || c == ']')) {
        // An empty list has no item; a comma without one is an error of its parser.
        if (c == ',' || !item_.empty() || !containers_.empty()) end_item();
        if (c == ']') where_ = Where::kAfter;
        return;
    } else if (c == '}' || c == ']') {
        --depth_;
    } else if (is_space(c)) {
        return;
    }
    if (item_.size() >= max_item_)
        return fail("a container's entry is longer than " + std::to_string(max_item_) + " bytes");
    item_ += c;
}

void ContainerListReader::end_item() {
    const auto document = nlohmann::json::parse(item_, nullptr, false);
    item_.clear();
    if (document.is_discarded()) return fail("the answer is not JSON");
    const std::string path = "[" + std::to_string(containers_.size()) + "]";
    JsonFields::Failure failure;
    const JsonFields fields(&document, path, &failure);
    ContainerSummary& container = containers_.emplace_back();
    fields.read("Id", container.id);
    fields.read("State", container.state);
    std::vector<std::string> names;
    fields.read("Names", names);
    // Names that links gave it have a second slash: "/web/db".
    for (const std::string& name : names)
        if (name.find('/', 1) == std::string::npos && name.size() > 1) container.name = name.substr(1);
    if (failure) fail(*failure);
}

void ContainerListReader::fail(std::string text) {
    failure_ = std::move(text);
}

Result<std::vector<ContainerSummary>> ContainerListReader::finish() {
    if (!failure_.empty()) return tl::unexpected(protocol_error(kOperation, failure_));
    if (where_ == Where::kAfter || before_ == "null") return std::move(containers_);
    const bool other = where_ == Where::kBefore && !before_.empty() && before_.front() == '{';
    return tl::unexpected(
        protocol_error(kOperation, other ? "the answer is not a list" : "the answer is not JSON"));
}

Result<std::vector<ContainerSummary>> parse_container_list(std::string_view json) {
    ContainerListReader reader;
    reader.feed(json);
    return reader.finish();
}

}  // namespace governor::docker
