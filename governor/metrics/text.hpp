// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/metrics/families.hpp"
#include "governor/metrics/histogram.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace governor::metrics {

/// Labels of a series, rendered once and used for many: `service="postgres",kind="min"`.
class Labels {
  public:
    /// `name` is a label's name; `value` is any text: what may not stand in it is escaped.
    Labels& with(std::string_view name, std::string_view value);
    const std::string& text() const { return text_; }
    auto operator<=>(const Labels&) const = default;

  private:
    std::string text_;
};

/// Prometheus' text format, version 0.0.4. A family without a sample leaves no trace.
class Text {
  public:
    /// What is added next belongs to this family. All samples of a family are added together.
    void begin(FamilyId id);
    void add(const Labels& labels, std::uint64_t value);
    void add(const Labels& labels, double value);
    /// Seconds.
    void add(const Labels& labels, policies::Duration value);
    void add(const Labels& labels, const Histogram& histogram);

    std::string take() { return std::move(out_); }
    void reserve(std::size_t bytes) { out_.reserve(bytes); }

  private:
    void head(std::string_view suffix, const Labels& labels);
    void bucket(const Labels& labels, std::string_view bound, std::uint64_t count);
    void number(std::uint64_t value);
    void number(double value);

    std::string out_;
    FamilyId id_ = FamilyId::kMemoryCurrent;
    bool described_ = false;
};

}  // namespace governor::metrics
