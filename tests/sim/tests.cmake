datamesh_test(sim LABEL sim LINKS app TIMEOUT 300)
if(TARGET sim_test)
  target_sources(sim_test PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/sim/world.cpp)
endif()
