// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/doctor/probe.hpp"
#include "governor/systemd/bus_units.hpp"

#include <boost/asio/io_context.hpp>

#include <optional>

namespace governor::cli::doctor {

systemd::Outcome probe_systemd(const std::string& bus_address) {
    boost::asio::io_context loop;
    systemd::BusOptions options;
    options.address = bus_address;
    systemd::BusUnits units(loop.get_executor(), options);
    std::optional<systemd::Outcome> answer;
    units.set("-.slice", {}, [&](systemd::Outcome outcome) {
        answer = std::move(outcome);
        loop.stop();
    });
    loop.run();
    return answer.value_or(systemd::Outcome{systemd::Outcome::Kind::kFailed, "systemd gave no answer"});
}

}  // namespace governor::cli::doctor
