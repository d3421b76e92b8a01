#include "embedding/embedding.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/float16.h"
#include "demitasse/program.h"
#include "threads/pool.h"

namespace demitasse {
namespace {

const float kNan = std::nanf("");

std::vector<Isa> levels(Isa from) {
  std::vector<Isa> levels;
  for (Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512}) {
    if (isa >= from && isa <= best_isa()) levels.push_back(isa);
  }
  return levels;
}

std::vector<int64_t> feature_counts() {
  std::vector<int64_t> counts(70);
  std::iota(counts.begin(), counts.end(), 1);
  counts.insert(counts.end(), {384, 1536});
  return counts;
}

template <class T>
TensorView view(std::vector<T>& data, int32_t dtype, std::vector<int64_t> dims) {
  TensorView tensor;
  tensor.dtype = dtype;
  tensor.rank = static_cast<int32_t>(dims.size());
  std::copy(dims.begin(), dims.end(), tensor.dims);
  tensor.data = data.data();
  return tensor;
}

// A table in one of the element types, with the floats it stands for.
struct Table {
  Table(int32_t dtype, int64_t entries, int64_t features, bool per_row = true)
      : entries(entries), features(features) {
    std::mt19937 generator(3);
    std::normal_distribution<float> normal;
    const int64_t count = entries * features;
    floats.resize(count);
    for (float& value : floats) value = normal(generator);
    embedding.name = "words";
    switch (dtype) {
      case DMT_F32:
        embedding.table = view(floats, dtype, {entries, features});
        return;
      case DMT_F16:
      case DMT_BF16:
        for (float& value : floats) {
          words.push_back(dtype == DMT_F16 ? f32_to_f16(value) : f32_to_bf16(value));
          value = dtype == DMT_F16 ? f16_to_f32(words.back()) : bf16_to_f32(words.back());
        }
        embedding.table = view(words, dtype, {entries, features});
        return;
      default:
        for (int64_t row = 0; row < (per_row ? entries : 1); ++row) {
          scales.push_back(0.01f * static_cast<float>(row + 1));
          zero_points.push_back(static_cast<int32_t>(generator() % 100) -
                                (dtype == DMT_S8 ? 50 : 0));
        }
        for (int64_t i = 0; i < count; ++i) {
          bytes.push_back(static_cast<uint8_t>(generator()));
          const int64_t row = per_row ? i / features : 0;
          const int code = dtype == DMT_S8 ? static_cast<int8_t>(bytes[i]) : bytes[i];
          floats[i] = scales[row] * static_cast<float>(code - zero_points[row]);
        }
        embedding.table = view(bytes, dtype, {entries, features});
        embedding.row_scales = scales.data();
        embedding.row_zero_points = zero_points.data();
        embedding.scale_count = static_cast<int64_t>(scales.size());
    }
  }

  std::vector<float> row(int64_t entry) const {
    return {floats.begin() + entry * features, floats.begin() + (entry + 1) * features};
  }

  int64_t entries, features;
  std::vector<float> floats, scales;
  std::vector<uint16_t> words;
  std::vector<uint8_t> bytes;
  std::vector<int32_t> zero_points;
  Embedding embedding;
};

std::string failure(const Embedding& embedding, int64_t rows) {
  try {
    embed(best_isa(), embedding, rows, serial_executor());
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), DMT_INVALID_ARGUMENT);
    return error.what();
  }
  return "no failure";
}

TEST(Embedding, rowsOfEveryElementType) {
  std::vector<int64_t> indices = {2, 0, -1, 4, 4, -5};
  const std::vector<int64_t> entries = {2, 0, 4, 4, 4, 0};
  for (int32_t dtype : {DMT_F32, DMT_F16, DMT_BF16, DMT_S8, DMT_U8}) {
    for (bool per_row : {true, false}) {
      for (int64_t n : feature_counts()) {
        Table table(dtype, 5, n, per_row);
        table.embedding.indices = view(indices, DMT_S64, {6});
        for (Isa isa : levels(Isa::scalar)) {
          std::vector<float> y(6 * n + 1, 10.0f);
          table.embedding.y = y.data();
          for (bool accumulate : {false, true}) {
            table.embedding.accumulate = accumulate;
            embed(isa, table.embedding, 6, serial_executor());
            for (int64_t i = 0; i < 6 * n; ++i) {
              const float value = table.row(entries[i / n])[i % n];
              ASSERT_EQ(y[i], accumulate ? value + value : value)
                  << isa_name(isa) << " element type " << dtype << " features " << n;
            }
          }
          ASSERT_EQ(y.back(), 10.0f);
        }
      }
    }
  }
}

