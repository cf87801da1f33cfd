# One list of warnings for every target of the project; all of them are errors.
add_library(governor_warnings INTERFACE)
target_compile_options(governor_warnings INTERFACE
  -Werror -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast
  -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-align -Wnull-dereference -Wformat=2
  $<$<CXX_COMPILER_ID:GNU>:-Wduplicated-branches -Wlogical-op -Wno-null-dereference -Wno-maybe-uninitialized
    # GCC 12 takes a coroutine frame's own operator new/delete for a mismatch once they are inlined (Asio's awaitable).
    -Wno-mismatched-new-delete>)
