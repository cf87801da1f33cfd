// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/bytes.hpp"

#include <array>
#include <string_view>

namespace policies {
namespace {

/// "12", "12.5", "12.05": hundredths as a decimal number without trailing zeros.
std::string decimal(std::uint64_t hundredths) {
    std::string out = std::to_string(hundredths / 100);
    const auto rest = hundredths % 100;
    if (rest == 0) return out;
    out += '.';
    out += static_cast<char>('0' + rest / 10);
    if (rest % 10 != 0) out += static_cast<char>('0' + rest % 10);
    return out;
}

/// Two decimals below ten, one above: "1.25GiB", "230.4MiB". Rounded to the nearest.
std::uint64_t hundredths_of(std::uint64_t value, std::uint64_t unit) {
    const auto whole = value / unit;
    const std::uint64_t step = whole < 10 ? 1 : 10;
    // The units end at 1 PiB (2^50), so the product below stays under 2^57.
    const auto scaled = whole * 100 + ((value % unit) * 100 + unit * step / 2) / unit;
    return scaled - scaled % step;
}

void append_part(std::string& out, std::int64_t count, std::string_view unit) {
    if (count == 0) return;
    out += std::to_string(count);
    out += unit;
}

/// A fraction of three digits, without trailing zeros: 1500 of 1000 is "1.5".
std::string thousandths(std::int64_t value) {
    std::string out = std::to_string(value / 1000);
    if (value % 1000 == 0) return out;
    std::string digits = std::to_string(1000 + value % 1000).substr(1);
    while (digits.back() == '0') digits.pop_back();
    return out + "." + digits;
}

}  // namespace

std::string to_string(Bytes bytes) {
    if (bytes == kUnlimited) return "max";
    static constexpr std::array<std::string_view, 6> kUnits{"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    std::size_t index = 0;
    while (index + 1 < kUnits.size() && bytes.value >> (10 * (index + 1)) != 0) ++index;
    if (index == 0) return std::to_string(bytes.value) + "B";
    auto hundredths = hundredths_of(bytes.value, std::uint64_t{1} << (10 * index));
    // 1023.99MiB is rounded to 1024MiB, which people call 1GiB.
    if (hundredths >= 102400 && index + 1 < kUnits.size()) {
        ++index;
        hundredths = 100;
    }
    return decimal(hundredths) + std::string(kUnits[index]);
}

std::pair<std::string, std::string> told_apart(Bytes a, Bytes b) {
    if (a == b || to_string(a) != to_string(b)) return {to_string(a), to_string(b)};
    return {std::to_string(a.value) + " bytes", std::to_string(b.value) + " bytes"};
}

std::string to_string(Permille share) {
    const auto value = std::int64_t{share.value};
    const auto magnitude = static_cast<std::uint64_t>(value < 0 ? -value : value);
    return (value < 0 ? "-" : "") + decimal(magnitude * 10) + "%";
}

std::string to_string(std::chrono::nanoseconds duration) {
    using std::chrono::duration_cast;
    const auto total = duration.count();
    if (total == 0) return "0s";
    // The smallest value has no positive twin; one nanosecond in 292 years is not missed.
    if (total < 0) return "-" + to_string(std::chrono::nanoseconds(-(total + (total == INT64_MIN ? 1 : 0))));
    if (total < 1'000) return std::to_string(total) + "ns";
    if (total < 1'000'000) return thousandths(total) + "us";
    if (total < 1'000'000'000) return thousandths(total / 1'000) + "ms";
    if (total < 60'000'000'000) return thousandths(total / 1'000'000) + "s";
    const auto seconds = duration_cast<std::chrono::seconds>(duration).count();
    std::string out;
    append_part(out, seconds / 86400, "d");
    append_part(out, seconds / 3600 % 24, "h");
    append_part(out, seconds / 60 % 60, "m");
    append_part(out, seconds % 60, "s");
    return out;
}

}  // namespace policies
