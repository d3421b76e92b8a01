#include "gemm/scalar_weight.h"

#include <algorithm>
#include <vector>

#include "core/error.h"
#include "gemm/grouped.h"
#include "gemm/reference_linear.h"

namespace demitasse {
namespace {

constexpr int64_t kRowBlock = 16;  // keeps the unfinished rows of a block in L1 or L2

// Calls body(first, count) for row blocks.
template <class Body>
void for_row_blocks(int64_t rows, const Executor& executor, const Body& body) {
  const int64_t blocks = (rows + kRowBlock - 1) / kRowBlock;
  executor.parallel_for(blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t first = block * kRowBlock;
      body(first, std::min(kRowBlock, rows - first));
    }
  });
}

class ScalarFloatWeight final : public Weight {
 public:
  explicit ScalarFloatWeight(const FloatSource& source)
      : k_(source.k), n_(source.n), dtype_(source.dtype) {
    if (dtype_ == DMT_F32) {
      values_.resize(k_ * n_);
    } else {
      bits_.resize(k_ * n_);
    }
    for (int64_t i = 0; i < k_; ++i) {
      for (int64_t j = 0; j < n_; ++j) {
        if (dtype_ == DMT_F32) {
          values_[i * n_ + j] = source.at(i, j);
        } else {
          bits_[i * n_ + j] = source.bits_at(i, j);
        }
      }
    }
  }

  int64_t k() const override { return k_; }
  int64_t n() const override { return n_; }
  int64_t bytes() const override { return values_.size() * 4 + bits_.size() * 2; }

  void run(const float* x, int64_t x_stride, int64_t rows, const Epilogue& epilogue,
           const Executor& executor) const override {
    std::vector<float> widened(bits_.size());
    for (size_t i = 0; i < bits_.size(); ++i) {
      widened[i] = dtype_ == DMT_F16 ? f16_to_f32(bits_[i]) : bf16_to_f32(bits_[i]);
    }
    const float* w = dtype_ == DMT_F32 ? values_.data() : widened.data();
    for_row_blocks(rows, executor, [&](int64_t first, int64_t count) {
      std::vector<float> y(count * n_);
      reference_multiply_f32(x + first * x_stride, x_stride, count, k_, n_, w, y.data());
      reference_epilogue(Isa::scalar, y.data(), first, count, rows, n_, epilogue);
    });
  }

  void run(const QuantizedRows&, int64_t, const Epilogue&, const Executor&) const override {
    fail(DMT_UNSUPPORTED, "a floating weight takes no quantized activations");
  }

 private:
  int64_t k_, n_;
  int32_t dtype_;
  std::vector<float> values_;
  std::vector<uint16_t> bits_;
};

class ScalarInt8Weight final : public Weight {
 public:
  explicit ScalarInt8Weight(const Int8Source& source)
      : k_(source.k),
        n_(source.n),
        codes_(source.k * source.n),
        scales_(source.n),
        zero_points_(source.n) {
    for (int64_t i = 0; i < k_; ++i) {
      for (int64_t j = 0; j < n_; ++j) codes_[i * n_ + j] = source.at(i, j);
    }
    for (int64_t j = 0; j < n_; ++j) {
      scales_[j] = source.scale(j);
      zero_points_[j] = source.zero_point(j);
    }
  }

  int64_t k() const override { return k_; }
  int64_t n() const override { return n_; }
  int64_t bytes() const override { return codes_.size() + 8 * n_; }

  void run(const float* x, int64_t x_stride, int64_t rows, const Epilogue& epilogue,
           const Executor& executor) const override {
    std::vector<float> w(codes_.size());
    for (int64_t i = 0; i < k_; ++i) {
      for (int64_t j = 0; j < n_; ++j) {
        w[i * n_ + j] = static_cast<float>(codes_[i * n_ + j] - zero_points_[j]);
      }
    }
    for_row_blocks(rows, executor, [&](int64_t first, int64_t count) {
      std::vector<float> y(count * n_);
      reference_multiply_f32(x + first * x_stride, x_stride, count, k_, n_, w.data(), y.data());
      for (int64_t m = 0; m < count; ++m) {
        for (int64_t j = 0; j < n_; ++j) y[m * n_ + j] *= scales_[j];
      }
      reference_epilogue(Isa::scalar, y.data(), first, count, rows, n_, epilogue);
    });
  }

