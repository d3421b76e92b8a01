// Every wrong weight is an error whose message names what is wrong with it.
#include <limits>

#include "program/network.h"

namespace demitasse::testing {
namespace {

constexpr int64_t kHuge = int64_t{1} << 62;
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

TEST(WeightRejections, floatsAndInt8) {
  dmt_weight* weight = nullptr;
  const float data[8] = {}, scales[4] = {1, 1, 1, 1}, bad_scales[] = {1, kNaN, 1, 1};
  const int32_t zero_points[4] = {0, 0, 0, 200};
  const auto pack = [&](int32_t dtype, const void* source, int64_t bytes, int64_t k, int64_t n,
                        int64_t ks, int64_t ns) {
    return dmt_weight_pack_float(dtype, source, bytes, k, n, ks, ns, &weight);
  };
  EXPECT_REJECTED(pack(DMT_F64, data, 32, 2, 4, 4, 1), "float64");
  EXPECT_REJECTED(pack(DMT_F32, nullptr, 32, 2, 4, 4, 1), "source is NULL");
  EXPECT_REJECTED(pack(DMT_F32, data, 31, 2, 4, 4, 1), "takes 32 bytes of float32, 31 are given");
  EXPECT_REJECTED(pack(DMT_F32, data, 32, 2, 4, 5, 1), "takes 36 bytes");
  EXPECT_REJECTED(pack(DMT_F32, data, 32, 0, 4, 4, 1), "positive");
  EXPECT_REJECTED(pack(DMT_F32, data, 32, 2, 4, -4, 1), "positive");
  EXPECT_REJECTED(pack(DMT_F32, data, 32, kHuge, kHuge, 1, 1), "too large");
  EXPECT_REJECTED(pack(DMT_F32, data, 32, 2, 4, kHuge, kHuge), "too large");
  EXPECT_REJECTED(pack(DMT_F32, reinterpret_cast<const char*>(data) + 2, 16, 2, 2, 2, 1),
                  "not aligned");
  EXPECT_REJECTED(dmt_weight_pack_float(DMT_F32, data, 32, 2, 4, 4, 1, nullptr), "out is NULL");

  const auto pack8 = [&](int32_t dtype, const float* s, const int32_t* z, int64_t count) {
    return dmt_weight_pack_int8(dtype, data, 8, 2, 4, 4, 1, s, z, count, &weight);
  };
  EXPECT_REJECTED(pack8(DMT_F32, scales, nullptr, 4), "float32");
  EXPECT_REJECTED(pack8(DMT_S8, scales, nullptr, 3), "3 scales for 4 output channels");
  EXPECT_REJECTED(pack8(DMT_S8, nullptr, nullptr, 4), "scales is NULL");
  EXPECT_REJECTED(pack8(DMT_S8, bad_scales, nullptr, 4), "scale 1");
  EXPECT_REJECTED(pack8(DMT_S8, scales, zero_points, 4), "zero point 3 is 200, outside int8");
  EXPECT_EQ(pack8(DMT_U8, scales, zero_points, 4), DMT_OK);
  EXPECT_GT(dmt_weight_bytes(weight), 0);
  dmt_weight_release(weight);
}

TEST(WeightRejections, groups) {
  dmt_weight* weight = nullptr;
  const uint8_t codes[64] = {};
  float scales[8] = {1, 1, 1, 1, 1, 1, 1, 1};
  float codebook[16] = {};
  int32_t zero_points[8] = {};
  struct Call {
    int32_t dtype = DMT_S4;
    int64_t bytes = 64, k = 32, n = 4, k_stride = 4, n_stride = 1, group = 16;
    int32_t scale_dtype = DMT_F32;
    int64_t scales_bytes = 32;
  };
  const auto pack = [&](const Call& c, const int32_t* zeros = nullptr,
                        const float* book = nullptr) {
    return dmt_weight_pack_grouped(c.dtype, codes, c.bytes, c.k, c.n, c.k_stride, c.n_stride,
                                   c.group, c.scale_dtype, scales, c.scales_bytes, zeros, book,
                                   &weight);
  };
  EXPECT_REJECTED(pack({.dtype = DMT_F32}), "codes of type 1 (float32)");
  EXPECT_REJECTED(pack({.dtype = 99}), "codes of type 99");
  EXPECT_REJECTED(pack({.bytes = 63}), "takes 64 bytes of int4, 63 are given");
  EXPECT_REJECTED(pack({.k = 33}), "takes 66 bytes");
  EXPECT_REJECTED(pack({.k = 0}), "positive");
  EXPECT_REJECTED(pack({.k = kHuge, .n = kHuge}), "too large");
  EXPECT_REJECTED(pack({.n_stride = kHuge}), "too large");
  for (const int64_t group : {-16, 0, 8, 24}) {
    EXPECT_REJECTED(pack({.group = group}), "multiple of 16");
  }
  EXPECT_REJECTED(pack({.scale_dtype = DMT_BF16}), "scales of type 16");
  EXPECT_REJECTED(pack({.scales_bytes = 31}), "2 groups of 4 channels need 8 scales");
  EXPECT_REJECTED(dmt_weight_pack_grouped(DMT_S4, nullptr, 64, 32, 4, 4, 1, 16, DMT_F32, scales, 32,
                                          nullptr, nullptr, &weight),
                  "source is NULL");
  EXPECT_REJECTED(dmt_weight_pack_grouped(DMT_S4, codes, 64, 32, 4, 4, 1, 16, DMT_F32, nullptr, 32,
                                          nullptr, nullptr, &weight),
                  "scales is NULL");
  EXPECT_REJECTED(dmt_weight_pack_grouped(DMT_S4, codes, 64, 32, 4, 4, 1, 16, DMT_F32,
                                          reinterpret_cast<const char*>(scales) + 1, 32, nullptr,
                                          nullptr, &weight),
                  "not aligned");
  EXPECT_REJECTED(dmt_weight_pack_grouped(DMT_S4, codes, 64, 32, 4, 4, 1, 16, DMT_F32, scales, 32,
                                          nullptr, nullptr, nullptr),
                  "out is NULL");
  scales[5] = kNaN;
  EXPECT_REJECTED(pack({}), "group 1, channel 1 is not finite");
  scales[5] = -1;
  zero_points[6] = 8;
  EXPECT_REJECTED(pack({}, zero_points), "zero point 8 of group 1, channel 2 is outside int4");
  EXPECT_REJECTED(pack({}, nullptr, codebook), "needs uint4 codes");
  EXPECT_REJECTED(pack({.dtype = DMT_U4}, zero_points, codebook), "no zero points");
  codebook[3] = kNaN;
  EXPECT_REJECTED(pack({.dtype = DMT_U4}, nullptr, codebook), "entry 3 of the codebook");
  EXPECT_EQ(pack({.dtype = DMT_U4}, zero_points), DMT_OK);
  EXPECT_GT(dmt_weight_bytes(weight), 0);
  dmt_weight_release(weight);
}

TEST(WeightRejections, signs) {
  dmt_weight* weight = nullptr;
  const uint8_t signs[16] = {};
  float scales[8] = {1, 1, 1, 1, 1, 1, 1, 1};
  const auto pack = [&](int64_t bytes, int64_t k, int64_t n, int64_t group, int64_t scales_bytes) {
    return dmt_weight_pack_binary(signs, bytes, k, n, n, 1, group, DMT_F32, scales, scales_bytes,
                                  &weight);
  };
  EXPECT_REJECTED(pack(15, 32, 4, 16, 32), "takes 16 bytes of signs, 15 are given");
  EXPECT_REJECTED(pack(16, 32, 0, 16, 32), "positive");
  EXPECT_REJECTED(pack(16, kHuge, kHuge, 16, 32), "too large");
  EXPECT_REJECTED(pack(16, 32, 4, 8, 32), "multiple of 16");
  EXPECT_REJECTED(pack(16, 32, 4, 16, 31), "need 8 scales");
  EXPECT_REJECTED(
      dmt_weight_pack_binary(nullptr, 16, 32, 4, 4, 1, 16, DMT_F32, scales, 32, &weight),
      "source is NULL");
  EXPECT_REJECTED(dmt_weight_pack_binary(signs, 16, 32, 4, 4, 1, 16, DMT_F32, scales, 32, nullptr),
                  "out is NULL");
  scales[2] = kNaN;
  EXPECT_REJECTED(pack(16, 32, 4, 16, 32), "group 0, channel 2 is not finite");
  scales[2] = 1;
  EXPECT_EQ(pack(16, 32, 4, 16, 32), DMT_OK);
  EXPECT_GT(dmt_weight_bytes(weight), 0);
  dmt_weight_release(weight);
}

}  // namespace
}  // namespace demitasse::testing
