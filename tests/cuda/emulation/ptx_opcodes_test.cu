// Families of PTX opcodes, each on its own: a kernel of a few lines of PTX against the same on the host.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <functional>
#include <string>

#include "cuda/emulation/control.h"
#include "cuda/launch.h"
#include "tests/cuda/emulation/device_array.h"

namespace {

using hardy::emulation::testing::DeviceArray;
using hardy::emulation::testing::succeed;
using U64 = unsigned long long;

}  // namespace

// Its host build does nothing: what runs is the PTX that a test loads under its name.
extern "C" __global__ void ptx_probe(const U64*, U64*) {}

namespace {

class PtxOpcodes : public ::testing::Test {
 protected:
  PtxOpcodes() { EXPECT_EQ(unsetenv("HARDY_EMULATION_PTX"), 0); }
  ~PtxOpcodes() override { hardy::emulation::unload_ptx(); }

  // Runs `body` once for each of `threads`: %rd1 points to the inputs, %rd2 to this thread's output.
  static std::vector<U64> run(const std::string& body, const std::vector<U64>& inputs, unsigned threads = 1,
                              const std::string& before = "") {
    hardy::emulation::unload_ptx();
    hardy::emulation::load_ptx_text(
        ".version 9.0\n.target sm_75\n.address_size 64\n" + before +
        ".visible .entry ptx_probe(.param .u64 p_in, .param .u64 p_out)\n{\n"
        ".reg .pred %p<9>;\n.reg .b32 %r<20>;\n.reg .b64 %rd<20>;\n.reg .f32 %f<9>;\n.reg .f64 %fd<9>;\n"
        "ld.param.u64 %rd1, [p_in];\nld.param.u64 %rd2, [p_out];\nmov.u32 %r9, %tid.x;\n"
        "mul.wide.u32 %rd3, %r9, 8;\nadd.s64 %rd2, %rd2, %rd3;\n" +
        body + "\nret;\n}\n");
    const DeviceArray<U64> in(inputs), out(std::vector<U64>(threads, 0));
    succeed(hardy::cuda::launch(ptx_probe, 1, threads, 0, nullptr, static_cast<const U64*>(in.data()),
                                out.data()));
    return out.get();
  }

