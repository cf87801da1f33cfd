// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/outlook.hpp"

#include "governor/act/survey.hpp"
#include "governor/publish/words.hpp"
#include "policies/recycle.hpp"

#include <string>
#include <string_view>

namespace governor {
namespace {

using nlohmann::json;

json holders_of(const policies::Survey& survey) {
    json out = json::array();
    for (const policies::Holder& holder : survey.holders())
        out.push_back({{"pid", holder.pid},
                       {"comm", holder.name()},
                       {"bytes", holder.bytes.value},
                       {"permille", survey.share(holder).value},
                       {"growth_per_s", holder.growth}});
    return out;
}

json would(std::string_view action, const std::string& text) {
    return {{"action", action}, {"text", text}};
}

json would_recycle(const policies::ServicePolicy& policy, const policies::State& state,
                   const policies::Survey& survey) {
    const policies::Rule refused = policies::why_not_recycled(policy, state, survey);
    if (refused == policies::Rule::kNone) {
        const policies::Holder& process = survey.candidate;
        return would("recycle", "Near OOM process " + std::to_string(process.pid) + " (" +
                                    std::string(process.name()) + ", " + to_string(process.bytes) +
                                    ") would end, and the container would stay.");
    }
    std::string why(publish::words_of(refused).subject);
    if (refused == policies::Rule::kNoProcessMatches)
        why += " by its name; command lines are read near OOM only";
    if (refused == policies::Rule::kFreesTooLittle) why += " " + to_string(survey.candidate.bytes);
    return would("graceful_restart", "Near OOM the container would restart: " + why + ".");
}

}  // namespace

json describe_outlook(const Controller& controller, const cgroups::Processes& processes) {
    const Target& target = controller.target();
    if (!target.run || target.run->ended || !target.policy) return nullptr;
    const auto& near = target.policy->near_oom;
    const policies::Survey survey =
        act::survey_counters(*target.run, near ? near->recycle : policies::Recycle{}, processes);
    json out = {{"processes", survey.processes}, {"holders", holders_of(survey)}};
    if (near && policies::recycles(near->action))
        out["near_oom"] = would_recycle(*target.policy, controller.state(), survey);
    return out;
}

}  // namespace governor
