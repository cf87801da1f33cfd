// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
// Not compiled: deploy/cmake/CheckSignals.cmake must refuse it (ctest signals_by_number_are_refused).
void bad(int pid) {
    ::kill(pid, 15);
}
