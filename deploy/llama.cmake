# Read by llama.cpp's own CMakeLists.txt while deploy/setup.sh builds llama-cpp-python: of all that is there
# the Python package loads one library, and its helpers for command-line tools take longer to build.
set(LLAMA_BUILD_COMMON OFF)
# A hundred model architectures, none of which does its arithmetic here: that is in ggml, which stays at -O3.
cmake_language(DEFER CALL target_compile_options llama PRIVATE -O1)
