#include "policies/host_guard.hpp"
namespace policies {
HostDecision guard_host(const Host&, const HostState&, const HostInput&) {
    return {};
}
}  // namespace policies
