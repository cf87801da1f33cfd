// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/metrics/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace governor::metrics {
namespace {

std::string_view to_string(Kind kind) {
    switch (kind) {
        case Kind::kGauge:
            return "gauge";
        case Kind::kCounter:
            return "counter";
        case Kind::kHistogram:
            return "histogram";
    }
    return "untyped";
}

double seconds(policies::Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

/// Length of the UTF-8 sequence at the front of `text`; 0 when there is none.
std::size_t sequence_length(std::string_view text) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = at(0);
    if (first < 0x80) return 1;
    const std::size_t length = first >= 0xF5   ? 0
                               : first >= 0xF0 ? 4
                               : first >= 0xE0 ? 3
                               : first >= 0xC2 ? 2
                                               : 0;
    if (length == 0 || length > text.size()) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((at(i) & 0xC0U) != 0x80) return 0;
    // Overlong forms, surrogates, and what is beyond Unicode.
    const unsigned char second = at(1);
    if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
        (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F))
        return 0;
    return length;
}

/// One byte that is not UTF-8 would make Prometheus refuse the whole answer.
void append_escaped(std::string& out, std::string_view value) {
    while (!value.empty()) {
        const std::size_t length = sequence_length(value);
        if (length == 0) {
            out += "\xEF\xBF\xBD";
        } else if (value.front() == '\\') {
            out += "\\\\";
        } else if (value.front() == '"') {
            out += "\\\"";
        } else if (value.front() == '\n') {
            out += "\\n";
        } else {
            out += value.substr(0, length);
        }
        value.remove_prefix(std::max<std::size_t>(length, 1));
    }
}

}  // namespace

Labels& Labels::with(std::string_view name, std::string_view value) {
    if (!text_.empty()) text_ += ',';
    text_ += name;
    text_ += "=\"";
    append_escaped(text_, value);
    text_ += '"';
    return *this;
}

void Text::begin(FamilyId id) {
    id_ = id;
    described_ = false;
}

void Text::head(std::string_view suffix, const Labels& labels) {
    const Family& of = family(id_);
    if (!std::exchange(described_, true)) {
        out_.append("# HELP ").append(of.name).append(" ").append(of.help).append("\n# TYPE ");
        out_.append(of.name).append(" ").append(to_string(of.kind)).append("\n");
    }
    out_.append(of.name).append(suffix);
    if (!labels.text().empty()) out_.append("{").append(labels.text()).append("}");
    out_ += ' ';
}

void Text::number(std::uint64_t value) {
    std::array<char, 24> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    out_.append(digits.data(), end);
}

void Text::number(double value) {
    if (std::isinf(value)) {
        out_ += value > 0 ? "+Inf" : "-Inf";
        return;
    }
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    out_.append(digits.data(), end);
}

void Text::add(const Labels& labels, std::uint64_t value) {
    head({}, labels);
    number(value);
    out_ += '\n';
}

void Text::add(const Labels& labels, double value) {
    head({}, labels);
    number(value);
    out_ += '\n';
}

void Text::add(const Labels& labels, policies::Duration value) {
    add(labels, seconds(value));
}

void Text::bucket(const Labels& labels, std::string_view bound, std::uint64_t count) {
    Labels with_bound = labels;
    head("_bucket", with_bound.with("le", bound));
    number(count);
    out_ += '\n';
}

void Text::add(const Labels& labels, const Histogram& histogram) {
    const auto bounds = histogram.bounds();
    for (std::size_t i = 0; i < bounds.size(); ++i) {
        std::array<char, 32> digits{};
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), seconds(bounds[i])).ptr;
        bucket(labels, {digits.data(), end}, histogram.at_or_below(i));
    }
    bucket(labels, "+Inf", histogram.count());
    head("_sum", labels);
    number(seconds(histogram.sum()));
    out_ += '\n';
    head("_count", labels);
    number(histogram.count());
    out_ += '\n';
}

}  // namespace governor::metrics
