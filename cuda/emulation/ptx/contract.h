// Fused multiply-adds as ptxas makes them. PTX says of a mul and an add without a rounding modifier that they
// may become one fma, which does not round the product; so they do here, wherever the product has no other
// reader. What needs the rounded product says so, by __fmul_rn or __dmul_rn.
#pragma once

#include "cuda/emulation/ptx/module.h"

namespace hardy::emulation::ptx {

// A product stays where it is, unread; the add or sub behind it, in the same run of instructions, becomes the
// fma.
void contract(Function& function);

}  // namespace hardy::emulation::ptx