  // d = opcode(a[, b[, c[, d]]]) on registers of `bits`.
  static U64 evaluate(const std::string& opcode, const std::vector<U64>& sources, int bits, int result_bits) {
    std::string body, list;
    for (std::size_t k = 0; k < sources.size(); ++k) {
      body += "ld.global.u64 %rd1" + std::to_string(k) + ", [%rd1+" + std::to_string(8 * k) + "];\n";
      if (bits == 32) body += "cvt.u32.u64 %r1" + std::to_string(k) + ", %rd1" + std::to_string(k) + ";\n";
      list += (bits == 32 ? ", %r1" : ", %rd1") + std::to_string(k);
    }
    body += opcode + (result_bits == 32 ? " %r1" : " %rd8") + list + ";\n";
    if (result_bits == 32) body += "cvt.u64.u32 %rd8, %r1;\n";
    return run(body + "st.global.u64 [%rd2], %rd8;", sources)[0];
  }
  static unsigned on32(const std::string& opcode, const std::vector<U64>& sources) {
    return static_cast<unsigned>(evaluate(opcode, sources, 32, 32));
  }
  static float on_floats(const std::string& opcode, const std::vector<float>& sources) {
    std::vector<U64> bits;
    for (const float x : sources) bits.push_back(std::bit_cast<unsigned>(x));
    return std::bit_cast<float>(on32(opcode, bits));
  }
  static double on_doubles(const std::string& opcode, const std::vector<double>& sources) {
    std::vector<U64> bits;
    for (const double x : sources) bits.push_back(std::bit_cast<U64>(x));
    return std::bit_cast<double>(evaluate(opcode, bits, 64, 64));
  }
};

constexpr U64 kMinus7 = 0xfffffff9u, kMinus3 = 0xfffffffdu;

// ptxas may leave the product of a mul and an add unrounded, unless one of them says how it rounds.
TEST_F(PtxOpcodes, AMulAndAnAddWithoutARoundingModifierAreFused) {
  const float a = 1 + 0x1p-12f, square = a * a, rest = static_cast<float>(double{a} * a - double{square});
  ASSERT_NE(rest, 0.0f);
  const auto last_bits = [&](const std::string& instructions) {
    const std::string body = "ld.global.f32 %f1, [%rd1];\nld.global.f32 %f2, [%rd1+8];\n" + instructions +
                             "mov.b32 %r1, %f5;\ncvt.u64.u32 %rd8, %r1;\nst.global.u64 [%rd2], %rd8;";
    return std::bit_cast<float>(
        static_cast<unsigned>(run(body, {std::bit_cast<unsigned>(a), std::bit_cast<unsigned>(square)})[0]));
  };
  EXPECT_EQ(last_bits("mul.f32 %f4, %f1, %f1;\nsub.f32 %f5, %f4, %f2;\n"), rest);
  EXPECT_EQ(last_bits("mul.f32 %f4, %f1, %f1;\nsub.f32 %f5, %f2, %f4;\n"), -rest);
  EXPECT_EQ(last_bits("neg.f32 %f2, %f2;\nmul.f32 %f4, %f1, %f1;\nadd.f32 %f5, %f2, %f4;\n"), rest);
  EXPECT_EQ(last_bits("mul.rn.f32 %f4, %f1, %f1;\nsub.f32 %f5, %f4, %f2;\n"), 0.0f);
  EXPECT_EQ(last_bits("mul.f32 %f4, %f1, %f1;\nsub.rn.f32 %f5, %f4, %f2;\n"), 0.0f);
  // Read twice, or with a factor that has changed, it stays.
  EXPECT_EQ(last_bits("mul.f32 %f4, %f1, %f1;\nsub.f32 %f5, %f4, %f2;\nadd.f32 %f6, %f4, %f4;\n"), 0.0f);
  EXPECT_EQ(
      last_bits("mov.f32 %f3, %f1;\nmul.f32 %f4, %f1, %f3;\nmov.f32 %f3, %f2;\nsub.f32 %f5, %f4, %f2;\n"),
      0.0f);
}

TEST_F(PtxOpcodes, IntegerAddSubtractMinMaxNegateAbsolute) {
  EXPECT_EQ(on32("add.s32", {5, kMinus7}), 0xfffffffeu);
  EXPECT_EQ(on32("sub.s32", {5, 7}), 0xfffffffeu);
  EXPECT_EQ(on32("min.s32", {5, kMinus7}), kMinus7);
  EXPECT_EQ(on32("min.u32", {5, kMinus7}), 5u);
  EXPECT_EQ(on32("max.s32", {5, kMinus7}), 5u);
  EXPECT_EQ(on32("max.u32", {5, kMinus7}), kMinus7);
  EXPECT_EQ(on32("neg.s32", {7}), kMinus7);
  EXPECT_EQ(on32("abs.s32", {kMinus7}), 7u);
  EXPECT_EQ(on32("sad.s32", {kMinus7, 3, 100}), 110u);
}

TEST_F(PtxOpcodes, CarriesGoFromLowToHighWords) {
  const U64 sum =
      run("add.cc.u32 %r1, 4294967295, 2;\naddc.u32 %r2, 3, 4;\nmov.b64 %rd8, {%r1, %r2};\nst.global.u64 "
          "[%rd2], %rd8;",
          {0})[0];
  EXPECT_EQ(sum, (U64{8} << 32) | 1u);
  const U64 difference = run(
      "sub.cc.u32 %r1, 1, 2;\nsubc.u32 %r2, 9, 4;\nmov.b64 %rd8, {%r1, %r2};\nst.global.u64 [%rd2], %rd8;",
      {0})[0];
  EXPECT_EQ(difference, (U64{4} << 32) | 0xffffffffu);
}

TEST_F(PtxOpcodes, ProductsLowHighWideAndMultiplyAdd) {
  EXPECT_EQ(on32("mul.lo.u32", {0x12345678, 0x9abcdef0}), 0x12345678u * 0x9abcdef0u);
  EXPECT_EQ(on32("mul.hi.u32", {0xd2511f53, 0x9abcdef0}),
            static_cast<unsigned>(U64{0xd2511f53} * 0x9abcdef0 >> 32));
  EXPECT_EQ(on32("mul.hi.s32", {kMinus7, 3}), 0xffffffffu);
  EXPECT_EQ(evaluate("mul.wide.s32", {kMinus7, 3}, 32, 64), static_cast<U64>(-21));
  EXPECT_EQ(evaluate("mul.wide.u32", {kMinus7, 3}, 32, 64), U64{3} * kMinus7);
  EXPECT_EQ(on32("mad.lo.s32", {5, kMinus7, 100}), 65u);
  EXPECT_EQ(evaluate("mul.hi.u64", {~U64{0}, 16}, 64, 64), 15u);
}

TEST_F(PtxOpcodes, DivisionTruncatesAndTheRemainderHasTheDividendsSign) {
  EXPECT_EQ(on32("div.s32", {kMinus7, 2}), kMinus3);
  EXPECT_EQ(on32("rem.s32", {kMinus7, 2}), 0xffffffffu);
  EXPECT_EQ(on32("div.u32", {100, 7}), 14u);
  EXPECT_EQ(on32("rem.u32", {100, 7}), 2u);
  EXPECT_EQ(on32("div.s32", {0x80000000, 0xffffffff}), 0x80000000u);
}

TEST_F(PtxOpcodes, LogicShiftsAndFunnelShifts) {
  EXPECT_EQ(on32("and.b32", {0xff00, 0x0ff0}), 0x0f00u);
  EXPECT_EQ(on32("or.b32", {0xff00, 0x0ff0}), 0xfff0u);
  EXPECT_EQ(on32("xor.b32", {0xff00, 0x0ff0}), 0xf0f0u);
  EXPECT_EQ(on32("not.b32", {0xff00}), 0xffff00ffu);
  EXPECT_EQ(on32("cnot.b32", {0}), 1u);
  EXPECT_EQ(on32("shl.b32", {1, 31}), 0x80000000u);
  EXPECT_EQ(on32("shl.b32", {1, 32}), 0u);
  EXPECT_EQ(on32("shr.u32", {0x80000000, 31}), 1u);
  EXPECT_EQ(on32("shr.s32", {0x80000000, 40}), 0xffffffffu);
  EXPECT_EQ(on32("shf.l.wrap.b32", {0x12345678, 0x9abcdef0, 8}), 0xbcdef012u);
  EXPECT_EQ(on32("shf.r.wrap.b32", {0x12345678, 0x9abcdef0, 8}), 0xf0123456u);
  EXPECT_EQ(
      run("lop3.b32 %r1, 204, 170, 240, 0x96;\ncvt.u64.u32 %rd8, %r1;\nst.global.u64 [%rd2], %rd8;", {0})[0],
      U64{204 ^ 170 ^ 240});
}

TEST_F(PtxOpcodes, BitsAreCountedFoundReversedAndMoved) {
  EXPECT_EQ(on32("popc.b32", {0xf0f1}), 9u);
  EXPECT_EQ(on32("clz.b32", {0x00f0}), 24u);
  EXPECT_EQ(on32("brev.b32", {0x1}), 0x80000000u);
  EXPECT_EQ(on32("bfind.u32", {0x00f0}), 7u);
  EXPECT_EQ(on32("bfind.s32", {0xffffff0f}), 7u);
  EXPECT_EQ(on32("bfind.shiftamt.u32", {0x00f0}), 24u);
  EXPECT_EQ(on32("bfe.u32", {0x12345678, 8, 12}), 0x456u);
  EXPECT_EQ(on32("bfe.s32", {0x00000f00, 8, 4}), 0xffffffffu);
  EXPECT_EQ(on32("bfi.b32", {0xab, 0x11111111, 8, 8}), 0x1111ab11u);
  EXPECT_EQ(on32("bmsk.clamp.b32", {4, 8}), 0xff0u);
  EXPECT_EQ(on32("prmt.b32", {0x33221100, 0x77665544, 0x7250}), 0x77225500u);
}

TEST_F(PtxOpcodes, FloatsAddMultiplyFuseAndRoundAsAsked) {
  EXPECT_EQ(on_floats("add.f32", {1.5f, 2.25f}), 3.75f);
  EXPECT_EQ(on_floats("sub.f32", {1.5f, 2.25f}), -0.75f);
  EXPECT_EQ(on_floats("mul.f32", {1.1f, 2.3f}), 1.1f * 2.3f);
  EXPECT_EQ(on_floats("fma.rn.f32", {1.1f, 2.3f, -2.53f}), std::fma(1.1f, 2.3f, -2.53f));
  EXPECT_EQ(on_floats("div.rn.f32", {1.0f, 3.0f}), 1.0f / 3.0f);
  EXPECT_EQ(on_floats("add.rz.f32", {1.0f, 0x1p-24f * 1.5f}), 1.0f);
  EXPECT_EQ(on_floats("add.rp.f32", {1.0f, 0x1p-30f}), std::nextafter(1.0f, 2.0f));
  EXPECT_EQ(on_floats("add.rm.f32", {-1.0f, -0x1p-30f}), -std::nextafter(1.0f, 2.0f));
  EXPECT_EQ(on_floats("add.sat.f32", {0.75f, 0.75f}), 1.0f);
  EXPECT_EQ(on_floats("mul.ftz.f32", {0x1p-100f, 0x1p-40f}), 0.0f);
}

TEST_F(PtxOpcodes, FloatExtremesTreatNanAsTheirModifierSays) {
  EXPECT_EQ(on_floats("min.f32", {NAN, 2.0f}), 2.0f);
  EXPECT_EQ(on_floats("max.f32", {1.0f, 2.0f}), 2.0f);
  EXPECT_TRUE(std::isnan(on_floats("max.NaN.f32", {NAN, 2.0f})));
  EXPECT_EQ(on_floats("neg.f32", {2.0f}), -2.0f);
  EXPECT_EQ(on_floats("abs.f32", {-2.0f}), 2.0f);
  EXPECT_EQ(on_floats("copysign.f32", {-1.0f, 3.0f}), -3.0f);
}

TEST_F(PtxOpcodes, RootsReciprocalsAndTranscendentals) {
  EXPECT_EQ(on_floats("sqrt.rn.f32", {2.0f}), std::sqrt(2.0f));
  EXPECT_FLOAT_EQ(on_floats("rsqrt.approx.f32", {2.0f}), 1.0f / std::sqrt(2.0f));
  EXPECT_EQ(on_floats("rcp.rn.f32", {3.0f}), 1.0f / 3.0f);
  EXPECT_FLOAT_EQ(on_floats("ex2.approx.f32", {0.3f}), std::exp2(0.3f));
  EXPECT_FLOAT_EQ(on_floats("lg2.approx.f32", {0.3f}), std::log2(0.3f));
  EXPECT_FLOAT_EQ(on_floats("sin.approx.f32", {0.3f}), std::sin(0.3f));
  EXPECT_FLOAT_EQ(on_floats("cos.approx.f32", {0.3f}), std::cos(0.3f));
  EXPECT_FLOAT_EQ(on_floats("tanh.approx.f32", {0.3f}), std::tanh(0.3f));
}

TEST_F(PtxOpcodes, DoublesComputeInDoublePrecision) {
  EXPECT_EQ(on_doubles("add.f64", {0.1, 0.2}), 0.1 + 0.2);
  EXPECT_EQ(on_doubles("mul.f64", {0.1, 0.2}), 0.1 * 0.2);
  EXPECT_EQ(on_doubles("fma.rn.f64", {0.1, 0.2, -0.02}), std::fma(0.1, 0.2, -0.02));
  EXPECT_EQ(on_doubles("div.rn.f64", {1, 3}), 1.0 / 3.0);
  EXPECT_EQ(on_doubles("sqrt.rn.f64", {2}), std::sqrt(2.0));
}

TEST_F(PtxOpcodes, ConversionsRoundClampAndExtend) {
  EXPECT_EQ(on32("cvt.rzi.s32.f32", {std::bit_cast<unsigned>(-2.7f)}), 0xfffffffeu);
  EXPECT_EQ(on32("cvt.rni.s32.f32", {std::bit_cast<unsigned>(2.5f)}), 2u);
  EXPECT_EQ(on32("cvt.rmi.s32.f32", {std::bit_cast<unsigned>(-2.1f)}), kMinus3);
  EXPECT_EQ(on32("cvt.rpi.s32.f32", {std::bit_cast<unsigned>(2.1f)}), 3u);
  EXPECT_EQ(on32("cvt.rzi.s32.f32", {std::bit_cast<unsigned>(1e20f)}), 0x7fffffffu);
  EXPECT_EQ(on32("cvt.rzi.u32.f32", {std::bit_cast<unsigned>(-1.0f)}), 0u);
  EXPECT_EQ(on32("cvt.rzi.u32.f32", {std::bit_cast<unsigned>(NAN)}), 0u);
  EXPECT_EQ(std::bit_cast<float>(on32("cvt.rn.f32.s32", {kMinus7})), -7.0f);
  EXPECT_EQ(std::bit_cast<float>(on32("cvt.rn.f32.u32", {0xffffffff})), 4294967296.0f);
  EXPECT_EQ(std::bit_cast<float>(on32("cvt.rz.f32.u32", {0xffffffff})), std::nextafter(4294967296.0f, 0.0f));
  EXPECT_EQ(evaluate("cvt.s64.s32", {kMinus7}, 32, 64), static_cast<U64>(-7));
  EXPECT_EQ(evaluate("cvt.u64.u32", {kMinus7}, 32, 64), kMinus7);
  EXPECT_EQ(on32("cvt.s32.s8", {0x1ff}), 0xffffffffu);
  EXPECT_EQ(std::bit_cast<double>(evaluate("cvt.f64.f32", {std::bit_cast<unsigned>(0.1f)}, 32, 64)),
            static_cast<double>(0.1f));
}

TEST_F(PtxOpcodes, ComparisonsKnowSignsAndUnorderedOperands) {
  const auto holds = [](const std::string& how, U64 a, U64 b) {
    return run("ld.global.u32 %r1, [%rd1];\nld.global.u32 %r2, [%rd1+8];\nsetp." + how +
                   " %p1, %r1, %r2;\nselp.u64 %rd8, 1, 0, %p1;\nst.global.u64 [%rd2], %rd8;",
               {a, b})[0] == 1;
  };
  EXPECT_TRUE(holds("lt.s32", kMinus7, 3));
  EXPECT_FALSE(holds("lt.u32", kMinus7, 3));
  EXPECT_TRUE(holds("hi.u32", kMinus7, 3));
  EXPECT_TRUE(holds("ge.s32", 3, 3));
  const U64 nan = std::bit_cast<unsigned>(NAN), one = std::bit_cast<unsigned>(1.0f);
  EXPECT_FALSE(holds("lt.f32", nan, one));
  EXPECT_TRUE(holds("ltu.f32", nan, one));
  EXPECT_FALSE(holds("ne.f32", nan, one));
  EXPECT_TRUE(holds("neu.f32", nan, one));
  EXPECT_TRUE(holds("nan.f32", nan, one));
  EXPECT_FALSE(holds("num.f32", nan, one));
}

TEST_F(PtxOpcodes, VectorsOfLoadsAndStoresGoThroughEverySpace) {
  const std::string body = R"(
.shared .align 16 .b8 tile[32];
.local .align 16 .b8 mine[32];
ld.global.v2.u64 {%rd10, %rd11}, [%rd1];
st.shared.v2.u64 [tile], {%rd11, %rd10};
mov.u32 %r1, tile;
ld.shared.u64 %rd12, [%r1+8];
cvta.local.u64 %rd13, mine;
mov.u64 %rd14, mine;
st.local.u64 [%rd14+16], %rd12;
ld.local.u32 %r2, [%rd14+20];
cvt.u64.u32 %rd8, %r2;
st.global.u64 [%rd2], %rd8;)";
  EXPECT_EQ(run(body, {0x1122334455667788, 5})[0], 0x11223344u);
}

