// Where this build, its sources and a Python are. (Told to places.cc alone, so that the other files compile
// to the same objects in whatever folder they lie.)
#pragma once

#include <filesystem>
#include <string>

namespace hardy::test {

std::filesystem::path sources();  // the project's root
const char* command();            // the `hardy` program of this build
std::string examples();           // the folder of the examples' programs
std::string python();  // HARDY_PYTHON, else the interpreter that CMake found; "" where there is none
bool has_modules(const std::string& modules);  // whether that can import them: "h5py, numpy"

}  // namespace hardy::test
