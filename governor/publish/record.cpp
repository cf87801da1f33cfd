// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/publish/record.hpp"

namespace governor::publish {

const Subject& SharedSubject::operator*() const {
    static const Subject kNobody;
    return subject_ ? *subject_ : kNobody;
}

}  // namespace governor::publish
