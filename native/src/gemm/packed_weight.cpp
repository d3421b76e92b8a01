#include "gemm/packed_weight.h"

#include <algorithm>
#include <cstring>

#include "core/aligned_buffer.h"
#include "core/error.h"
#include "gemm/blocking.h"

namespace demitasse {
namespace {

const ArrayKernels& array_kernels(Isa isa) {
  return isa == Isa::avx512 ? array_kernels_avx512 : array_kernels_avx2;
}

const MicroKernel& float_kernel(Isa isa) {
  return isa == Isa::avx512 ? f32_8x48_avx512 : f32_6x16_avx2;
}

// For so few rows that they pass over a panel once: reads it as it is stored.
const MicroKernel& stored_kernel(Isa isa, int32_t dtype) {
  if (dtype == DMT_F32) return float_kernel(isa);
  if (isa == Isa::avx512) return dtype == DMT_F16 ? f32f16_8x48_avx512 : f32bf16_8x48_avx512;
  return dtype == DMT_F16 ? f32f16_6x16_avx2 : f32bf16_6x16_avx2;
}

const MicroKernel& int8_kernel(Isa isa) {
  return isa == Isa::avx512 ? u8s8_8x48c4_avx512 : s16s16_6x16c2_avx2;
}

const MicroKernel& few_float_rows_kernel(Isa isa) {
  return isa == Isa::avx512 ? f32s8_6x48c4_avx512 : f32s8_3x16c2_avx2;
}

// Up to this many rows, codes become floats in registers for each few of them; beyond, once.
int64_t few_float_rows(Isa isa) { return isa == Isa::avx512 ? 12 : 3; }

class PackedFloatWeight final : public Weight {
 public:
  PackedFloatWeight(Isa isa, const FloatSource& source)
      : isa_(isa),
        kernel_(float_kernel(isa)),
        k_(source.k),
        n_(source.n),
        dtype_(source.dtype),
        element_bytes_(source.dtype == DMT_F32 ? 4 : 2),
        bytes_(round_up(n_, kernel_.lanes) * k_ * element_bytes_),
        data_(bytes_) {
    if (dtype_ == DMT_F32) {
      pack<float>(source);
    } else {
      pack<uint16_t>(source);
    }
  }

  int64_t k() const override { return k_; }
  int64_t n() const override { return n_; }
  int64_t bytes() const override { return bytes_; }

  void run(const float* x, int64_t x_stride, int64_t rows, const Epilogue& epilogue,
           const Executor& executor) const override {
    const bool stored = rows <= kernel_.mr;
    const FloatPanels panels(*this, !stored && dtype_ != DMT_F32);
    BlockedLinear linear;
    linear.isa = isa_;
    linear.kernel = stored ? &stored_kernel(isa_, dtype_) : &kernel_;
    linear.panels = &panels;
    linear.k = k_;
    linear.n = n_;
    linear.x = x;
    linear.x_stride = x_stride;
    linear.rows = rows;
    run_blocked(linear, epilogue, executor);
  }

  void run(const QuantizedRows&, int64_t, const Epilogue&, const Executor&) const override {
    fail(DMT_UNSUPPORTED, "a floating weight takes no quantized activations");
  }

 private:
  class FloatPanels final : public Panels {
   public:
    FloatPanels(const PackedFloatWeight& weight, bool widened)
        : weight_(weight), widened_(widened) {}

    const void* block(int64_t panel, int64_t k_first, int64_t k_count,
                      void* scratch) const override {
      const MicroKernel& kernel = weight_.kernel_;
      const int64_t width = panel_width(kernel, weight_.n_, panel);
      const std::byte* from =
          weight_.data_.data() +
          (panel * kernel.nr * weight_.k_ + k_first * width) * weight_.element_bytes_;
      if (!widened_) return from;
      const ArrayKernels& arrays = array_kernels(weight_.isa_);
      const auto widen = weight_.dtype_ == DMT_F16 ? arrays.widen_f16_f32 : arrays.widen_bf16_f32;
      widen(reinterpret_cast<const uint16_t*>(from), static_cast<float*>(scratch), k_count * width);
      return scratch;
    }

   private:
    const PackedFloatWeight& weight_;
    const bool widened_;
  };

