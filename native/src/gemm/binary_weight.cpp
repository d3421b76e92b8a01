#include "gemm/binary_weight.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/aligned_buffer.h"
#include "core/error.h"
#include "gemm/binary_kernel.h"
#include "gemm/blocking.h"
#include "gemm/grouped_weight.h"
#include "gemm/reference_linear.h"
#include "gemm/scalar_weight.h"
#include "gemm/workspace.h"

namespace demitasse {
namespace {

// Rows of x that share a panel while it is in L1: 64 rows of k = 4096 take 32 KB.
constexpr int64_t kBlockRows = 64;

const BinaryKernel& binary_kernel(Isa isa) {
  if (isa == Isa::scalar) return binary_1x8_scalar;
  const bool counts = isa == Isa::avx512 && cpu_features().avx512_vpopcntdq;
  return counts ? binary_4x32_avx512popcnt : binary_2x8_avx2;
}

// Two forms of the same signs: single bits for rows of signs, and codes in groups for other rows.
class BinaryWeight final : public Weight {
 public:
  BinaryWeight(Isa isa, const GroupedSource& source)
      : isa_(isa),
        k_(source.k),
        n_(source.n),
        kernel_(binary_kernel(isa)),
        words_(quotient_up(k_, 64)),
        one_group_(source.group >= k_),
        panels_(round_up(n_, kernel_.nr) * words_),
        codes_(isa == Isa::scalar ? pack_scalar_weight(source) : pack_groups(isa, source)) {
    std::memset(panels_.data(), 0, round_up(n_, kernel_.nr) * words_ * sizeof(uint64_t));
    for (int64_t j = 0; j < n_; ++j) {
      uint64_t* const column =
          panels_.data() + j / kernel_.nr * kernel_.nr * words_ + j % kernel_.nr;
      for (int64_t i = 0; i < k_; ++i) {
        const uint64_t bit = source.code(i, j) > 0;
        column[i / 64 * kernel_.nr] |= bit << i % 64;
      }
      if (one_group_) scales_.push_back(source.scale(j));
    }
    scales_.resize(round_up(n_, kernel_.nr));
  }

  int64_t k() const override { return k_; }
  int64_t n() const override { return n_; }
  bool takes_signs() const override { return one_group_; }
  int64_t bytes() const override {
    return round_up(n_, kernel_.nr) * words_ * 8 + 4 * static_cast<int64_t>(scales_.size()) +
           codes_->bytes();
  }

  void run(const float* x, int64_t x_stride, int64_t rows, const Epilogue& epilogue,
           const Executor& executor) const override {
    codes_->run(x, x_stride, rows, epilogue, executor);
  }

  void run(const QuantizedRows& x, int64_t rows, const Epilogue& epilogue,
           const Executor& executor) const override {
    codes_->run(x, rows, epilogue, executor);
  }

  void run(const BitRows& x, int64_t rows, const Epilogue& epilogue,
           const Executor& executor) const override {
    require_one_group();
    const bool plain = epilogue.activation == DMT_ACTIVATION_NONE && epilogue.residual == nullptr &&
                       epilogue.head_dim == 0 && epilogue.requantize == Requantize::none;
    Epilogue rest = epilogue;
    rest.bias = nullptr;
    for_blocks(rows, executor, [&](int64_t first, int64_t count) {
      float *y = nullptr, *last = nullptr;
      const Workspace memory([&](Workspace& pieces) {
        pieces.piece(last, count * kernel_.nr);
        if (!plain) pieces.piece(y, count * n_);
      });
      float* const to = plain ? epilogue.out + first * epilogue.out_stride : y;
      const int64_t stride = plain ? epilogue.out_stride : n_;
      BinaryCall call = rows_of(x, first, count);
      for (int64_t column = 0; column < n_; column += kernel_.nr) {
        const int64_t columns = std::min<int64_t>(kernel_.nr, n_ - column);
        alignas(64) float bias[kMostColumns] = {};
        if (epilogue.bias != nullptr) std::copy_n(epilogue.bias + column, columns, bias);
        call.w = panels_.data() + column * words_;
        call.scales = scales_.data() + column;
        call.bias = bias;
        const bool whole = columns == kernel_.nr;
        call.out = whole ? to + column : last;
        call.out_stride = whole ? stride : kernel_.nr;
        kernel_.run(call);
        for (int64_t m = 0; !whole && m < count; ++m) {
          std::copy_n(last + m * kernel_.nr, columns, to + m * stride + column);
        }
      }
      if (!plain) reference_epilogue(isa_, y, first, count, rows, n_, rest);
    });
  }

  void run_signs(const BitRows& x, int64_t rows, const int32_t* thresholds, const BitRows& out,
                 const Executor& executor) const override {
    require_one_group();
    const int64_t words = quotient_up(n_, 64);
    for_blocks(rows, executor, [&](int64_t first, int64_t count) {
      for (int64_t m = first; m < first + count; ++m) out.words[m * out.stride + words - 1] = 0;
      BinaryCall call = rows_of(x, first, count);
      call.bits_stride = out.stride * 8;
      for (int64_t column = 0; column < n_; column += kernel_.nr) {
        const int64_t columns = std::min<int64_t>(kernel_.nr, n_ - column);
        alignas(64) int32_t limits[kMostColumns];
        std::fill_n(limits, kMostColumns, INT32_MAX);  // no sum reaches it
        std::copy_n(thresholds + column, columns, limits);
        call.w = panels_.data() + column * words_;
        call.thresholds = limits;
        call.bits = reinterpret_cast<uint8_t*>(out.words + first * out.stride) + column / 8;
        kernel_.run(call);
      }
    });
  }

 private:
  static constexpr int kMostColumns = 32;

  void require_one_group() const {
    if (!one_group_) fail(DMT_UNSUPPORTED, "rows of signs need a binary weight of one group");
  }

  // Calls body(first row, rows) for blocks of rows.
  template <class Body>
  void for_blocks(int64_t rows, const Executor& executor, const Body& body) const {
    executor.parallel_for(quotient_up(rows, kBlockRows), 1, [&](int64_t begin, int64_t end) {
      for (int64_t block = begin; block < end; ++block) {
        const int64_t first = block * kBlockRows;
        body(first, std::min(kBlockRows, rows - first));
      }
    });
  }

  BinaryCall rows_of(const BitRows& x, int64_t first, int64_t count) const {
    BinaryCall call;
    call.x = x.words + first * x.stride;
    call.x_stride = x.stride;
    call.rows = count;
    call.steps = words_;
    call.k = static_cast<int32_t>(k_);
    return call;
  }

  const Isa isa_;
  const int64_t k_, n_;
  const BinaryKernel& kernel_;
  const int64_t words_;  // of a column
  const bool one_group_;
  const AlignedBuffer<uint64_t> panels_;  // [panel][words_][nr]
  const std::unique_ptr<Weight> codes_;
  std::vector<float> scales_;  // [n] and zeros to whole panels; of one group
};

}  // namespace

std::unique_ptr<Weight> pack_signs(Isa isa, const GroupedSource& source) {
  return std::make_unique<BinaryWeight>(isa, source);
}

}  // namespace demitasse
