// A whole INT8 encoder layer: the same numbers however it is run.
#include <atomic>
#include <thread>

#include "program/network.h"

namespace demitasse::testing {
namespace {

constexpr int64_t kFeatures = 48, kHeads = 4, kInner = 96, kVocabulary = 50, kPositions = 300;

// input ids -> embeddings -> LayerNorm -> QKV -> attention -> projection + residual -> LayerNorm ->
// two linears + residual -> LayerNorm -> mean pooling. Outputs: token rows, then sequence rows.
class Encoder : public Network {
 public:
  explicit Encoder(int32_t separable, int32_t mode = DMT_QUANTIZATION_DYNAMIC_ROW)
      : qkv_(WeightHandle::int8(kFeatures, 3 * kFeatures, 1)),
        projection_(WeightHandle::int8(kFeatures, kFeatures, 2)),
        up_(WeightHandle::int8(kFeatures, kInner, 3)),
        down_(WeightHandle::int8(kInner, kFeatures, 4)) {
    const std::vector<float> gamma(kFeatures, 1.0f), beta = random_floats(kFeatures, 5, 0.1f);
    const std::vector<float> bias = random_floats(3 * kFeatures, 6, 0.1f);
    const int32_t words = constant({kVocabulary, kFeatures}, random_floats(50 * kFeatures, 7));
    const int32_t places = constant({kPositions, kFeatures}, random_floats(300 * kFeatures, 8));
    const int32_t ids = input(tokens({}, DMT_S64));

    const int32_t embedded = tokens({kFeatures});
    expect_ok(
        dmt_program_embedding(program, "word", ids, words, nullptr, nullptr, 0, 0, 0, embedded));
    expect_ok(dmt_program_embedding(program, "position", -1, places, nullptr, nullptr, 0, 0, 1,
                                    embedded));
    const int32_t hidden = tokens({kFeatures}), hidden_q = activation(kFeatures, mode);
    layer_norm(embedded, -1, gamma, beta, hidden, hidden_q);

    const int32_t projected = tokens({3 * kFeatures}), context = activation(kFeatures, mode);
    linear(hidden_q, qkv_, bias.data(), DMT_ACTIVATION_NONE, -1, projected);
    expect_ok(dmt_program_attention(program, projected, 0, projected, kFeatures, projected,
                                    2 * kFeatures, -1, kHeads, kFeatures / kHeads, 0.3f, 0, 0,
                                    context));
    const int32_t attended = tokens({kFeatures}), normed = tokens({kFeatures});
    const int32_t normed_q = activation(kFeatures, mode);
    linear(context, projection_, bias.data(), DMT_ACTIVATION_NONE, hidden, attended);
    layer_norm(attended, -1, gamma, beta, normed, normed_q);

    const int32_t inner = activation(kInner, mode), fed = tokens({kFeatures});
    linear(normed_q, up_, bias.data(), DMT_ACTIVATION_GELU_ERF, -1, inner);
    linear(inner, down_, nullptr, DMT_ACTIVATION_NONE, -1, fed);
    const int32_t result = tokens({kFeatures}),
                  pooled = value(DMT_F32, DMT_ROWS_SEQUENCES, {kFeatures});
    layer_norm(fed, normed, gamma, beta, result, -1);
    expect_ok(dmt_program_pooling(program, result, -1, DMT_POOLING_MEAN, 1, 0, pooled));
    output(result);
    output(pooled);
    finish(separable);
  }

  std::vector<std::vector<float>> operator()(const std::vector<int64_t>& offsets,
                                             const std::vector<int64_t>& ids,
                                             int32_t threads) const {
    std::vector<std::vector<float>> outputs = {
        std::vector<float>(offsets.back() * kFeatures, NAN),
        std::vector<float>((offsets.size() - 1) * kFeatures, NAN)};
    expect_ok(run(offsets, std::vector<std::vector<int64_t>>{ids}, outputs, threads));
    return outputs;
  }

 private:
  int32_t activation(int64_t features, int32_t mode) {
    return quantized(features, mode, 0.02f, 128);
  }
  void layer_norm(int32_t x, int32_t residual, const std::vector<float>& gamma,
                  const std::vector<float>& beta, int32_t y, int32_t q) {
    expect_ok(dmt_program_layer_norm(program, x, residual, gamma.data(), beta.data(), kFeatures,
                                     1e-5f, 0, -1, y, q));
  }

  WeightHandle qkv_, projection_, up_, down_;
};

struct Batch {
  std::vector<int64_t> offsets{0}, ids;
  explicit Batch(const std::vector<int64_t>& lengths, uint32_t seed = 1) {
    std::mt19937 random(seed);
    for (int64_t length : lengths) {
      for (int64_t i = 0; i < length; ++i) ids.push_back(random() % kVocabulary);
      offsets.push_back(static_cast<int64_t>(ids.size()));
    }
  }
};

void expect_same(const std::vector<std::vector<float>>& a,
                 const std::vector<std::vector<float>>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i].size(), b[i].size());
    for (size_t j = 0; j < a[i].size(); ++j) {
      ASSERT_FALSE(std::isnan(a[i][j]));
      ASSERT_EQ(a[i][j], b[i][j]) << "output " << i << " element " << j;
    }
  }
}

const std::vector<std::vector<int64_t>> kLengths = {
    {1}, {7}, {5, 1, 9}, {64, 64}, {3, 200, 2}, {17, 128, 40, 1, 1, 1, 90, 33, 260}, {299}};

