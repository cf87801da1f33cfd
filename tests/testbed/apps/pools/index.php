<?php
// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
// Application of php-fpm and of Apache with mod_php: each request to /leak keeps LEAK_MIB mebibytes in the process that served it. PHP
// frees all of a request's memory at its end, so the leak is one of a C library's: malloc through FFI, never freed.
if ($_SERVER['REQUEST_URI'] === '/leak') {
    $size = (int) ((getenv('LEAK_MIB') ?: 1) * 1048576);
    $libc = FFI::cdef('void *malloc(size_t size); void *memset(void *at, int byte, size_t size);', 'libc.so.6');
    $libc->memset($libc->malloc($size), 0x5a, $size);
}
usleep((int) ((getenv('WORK_SECONDS') ?: 0.02) * 1000000));
header('Content-Type: text/plain');
echo getmypid(), "\n";
