// What a device's matrix products are made of, as commands and run directories have it: --tf32 or --tf32x3,
// or neither.
#pragma once

#include "engine/base/error.h"
#include "engine/device/device.h"
#include "engine/run/schema.h"

namespace hardy::run {

struct ProductOptions {
  bool tf32 = false, three_tf32 = false;

  void options(Schema& s) {
    s.option("tf32", &tf32, "on a GPU: matrix products may round their operands to TF32")
        .option("tf32x3", &three_tf32,
                "on a GPU: matrix products as three of TF32 on the tensor cores, as accurate as f32's");
  }
  // The device's options, these products among them.
  device::Options in(device::Options all) const {
    if (tf32 && three_tf32) throw Error("excludes --tf32x3", "--tf32", "leave out one of them");
    if (tf32) all.products = device::Products::kTf32;
    if (three_tf32) all.products = device::Products::kThreeTf32;
    return all;
  }
};

}  // namespace hardy::run
