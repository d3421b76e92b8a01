// Recurrent layers against plain loops, for every encoding of their weights.
#include "core/float16.h"
#include "gemm/source.h"
#include "recurrent/recurrent_cases.h"

namespace demitasse::testing {
namespace {

class Recurrent : public ::testing::TestWithParam<Isa> {};

bool has_cells(const RecurrentData& data) { return data.layer.kind == RecurrentKind::lstm; }

TEST_P(Recurrent, floatsFollowTheEquations) {
  for (const RecurrentCase& c : recurrent_cases()) {
    const RecurrentData data(c);
    const RecurrentResults results = data.run(GetParam(), data.pack_floats(GetParam()));
    EXPECT_LE(largest_difference(results, data.reference(), has_cells(data)), 2e-5) << c;
  }
}

TEST_P(Recurrent, threadsChangeNothing) {
  for (RecurrentCase c : recurrent_cases()) {
    c.batch = c.batch * 2 + 1;
    const RecurrentData data(c);
    const std::vector<RecurrentWeights> weights = data.pack_floats(GetParam());
    const RecurrentResults one = data.run(GetParam(), weights);
    for (const int threads : {2, 3, 8}) {
      const RecurrentResults several = data.run(GetParam(), weights, false, threads);
      EXPECT_EQ(one.y, several.y) << c << " on " << threads;
      EXPECT_EQ(one.last_h, several.last_h) << c << " on " << threads;
      if (has_cells(data)) {
        EXPECT_EQ(one.last_c, several.last_c) << c << " on " << threads;
      }
    }
  }
}

// Codes of a matrix whose rows have a scale each, kept as long as they are packed from.
struct Codes {
  std::vector<int8_t> codes;
  std::vector<float> scales;

  // Rounds the matrix to what the codes stand for.
  Codes(std::vector<float>& matrix, int64_t k) : codes(matrix.size()), scales(matrix.size() / k) {
    for (size_t row = 0; row < scales.size(); ++row) {
      float* values = matrix.data() + row * k;
      float most = 0;
      for (int64_t i = 0; i < k; ++i) most = std::max(most, std::abs(values[i]));
      scales[row] = most / 127;
      for (int64_t i = 0; i < k; ++i) {
        codes[row * k + i] = static_cast<int8_t>(std::lround(values[i] / scales[row]));
        values[i] = scales[row] * codes[row * k + i];
      }
    }
  }
};

// Packs w and r as INT8; what `data` holds afterwards is exactly what they stand for.
std::vector<RecurrentWeights> pack_int8(Isa isa, RecurrentData& data) {
  const Codes w(data.w, data.layer.inputs), r(data.r, data.layer.hidden);
  return data.pack([&](const std::vector<float>& all, int64_t first, int64_t rows, int64_t k) {
    const Codes& from = &all == &data.w ? w : r;
    return pack_int8_weight(isa, DMT_S8, from.codes.data() + first * k, k, rows, 1, k,
                            from.scales.data() + first, nullptr, rows);
  });
}

TEST_P(Recurrent, int8WeightsAreWhatTheyStandFor) {
  for (const RecurrentCase& c : recurrent_cases()) {
    RecurrentData data(c);
    const std::vector<RecurrentWeights> weights = pack_int8(GetParam(), data);
    const RecurrentResults results = data.run(GetParam(), weights);
    EXPECT_LE(largest_difference(results, data.reference(), has_cells(data)), 2e-5) << c;
  }
}

// Elements of x and h come with errors of at most half a step, 1/510 of their row's range; that is
// at most 0.4 % of 1 for each, random in sign, and gates do not enlarge what they get. After a few
// steps the state, within -1 .. 1, must still be right to 1 %.
TEST_P(Recurrent, quantizedRowsAreClose) {
  for (RecurrentCase c : recurrent_cases()) {
    if (!c.functions.empty()) continue;
    c.steps = std::min<int64_t>(c.steps, 3);
    RecurrentData data(c);
    const std::vector<RecurrentWeights> weights = pack_int8(GetParam(), data);
    const RecurrentResults results = data.run(GetParam(), weights, true);
    const double error = largest_difference(results, data.reference(), has_cells(data));
    EXPECT_LE(error, 0.01) << c;
    EXPECT_TRUE(error > 1e-6 || c.steps == 0) << "nothing was quantized: " << c;
    for (const int threads : {2, 8}) {
      EXPECT_EQ(results.y, data.run(GetParam(), weights, true, threads).y) << c;
    }
  }
}

TEST_P(Recurrent, halfPrecisionWeightsAreWhatTheyStandFor) {
  for (const RecurrentCase& c : recurrent_cases()) {
    RecurrentData data(c);
    std::vector<uint16_t> w, r;
    for (auto [from, to] : {std::pair{&data.w, &w}, std::pair{&data.r, &r}}) {
      for (float& value : *from) {
        to->push_back(f32_to_f16(value));
        value = f16_to_f32(to->back());
      }
    }
    const std::vector<RecurrentWeights> weights =
        data.pack([&](const std::vector<float>& all, int64_t first, int64_t rows, int64_t k) {
          const std::vector<uint16_t>& from = &all == &data.w ? w : r;
          return pack_float_weight(GetParam(), DMT_F16, from.data() + first * k, k, rows, 1, k);
        });
    const RecurrentResults results = data.run(GetParam(), weights);
    EXPECT_LE(largest_difference(results, data.reference(), has_cells(data)), 2e-5) << c;
  }
}

TEST_P(Recurrent, groupsOfFourBitsAreWhatTheyStandFor) {
  for (const RecurrentKind kind : {RecurrentKind::rnn, RecurrentKind::gru, RecurrentKind::lstm}) {
    RecurrentCase c;
    c.kind = kind;
    c.inputs = 32;
    c.hidden = 48;
    c.direction = RecurrentDirection::both;
    RecurrentData data(c);
    constexpr int64_t kGroup = 16;
    const auto pack = [&](std::vector<float>& all, int64_t first, int64_t rows, int64_t k) {
      std::vector<uint8_t> codes(rows * k / 2, 0);
      std::vector<float> scales(k / kGroup * rows);
      for (int64_t row = 0; row < rows; ++row) {
        for (int64_t g = 0; g < k / kGroup; ++g) {
          float* values = all.data() + (first + row) * k + g * kGroup;
          const float scale = std::abs(*std::max_element(
                                  values, values + kGroup,
                                  [](float a, float b) { return std::abs(a) < std::abs(b); })) /
                              7;
          scales[g * rows + row] = scale;
          for (int64_t i = 0; i < kGroup; ++i) {
            const auto code = static_cast<int>(std::lround(values[i] / scale));
            const int64_t at = row * k + g * kGroup + i;
            codes[at / 2] |= static_cast<uint8_t>((code & 15) << at % 2 * 4);
            values[i] = scale * static_cast<float>(code);
          }
        }
      }
      const GroupedSource source{DMT_S4, codes.data(), k,       rows,         1,
                                 k,      kGroup,       DMT_F32, scales.data()};
      return pack_grouped_weight(GetParam(), source);
    };
    const std::vector<RecurrentWeights> weights =
        data.pack([&](const std::vector<float>& all, int64_t first, int64_t rows, int64_t k) {
          return pack(&all == &data.w ? data.w : data.r, first, rows, k);
        });
    const RecurrentResults results = data.run(GetParam(), weights);
    EXPECT_LE(largest_difference(results, data.reference(), has_cells(data)), 2e-5) << c;
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, Recurrent, ::testing::ValuesIn(levels()), level_name);

}  // namespace
}  // namespace demitasse::testing