TEST_F(PtxOpcodes, CallsPassParametersAndResults) {
  const std::string callee =
      ".func (.param .b64 result) twice_plus(.param .b64 a, .param .b64 b)\n{\n.reg .b64 %rd<4>;\n"
      "ld.param.u64 %rd1, [a];\nld.param.u64 %rd2, [b];\nshl.b64 %rd3, %rd1, 1;\nadd.u64 %rd3, %rd3, %rd2;\n"
      "st.param.b64 [result], %rd3;\nret;\n}\n";
  const std::string body =
      "ld.global.u64 %rd10, [%rd1];\n{\n.param .b64 param0;\n.param .b64 param1;\n.param .b64 retval0;\n"
      "st.param.b64 [param0], %rd10;\nst.param.b64 [param1], 5;\n"
      "call.uni (retval0), twice_plus, (param0, param1);\nld.param.b64 %rd11, [retval0];\n}\n"
      "st.global.u64 [%rd2], %rd11;";
  EXPECT_EQ(run(body, {100}, 1, callee)[0], 205u);
}

TEST_F(PtxOpcodes, BranchesAndBranchTablesGoWhereTheyPoint) {
  const std::string body = R"(
mov.u64 %rd8, 0;
ts: .branchtargets a, b, c;
brx.idx %r9, ts;
a: add.u64 %rd8, %rd8, 1;
b: add.u64 %rd8, %rd8, 10;
bra done;
c: add.u64 %rd8, %rd8, 100;
done:
st.global.u64 [%rd2], %rd8;)";
  EXPECT_EQ(run(body, {0}, 3), (std::vector<U64>{11, 10, 100}));
}

