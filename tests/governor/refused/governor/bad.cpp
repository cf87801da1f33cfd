// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
// Not compiled: CheckSignals.cmake and CheckCoroutineArguments.cmake (deploy/cmake) must refuse it (ctest
// signals_by_number_are_refused, aggregates_in_coroutine_arguments_are_refused).
void bad(int pid) {
    ::kill(pid, 15);
    co_await restart({pid, "why"});
}
