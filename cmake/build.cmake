# Configures, builds and installs the native library for the Maven build:
#   cmake -DBUILD=folder -DPREFIX=folder -DRESOURCES=folder -DSKIP_TESTS=true|false -P build.cmake
# Takes Ninja and ccache where they are installed.
foreach(name BUILD PREFIX RESOURCES)
  if(NOT DEFINED ${name})
    message(FATAL_ERROR "build.cmake needs -D${name}=folder")
  endif()
endforeach()

set(options -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=${PREFIX}
            -DCMAKE_INSTALL_MESSAGE=NEVER
            -DDEMITASSE_RESOURCES=${RESOURCES})
if(SKIP_TESTS)
  list(APPEND options -DDEMITASSE_TESTS=OFF)
else()
  list(APPEND options -DDEMITASSE_TESTS=ON)
endif()
if(NOT EXISTS ${BUILD}/CMakeCache.txt)
  find_program(NINJA NAMES ninja ninja-build)
  if(NINJA)
    list(APPEND options -G Ninja)
  else()
    list(APPEND options -G "Unix Makefiles")
  endif()
  find_program(CCACHE ccache)
  if(CCACHE)
    list(APPEND options -DCMAKE_CXX_COMPILER_LAUNCHER=${CCACHE})
  endif()
endif()

cmake_host_system_information(RESULT cores QUERY NUMBER_OF_LOGICAL_CORES)
execute_process(COMMAND ${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/../native -B ${BUILD} ${options}
                OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} --build ${BUILD} --parallel ${cores} --target all install
                COMMAND_ERROR_IS_FATAL ANY)