TEST_F(PtxOpcodes, WarpsShuffleVoteMatchAndReduce) {
  const auto each = [](const std::string& operation) {
    return run(operation + "\ncvt.u64.u32 %rd8, %r1;\nst.global.u64 [%rd2], %rd8;", {0}, 32);
  };
  const std::vector<U64> down = each("shfl.sync.down.b32 %r1|%p1, %r9, 4, 31, -1;");
  const std::vector<U64> up = each("shfl.sync.up.b32 %r1, %r9, 4, 0, -1;");
  const std::vector<U64> flipped = each("shfl.sync.bfly.b32 %r1, %r9, 3, 31, -1;");
  const std::vector<U64> from = each("shfl.sync.idx.b32 %r1, %r9, 5, 31, -1;");
  const std::vector<U64> ballot =
      each("and.b32 %r2, %r9, 1;\nsetp.eq.u32 %p1, %r2, 1;\nvote.sync.ballot.b32 %r1, %p1, -1;");
  const std::vector<U64> match = each("shr.u32 %r2, %r9, 3;\nmatch.any.sync.b32 %r1, %r2, -1;");
  const std::vector<U64> sum = each("redux.sync.add.s32 %r1, %r9, -1;");
  for (unsigned l = 0; l < 32; ++l) {
    EXPECT_EQ(down[l], l + 4 < 32 ? l + 4 : l);
    EXPECT_EQ(up[l], l >= 4 ? l - 4 : l);
    EXPECT_EQ(flipped[l], l ^ 3);
    EXPECT_EQ(from[l], 5u);
    EXPECT_EQ(ballot[l], 0xaaaaaaaau);
    EXPECT_EQ(match[l], U64{0xff} << (l / 8 * 8));
    EXPECT_EQ(sum[l], 31u * 32 / 2);
  }
}

