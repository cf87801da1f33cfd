// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/stepper.hpp"

namespace policies {

bool Stepper::borrow(const Reason&) {
    return false;
}

void Stepper::repay_loan() {}

void Stepper::on(const LoanDone&) {}

void Stepper::on(const Healthy&) {}

}  // namespace policies
