// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/docker/event_lines.hpp"
#include "governor/http/docker_api.hpp"
#include "governor/http/line_stream.hpp"

#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/error.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <unordered_set>
#include <utility>

/// `/events`: the past first, then what comes.
namespace governor::http {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;

namespace {

/// Lines that are sent together.
constexpr std::size_t kBatch = 64UL << 10U;
/// A timer's longest wait: an `until` may be centuries away.
constexpr std::chrono::hours kLongestWait{1};

std::int64_t nanos(WallTime time) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

/// Who is at the other end, for the one who looks for a stuck client.
std::string peer_of(ControlStream& stream) {
    ucred peer{};
    socklen_t size = sizeof peer;
    const int fd = stream.socket().native_handle();
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid == 0) return "A reader";
    return "The reader with pid " + std::to_string(peer.pid) + " (uid " + std::to_string(peer.uid) + ")";
}

/// What was sent as past may come again as new: both were asked for before the moment between them.
class Sent {
  public:
    void add(const StreamedEventPtr& event) {
        if (event->governor_id != 0) {
            records_.insert(event->governor_id);
        } else {
            lines_.insert(event->line);
        }
    }
    bool contains(const StreamedEvent& event) const {
        return event.governor_id != 0 ? records_.contains(event.governor_id) : lines_.contains(event.line);
    }

  private:
    std::unordered_set<std::uint64_t> records_;
    std::unordered_set<std::string> lines_;
};

}  // namespace

/// One reader's stream. Shared with the read that watches for the client's leaving, and with the feed.
struct DockerApi::Session {
    Session(std::shared_ptr<ControlStream> stream_in, int version, std::chrono::milliseconds timeout_in)
        : stream(std::move(stream_in)),
          out(stream, version, timeout_in),
          timeout(timeout_in),
          wake(stream->get_executor()),
          peer(peer_of(*stream)) {}

    std::shared_ptr<ControlStream> stream;
    LineStream out;
    std::chrono::milliseconds timeout;
    asio::steady_timer wake;
    std::string peer;  ///< found at the beginning: a timeout closes the socket
    std::shared_ptr<FeedReader> reader;
    std::optional<WallTime> until;
    Sent sent;
    std::array<char, 1> byte{};
    bool left = false;
    bool timed_out = false;

    /// True: everything that waits was sent.
    asio::awaitable<bool> flush() {
        const ErrorCode code = co_await out.flush();
        timed_out = code == boost::beast::error::timeout;
        co_return !code;
    }
};

asio::awaitable<void> DockerApi::stream_events(std::shared_ptr<ControlStream> stream, EventQuery query,
                                               int version, std::chrono::milliseconds timeout) {
    const auto session = std::make_shared<Session>(stream, version, timeout);
    session->until = query.until;
    // Joined before the past is asked for: what happens meanwhile waits, and nothing is lost.
    session->reader = parts_.feed.join(query.filter, [weak = std::weak_ptr(session)](bool overrun) {
        const auto alive = weak.lock();
        if (!alive) return;
        alive->wake.cancel();
        if (overrun) alive->stream->cancel();  // it may be stuck in a write
    });
    std::string fields = head_fields() + "Content-Type: application/json\r\n";
    const ErrorCode code = co_await session->out.begin(std::move(fields));
    if (code) co_return;
    stream->expires_never();
    // One request per connection: whatever comes, or the end of it, is the client's leaving.
    stream->async_read_some(asio::buffer(session->byte), [session](ErrorCode, std::size_t) {
        session->left = true;
        session->wake.cancel();
    });
    bool good = true;
    if (query.since || query.until) {
        auto past = co_await find_past(query);
        good = co_await send_past(session, std::move(past));
    }
    if (good) good = co_await send_live(session);
    if (session->reader->overrun() || session->timed_out) tell_dropped(*session);
    if (good) co_await session->out.end();
    // Without the end the client sees that the stream was cut. Ends the read, which holds the session.
    stream->close();
}