// What each lane holds, by PTX's words for m16n8k8 (groupID, threadID_in_group): the i-th register of A, B,
// C.
struct Of {
  int row, column;
};
Of of_a(int lane, int i) { return {lane / 4 + (i == 1 || i == 3 ? 8 : 0), lane % 4 + (i < 2 ? 0 : 4)}; }
Of of_b(int lane, int i) { return {lane % 4 + 4 * i, lane / 4}; }
Of of_c(int lane, int i) { return {lane / 4 + (i < 2 ? 0 : 8), lane % 4 * 2 + i % 2}; }
float of(const Of& place, int seed) {  // another one in every row and column, of few bits
  return static_cast<float>((place.row * 29 + place.column * 83 + seed) % 251 - 120) / 8;
}

// D of mma.sync over 32 lanes, whose %r10 to %r19 hold A's four, B's two and C's four.
std::vector<double> of_mma(
    const std::function<std::vector<U64>(const std::string&, const std::vector<U64>&)>& run,
    const std::string& registers, const std::string& opcode) {
  std::vector<U64> in;
  const auto put = [&](float x) { in.push_back(std::bit_cast<unsigned>(x)); };
  for (int lane = 0; lane < 32; ++lane) {
    for (int i = 0; i < 4; ++i) put(of(of_a(lane, i), 5));
    for (int i = 0; i < 2; ++i) put(of(of_b(lane, i), 17));
    for (int i = 0; i < 4; ++i) put(of(of_c(lane, i), 90));
  }
  std::string body = "mul.wide.u32 %rd4, %r9, 80;\nadd.s64 %rd1, %rd1, %rd4;\n";
  for (int i = 0; i < 10; ++i)
    body += "ld.global.u32 %r" + std::to_string(10 + i) + ", [%rd1+" + std::to_string(8 * i) + "];\n";
  body += opcode + " " + registers + ";\n";
  std::vector<double> d(16 * 8);
  for (int half = 0; half < 2; ++half) {
    const std::string low = std::to_string(1 + 2 * half), high = std::to_string(2 + 2 * half);
    const std::vector<U64> out =
        run(body + "mov.b64 %rd8, {%r" + low + ", %r" + high + "};\nst.global.u64 [%rd2], %rd8;", in);
    for (int lane = 0; lane < 32; ++lane)
      for (int i = 0; i < 2; ++i) {
        const Of at = of_c(lane, half * 2 + i);
        d[static_cast<std::size_t>(at.row * 8 + at.column)] = static_cast<double>(
            std::bit_cast<float>(static_cast<unsigned>(out[static_cast<std::size_t>(lane)] >> (32 * i))));
      }
  }
  return d;
}