TEST(Encoder, batchEqualsEachSequenceAlone) {
  for (int32_t mode : {DMT_QUANTIZATION_DYNAMIC_ROW, DMT_QUANTIZATION_STATIC}) {
    const Encoder encoder(1, mode);
    for (const auto& lengths : kLengths) {
      const Batch batch(lengths);
      const auto together = encoder(batch.offsets, batch.ids, 1);
      std::vector<std::vector<float>> alone(2);
      for (size_t s = 0; s < lengths.size(); ++s) {
        const std::vector<int64_t> ids(batch.ids.begin() + batch.offsets[s],
                                       batch.ids.begin() + batch.offsets[s + 1]);
        const auto one = encoder({0, lengths[s]}, ids, 1);
        for (int i : {0, 1}) alone[i].insert(alone[i].end(), one[i].begin(), one[i].end());
      }
      expect_same(together, alone);
    }
  }
}

TEST(Encoder, threadsAndGroupingDoNotChangeTheResult) {
  const Encoder separable(1), whole(0);
  for (const auto& lengths : kLengths) {
    const Batch batch(lengths);
    const auto expected = whole(batch.offsets, batch.ids, 1);
    for (int32_t threads : {1, 2, 5, 0}) {
      expect_same(separable(batch.offsets, batch.ids, threads), expected);
      expect_same(whole(batch.offsets, batch.ids, threads), expected);
    }
  }
}

TEST(Encoder, concurrentRunsDoNotDisturbEachOther) {
  const Encoder encoder(1);
  const int64_t objects = dmt_live_objects();
  std::vector<std::vector<std::vector<float>>> expected;
  for (const auto& lengths : kLengths) {
    const Batch batch(lengths);
    expected.push_back(encoder(batch.offsets, batch.ids, 1));
  }
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 6; ++caller) {
    callers.emplace_back([&, caller] {
      for (int round = 0; round < 12; ++round) {
        const size_t which = (caller + round) % kLengths.size();
        const Batch batch(kLengths[which]);
        expect_same(encoder(batch.offsets, batch.ids, 1 + (caller + round) % 3), expected[which]);
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(dmt_live_objects(), objects);
}

TEST(Encoder, warmRunsKeepTheirMemory) {
  const Encoder encoder(1);
  const Batch batch({30, 20, 50});
  EXPECT_EQ(dmt_program_arena_bytes(encoder.program), 0);
  encoder(batch.offsets, batch.ids, 1);
  const int64_t arena = dmt_program_arena_bytes(encoder.program), live = dmt_live_bytes();
  // Two wide values at a time and a few narrow ones, not all of them.
  EXPECT_GT(arena, 100 * kFeatures * 4);
  EXPECT_LT(arena, 100 * 12 * kFeatures * 4);
  for (int round = 0; round < 50; ++round) encoder(batch.offsets, batch.ids, 1);
  EXPECT_EQ(dmt_program_arena_bytes(encoder.program), arena);
  EXPECT_EQ(dmt_live_bytes(), live);
}

TEST(Encoder, releaseDuringARunIsHarmless) {
  for (int round = 0; round < 20; ++round) {
    auto encoder = std::make_unique<Encoder>(1);
    const Batch batch({40, 40, 40, 40});
    std::vector<std::vector<float>> outputs = {std::vector<float>(160 * kFeatures),
                                               std::vector<float>(4 * kFeatures)};
    std::atomic<bool> started{false};
    std::thread runner([&] {
      for (int i = 0; i < 50; ++i) {
        started = true;
        const int32_t status =
            encoder->run(batch.offsets, std::vector<std::vector<int64_t>>{batch.ids}, outputs, 2);
        if (status == DMT_OK) continue;
        EXPECT_EQ(status, DMT_INVALID_ARGUMENT);
        EXPECT_NE(std::string(dmt_last_error()).find("released"), std::string::npos);
        return;
      }
    });
    while (!started) std::this_thread::yield();
    dmt_program_release(encoder->program);
    runner.join();
  }
}

TEST(Encoder, badIndexNamesTheTable) {
  const Encoder encoder(1);
  Batch batch({10, 20, 10});
  batch.ids[15] = kVocabulary;  // in another group than row 0
  std::vector<std::vector<float>> outputs = {std::vector<float>(40 * kFeatures),
                                             std::vector<float>(3 * kFeatures)};
  EXPECT_REJECTED(
      encoder.run(batch.offsets, std::vector<std::vector<int64_t>>{batch.ids}, outputs, 2),
      "word: index 50 at row 15");
  const Batch longer({301});
  outputs = {std::vector<float>(301 * kFeatures), std::vector<float>(kFeatures)};
  EXPECT_REJECTED(
      encoder.run(longer.offsets, std::vector<std::vector<int64_t>>{longer.ids}, outputs, 1),
      "position");
}

TEST(Encoder, everythingIsGivenBack) {
  const int64_t objects = dmt_live_objects(), bytes = dmt_live_bytes();
  {
    const Encoder encoder(1);
    const Batch batch({9, 130, 12});
    encoder(batch.offsets, batch.ids, 2);
    EXPECT_EQ(dmt_live_objects(), objects + 5);
    EXPECT_GT(dmt_live_bytes(), bytes + 350 * kFeatures * 4);
  }
  EXPECT_EQ(dmt_live_objects(), objects);
  EXPECT_EQ(dmt_live_bytes(), bytes);
}

}  // namespace
}  // namespace demitasse::testing
