// Random programs through the C ABI, right in most arguments and wrong in some: whatever they are,
// the answer of every call is a status.
#include <array>

#include "program/network.h"

namespace demitasse::testing {
namespace {

alignas(64) std::array<float, 1 << 16> memory;  // what pointers point to
const std::array<int64_t, 1024> indices = {1, 2, 3, 4};

class RandomProgram {
 public:
  explicit RandomProgram(uint32_t seed) : random_(seed), spoil_(below(3) == 0 ? 12 : 60) {
    rows_ = below(4) == 0 ? DMT_ROWS_STATIC : DMT_ROWS_TOKENS;
    EXPECT_EQ(dmt_program_create(&program_), DMT_OK);
    pack();
    for (int i = 0; i < 12; ++i) fresh(below(2) == 0 ? 4 : 8);
    for (int call = 0; call < 20; ++call) add_operation();
    for (const Known& known : values_) {
      if (!known.written && dmt_program_input(program_, known.id) == DMT_OK) {
        inputs_.push_back(known);
      }
      if (below(6) == 0 && dmt_program_output(program_, known.id) == DMT_OK) {
        outputs_.push_back(known);
      }
    }
    dmt_program_finish(program_, number(below(2)));
    spoil_ *= 10;  // a run has many arguments
  }
  ~RandomProgram() {
    dmt_program_release(program_);
    for (dmt_weight* weight : weights_) dmt_weight_release(weight);
  }

  int32_t run() {
    std::array<int64_t, 6> offsets{};
    for (size_t i = 1; i < offsets.size(); ++i) offsets[i] = offsets[i - 1] + 1 + below(9);
    const int64_t sequences = rows_ == DMT_ROWS_STATIC ? 0 : 1 + below(5);
    const int64_t tokens = rows_ == DMT_ROWS_STATIC ? kStaticRows : offsets[sequences];
    if (chance()) offsets[below(6)] = number(0);
    std::array<int64_t, 64> addresses{}, bytes{};
    size_t count = 0;
    const auto bind = [&](const Known& known) {
      const int64_t rows = known.per_sequence ? sequences : tokens;
      // A size beyond the 4 KB that are there would be a lie, which nothing could find out.
      bytes[count] = chance() ? below(4096) : rows * known.features * (known.longs ? 8 : 4);
      addresses[count] = chance() ? 0
                         : known.longs && !chance()
                             ? reinterpret_cast<int64_t>(indices.data())
                             : reinterpret_cast<int64_t>(memory.data() + 1024 * count);
      ++count;
    };
    for (const Known& known : inputs_) bind(known);
    for (const Known& known : outputs_) bind(known);
    const size_t in = inputs_.size();
    return dmt_program_run(program_, number(sequences), perhaps(offsets.data()),
                           perhaps(addresses.data()), bytes.data(), word(static_cast<int32_t>(in)),
                           addresses.data() + in, bytes.data() + in,
                           word(static_cast<int32_t>(outputs_.size())), below(4));
  }

 private:
  static constexpr int64_t kStaticRows = 6;

  struct Known {
    int32_t id = -1;
    int64_t features = 0;
    bool quantized = false, longs = false, per_sequence = false;
    bool written = false;  // by an operation
    bool pending = false;  // by the operation in the making
  };

  int below(int n) { return static_cast<int>(random_() % n); }
  bool chance() { return below(spoil_) == 0; }

  // The given number, or once in a while another one.
  int64_t number(int64_t right) {
    static constexpr int64_t kEdges[] = {
        -1, 0, 1, 2, 8, 65536, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, 1LL << 61, 99};
    return chance() ? kEdges[below(std::size(kEdges))] : right;
  }
  int32_t word(int32_t right) { return static_cast<int32_t>(number(right)); }
  float real(float right) {
    static constexpr float kEdges[] = {0, -1, NAN, INFINITY, 1e-38f, 1e38f};
    return chance() ? kEdges[below(std::size(kEdges))] : right;
  }
  template <class T>
  T* perhaps(T* pointer) {
    return chance() ? nullptr : pointer;
  }

