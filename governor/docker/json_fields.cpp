// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/docker/json_fields.hpp"

#include <limits>
#include <utility>

namespace governor::docker {

using nlohmann::json;

JsonFields::JsonFields(const json* value, std::string path, Failure* failure)
    : value_(value), path_(std::move(path)), failure_(failure) {
    if (value_ != nullptr && !value_->is_object()) {
        fail("", "an object", *value_);
        value_ = nullptr;
    }
}

const json* JsonFields::find(const char* key) const {
    if (value_ == nullptr) return nullptr;
    const auto found = value_->find(key);
    return found == value_->end() || found->is_null() ? nullptr : &*found;
}

void JsonFields::fail(std::string_view key, std::string_view expected, const json& got) const {
    if (failure_->has_value()) return;
    std::string where = path_;
    if (!where.empty() && !key.empty()) where += '.';
    where += key;
    if (where.empty()) where = "the document";
    *failure_ = where + " should be " + std::string(expected) + " and is " + got.type_name();
}

void JsonFields::read(const char* key, std::string& out) const {
    const json* value = find(key);
    if (value == nullptr) return;
    if (!value->is_string()) return fail(key, "a string", *value);
    out = value->get_ref<const std::string&>();
}

void JsonFields::read(const char* key, bool& out) const {
    const json* value = find(key);
    if (value == nullptr) return;
    if (!value->is_boolean()) return fail(key, "a boolean", *value);
    out = value->get<bool>();
}

void JsonFields::read(const char* key, std::optional<std::int64_t>& out) const {
    const json* value = find(key);
    if (value == nullptr) return;
    const bool fits =
        !value->is_number_unsigned() ||
        value->get<std::uint64_t>() <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (!value->is_number_integer() || !fits) return fail(key, "a 64-bit integer", *value);
    out = value->get<std::int64_t>();
}

void JsonFields::read(const char* key, std::int64_t& out) const {
    std::optional<std::int64_t> value;
    read(key, value);
    out = value.value_or(out);
}

void JsonFields::read(const char* key, std::vector<std::string>& out) const {
    const json* value = find(key);
    if (value == nullptr) return;
    if (!value->is_array()) return fail(key, "a list of strings", *value);
    for (const json& item : *value) {
        if (!item.is_string()) return fail(key, "a list of strings", item);
        out.push_back(item.get_ref<const std::string&>());
    }
}

void JsonFields::read(const char* key, StringMap& out) const {
    const json* value = find(key);
    if (value == nullptr) return;
    if (!value->is_object()) return fail(key, "an object of strings", *value);
    for (const auto& [name, item] : value->items()) {
        if (!item.is_string()) return fail(key, "an object of strings", item);
        out.insert_or_assign(name, item.get_ref<const std::string&>());
    }
}

JsonFields JsonFields::object(const char* key) const {
    return JsonFields(find(key), path_.empty() ? key : path_ + "." + key, failure_);
}

std::map<std::string, JsonFields, std::less<>> JsonFields::objects() const {
    std::map<std::string, JsonFields, std::less<>> found;
    if (value_ == nullptr) return found;
    for (const auto& [name, item] : value_->items()) {
        const json* value = item.is_null() ? nullptr : &item;
        found.emplace(name, JsonFields(value, path_ + "." + name, failure_));
    }
    return found;
}

}  // namespace governor::docker
