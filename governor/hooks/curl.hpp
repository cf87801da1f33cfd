// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <curl/curl.h>

#include <tl/expected.hpp>

#include <string>

namespace governor::hooks {

/// libcurl, loaded when the first webhook needs it: with the libraries that it brings it takes six megabytes,
/// which a governor without webhooks should not pay (ADR 12). Stays loaded. For any thread.
struct Curl {
    decltype(&::curl_easy_init) init;
    decltype(&::curl_easy_cleanup) cleanup;
    decltype(&::curl_easy_setopt) setopt;
    decltype(&::curl_easy_perform) perform;
    decltype(&::curl_easy_getinfo) getinfo;
    decltype(&::curl_easy_strerror) strerror;
    decltype(&::curl_slist_append) append;
    decltype(&::curl_slist_free_all) free_all;

    /// The error is a sentence for a person.
    static tl::expected<Curl, std::string> load();
};

/// Lower-case hex of HMAC-SHA256, by libcrypto, which comes with libcurl.
tl::expected<std::string, std::string> hmac_sha256(const std::string& secret, const std::string& text);

}  // namespace governor::hooks
