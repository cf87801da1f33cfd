// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace cgroups {

/// A text that many hold and nobody changes: a cgroup's path, a container's id. A copy shares it; compared
/// and sorted by value, also with plain strings. Both are longer than what a std::string holds in itself, and
/// each container's are keys in half a dozen places.
class SharedText {
  public:
    SharedText() = default;
    // NOLINTBEGIN(google-explicit-constructor): a text is a text
    SharedText(std::string text) : text_(std::make_shared<const std::string>(std::move(text))) {}
    SharedText(const char* text) : SharedText(std::string(text)) {}
    operator const std::string&() const { return str(); }
    // NOLINTEND(google-explicit-constructor)

    const std::string& str() const {
        static const std::string kEmpty;
        return text_ ? *text_ : kEmpty;
    }
    bool empty() const { return str().empty(); }

    friend bool operator==(const SharedText& a, const SharedText& b) {
        return a.text_ == b.text_ || a.str() == b.str();
    }
    friend std::strong_ordering operator<=>(const SharedText& a, const SharedText& b) {
        return a.text_ == b.text_ ? std::strong_ordering::equal : a.str() <=> b.str();
    }
    template <std::convertible_to<std::string_view> Text>
    friend bool operator==(const SharedText& a, const Text& b) {
        return a.str() == std::string_view(b);
    }
    template <std::convertible_to<std::string_view> Text>
    friend std::strong_ordering operator<=>(const SharedText& a, const Text& b) {
        return std::string_view(a.str()) <=> std::string_view(b);
    }

  private:
    std::shared_ptr<const std::string> text_;
};

}  // namespace cgroups