  void pack() {
    for (float& x : memory) x = static_cast<float>(below(100)) * 0.01f;
    static const std::array<float, 64> scales = [] {
      std::array<float, 64> filled;
      filled.fill(0.01f);
      return filled;
    }();
    for (int64_t k : {4, 8}) {
      for (int64_t n : {4, 8}) {
        dmt_weight* weight = nullptr;
        if (below(3) == 0) {
          dmt_weight_pack_grouped(word(DMT_U4), perhaps(memory.data()), k * n / 2, number(k),
                                  number(n), number(1), number(k), number(k), word(DMT_F32),
                                  perhaps(scales.data()), number(below(2) == 0 ? 256 : 4 * n),
                                  nullptr, below(2) == 0 ? nullptr : scales.data(), &weight);
        } else if (below(5) == 0) {
          dmt_weight_pack_binary(perhaps(memory.data()), number(k * n / 8), number(k), number(n),
                                 number(n), number(1), number(k), word(DMT_F32),
                                 perhaps(scales.data()), number(4 * n), &weight);
        } else if (below(2) == 0) {
          dmt_weight_pack_float(word(DMT_F32), perhaps(memory.data()), k * n * 4, number(k),
                                number(n), number(1), number(k), &weight);
        } else {
          dmt_weight_pack_int8(word(DMT_S8), perhaps(memory.data()), k * n, number(k), number(n),
                               number(1), number(k), perhaps(scales.data()), nullptr,
                               number(below(2) == 0 ? 1 : n), &weight);
        }
        weights_.push_back(weight);
      }
    }
  }

  Known& add(Known known, int32_t status, int32_t id) {
    known.id = status == DMT_OK ? id : -5;
    values_.push_back(known);
    return values_.back();
  }
  int32_t fresh(int64_t features) {
    int64_t first = rows_ == DMT_ROWS_STATIC ? kStaticRows : number(features);
    if (first == INT32_MAX) first = 99;  // a run would ask for 100 GB, which ends a sanitizer
    const int64_t dims[] = {first, features};
    const bool fixed = rows_ == DMT_ROWS_STATIC;
    int32_t id = -5;
    const int32_t status =
        dmt_program_value(program_, word(DMT_F32), word(rows_), dims, fixed ? 2 : 1, perhaps(&id));
    return add({.features = features}, status, id).id;
  }
  int32_t fresh_quantized(int64_t features) {
    int32_t id = -5;
    const int32_t status =
        dmt_program_quantized_value(program_, word(rows_), number(kStaticRows), number(features),
                                    word(below(3)), real(0.1f), word(7), perhaps(&id));
    return add({.features = features, .quantized = true, .pending = true}, status, id).id;
  }
  int32_t some(int64_t features, bool quantized = false) {
    for (int attempt = 0; attempt < 20; ++attempt) {
      const Known& known = values_[below(static_cast<int>(values_.size()))];
      if (known.features == features && known.quantized == quantized && !known.longs &&
          !known.per_sequence && !known.pending) {
        return word(known.id);
      }
    }
    return word(fresh(features));
  }
  int32_t result(int64_t features) {
    const int32_t id = fresh(features);
    values_.back().pending = true;
    return word(id);
  }
  int32_t perhaps_some(int64_t features) { return below(2) == 0 ? -1 : some(features); }

  // Results of a call that failed become inputs, where they can.
  void add_operation() {
    const bool added = try_operation() == DMT_OK;
    for (Known& known : values_) {
      if (!known.pending) continue;
      known.pending = false;
      known.written = added;
      if (known.quantized && !added) known.features = -1;
    }
  }

