// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/hooks/curl.hpp"

#include <dlfcn.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <mutex>

namespace governor::hooks {
namespace {

/// Never closed: libcurl cannot be unloaded while another thread may be in it.
tl::expected<void*, std::string> open_library(const char* name, const char* package) {
    void* handle = ::dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (handle != nullptr) return handle;
    return tl::make_unexpected(std::string("webhooks need ") + name +
                               ", which cannot be loaded; install the package " + package);
}

template <class Function>
bool find(void* library, const char* name, Function& out) {
    out = reinterpret_cast<Function>(::dlsym(library, name));
    return out != nullptr;
}

}  // namespace

tl::expected<Curl, std::string> Curl::load() {
    // curl_global_init() may not run twice at once.
    static std::mutex mutex;
    const std::lock_guard lock(mutex);
    const auto library = open_library("libcurl.so.4", "libcurl4");
    if (!library) return tl::make_unexpected(library.error());
    Curl curl{};
    decltype(&::curl_global_init) global_init = nullptr;
    const bool complete = find(*library, "curl_global_init", global_init) &&
                          find(*library, "curl_easy_init", curl.init) &&
                          find(*library, "curl_easy_cleanup", curl.cleanup) &&
                          find(*library, "curl_easy_setopt", curl.setopt) &&
                          find(*library, "curl_easy_perform", curl.perform) &&
                          find(*library, "curl_easy_getinfo", curl.getinfo) &&
                          find(*library, "curl_easy_strerror", curl.strerror) &&
                          find(*library, "curl_slist_append", curl.append) &&
                          find(*library, "curl_slist_free_all", curl.free_all);
    if (!complete)
        return tl::make_unexpected(
            "libcurl.so.4 is not the library that webhooks need: functions are missing");
    if (const CURLcode code = global_init(CURL_GLOBAL_DEFAULT); code != CURLE_OK)
        return tl::make_unexpected(std::string("libcurl cannot be used: ") + curl.strerror(code));
    return curl;
}

tl::expected<std::string, std::string> hmac_sha256(const std::string& secret, const std::string& text) {
    const auto library = open_library("libcrypto.so.3", "libssl3");
    if (!library) return tl::make_unexpected(library.error());
    decltype(&::HMAC) hmac = nullptr;
    decltype(&::EVP_sha256) sha256 = nullptr;
    if (!find(*library, "HMAC", hmac) || !find(*library, "EVP_sha256", sha256))
        return tl::make_unexpected("libcrypto.so.3 lacks HMAC");
    std::array<unsigned char, EVP_MAX_MD_SIZE> sum{};
    unsigned int size = 0;
    if (hmac(sha256(), secret.data(), static_cast<int>(secret.size()),
             reinterpret_cast<const unsigned char*>(text.data()), text.size(), sum.data(), &size) == nullptr)
        return tl::make_unexpected("libcrypto could not make an HMAC");
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string out;
    for (unsigned int i = 0; i < size; ++i) {
        out += kHex[sum[i] >> 4U];
        out += kHex[sum[i] & 15U];
    }
    return out;
}

}  // namespace governor::hooks
