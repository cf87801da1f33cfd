# The three libraries have one direction of dependency: cgroup and policies know neither each other nor Asio.
# Two walls keep it so. (1) A library sees only its own headers: its include directory holds one link, to itself.
# (2) A check that runs with every build refuses a forbidden include, however it is spelled.
function(governor_library_include_dir target folder)
  set(root ${CMAKE_BINARY_DIR}/include/${folder})
  file(MAKE_DIRECTORY ${root})
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${folder} ${root}/${folder} SYMBOLIC)
  target_include_directories(${target} PUBLIC ${root})
endfunction()

function(governor_forbid_includes folder pattern)
  add_custom_target(check_includes_${folder} ALL
    COMMAND ${CMAKE_COMMAND} -DFOLDER=${CMAKE_SOURCE_DIR}/${folder} "-DPATTERN=${pattern}"
            -P ${CMAKE_SOURCE_DIR}/deploy/cmake/CheckIncludes.cmake
    VERBATIM)
  add_dependencies(${folder} check_includes_${folder})
endfunction()