/// True: all of it was sent.
asio::awaitable<bool> DockerApi::send_past(std::shared_ptr<Session> session,
                                           std::vector<StreamedEventPtr> past) {
    for (const auto& event : past) {
        session->sent.add(event);
        session->out.add(event->line);
        if (session->out.waiting() < kBatch) continue;
        const bool good = co_await session->flush();
        if (!good) co_return false;
    }
    if (session->out.waiting() == 0) co_return true;
    const bool good = co_await session->flush();
    co_return good;
}

/// Until the time is over or the client has no more to say (true: a proper end, which a client that closed
/// its own half only still reads), or it must go.
asio::awaitable<bool> DockerApi::send_live(std::shared_ptr<Session> session) {
    const std::int64_t last = session->until ? nanos(*session->until) : INT64_MAX;
    while (!session->left && !session->reader->overrun()) {
        while (session->out.waiting() < kBatch) {
            const auto event = session->reader->next();
            if (!event) break;
            if (event->event.time_nano <= last && !session->sent.contains(*event))
                session->out.add(event->line);
        }
        if (session->out.waiting() != 0) {
            const bool good = co_await session->flush();
            if (!good) co_return false;
            continue;
        }
        std::chrono::nanoseconds left = kLongestWait;
        if (session->until) left = std::min(left, *session->until - parts_.clock());
        if (left.count() <= 0) co_return true;
        session->wake.expires_after(left);
        co_await session->wake.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    co_return !session->reader->overrun();
}

asio::awaitable<std::vector<StreamedEventPtr>> DockerApi::find_past(EventQuery query) {
    const WallTime now = parts_.clock();
    const WallTime until = std::min(query.until.value_or(now), now);
    std::vector<StreamedEventPtr> found = co_await find_engine_past(query, until);
    PastQuery own_query{query.since.value_or(WallTime{}), until, parts_.feed.daemon(),
                        [&query](const docker::Event& event) { return query.filter.matches(event); }};
    auto own = co_await parts_.past.find(std::move(own_query));
    for (StreamedEvent& event : own)
        found.push_back(std::make_shared<const StreamedEvent>(std::move(event)));
    std::ranges::stable_sort(found, {}, [](const auto& event) { return event->event.time_nano; });
    co_return found;
}

/// Docker keeps its last 256 events. When it does not answer, the governor's own must do.
asio::awaitable<std::vector<StreamedEventPtr>> DockerApi::find_engine_past(EventQuery query, WallTime until) {
    std::string target = "/events?until=" + docker::format_since(nanos(until));
    if (query.since) target += "&since=" + docker::format_since(nanos(*query.since));
    std::vector<StreamedEventPtr> found;
    // A `since` in the future has no past, and Docker would refuse it with this `until`.
    if (query.since && *query.since > until) co_return found;
    const auto response = co_await parts_.engine.request("GET", target, "", parts_.engine_timeout);
    if (!response || response->status != 200) {
        spdlog::warn(
            "a reader of /events gets the governor's past events only: {}",
            response ? "Docker answered " + std::to_string(response->status) : response.error().message);
        co_return found;
    }
    docker::LineSplitter lines(response->body.size());
    lines.feed(response->body);
    while (const auto line = lines.next()) {
        const auto event = docker::parse_event(*line);
        if (event && query.filter.matches(*event))
            found.push_back(std::make_shared<const StreamedEvent>(StreamedEvent{*event, *line, 0}));
    }
    co_return found;
}

void DockerApi::tell_dropped(const Session& session) {
    publish::Record record;
    record.type = "events_client_dropped";
    record.detail = session.peer + " of the event stream was dropped: ";
    if (session.timed_out) {
        record.detail += "it read nothing for " + std::to_string(session.timeout.count()) + " ms.";
    } else {
        record.detail += "it was more than " + std::to_string(parts_.feed.limits().events) + " events or " +
                         std::to_string(parts_.feed.limits().bytes) + " bytes behind.";
    }
    record.detail += " The others go on; it can come back with `since` and the time of its last event.";
    parts_.sink.publish(record);
}

}  // namespace governor::http