TEST(Embedding, indicesMayBe32Bit) {
  Table table(DMT_F32, 5, 3);
  std::vector<int32_t> indices = {4, -4};
  std::vector<float> y(6);
  table.embedding.indices = view(indices, DMT_S32, {2});
  table.embedding.y = y.data();
  embed(best_isa(), table.embedding, 2, serial_executor());
  EXPECT_EQ(std::vector<float>(y.begin(), y.begin() + 3), table.row(4));
  EXPECT_EQ(std::vector<float>(y.begin() + 3, y.end()), table.row(1));
}

TEST(Embedding, withoutIndicesRowsAreNumberedInTheirSequence) {
  Table table(DMT_F16, 5, 19);
  const int64_t offsets[4] = {0, 3, 3, 8};
  const int64_t expected[8] = {0, 1, 2, 0, 1, 2, 3, 4};
  table.embedding.offsets = offsets;
  table.embedding.sequences = 3;
  for (int threads : {1, 3}) {
    std::vector<float> y(8 * 19);
    table.embedding.y = y.data();
    embed(best_isa(), table.embedding, 8, PoolExecutor(threads));
    for (int64_t i = 0; i < 8 * 19; ++i) ASSERT_EQ(y[i], table.row(expected[i / 19])[i % 19]) << i;
  }
}

TEST(Embedding, threadsDoNotChangeTheResult) {
  Table table(DMT_BF16, 50, 100);
  std::vector<int64_t> indices(1000);
  for (size_t i = 0; i < indices.size(); ++i) indices[i] = static_cast<int64_t>(i * 7 % 50);
  table.embedding.indices = view(indices, DMT_S64, {1000});
  std::vector<float> one(100000), many(100000);
  table.embedding.y = one.data();
  embed(best_isa(), table.embedding, 1000, serial_executor());
  table.embedding.y = many.data();
  embed(best_isa(), table.embedding, 1000, PoolExecutor(4));
  EXPECT_EQ(one, many);
}

TEST(Embedding, aBadIndexIsNamedAndNothingIsWritten) {
  Table table(DMT_F32, 5, 3);
  std::vector<float> y(9, 1.0f);
  table.embedding.y = y.data();
  for (int64_t bad : {int64_t{5}, int64_t{-6}, std::numeric_limits<int64_t>::max(),
                      std::numeric_limits<int64_t>::min()}) {
    std::vector<int64_t> indices = {0, 1, bad};
    table.embedding.indices = view(indices, DMT_S64, {3});
    const std::string message = failure(table.embedding, 3);
    EXPECT_NE(message.find("words"), std::string::npos) << message;
    EXPECT_NE(message.find(std::to_string(bad)), std::string::npos) << message;
    EXPECT_NE(message.find("row 2"), std::string::npos) << message;
    EXPECT_EQ(y, std::vector<float>(9, 1.0f));
  }
}

TEST(Embedding, aSequenceLongerThanThePositionsIsNamed) {
  Table table(DMT_F32, 5, 3);
  std::vector<float> y(27);
  const int64_t offsets[3] = {0, 3, 9};
  table.embedding.offsets = offsets;
  table.embedding.sequences = 2;
  table.embedding.y = y.data();
  const std::string message = failure(table.embedding, 9);
  EXPECT_NE(message.find("sequence 1 has 6 tokens"), std::string::npos) << message;
}

TEST(Embedding, aQuantizedTableNeedsItsScales) {
  Table table(DMT_U8, 5, 3);
  std::vector<int64_t> indices = {0};
  table.embedding.indices = view(indices, DMT_S64, {1});
  table.embedding.scale_count = 4;
  EXPECT_NE(failure(table.embedding, 1).find("4 row scales"), std::string::npos);
  table.embedding.row_scales = nullptr;
  EXPECT_NE(failure(table.embedding, 1), "no failure");
}

// ---- pooling ----

struct Tokens {
  explicit Tokens(int64_t features, std::vector<int64_t> offsets = {0, 3, 4, 4, 9})
      : features(features), offsets(std::move(offsets)) {
    std::mt19937 generator(4);
    std::normal_distribution<float> normal;
    x.resize(this->offsets.back() * features);
    for (float& value : x) value = normal(generator);
  }

  std::vector<float> pooled(Isa isa, int32_t kind, bool normalize = false, TensorView mask = {},
                            const Executor& executor = serial_executor()) const {
    Pooling p;
    p.x = x.data();
    p.mask = mask;
    p.features = features;
    p.kind = kind;
    p.normalize = normalize;
    p.offsets = offsets.data();
    p.sequences = static_cast<int64_t>(offsets.size()) - 1;
    std::vector<float> y(p.sequences * features, 5.0f);
    p.y = y.data();
    pool(isa, p, executor);
    return y;
  }

  int64_t features;
  std::vector<int64_t> offsets;
  std::vector<float> x;
};