TEST_F(PtxOpcodes, MatricesOfTf32AreMultipliedByTheLanesOfAWarp) {
  const auto with = [](const std::string& registers) {
    return of_mma([](const std::string& body, const std::vector<U64>& in) { return run(body, in, 32); },
                  registers, "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32");
  };
  std::vector<double> expected;
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < 8; ++j) {
      double sum = static_cast<double>(of({i, j}, 90));
      for (int k = 0; k < 8; ++k)
        sum += static_cast<double>(of({i, k}, 5)) * static_cast<double>(of({k, j}, 17));
      expected.push_back(sum);
    }
  const std::string d = "{%r1, %r2, %r3, %r4}, ", b = "{%r14, %r15}, ", c = "{%r16, %r17, %r18, %r19}";
  EXPECT_EQ(with(d + "{%r10, %r11, %r12, %r13}, " + b + c), expected);
  EXPECT_NE(with(d + "{%r10, %r12, %r11, %r13}, " + b + c), expected) << "rows of A for columns";
  EXPECT_NE(with(d + "{%r10, %r11, %r12, %r13}, {%r15, %r14}, " + c), expected)
      << "halves of B for each other";
  EXPECT_NE(with(d + "{%r10, %r11, %r12, %r13}, " + b + "{%r17, %r16, %r18, %r19}"), expected)
      << "columns of C for each other";
}

