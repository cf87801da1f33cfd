// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/ports.hpp"

namespace governor::act {

/// Raises a container's hard limit for a headroom loan and sets it back: it knows what the host and the
/// limits above the container have room for. Loop's thread only; no method blocks. `answer` is called once,
/// with policies::LoanDone and the reason of a refusal.
class Lender {
  public:
    Lender() = default;
    Lender(const Lender&) = delete;
    Lender& operator=(const Lender&) = delete;
    virtual ~Lender() = default;
    /// `hard` is the raised limit.
    virtual void lend(const Target& target, policies::Bytes hard, Answer answer) = 0;
    /// `hard` is the limit before the loan.
    virtual void take_back(const Target& target, policies::Bytes hard, Answer answer) = 0;
};

}  // namespace governor::act
