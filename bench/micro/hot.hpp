// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What runs again and again as long as the daemon lives: for each sample, each event, each line of the
/// kernel's log, each scrape. One list, which bench_micro times and bench_counts counts.
namespace micro {

enum class Memory {
    kNever,  ///< must not allocate once it runs: what a sample goes through, and what says so of itself
    kMay,
};

struct Hot {
    std::string name;
    Memory memory = Memory::kMay;
    /// Does the same work so many times.
    std::function<void(std::size_t rounds)> run;
    /// So many are enough for a count; the few that take long have less.
    std::size_t rounds = 200;
};
using HotList = std::vector<Hot>;

/// All of them, made with fixed inputs. Files that they read lie in temporary folders of their own.
HotList hot_functions();

void add_parsing(HotList& list);
void add_watching(HotList& list);
void add_looking(HotList& list);
void add_stepping(HotList& list);
void add_judging(HotList& list);
void add_publishing(HotList& list);
void add_docker(HotList& list);
void add_scraping(HotList& list);

/// A text that begins where a page does. glibc's string functions take more or fewer instructions by where a
/// text begins, and a literal lies wherever the linker has put it.
class Text {
  public:
    explicit Text(std::string_view text) : size_(text.size()) {
        if (size_ > buffer_->bytes.size()) std::abort();
        text.copy(buffer_->bytes.data(), size_);
    }
    std::string_view view() const { return {buffer_->bytes.data(), size_}; }

  private:
    struct alignas(4096) Buffer {
        std::array<char, 4096> bytes{};
    };
    std::shared_ptr<Buffer> buffer_ = std::make_shared<Buffer>();
    std::size_t size_;
};

/// The value is needed, says this to the compiler.
template <class T>
void keep(const T& value) {
    asm volatile("" : : "g"(&value) : "memory");
}

/// `once` owns what it works on; shared pointers where that cannot be copied.
template <class Once>
Hot hot(std::string name, Memory memory, Once once) {
    return {std::move(name), memory, [once = std::move(once)](std::size_t rounds) mutable {
                for (std::size_t i = 0; i < rounds; ++i) once();
            }};
}

}  // namespace micro