  int32_t try_operation() {
    const int64_t k = below(2) == 0 ? 4 : 8, n = below(2) == 0 ? 4 : 8;
    const dmt_weight* weight = perhaps(weights_[(k == 8) * 2 + (n == 8)]);
    const float* floats = perhaps(memory.data());
    const int64_t length = number(3);
    int32_t id = -5;
    switch (below(10)) {
      case 9: {
        const bool signs = below(2) == 0;
        const int64_t words[] = {kStaticRows, chance() ? 2 : 1};
        const bool fixed = rows_ == DMT_ROWS_STATIC;
        int32_t bits[2] = {-5, -5};
        for (int32_t& made : bits) {
          dmt_program_value(program_, word(DMT_S64), word(rows_), fixed ? words : words + 1,
                            fixed ? 2 : 1, &made);
        }
        dmt_program_binarize(program_, some(k), word(bits[0]));
        return dmt_program_binary_linear(
            program_, word(bits[0]), weight, below(2) == 0 ? nullptr : memory.data(),
            word(below(2)), signs ? reinterpret_cast<const int32_t*>(indices.data()) : nullptr,
            signs ? word(bits[1]) : result(n));
      }
      case 0:
        return dmt_program_linear(
            program_, some(k, below(3) == 0), weight, below(2) == 0 ? nullptr : memory.data(),
            word(below(8)), perhaps_some(n),
            word(rows_ == DMT_ROWS_STATIC && below(3) == 0 ? 2 : 0), result(n));
      case 1:
        return dmt_program_linear(program_, some(k), weight, nullptr, 0, -1, 0, fresh_quantized(n));
      case 2:
        return dmt_program_quantize(program_, some(k), fresh_quantized(k));
      case 3:
        return dmt_program_layer_norm(program_, some(k), perhaps_some(k), floats, nullptr,
                                      number(k), real(1e-5f), word(below(2)),
                                      below(2) == 0 ? -1 : result(k), result(k),
                                      below(2) == 0 ? -1 : fresh_quantized(k));
      case 4:
        return dmt_program_attention(program_, some(8), number(below(5)), some(8), number(4),
                                     some(4), number(0), -1, number(2), number(2), real(0.5f),
                                     word(below(2)), length, result(4));
      case 5: {
        const int64_t dims[] = {number(5), number(k)};
        int32_t table = -5;
        dmt_program_constant(program_, DMT_F32, dims, 2, perhaps(memory.data()), 20 * k, below(2),
                             &table);
        Known indices = {.features = 1, .longs = true};
        const int64_t fixed[] = {kStaticRows};
        const int32_t status = dmt_program_value(program_, DMT_S64, rows_, fixed,
                                                 rows_ == DMT_ROWS_STATIC ? 1 : 0, &id);
        id = add(indices, status, id).id;
        return dmt_program_embedding(program_, perhaps("table"), below(4) == 0 ? -1 : id, table,
                                     nullptr, nullptr, 0, length, 0, result(k));
      }
      case 6: {
        const int64_t dims[] = {2, k};
        const bool fixed = rows_ == DMT_ROWS_STATIC;
        const int32_t status =
            dmt_program_value(program_, DMT_F32, fixed ? DMT_ROWS_STATIC : DMT_ROWS_SEQUENCES,
                              fixed ? dims : dims + 1, fixed ? 2 : 1, &id);
        id = add({.features = k, .per_sequence = true, .pending = true}, status, id).id;
        return dmt_program_pooling(program_, some(k), -1, word(below(3)), word(below(2)), length,
                                   id);
      }
      case 7: {
        const int64_t dims[] = {rows_ == DMT_ROWS_STATIC ? kStaticRows : number(1), number(2),
                                k / 2};
        const int32_t source = some(k);
        const bool fixed = rows_ == DMT_ROWS_STATIC;
        return dmt_program_alias(program_, source, word(rows_), fixed ? dims : dims + 1,
                                 fixed ? 3 : 2, &id);
      }
      default: {
        const char* const names[] = {"Add", "Relu", "MatMul", "Concat", "Nothing"};
        const int32_t inputs[] = {some(k), some(k)}, outputs[] = {result(k)};
        const int64_t integers[] = {number(0), number(1), number(1)};
        return dmt_program_operator(program_, perhaps(names[below(5)]), inputs, 1 + below(2),
                                    outputs, 1, perhaps(integers), below(4), nullptr, 0);
      }
    }
  }

  std::mt19937 random_;
  int spoil_;  // one argument in so many is wrong
  int32_t rows_;
  dmt_program* program_ = nullptr;
  std::vector<dmt_weight*> weights_;
  std::vector<Known> values_, inputs_, outputs_;
};

TEST(Garbage, anyCallIsAnsweredWithAStatus) {
  const int64_t objects = dmt_live_objects(), bytes = dmt_live_bytes();
  int succeeded = 0, rejected = 0;
  for (uint32_t seed = 0; seed < 3000; ++seed) {
    RandomProgram program(seed);
    for (int run = 0; run < 4; ++run) {
      const int32_t status = program.run();
      ASSERT_TRUE(status >= DMT_OK && status < DMT_INTERNAL) << dmt_last_error();
      (status == DMT_OK ? succeeded : rejected)++;
    }
  }
  EXPECT_GT(succeeded, 300) << "too little is right for the deep calls to be reached";
  EXPECT_GT(rejected, 300);
  EXPECT_EQ(dmt_live_objects(), objects);
  EXPECT_EQ(dmt_live_bytes(), bytes);
}

}  // namespace
}  // namespace demitasse::testing
