// What libhardy_mpi.so gives, by these names.
#pragma once

#include "engine/comm/ranks.h"

extern "C" {
hardy::comm::Ranks* hardy_mpi_join();  // initialises MPI; lives as long as the process. May throw an Error
const char* hardy_mpi_version();       // "Open MPI 4.1.4"
}
