// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "bench/micro/allocations.hpp"

#include <atomic>
#include <cerrno>
#include <cstddef>

// glibc lets a program put functions of its own in the place of malloc and its relatives ("Replacing malloc"
// in its manual), and libstdc++'s `new` asks malloc: so all ways to memory lead through here. The work is
// still glibc's. free() needs no counting, so it stays glibc's too.

namespace {

std::atomic<std::uint64_t> asked{0};

void count() {
    asked.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming): the names are glibc's.
extern "C" {

void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t members, std::size_t size);
void* __libc_realloc(void* old, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);

void* malloc(std::size_t size) noexcept {
    count();
    return __libc_malloc(size);
}
void* calloc(std::size_t members, std::size_t size) noexcept {
    count();
    return __libc_calloc(members, size);
}
void* realloc(void* old, std::size_t size) noexcept {
    count();
    return __libc_realloc(old, size);
}
void* memalign(std::size_t alignment, std::size_t size) noexcept {
    count();
    return __libc_memalign(alignment, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
    count();
    return __libc_memalign(alignment, size);
}
int posix_memalign(void** out, std::size_t alignment, std::size_t size) noexcept {
    count();
    *out = __libc_memalign(alignment, size);
    return *out == nullptr ? ENOMEM : 0;
}
}
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)

std::uint64_t micro::allocations() {
    return asked.load(std::memory_order_relaxed);
}
