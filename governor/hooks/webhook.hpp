// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/hooks/transport.hpp"
#include "policies/hook.hpp"

#include <tl/expected.hpp>

#include <string>

namespace governor::hooks {

/// The text, or the file's without the white space at its end. The error names the file, never its contents.
tl::expected<std::string, std::string> reveal(const policies::SecretText& secret);

/// "https://hooks.example.org:8443": what may be shown of a URL. Its path and query may hold a token. Pure.
std::string shown_url(const std::string& url);

/// Whether a status says that this very event will never be taken: 400, 413, 415 and 422. Everything else
/// that is not 2xx may pass, even a 404 or a 401: servers are mended. Pure.
Outcome outcome_of_status(long status, const std::string& shown, long retry_after);

/// POSTs by HTTP or HTTPS. The server's certificate and name are always checked. Redirects are not followed:
/// they would carry the event and its secrets to somebody whom the policy does not name. Of the answer only
/// the status is used; what comes behind it is not read.
class WebhookTransport final : public Transport {
  public:
    /// `unix_socket`: connect there instead of to the URL's host (for tests).
    explicit WebhookTransport(policies::Webhook webhook, std::string unix_socket = {})
        : webhook_(std::move(webhook)), unix_socket_(std::move(unix_socket)) {}
    Outcome deliver(const Parcel& parcel, const std::atomic<bool>& stop) override;

  private:
    struct Request;

    tl::expected<std::string, std::string> add_headers(Request& request, const Parcel& parcel) const;

    policies::Webhook webhook_;
    std::string unix_socket_;
};

}  // namespace governor::hooks
