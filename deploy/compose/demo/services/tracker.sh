#!/bin/sh
# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
# Writes a row each second over one connection. A connection that is lost, or a refused row, is an error and is told.
export PGCONNECT_TIMEOUT=10
until pg_isready -q -h postgres; do sleep 1; done
psql -q -h postgres -U postgres -c 'set client_min_messages = warning; create table if not exists visit (id serial, at timestamptz default clock_timestamp())' &&
    echo "tracker: writes a row each second"
while :; do
    # In the shell's own loop, so that a lost connection ends this pipe and shows.
    while echo 'insert into visit default values;' 2> /dev/null; do sleep 1; done |
        psql -q -h postgres -U postgres -v ON_ERROR_STOP=1
    echo "tracker: ERROR connection lost"
    sleep 1
done