TEST_F(PtxOpcodes, Tf32IsTenBitsToNearestAndTiesAwayFromZero) {
  EXPECT_EQ(on_floats("cvt.rna.tf32.f32", {1 + 0x1p-11f}), 1 + 0x1p-10f);
  EXPECT_EQ(on_floats("cvt.rna.tf32.f32", {-1 - 0x1p-11f}), -1 - 0x1p-10f);
  EXPECT_EQ(on_floats("cvt.rna.tf32.f32", {1 + 0x1p-12f}), 1.0f);
  EXPECT_EQ(on_floats("cvt.rna.tf32.f32", {INFINITY}), INFINITY);
  EXPECT_TRUE(std::isnan(on_floats("cvt.rna.tf32.f32", {NAN})));
}

TEST_F(PtxOpcodes, BarriersReduceOverTheBlockAndAtomicsReturnTheOldValue) {
  const std::string counted =
      "setp.gt.u32 %p1, %r9, 40;\nbar.red.popc.u32 %r1, 0, %p1;\ncvt.u64.u32 %rd8, %r1;\nst.global.u64 "
      "[%rd2], %rd8;";
  EXPECT_EQ(run(counted, {0}, 64), std::vector<U64>(64, 23));
  const std::string atomics = R"(
.shared .align 8 .b8 cell[8];
setp.eq.u32 %p1, %r9, 0;
@%p1 st.shared.u32 [cell], 100;
bar.sync 0;
atom.shared.add.u32 %r1, [cell], 2;
bar.sync 0;
ld.shared.u32 %r2, [cell];
cvt.u64.u32 %rd8, %r2;
st.global.u64 [%rd2], %rd8;)";
  EXPECT_EQ(run(atomics, {0}, 64), std::vector<U64>(64, 228));
  const auto atomic = [](const std::string& operation) {
    return run(".shared .align 8 .b8 cell[8];\nst.shared.u32 [cell], 12;\n" + operation +
                   "\nld.shared.u32 %r2, [cell];\nmov.b64 %rd8, {%r1, %r2};\nst.global.u64 [%rd2], %rd8;",
               {0})[0];
  };
  const auto old_then_new = [](unsigned before, unsigned after) { return (U64{after} << 32) | before; };
  EXPECT_EQ(atomic("atom.shared.exch.b32 %r1, [cell], 5;"), old_then_new(12, 5));
  EXPECT_EQ(atomic("atom.shared.cas.b32 %r1, [cell], 12, 7;"), old_then_new(12, 7));
  EXPECT_EQ(atomic("atom.shared.cas.b32 %r1, [cell], 13, 7;"), old_then_new(12, 12));
  EXPECT_EQ(atomic("atom.shared.min.s32 %r1, [cell], -4;"), old_then_new(12, 0xfffffffcu));
  EXPECT_EQ(atomic("atom.shared.max.u32 %r1, [cell], 50;"), old_then_new(12, 50));
  EXPECT_EQ(atomic("atom.shared.inc.u32 %r1, [cell], 12;"), old_then_new(12, 0));
  EXPECT_EQ(atomic("atom.shared.and.b32 %r1, [cell], 6;"), old_then_new(12, 4));
}

