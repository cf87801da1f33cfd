// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/hooks/webhook.hpp"

#include "governor/hooks/curl.hpp"
#include "policies/http_text.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>

namespace governor::hooks {
namespace {

/// A secret is a line; whatever is larger is a mistake.
constexpr std::size_t kLongestSecret = 16UL << 10U;
/// Status line and headers.
constexpr std::size_t kLongestHead = 64UL << 10U;

Outcome failed(std::string why) {
    return {Outcome::Kind::kFailed, std::move(why), {}};
}

/// What libcurl calls back with.
struct Progress {
    const std::atomic<bool>* stop = nullptr;
    std::size_t head = 0;
    bool body_began = false;
};

int on_progress(void* data, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return *static_cast<Progress*>(data)->stop ? 1 : 0;
}

/// The status is known by then, and a body may have no end.
std::size_t on_body(char*, std::size_t, std::size_t, void* data) {
    static_cast<Progress*>(data)->body_began = true;
    return 0;
}

std::size_t on_head(char*, std::size_t size, std::size_t count, void* data) {
    auto& progress = *static_cast<Progress*>(data);
    progress.head += size * count;
    return progress.head > kLongestHead ? 0 : size * count;
}

}  // namespace

struct WebhookTransport::Request {
    explicit Request(const Curl& curl_in) : curl(curl_in), easy(curl.init()) {}
    ~Request() {
        curl.free_all(headers);
        curl.cleanup(easy);
    }
    Request(const Request&) = delete;
    Request& operator=(const Request&) = delete;

    template <class Value>
    void set(CURLoption option, Value value) {
        curl.setopt(easy, option, value);
    }
    void add(const std::string& header) { headers = curl.append(headers, header.c_str()); }

    const Curl& curl;
    CURL* easy;
    curl_slist* headers = nullptr;
};

tl::expected<std::string, std::string> reveal(const policies::SecretText& secret) {
    if (secret.file.empty()) return secret.text;
    std::ifstream in(secret.file, std::ios::binary);
    std::string text(kLongestSecret + 1, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.pop_back();
    if (text.empty()) return tl::make_unexpected(secret.file + " cannot be read, or is empty");
    if (text.size() > kLongestSecret) return tl::make_unexpected(secret.file + " is too large for a secret");
    const bool one_line = std::ranges::none_of(text, [](unsigned char c) { return std::iscntrl(c) != 0; });
    if (!one_line) return tl::make_unexpected(secret.file + " has more than one line, or control characters");
    return text;
}

std::string shown_url(const std::string& url) {
    const auto scheme = url.find("://");
    if (scheme == std::string::npos) return "its URL";
    return url.substr(0, std::min(url.find_first_of("/?#", scheme + 3), url.size()));
}

Outcome outcome_of_status(long status, const std::string& shown, long retry_after) {
    if (status >= 200 && status < 300) return {};
    const std::string told = shown + " answered " + std::to_string(status);
    if (status >= 300 && status < 400)
        return failed(told + ": a redirect, which is not followed; give the URL that it leads to");
    constexpr std::array<long, 4> kNever{400, 413, 415, 422};
    if (std::ranges::find(kNever, status) != kNever.end()) return {Outcome::Kind::kRefused, told, {}};
    Outcome outcome = failed(told);
    if (retry_after > 0) outcome.retry_after = std::chrono::seconds(retry_after);
    return outcome;
}

/// Gives what went wrong as the error, and nothing of interest else.
tl::expected<std::string, std::string> WebhookTransport::add_headers(Request& request,
                                                                     const Parcel& parcel) const {
    request.add("Content-Type: " + parcel.content_type);
    request.add("Expect:");
    request.add("X-Governor-Event: " + parcel.event.type);
    if (parcel.event.id != 0) request.add("X-Governor-Delivery: " + std::to_string(parcel.event.id));
    for (const policies::HookHeader& header : webhook_.headers) {
        const auto value = reveal(header.value);
        if (!value) return tl::make_unexpected(value.error());
        request.add(header.name + ": " + *value);
    }
    if (webhook_.hmac) {
        const auto secret = reveal(webhook_.hmac->secret);
        if (!secret) return tl::make_unexpected(secret.error());
        const auto sum = hmac_sha256(*secret, parcel.body);
        if (!sum) return tl::make_unexpected(sum.error());
        request.add(webhook_.hmac->header + ": sha256=" + *sum);
    }
    return std::string();
}

Outcome WebhookTransport::deliver(const Parcel& parcel, const std::atomic<bool>& stop) {
    const auto url = reveal(webhook_.url);
    if (!url) return failed(url.error());
    // A file's was not seen when the policy was checked.
    if (const std::string problem = policies::url_problem(*url); !problem.empty())
        return failed("the URL in " + webhook_.url.file + " cannot be used: " + problem);
    const auto curl = Curl::load();
    if (!curl) return failed(curl.error());
    Request request(*curl);
    if (request.easy == nullptr) return failed("libcurl has no memory");
    if (const auto added = add_headers(request, parcel); !added) return failed(added.error());

    Progress progress{&stop};
    std::array<char, CURL_ERROR_SIZE> error{};
    request.set(CURLOPT_ERRORBUFFER, error.data());
    request.set(CURLOPT_URL, url->c_str());
    // Whatever the environment or a rule of libcurl's says: these two, and nothing else.
    request.set(CURLOPT_PROTOCOLS_STR, "http,https");
    request.set(CURLOPT_FOLLOWLOCATION, 0L);
    request.set(CURLOPT_NOSIGNAL, 1L);
    request.set(CURLOPT_TIMEOUT_MS, static_cast<long>(webhook_.timeout.count()));
    request.set(CURLOPT_HTTPHEADER, request.headers);
    request.set(CURLOPT_USERAGENT, "governor/" GOVERNOR_VERSION);
    request.set(CURLOPT_POSTFIELDS, parcel.body.c_str());
    request.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(parcel.body.size()));
    if (!webhook_.ca_file.empty()) request.set(CURLOPT_CAINFO, webhook_.ca_file.c_str());
    if (!unix_socket_.empty()) request.set(CURLOPT_UNIX_SOCKET_PATH, unix_socket_.c_str());
    request.set(CURLOPT_WRITEFUNCTION, &on_body);
    request.set(CURLOPT_WRITEDATA, static_cast<void*>(&progress));
    request.set(CURLOPT_HEADERFUNCTION, &on_head);
    request.set(CURLOPT_HEADERDATA, static_cast<void*>(&progress));
    request.set(CURLOPT_NOPROGRESS, 0L);
    request.set(CURLOPT_XFERINFOFUNCTION, &on_progress);
    request.set(CURLOPT_XFERINFODATA, static_cast<void*>(&progress));

    const CURLcode code = curl->perform(request.easy);
    const std::string shown = shown_url(*url);
    if (code != CURLE_OK && !progress.body_began) {
        if (stop) return failed("the governor ended meanwhile");
        // curl_easy_strerror() and not the error buffer: that one may quote the URL.
        return failed(shown + " cannot be told: " + curl->strerror(code));
    }
    long status = 0;
    curl_off_t retry_after = 0;
    curl->getinfo(request.easy, CURLINFO_RESPONSE_CODE, &status);
    curl->getinfo(request.easy, CURLINFO_RETRY_AFTER, &retry_after);
    return outcome_of_status(status, shown, static_cast<long>(retry_after));
}

}  // namespace governor::hooks
