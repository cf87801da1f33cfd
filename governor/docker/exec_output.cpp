// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/docker/exec_output.hpp"

#include <algorithm>

namespace governor::docker {

void ExecOutput::feed(std::string_view piece) {
    while (!piece.empty()) {
        if (payload_left_ == 0) {
            header_[header_filled_++] = piece.front();
            piece.remove_prefix(1);
            if (header_filled_ < kHeaderSize) continue;
            header_filled_ = 0;
            for (std::size_t i = kHeaderSize / 2; i < kHeaderSize; ++i) {
                payload_left_ = (payload_left_ << 8U) | static_cast<unsigned char>(header_[i]);
            }
            continue;
        }
        const std::string_view payload = piece.substr(0, payload_left_);
        piece.remove_prefix(payload.size());
        payload_left_ -= static_cast<std::uint32_t>(payload.size());
        const std::size_t room = limit_ - std::min(limit_, text_.size());
        text_ += payload.substr(0, room);
        truncated_ = truncated_ || payload.size() > room;
    }
}

}  // namespace governor::docker
