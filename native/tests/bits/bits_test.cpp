// Packing of codes and signs: every level gives the bytes of the definition, also at odd sizes.
#include "bits/bits.h"

#include <cmath>

#include "demitasse/bits.h"
#include "demitasse/demitasse.h"
#include "gemm/linear_cases.h"

namespace demitasse::testing {
namespace {

class Bits : public ::testing::TestWithParam<Isa> {};
INSTANTIATE_TEST_SUITE_P(Levels, Bits, ::testing::ValuesIn(levels()), level_name);

constexpr uint8_t kUntouched = 0xa5;

TEST_P(Bits, everyWidthAndLengthPacksBitByBit) {
  const BitKernels& kernels = bit_kernels(GetParam());
  Random random;
  for (int width = 1; width <= 8; ++width) {
    for (int64_t count = 0; count <= 133; ++count) {
      std::vector<uint8_t> codes(count);
      for (uint8_t& code : codes) code = static_cast<uint8_t>(random.integer(0, 255));
      const int64_t bytes = (count * width + 7) / 8;
      std::vector<uint8_t> expected(bytes);
      for (int64_t i = 0; i < count * width; ++i) {
        const int bit = codes[i / width] >> i % width & 1;
        expected[i / 8] |= static_cast<uint8_t>(bit << i % 8);
      }
      std::vector<uint8_t> packed(bytes + 8, kUntouched);
      kernels.pack(width, codes.data(), count, packed.data());
      for (int64_t i = 0; i < bytes + 8; ++i) {
        ASSERT_EQ(packed[i], i < bytes ? expected[i] : kUntouched) << width << ' ' << count;
      }
      // Exactly as long as needed: a sanitizer sees a read behind the end.
      const std::vector<uint8_t> exact(packed.begin(), packed.begin() + bytes);
      for (const bool is_signed : {false, true}) {
        std::vector<uint8_t> unpacked(count + 8, kUntouched);
        kernels.unpack(width, is_signed, exact.data(), count, unpacked.data());
        for (int64_t i = 0; i < count + 8; ++i) {
          int code = kUntouched;
          if (i < count) {
            code = codes[i] & ((1 << width) - 1);
            if (is_signed && code >> (width - 1) != 0) code -= 1 << width;
          }
          ASSERT_EQ(unpacked[i], static_cast<uint8_t>(code)) << width << ' ' << count << ' ' << i;
        }
      }
    }
  }
}

TEST_P(Bits, signsOfFloats) {
  Random random;
  for (int64_t count = 0; count <= 70; ++count) {
    std::vector<float> x = random.reals(count);
    const float special[] = {0.0f, -0.0f, NAN, -NAN, INFINITY, -INFINITY, 1e-45f, -1e-45f};
    for (int64_t i = 0; i < count; i += 3) x[i] = special[i / 3 % 8];
    std::vector<uint8_t> packed(count / 8 + 9, kUntouched);
    bit_kernels(GetParam()).pack_signs(x.data(), count, packed.data());
    for (int64_t i = 0; i < count; ++i) {
      ASSERT_EQ(packed[i / 8] >> i % 8 & 1, x[i] >= 0 ? 1 : 0) << count << ' ' << i;
    }
    if (count % 8 != 0) {
      ASSERT_EQ(packed[count / 8] >> count % 8, 0);
    }
    ASSERT_EQ(packed[(count + 7) / 8], kUntouched);
  }
}

TEST(BitsApi, answersWrongArgumentsWithAStatus) {
  uint8_t codes[16] = {}, packed[16] = {};
  EXPECT_EQ(dmt_pack_codes(0, codes, 4, packed, 16), DMT_INVALID_ARGUMENT);
  EXPECT_EQ(dmt_pack_codes(9, codes, 4, packed, 16), DMT_INVALID_ARGUMENT);
  EXPECT_EQ(dmt_pack_codes(3, codes, -1, packed, 16), DMT_INVALID_ARGUMENT);
  EXPECT_EQ(dmt_pack_codes(3, codes, INT64_MAX, packed, 16), DMT_INVALID_ARGUMENT);
  EXPECT_EQ(dmt_pack_codes(3, codes, 16, packed, 5), DMT_INVALID_ARGUMENT);
  EXPECT_NE(std::string(dmt_last_error()).find("16 codes of 3 bits take 6 bytes"),
            std::string::npos);
  EXPECT_EQ(dmt_pack_codes(3, nullptr, 16, packed, 6), DMT_INVALID_ARGUMENT);
  EXPECT_EQ(dmt_unpack_codes(3, 0, packed, 6, 16, nullptr), DMT_INVALID_ARGUMENT);
  EXPECT_EQ(dmt_pack_signs(nullptr, 1, packed, 1), DMT_INVALID_ARGUMENT);
  EXPECT_EQ(dmt_pack_signs(nullptr, 0, nullptr, 0), DMT_OK);
  EXPECT_EQ(dmt_pack_codes(3, codes, 16, packed, 6), DMT_OK);
}

}  // namespace
}  // namespace demitasse::testing
