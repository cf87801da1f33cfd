// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/readers.hpp"

#include <array>

namespace policies {
namespace {

constexpr const char* kWhenExample = "{ any: [ { unreclaimable: 90% }, { eta: 10s } ] }";

/// The kernel averages pressure over 10, 60 and 300 seconds; governor samples the first.
constexpr milliseconds kPressureWindow{10'000};

void read_unreclaimable(YamlReader& reader, const YamlNode& node, Term& out) {
    out.measure = Measure::kUnreclaimable;
    reader.size(node, out.size, Zero::kRefused);
}

void read_current(YamlReader& reader, const YamlNode& node, Term& out) {
    out.measure = Measure::kCurrent;
    reader.size(node, out.size, Zero::kRefused);
}

void read_eta(YamlReader& reader, const YamlNode& node, Term& out) {
    out.measure = Measure::kEta;
    reader.duration(node, out.duration);
}

void read_over(YamlReader& reader, const YamlNode& node, PressureDraft& out) {
    const auto errors_before = reader.errors();
    reader.duration(node, out.over);
    if (reader.errors() != errors_before || out.over == kPressureWindow) return;
    reader.error(
        node.at,
        "pressure over " + to_string(out.over) +
            " cannot be measured: it is compared with the kernel's avg10, the average of the last 10s",
        "write over: 10s, or leave it out");
}

void read_pressure(YamlReader& reader, const YamlNode& node, Term& out) {
    PressureDraft draft;
    if (!read_fields(reader, node, pressure_fields(), draft)) return;
    if (draft.some.has_value() == draft.full.has_value()) {
        reader.error(
            node.at,
            draft.some ? "pressure has both 'some' and 'full'" : "pressure has neither 'some' nor 'full'",
            "for example: " + std::string(pressure_fields().table.example));
        return;
    }
    out.measure = draft.some ? Measure::kPressureSome : Measure::kPressureFull;
    out.pressure = draft.some ? *draft.some : *draft.full;
}

template <auto read>
void read_only_term(YamlReader& reader, const YamlNode& node, Condition& out) {
    Term term;
    read(reader, node, term);
    out.terms.push_back(term);
}

void read_term(YamlReader& reader, const YamlNode& node, Condition& out) {
    Term term;
    if (read_fields(reader, node, term_fields(), term) && node.entries.size() != 1) {
        reader.error(node.at,
                     "a term compares one thing, but this one has " + std::to_string(node.entries.size()),
                     "make each a term of its own: [ { unreclaimable: 75% }, { eta: 30s } ]");
    }
    out.terms.push_back(term);
}

void read_terms(YamlReader& reader, const YamlNode& node, Condition& out) {
    if (!reader.expect_list(node, "[ { unreclaimable: 90% }, { eta: 10s } ]")) return;
    for (std::size_t i = 0; i < node.items.size(); ++i) {
        const YamlReader::Inside inside(reader, "[" + std::to_string(i) + "]");
        read_term(reader, *node.items[i], out);
    }
}

}  // namespace

const Fields<Term>& term_fields() {
    static constexpr std::array<Field<Term>, 4> kFields{{
        {"unreclaimable", read_unreclaimable},
        {"current", read_current},
        {"eta", read_eta},
        {"pressure", read_pressure},
    }};
    static const auto table = make_fields<Term>("term", "a term of when", "{ unreclaimable: 90% }", kFields);
    return table;
}

const Fields<PressureDraft>& pressure_fields() {
    static constexpr std::array<Field<PressureDraft>, 3> kFields{{
        {"some",
         [](YamlReader& r, const YamlNode& n, PressureDraft& out) { r.share(n, out.some.emplace()); }},
        {"full",
         [](YamlReader& r, const YamlNode& n, PressureDraft& out) { r.share(n, out.full.emplace()); }},
        {"over", read_over},
    }};
    static const auto table =
        make_fields<PressureDraft>("pressure", "a pressure term", "{ some: 10%, over: 10s }", kFields);
    return table;
}

const Fields<Condition>& condition_fields() {
    static constexpr std::array<Field<Condition>, 6> kFields{{
        {"any", [](YamlReader& r, const YamlNode& n, Condition& out) { read_terms(r, n, out); }},
        {"all",
         [](YamlReader& r, const YamlNode& n, Condition& out) {
             out.all = true;
             read_terms(r, n, out);
         }},
        {"unreclaimable", read_only_term<read_unreclaimable>},
        {"current", read_only_term<read_current>},
        {"eta", read_only_term<read_eta>},
        {"pressure", read_only_term<read_pressure>},
    }};
    static const auto table = make_fields<Condition>("condition", "when", kWhenExample, kFields);
    return table;
}

void read_condition(YamlReader& reader, const YamlNode& node, Condition& out) {
    Condition read;
    if (!read_fields(reader, node, condition_fields(), read)) return;
    if (node.entries.empty()) {
        reader.error(node.at, "a condition without any term is never true",
                     "for example: " + std::string(kWhenExample));
    } else if (node.entries.size() > 1) {
        reader.error(node.at, "it is not said whether all of these must be true or any of them",
                     "put them into a list: " + std::string(kWhenExample));
    } else {
        out = read;
    }
}

}  // namespace policies
