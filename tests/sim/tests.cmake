# The memory engine is all of controller/app that the simulation needs.
datamesh_test(sim LABEL sim LINKS reconcilers drivers_memory TIMEOUT 600)
if(TARGET sim_test)
  target_sources(sim_test PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/sim/world.cpp ${CMAKE_SOURCE_DIR}/controller/app/engine_memory.cpp)
endif()
