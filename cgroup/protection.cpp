#include "cgroup/protection.hpp"
namespace cgroups {
EffectiveProtection effective_protection(std::span<const ProtectionLevel> levels, bool) {
    EffectiveProtection out{kMax, kMax};
    for (const auto& l : levels) {
        out.min = std::min({out.min, l.min});
        out.low = std::min({out.low, l.low});
    }
    if (levels.empty()) return {};
    out.min = std::min(out.min, levels.back().usage);
    out.low = std::min(out.low, levels.back().usage);
    return out;
}
Result<std::vector<ProtectionLevel>> read_protection(const std::string& mount, const std::string& path) {
    std::vector<ProtectionLevel> out;
    for (auto s = path.find('/', mount.size() + 1);; s = path.find('/', s + 1)) {
        const std::string p = path.substr(0, s);
        auto d = Directory::open(p);
        if (!d) return tl::make_unexpected(d.error());
        out.push_back({p,
                       d->read_bytes("memory.current").value_or(Bytes{}),
                       d->read_bytes("memory.min").value_or(Bytes{}),
                       d->read_bytes("memory.low").value_or(Bytes{}),
                       {},
                       {}});
        if (s == std::string::npos) return out;
    }
}
bool has_recursive_protection(std::string_view, std::string_view) {
    return true;
}
}  // namespace cgroups