  void run(const QuantizedRows& x, int64_t rows, const Epilogue& epilogue,
           const Executor& executor) const override {
    for_row_blocks(rows, executor, [&](int64_t first, int64_t count) {
      const QuantizedRows block = rows_from(x, first);
      std::vector<int32_t> accumulators(count * n_);
      std::vector<float> y(count * n_);
      reference_multiply_u8s8(block, count, k_, n_, codes_.data(), zero_points_.data(),
                              accumulators.data());
      reference_dequantize(block, count, n_, accumulators.data(), scales_.data(), y.data());
      reference_epilogue(Isa::scalar, y.data(), first, count, rows, n_, epilogue);
    });
  }

 private:
  int64_t k_, n_;
  std::vector<int8_t> codes_;  // [k][n]
  std::vector<float> scales_;  // [n]
  std::vector<int32_t> zero_points_;
};

class ScalarGroupedWeight final : public Weight {
 public:
  explicit ScalarGroupedWeight(const GroupedSource& source)
      : k_(source.k),
        n_(source.n),
        segment_(segment_of(source)),
        values_(k_ * n_),
        codes_(source.codebook == nullptr ? 0 : k_ * n_) {
    const Codebook book(source.codebook);
    step_ = book.step;
    for (int64_t i = 0; i < k_; ++i) {
      for (int64_t j = 0; j < n_; ++j) {
        const int32_t code = source.code(i, j);
        if (source.codebook == nullptr) {
          const int64_t parameter = source.group_of(i) * n_ + j;
          values_[i * n_ + j] = static_cast<int16_t>(code - source.zero_point(parameter));
        } else {
          values_[i * n_ + j] = book.levels[code];
          codes_[i * n_ + j] = static_cast<uint8_t>(code);
        }
      }
    }
    if (source.codebook != nullptr) std::copy_n(source.codebook, 16, codebook_);
    for (int64_t first = 0; first < k_; first += segment_) {
      for (int64_t j = 0; j < n_; ++j) {
        scales_.push_back(source.scale(source.group_of(first) * n_ + j));
      }
    }
  }

  int64_t k() const override { return k_; }
  int64_t n() const override { return n_; }
  int64_t bytes() const override { return 2 * values_.size() + codes_.size() + 4 * scales_.size(); }

  void run(const float* x, int64_t x_stride, int64_t rows, const Epilogue& epilogue,
           const Executor& executor) const override {
    std::vector<float> w(values_.size());
    for (int64_t i = 0; i < k_; ++i) {
      for (int64_t j = 0; j < n_; ++j) {
        const int64_t index = i * n_ + j;
        const float level = codes_.empty() ? values_[index] : codebook_[codes_[index]];
        w[index] = level * scales_[i / segment_ * n_ + j];
      }
    }
    for_row_blocks(rows, executor, [&](int64_t first, int64_t count) {
      std::vector<float> y(count * n_);
      reference_multiply_f32(x + first * x_stride, x_stride, count, k_, n_, w.data(), y.data());
      reference_epilogue(Isa::scalar, y.data(), first, count, rows, n_, epilogue);
    });
  }

  void run(const QuantizedRows& x, int64_t rows, const Epilogue& epilogue,
           const Executor& executor) const override {
    for_row_blocks(rows, executor, [&](int64_t first, int64_t count) {
      std::vector<float> y(count * n_);
      reference_multiply_grouped(rows_from(x, first), count, k_, n_, values_.data(), segment_,
                                 scales_.data(), step_, y.data());
      reference_epilogue(Isa::scalar, y.data(), first, count, rows, n_, epilogue);
    });
  }

 private:
  int64_t k_, n_, segment_;
  std::vector<int16_t> values_;  // [k][n]: code - zero point, or the codebook's level
  std::vector<uint8_t> codes_;   // [k][n], with a codebook
  float codebook_[16] = {};
  std::vector<float> scales_;  // [segments][n]
  float step_ = 1;             // an integer level of the codebook is a multiple of this
};

}  // namespace

std::unique_ptr<Weight> pack_scalar_weight(const FloatSource& source) {
  return std::make_unique<ScalarFloatWeight>(source);
}

std::unique_ptr<Weight> pack_scalar_weight(const Int8Source& source) {
  return std::make_unique<ScalarInt8Weight>(source);
}

std::unique_ptr<Weight> pack_scalar_weight(const GroupedSource& source) {
  return std::make_unique<ScalarGroupedWeight>(source);
}

}  // namespace demitasse
