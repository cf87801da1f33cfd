// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/dbus/face.hpp"

#include <array>
#include <cstdint>
#include <exception>
#include <utility>

namespace governor::dbus {
namespace {

using nlohmann::json;

enum class Type : std::uint8_t { kText, kFlag, kUnsigned, kSigned };
struct Key {
    const char* name;
    Type type;
};
/// Fixed, so that a key has the same D-Bus type whatever its value. Names and units are those of `status`.
constexpr std::array kKeys{
    Key{"project", Type::kText},      Key{"service", Type::kText},
    Key{"container", Type::kText},    Key{"id", Type::kText},
    Key{"policy", Type::kText},       Key{"phase", Type::kText},
    Key{"current", Type::kUnsigned},  Key{"unreclaimable", Type::kUnsigned},
    Key{"hard", Type::kUnsigned},     Key{"tripwire", Type::kUnsigned},
    Key{"limit", Type::kUnsigned},    Key{"bound_by", Type::kText},
    Key{"headroom", Type::kUnsigned}, Key{"growth_per_s", Type::kSigned},
    Key{"eta_ms", Type::kSigned},     Key{"restarts_in_window", Type::kUnsigned},
    Key{"quarantined", Type::kFlag},  Key{"frozen", Type::kFlag},
};

sdbus::Variant to_variant(const json& value, Type type) {
    switch (type) {
        case Type::kText:
            return sdbus::Variant(value.get<std::string>());
        case Type::kFlag:
            return sdbus::Variant(value.get<bool>());
        case Type::kUnsigned:
            return sdbus::Variant(value.get<std::uint64_t>());
        case Type::kSigned:
            return sdbus::Variant(value.get<std::int64_t>());
    }
    return {};
}

std::string to_text(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// Only this exception may leave a callback of the bus library: above it is C.
template <class Work>
auto guarded(Work work) {
    try {
        return work();
    } catch (const sdbus::Error&) {
        throw;
    } catch (const std::exception& error) {
        throw sdbus::Error(std::string(kInterface) + ".Error.Failed", error.what());
    }
}

/// What the command line tells with a status is the error's name here.
sdbus::Error to_error(const http::Reply& reply) {
    const std::string base = std::string(kInterface) + ".Error.";
    const char* kind = reply.status == 404   ? "NotFound"
                       : reply.status == 409 ? "NotPossible"
                       : reply.status == 400 ? "WrongUse"
                                             : "Failed";
    return sdbus::Error(base + kind, reply.body.value("error", std::string("no reason was given")));
}

}  // namespace

Services to_services(const json& status) {
    Services out;
    for (const json& service : status.at("services")) {
        auto& shown = out[service.at("container").get<std::string>()];
        for (const Key& key : kKeys) {
            const auto found = service.find(key.name);
            if (found != service.end() && !found->is_null())
                shown.emplace(key.name, to_variant(*found, key.type));
        }
    }
    return out;
}

Face::Face(sdbus::IConnection& connection, LoopAsker& asker, std::chrono::milliseconds patience)
    : asker_(asker), patience_(patience), object_(sdbus::createObject(connection, kPath)) {
    add_methods();
    add_properties();
    object_->registerSignal("Event")
        .onInterface(kInterface)
        .withParameters<std::uint64_t, std::string, std::string, std::string>(
            {"id", "type", "service", "json"});
    object_->finishRegistration();
}

void Face::add_methods() {
    object_->registerMethod("Explain")
        .onInterface(kInterface)
        .withInputParamNames("service")
        .withOutputParamNames("json")
        .implementedAs([this](const std::string& service) {
            return guarded([&] {
                return to_text(ask([service](http::ControlApi& api) { return api.explain(service); }));
            });
        });
    // The bus' policy says who may send it; this says it once more: root, or who the governor runs as.
    object_->registerMethod("Release")
        .onInterface(kInterface)
        .withInputParamNames("service")
        .markAsPrivileged()
        .implementedAs([this](const std::string& service) {
            guarded(
                [&] { ask([service](http::ControlApi& api) { return api.command("release", service); }); });
        });
}

void Face::add_properties() {
    object_->registerProperty("Version")
        .onInterface(kInterface)
        .withGetter([] { return std::string(GOVERNOR_VERSION); })
        .withUpdateBehavior(sdbus::Flags::CONST_PROPERTY_VALUE);
    // Memory changes all the time: whoever wants to know asks, or listens to Event.
    object_->registerProperty("Services")
        .onInterface(kInterface)
        .withGetter([this] {
            return guarded(
                [&] { return to_services(ask([](http::ControlApi& api) { return api.status(); })); });
        })
        .withUpdateBehavior(sdbus::Flags::EMITS_NO_SIGNAL);
}

json Face::ask(LoopAsker::Question question) {
    auto reply = asker_.ask(std::move(question), patience_);
    if (!reply)
        throw sdbus::Error(std::string(kInterface) + ".Error.Late",
                           "the governor is too busy to answer, or it ends; try again");
    constexpr int kGood = 200;
    if (reply->status != kGood) throw to_error(*reply);
    return std::move(reply->body);
}

void Face::emit(const publish::Published& event) {
    const publish::Record& record = event.record;
    object_->emitSignal("Event")
        .onInterface(kInterface)
        .withArguments(std::uint64_t{record.sequence}, record.type, record.subject->service, event.json);
}

}  // namespace governor::dbus