  template <class T>
  void pack(const FloatSource& source) {
    const T* const from = static_cast<const T*>(source.data);
    T* to = reinterpret_cast<T*>(data_.data());
    for (int64_t first = 0; first < n_; first += kernel_.nr) {
      const int64_t width = panel_width(kernel_, n_, first / kernel_.nr);
      const int64_t columns = std::min(width, n_ - first);
      for (int64_t i = 0; i < k_; ++i, to += width) {
        const T* row = from + i * source.k_stride + first * source.n_stride;
        if (source.n_stride == 1) {
          std::memcpy(to, row, columns * sizeof(T));
        } else {
          for (int64_t j = 0; j < columns; ++j) to[j] = row[j * source.n_stride];
        }
        std::fill(to + columns, to + width, T{0});
      }
    }
  }

  const Isa isa_;
  const MicroKernel& kernel_;
  const int64_t k_, n_;
  const int32_t dtype_;
  const int64_t element_bytes_, bytes_;
  const AlignedBuffer<std::byte> data_;
};

class PackedInt8Weight final : public Weight {
 public:
  PackedInt8Weight(Isa isa, const Int8Source& source)
      : isa_(isa),
        kernel_(int8_kernel(isa)),
        k_(source.k),
        n_(source.n),
        packed_k_(round_up(k_, kernel_.kr)),
        bytes_(round_up(n_, kernel_.lanes) * packed_k_),
        codes_(bytes_),
        padded_n_(round_up(n_, kernel_.nr)),
        scales_(padded_n_),
        sums_(padded_n_),
        zero_points_(padded_n_) {
    std::fill_n(scales_.data(), padded_n_, 0.0f);
    std::fill_n(sums_.data(), padded_n_, 0);
    std::fill_n(zero_points_.data(), padded_n_, 0);
    for (int64_t n = 0; n < n_; ++n) {
      scales_.data()[n] = source.scale(n);
      zero_points_.data()[n] = source.zero_point(n);
      has_zero_points_ = has_zero_points_ || source.zero_point(n) != 0;
    }
    for (int64_t first = 0; first < n_; first += kernel_.nr) pack(source, first);
  }

  int64_t k() const override { return k_; }
  int64_t n() const override { return n_; }
  int64_t bytes() const override { return bytes_ + 12 * padded_n_; }

  void run(const float* x, int64_t x_stride, int64_t rows, const Epilogue& epilogue,
           const Executor& executor) const override {
    const MicroKernel& few_rows_kernel = few_float_rows_kernel(isa_);
    const bool few = rows <= few_float_rows(isa_);
    const StoredPanels stored(*this);
    const FloatPanels widened(*this);
    BlockedLinear linear =
        few ? blocked(stored, few_rows_kernel) : blocked(widened, float_kernel(isa_));
    if (few && has_zero_points_) linear.column_zero_points = zero_points_.data();
    linear.x = x;
    linear.x_stride = x_stride;
    linear.rows = rows;
    run_blocked(linear, epilogue, executor);
  }

  void run(const QuantizedRows& x, int64_t rows, const Epilogue& epilogue,
           const Executor& executor) const override {
    const IntegerPanels panels(*this);
    BlockedLinear linear = blocked(panels, kernel_);
    linear.column_sums = sums_.data();
    if (has_zero_points_) linear.column_zero_points = zero_points_.data();
    linear.quantized = &x;
    linear.rows = rows;
    run_blocked(linear, epilogue, executor);
  }

 private:
  // For kernels that read the panel where it lies.
  class StoredPanels final : public Panels {
   public:
    explicit StoredPanels(const PackedInt8Weight& weight) : weight_(weight) {}
    const void* block(int64_t panel, int64_t k_first, int64_t, void*) const override {
      return weight_.codes(panel, k_first);
    }

   private:
    const PackedInt8Weight& weight_;
  };

  class IntegerPanels final : public Panels {
   public:
    explicit IntegerPanels(const PackedInt8Weight& weight) : weight_(weight) {}
    const void* block(int64_t panel, int64_t k_first, int64_t k_count,
                      void* scratch) const override {
      const int8_t* from = weight_.codes(panel, k_first);
      const MicroKernel& kernel = weight_.kernel_;
      if (kernel.widen_w == nullptr) return from;
      const int64_t width = panel_width(kernel, weight_.n_, panel);
      kernel.widen_w(from, static_cast<int16_t*>(scratch), round_up(k_count, kernel.kr) * width);
      return scratch;
    }

   private:
    const PackedInt8Weight& weight_;
  };

