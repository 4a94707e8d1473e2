// What the emulated cuBLASLt declines: operands less aligned than the query was promised, algorithms that the
// options name, and a bias that a GPU's kernels would fault on.
#include <cublasLt.h>
#include <gtest/gtest.h>

#include <cmath>

#include "cuda/emulation/control.h"
#include "tests/cuda/emulation/device_array.h"

namespace hardy::emulation::testing {
namespace {

// D = A B of 4 x 4 matrices, all ones and all twos; operands begin `offset` elements into their memory.
class EmulatedProducts : public ::testing::Test {
 protected:
  EmulatedProducts() {
    EXPECT_EQ(cublasLtCreate(&handle_), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(cublasLtMatmulDescCreate(&description_, CUBLAS_COMPUTE_32F, CUDA_R_32F), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(cublasLtMatrixLayoutCreate(&layout_, CUDA_R_32F, 4, 4, 4), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(cublasLtMatmulPreferenceCreate(&preference_), CUBLAS_STATUS_SUCCESS);
  }
  ~EmulatedProducts() override {
    cublasLtMatmulPreferenceDestroy(preference_);
    cublasLtMatrixLayoutDestroy(layout_);
    cublasLtMatmulDescDestroy(description_);
    cublasLtDestroy(handle_);
    options() = before_;
  }

  template <class T>
  void describe(cublasLtMatmulDescAttributes_t attribute, T value) {
    EXPECT_EQ(cublasLtMatmulDescSetAttribute(description_, attribute, &value, sizeof value),
              CUBLAS_STATUS_SUCCESS);
  }
  void batch(std::int32_t count, std::int64_t stride) {
    cublasLtMatrixLayoutSetAttribute(layout_, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count, sizeof count);
    cublasLtMatrixLayoutSetAttribute(layout_, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &stride,
                                     sizeof stride);
  }
  cublasStatus_t promise(std::uint32_t alignment) {
    for (const auto operand :
         {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
          CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
      if (const auto status = cublasLtMatmulPreferenceSetAttribute(preference_, operand, &alignment, 4);
          status != CUBLAS_STATUS_SUCCESS)
        return status;
    return CUBLAS_STATUS_SUCCESS;
  }
  std::vector<cublasLtMatmulAlgo_t> offered(int wanted) {
    std::vector<cublasLtMatmulHeuristicResult_t> results(static_cast<std::size_t>(wanted));
    int found = 0;
    EXPECT_EQ(cublasLtMatmulAlgoGetHeuristic(handle_, description_, layout_, layout_, layout_, layout_,
                                             preference_, wanted, results.data(), &found),
              CUBLAS_STATUS_SUCCESS);
    std::vector<cublasLtMatmulAlgo_t> all;
    for (int i = 0; i < found; ++i) all.push_back(results[static_cast<std::size_t>(i)].algo);
    return all;
  }
  cublasStatus_t multiply(const cublasLtMatmulAlgo_t& algorithm, std::size_t offset = 0) {
    const float one = 1, zero = 0;
    return cublasLtMatmul(handle_, description_, &one, a_.data() + offset, layout_, b_.data() + offset,
                          layout_, &zero, d_.data() + offset, layout_, d_.data() + offset, layout_,
                          &algorithm, nullptr, 0, nullptr);
  }

  Options before_ = options();
  cublasLtHandle_t handle_ = nullptr;
  cublasLtMatmulDesc_t description_ = nullptr;
  cublasLtMatrixLayout_t layout_ = nullptr;
  cublasLtMatmulPreference_t preference_ = nullptr;
  DeviceArray<float> a_{std::vector<float>(64, 1.0f)}, b_{std::vector<float>(64, 2.0f)},
      d_{std::vector<float>(64, 0.0f)};
};

TEST_F(EmulatedProducts, AnAlgorithmDeclinesOperandsLessAlignedThanTheQueryWasPromised) {
  const std::vector<cublasLtMatmulAlgo_t> wide = offered(8);
  ASSERT_EQ(wide.size(), 8u);
  const std::uint64_t declined = statistics().declined_products;
  for (const cublasLtMatmulAlgo_t& algorithm : wide) {
    EXPECT_EQ(multiply(algorithm), CUBLAS_STATUS_SUCCESS)
        << "on a multiple of 256 bytes, as it takes for granted";
    EXPECT_EQ(multiply(algorithm, 16), CUBLAS_STATUS_NOT_SUPPORTED) << "64 bytes behind one";
  }
  EXPECT_EQ(statistics().declined_products - declined, 8u);
  ASSERT_EQ(promise(64), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(multiply(offered(1)[0], 16), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(multiply(offered(1)[0], 4), CUBLAS_STATUS_NOT_SUPPORTED);
  ASSERT_EQ(promise(4), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(multiply(offered(1)[0], 1), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(d_.get()[1], 8.0f);
  EXPECT_EQ(promise(3), CUBLAS_STATUS_INVALID_VALUE);
}

TEST_F(EmulatedProducts, EveryMatrixOfABatchIsToBeAligned) {
  batch(2, 16);  // the second one 64 bytes behind the first
  EXPECT_EQ(multiply(offered(1)[0]), CUBLAS_STATUS_NOT_SUPPORTED);
  ASSERT_EQ(promise(64), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(multiply(offered(1)[0]), CUBLAS_STATUS_SUCCESS);
}

TEST_F(EmulatedProducts, AlgorithmsDeclineWhereTheOptionsSaySo) {
  options().declined_plain = 2;
  std::vector<cublasLtMatmulAlgo_t> all = offered(3);
  EXPECT_EQ(multiply(all[0]), CUBLAS_STATUS_NOT_SUPPORTED);
  EXPECT_EQ(multiply(all[1]), CUBLAS_STATUS_NOT_SUPPORTED);
  EXPECT_EQ(multiply(all[2]), CUBLAS_STATUS_SUCCESS);
  describe(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_RELU);
  EXPECT_EQ(multiply(all[2]), CUBLAS_STATUS_NOT_SUPPORTED) << "it was offered for another epilogue";
  all = offered(1);
  EXPECT_EQ(multiply(all[0]), CUBLAS_STATUS_SUCCESS);
  options().declined_fused = 1;
  EXPECT_EQ(multiply(all[0]), CUBLAS_STATUS_NOT_SUPPORTED);
}

TEST_F(EmulatedProducts, ABiasThatIsNotOnAMultipleOf16BytesIsNamed) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  describe(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
  describe(CUBLASLT_MATMUL_DESC_BIAS_POINTER, a_.data() + 4);
  EXPECT_EQ(multiply(offered(1)[0]), CUBLAS_STATUS_SUCCESS);
  batch(2, 16);
  promise(64);
  describe(CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE, std::int64_t{4});
  EXPECT_EQ(multiply(offered(1)[0]), CUBLAS_STATUS_SUCCESS);
  cudaDeviceSynchronize();
  describe(CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE, std::int64_t{6});
  EXPECT_DEATH(multiply(offered(1)[0]),
               "the bias at .* with a batch stride of 6 elements is not always on a multiple of 16");
  describe(CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE, std::int64_t{4});
  describe(CUBLASLT_MATMUL_DESC_BIAS_POINTER, a_.data() + 1);
  EXPECT_DEATH(multiply(offered(1)[0]), "the bias at .* is not always on a multiple of 16 bytes");
}

TEST_F(EmulatedProducts, ReluKeepsANanOrMakesItZeroAsTheOptionsSay) {
  describe(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_RELU);
  b_.set(std::vector<float>(64, std::nanf("")));
  EXPECT_EQ(multiply(offered(1)[0]), CUBLAS_STATUS_SUCCESS);
  EXPECT_TRUE(std::isnan(d_.get()[0]));
  options().relu_keeps_nan = false;
  EXPECT_EQ(multiply(offered(1)[0]), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(d_.get()[0], 0.0f);
  b_.set(std::vector<float>(64, 2.0f));
  EXPECT_EQ(multiply(offered(1)[0]), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(d_.get()[0], 8.0f);
}

}  // namespace
}  // namespace hardy::emulation::testing
