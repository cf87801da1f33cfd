// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/ports.hpp"
#include "tests/support/kernel_texts.hpp"
#include "tests/support/tree.hpp"

#include <memory>
#include <string>

// A container that is watched, as far as the watch can tell.
namespace micro {

using policies::operator""_GiB;
using policies::operator""_MiB;

/// A container's memory files of kernel 6.12, below `folder`.
inline void memory_files(const TempTree& tree, const std::string& folder) {
    tree.file(folder + "memory.current", "1887436800\n");
    tree.file(folder + "memory.stat", kernel_texts::kMemoryStat);
    tree.file(folder + "memory.events", kernel_texts::kMemoryEvents);
    tree.file(folder + "memory.max", "2147483648\n");
    tree.file(folder + "memory.high", "1932735283\n");
    tree.file(folder + "memory.pressure", kernel_texts::kPressure);
}

/// Takes all and remembers nothing: what is measured is on this side of it.
class Deaf final : public governor::Actuator, public governor::publish::EventSink {
  public:
    void perform(const governor::Deed&, governor::Answer) override {}
    void relieve(const governor::Target&, const policies::Relief&, governor::Answer) override {}
    void ended(const governor::Run&) override {}
    void publish(const governor::publish::Record&) override {}
};

class Container {
  public:
    Container() {
        memory_files(tree_, "");
        policy_->name = "ai-coach";
        policy_->near_oom.emplace();
    }
    governor::publish::Subject subject() const {
        return {id_, "jobmate-coach-1", "coach:1", "jobmate", "coach", 1, ""};
    }
    governor::Target target() const {
        auto directory = cgroups::Directory::open(tree_.path());
        auto files = cgroups::MemoryFiles::open(*directory);
        return {std::make_shared<governor::Run>(std::move(*directory), std::move(*files)),
                subject(),
                {},
                policy_};
    }

  private:
    TempTree tree_;
    std::string id_ = std::string(64, 'a');
    std::shared_ptr<policies::ServicePolicy> policy_ = std::make_shared<policies::ServicePolicy>();
};

}  // namespace micro