TEST(Pooling, knownValues) {
  Tokens tokens(2, {0, 3, 3});
  tokens.x = {1, -2, 3, 4, 5, 1};
  std::vector<float> weights = {1, 0, 3};
  std::vector<int64_t> ones = {1, 1, 0};
  const TensorView by_weight = view(weights, DMT_F32, {3}), two = view(ones, DMT_S64, {3});
  for (Isa isa : levels(Isa::scalar)) {
    EXPECT_EQ(tokens.pooled(isa, DMT_POOLING_MEAN), (std::vector<float>{3, 1, 0, 0}));
    EXPECT_EQ(tokens.pooled(isa, DMT_POOLING_MEAN, false, by_weight),
              (std::vector<float>{4, 0.25f, 0, 0}));
    EXPECT_EQ(tokens.pooled(isa, DMT_POOLING_MEAN, false, two), (std::vector<float>{2, 1, 0, 0}));
    EXPECT_EQ(tokens.pooled(isa, DMT_POOLING_MAX), (std::vector<float>{5, 4, 0, 0}));
    EXPECT_EQ(tokens.pooled(isa, DMT_POOLING_MAX, false, two), (std::vector<float>{3, 4, 0, 0}));
    EXPECT_EQ(tokens.pooled(isa, DMT_POOLING_FIRST), (std::vector<float>{1, -2, 0, 0}));
    const std::vector<float> unit = tokens.pooled(isa, DMT_POOLING_MEAN, true);
    EXPECT_FLOAT_EQ(unit[0], 3 / std::sqrt(10.0f));
    EXPECT_FLOAT_EQ(unit[1], 1 / std::sqrt(10.0f));
    EXPECT_EQ(unit[2], 0);  // no tokens: no direction
  }
}

TEST(Pooling, everyLevelEqualsTheReference) {
  for (int64_t n : feature_counts()) {
    const Tokens tokens(n);
    std::vector<float> weights = {1, 0.5f, 0, 0, 2, 1, 0, 1, 1};
    const TensorView mask = view(weights, DMT_F32, {9});
    for (int32_t kind : {DMT_POOLING_MEAN, DMT_POOLING_MAX, DMT_POOLING_FIRST}) {
      const std::vector<float> expected = tokens.pooled(Isa::scalar, kind, false, mask);
      const std::vector<float> unit = tokens.pooled(Isa::scalar, kind, true, mask);
      for (Isa isa : levels(Isa::avx2)) {
        ASSERT_EQ(expected, tokens.pooled(isa, kind, false, mask)) << isa_name(isa) << " " << n;
        const std::vector<float> actual = tokens.pooled(isa, kind, true, mask);
        for (size_t i = 0; i < unit.size(); ++i) ASSERT_NEAR(unit[i], actual[i], 1e-6f) << n;
      }
    }
  }
}

TEST(Pooling, nanStaysNanInItsFeature) {
  Tokens tokens(20, {0, 4});
  tokens.x[1 * 20 + 7] = kNan;
  for (Isa isa : levels(Isa::scalar)) {
    for (int32_t kind : {DMT_POOLING_MEAN, DMT_POOLING_MAX}) {
      const std::vector<float> y = tokens.pooled(isa, kind);
      for (int64_t i = 0; i < 20; ++i) EXPECT_EQ(std::isnan(y[i]), i == 7) << isa_name(isa);
    }
  }
}

TEST(Pooling, aSequenceMaskedAltogetherIsZero) {
  const Tokens tokens(5, {0, 4});
  std::vector<int64_t> zeros(4, 0);
  for (int32_t kind : {DMT_POOLING_MEAN, DMT_POOLING_MAX}) {
    for (bool normalize : {false, true}) {
      EXPECT_EQ(tokens.pooled(best_isa(), kind, normalize, view(zeros, DMT_S64, {4})),
                std::vector<float>(5, 0.0f));
    }
  }
}

TEST(Pooling, threadsDoNotChangeTheResult) {
  std::vector<int64_t> offsets(101);
  for (int64_t i = 0; i <= 100; ++i) offsets[i] = i * i / 10;
  const Tokens tokens(40, offsets);
  EXPECT_EQ(tokens.pooled(best_isa(), DMT_POOLING_MEAN, true),
            tokens.pooled(best_isa(), DMT_POOLING_MEAN, true, {}, PoolExecutor(4)));
}

TEST(Pooling, aMaskOfAnotherElementTypeIsRefused) {
  const Tokens tokens(5, {0, 4});
  std::vector<int32_t> mask(4, 1);
  EXPECT_THROW(tokens.pooled(best_isa(), DMT_POOLING_MEAN, false, view(mask, DMT_S32, {4})), Error);
}

}  // namespace
}  // namespace demitasse
