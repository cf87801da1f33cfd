# GOVERNOR_SANITIZE applies to everything, or the runtime sees half a program.
if(GOVERNOR_SANITIZE)
  add_compile_options(-fsanitize=${GOVERNOR_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${GOVERNOR_SANITIZE})
endif()
