#pragma once

#include "algorithms.cuh"
