# DATAMESH_SANITIZE: empty, "address,undefined" or "thread".
set(DATAMESH_SANITIZE "" CACHE STRING "Sanitizers to build everything of ours with")
if(DATAMESH_SANITIZE)
  add_compile_options(-fsanitize=${DATAMESH_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all -g1)
  add_link_options(-fsanitize=${DATAMESH_SANITIZE})
endif()
