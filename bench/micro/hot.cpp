// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "bench/micro/hot.hpp"

namespace micro {

HotList hot_functions() {
    HotList list;
    add_parsing(list);
    add_watching(list);
    add_looking(list);
    add_stepping(list);
    add_judging(list);
    add_publishing(list);
    add_docker(list);
    add_scraping(list);
    return list;
}

}  // namespace micro