TEST_F(PtxOpcodes, AccessesAndUnknownOpcodesAreReportedWithTheirLine) {
#ifndef HARDY_EMULATION_TSAN
#ifndef __SANITIZE_ADDRESS__
  EXPECT_DEATH(
      run("ld.global.u64 %rd8, [%rd1+8];", {0}),
      "out-of-bounds read of 8 bytes at PTX line [0-9]+: ld.global.u64 .*\n.*ptx_probe.*thread \\(0,0,0\\)");
#endif
  EXPECT_DEATH(run("ld.global.u64 %rd8, [%rd1+4];", {0}), "PTX line [0-9]+: misaligned load");
  EXPECT_DEATH(run("cp.async.wait_all;", {0}),
               "PTX line [0-9]+: not covered by the interpreter: cp.async.wait_all");
  EXPECT_DEATH(
      run("mma.sync.aligned.m16n8k4.row.col.f32.tf32.tf32.f32 {%f1, %f2, %f3, %f4}, {%r1, %r2}, {%r3}, "
          "{%f1, %f2, %f3, %f4};",
          {0}, 32),
      "PTX line [0-9]+: not covered by the interpreter: mma.sync.aligned.m16n8k4");
  EXPECT_DEATH(run("cvt.rn.tf32.f32 %r1, %f1;", {0}), "not covered by the interpreter: cvt.rn.tf32");
#endif
}

}  // namespace