  // The same codes for f32 rows: code - zero point as f32; the scale is left to the epilogue.
  class FloatPanels final : public Panels {
   public:
    explicit FloatPanels(const PackedInt8Weight& weight) : weight_(weight) {}
    const void* block(int64_t panel, int64_t k_first, int64_t k_count,
                      void* scratch) const override {
      const MicroKernel& kernel = weight_.kernel_;
      array_kernels(weight_.isa_)
          .widen_s8_panel(weight_.codes(panel, k_first), quotient_up(k_count, kernel.kr),
                          static_cast<int>(panel_width(kernel, weight_.n_, panel)),
                          weight_.zero_points_.data() + panel * kernel.nr,
                          static_cast<float*>(scratch));
      return scratch;
    }

   private:
    const PackedInt8Weight& weight_;
  };

  BlockedLinear blocked(const Panels& panels, const MicroKernel& kernel) const {
    BlockedLinear linear;
    linear.isa = isa_;
    linear.kernel = &kernel;
    linear.panels = &panels;
    linear.k = k_;
    linear.n = n_;
    linear.column_scales = scales_.data();
    return linear;
  }

  // k_first is a multiple of kr.
  const int8_t* codes(int64_t panel, int64_t k_first) const {
    return codes_.data() + panel * kernel_.nr * packed_k_ +
           k_first * panel_width(kernel_, n_, panel);
  }

  // A whole line from kr rows whose columns lie side by side: packing takes most of the time that
  // opening a model takes, and this form the compiler vectorizes.
  template <class Group>
  static void pack_line(const uint8_t* row, int64_t k_stride, int64_t columns, uint8_t flip,
                        Group* line, int32_t* sums) {
    constexpr int kr = sizeof(Group);
    for (int64_t j = 0; j < columns; ++j) {
      Group group = 0;
      int32_t sum = 0;
#pragma GCC unroll 4
      for (int i = 0; i < kr; ++i) {
        const uint8_t code = row[i * k_stride + j] ^ flip;
        group |= static_cast<Group>(static_cast<Group>(code) << (8 * i));
        sum += static_cast<int8_t>(code);
      }
      line[j] = group;
      sums[j] += sum;
    }
  }

  // Gathers kr rows at a time into a line of the panel.
  void pack(const Int8Source& source, int64_t first) {
    const int64_t kr = kernel_.kr;
    const int64_t width = panel_width(kernel_, n_, first / kernel_.nr);
    const int64_t columns = std::min(width, n_ - first);
    const uint8_t flip = source.dtype == DMT_U8 ? 0x80 : 0;
    int32_t* const sums = sums_.data() + first;
    int8_t* line = codes_.data() + first * packed_k_;
    for (int64_t k = 0; k < packed_k_; k += kr, line += width * kr) {
      const uint8_t* const rows =
          static_cast<const uint8_t*>(source.data) + k * source.k_stride + first * source.n_stride;
      if (source.n_stride == 1 && k + kr <= k_ && columns == width && (kr == 4 || kr == 2)) {
        if (kr == 4) {
          pack_line(rows, source.k_stride, columns, flip, reinterpret_cast<uint32_t*>(line), sums);
        } else {
          pack_line(rows, source.k_stride, columns, flip, reinterpret_cast<uint16_t*>(line), sums);
        }
        continue;
      }
      std::memset(line, 0, width * kr);
      for (int64_t i = 0; i < std::min(kr, k_ - k); ++i) {
        const uint8_t* row = rows + i * source.k_stride;
        for (int64_t j = 0; j < columns; ++j) {
          const int8_t code = static_cast<int8_t>(row[j * source.n_stride] ^ flip);
          line[j * kr + i] = code;
          sums[j] += code;
        }
      }
    }
    for (int64_t j = 0; j < columns; ++j) {
      sums[j] -= static_cast<int32_t>(k_) * zero_points_.data()[first + j];
    }
  }

  const Isa isa_;
  const MicroKernel& kernel_;
  const int64_t k_, n_, packed_k_, bytes_;
  const AlignedBuffer<int8_t> codes_;
  const int64_t padded_n_;  // whole panels
  const AlignedBuffer<float> scales_;
  const AlignedBuffer<int32_t> sums_;  // of code - zero point over k
  const AlignedBuffer<int32_t> zero_points_;
  bool has_zero_points_ = false;
};

}  // namespace

std::unique_ptr<Weight> pack_panels(Isa isa, const FloatSource& source) {
  return std::make_unique<PackedFloatWeight>(isa, source);
}

std::unique_ptr<Weight> pack_panels(Isa isa, const Int8Source& source) {
  return std::make_unique<PackedInt8Weight>(isa, source);
}

}  // namespace demitasse
