// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/ports.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace governor::test {

/// Remembers what it was told to do; the test gives the answers.
class FakeActuator final : public Actuator {
  public:
    void perform(const Deed& deed, Answer answer) override {
        std::visit([&](const auto& what) { note(deed.target(), what, std::move(answer)); }, deed.what());
    }
    void relieve(const Target& target, const policies::Relief& relief, Answer answer) override {
        if (answers_surveys && std::holds_alternative<policies::SurveyProcesses>(relief))
            return answer(policies::Surveyed{survey}, {});
        std::visit([&](const auto& what) { note(target, what, std::move(answer)); }, relief);
    }
    void ended(const Run&) override { ++ends; }
    template <class T>
    std::ptrdiff_t times() const {
        return std::count_if(actions.begin(), actions.end(), [](const policies::Action& action) {
            return std::holds_alternative<T>(action);
        });
    }
    template <class T>
    const T* last() const {
        for (auto it = actions.rbegin(); it != actions.rend(); ++it)
            if (const auto* found = std::get_if<T>(&*it)) return found;
        return nullptr;
    }

    std::vector<std::string> targets;
    std::vector<policies::Action> actions;
    std::vector<Answer> answers;
    int ends = 0;
    /// Surveys are answered at once, with this.
    bool answers_surveys = true;
    policies::Survey survey;

  private:
    void note(const Target& target, const policies::Action& action, Answer answer) {
        targets.push_back(target.subject->name);
        actions.push_back(action);
        answers.push_back(std::move(answer));
    }
};

class FakeSink final : public publish::EventSink {
  public:
    void publish(const publish::Record& record) override { records.push_back(record); }
    const publish::Record* last(std::string_view type) const {
        for (auto it = records.rbegin(); it != records.rend(); ++it)
            if (it->type == type) return &*it;
        return nullptr;
    }

    std::vector<publish::Record> records;
};

}  // namespace governor::test
