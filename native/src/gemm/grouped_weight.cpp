#include "gemm/grouped_weight.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "core/aligned_buffer.h"
#include "gemm/blocking.h"
#include "gemm/grouped.h"

namespace demitasse {
namespace {

// Up to this many rows, codes are unpacked in registers for each few rows; beyond, a panel is
// unpacked once for all rows, which costs as much as five of them (Zen 5).
int64_t few_rows(Isa isa, bool coded) {
  return isa == Isa::avx512 || !coded ? 12 : 8;  // 8 rows of a codebook: 2.9 ms, not 3.1 (Zen 4)
}

// The same for f32 rows. 12 rows with AVX-512: 4.6 ms, not 5.3; two with AVX2: 1.9 ms, not 3.3, of
// a codebook 2.7 ms, not 3.3 (Zen 4, 4096 x 4096).
int64_t few_float_rows(Isa isa) { return isa == Isa::avx512 ? 12 : 2; }

const ArrayKernels& array_kernels(Isa isa) {
  return isa == Isa::avx512 ? array_kernels_avx512 : array_kernels_avx2;
}

const GroupArrays& group_arrays(Isa isa) {
  return isa == Isa::avx512 ? group_arrays_avx512 : group_arrays_avx2;
}

const MicroKernel& float_kernel(Isa isa) {
  return isa == Isa::avx512 ? f32_8x48_avx512 : f32_6x16_avx2;
}

const MicroKernel& few_rows_kernel(Isa isa, bool coded) {
  if (isa == Isa::avx512) return u8u4g_3x48c8_avx512;
  return coded ? u6u4g_2x16c8_avx2 : u8u4g_2x16c8_avx2;
}

const MicroKernel& few_float_rows_kernel(Isa isa) {
  return isa == Isa::avx512 ? f32u4g_4x48c8_avx512 : f32u4g_1x32c8_avx2;
}

// A kernel whose blocks of k hold whole segments.
MicroKernel with_whole_segments(const MicroKernel& kernel, int64_t segment) {
  MicroKernel adapted = kernel;
  const int64_t segments = std::max<int64_t>(1, kernel.k_block / segment);
  adapted.k_block = static_cast<int>(round_up(segments * segment, kernel.kr));
  return adapted;
}

MicroKernel with_whole_k(const MicroKernel& kernel, int64_t k) {
  MicroKernel adapted = kernel;
  adapted.k_block = static_cast<int>(round_up(k, kernel.kr));
  return adapted;
}

class PackedGroupedWeight final : public Weight {
 public:
  PackedGroupedWeight(Isa isa, const GroupedSource& source)
      : isa_(isa),
        k_(source.k),
        n_(source.n),
        segment_(segment_of(source)),
        segments_(quotient_up(k_, segment_)),
        wide_(source.bits() == 8),
        coded_(source.codebook != nullptr),
        kernel_(with_whole_segments(isa == Isa::avx512 ? u8s8g_4x48c4_avx512 : s16s16g_6x16c2_avx2,
                                    segment_)),
        few_rows_kernel_(with_whole_k(few_rows_kernel(isa, coded_), k_)),
        few_float_rows_kernel_(with_whole_k(few_float_rows_kernel(isa), k_)),
        column_bytes_(wide_ ? round_up(k_, kernel_.kr) : round_up(k_, 8) / 2),
        padded_n_(round_up(n_, kernel_.lanes)),
        half_scales_(source.scale_dtype == DMT_F16),
        scale_bytes_(half_scales_ ? 2 : 4),
        codes_(padded_n_ * column_bytes_),
        scales_(padded_n_ * segments_ * scale_bytes_),
        offsets_(round_up(n_, kernel_.nr)) {
    choose_levels(source);
    if (has_zero_points_) {
      zero_points_ = std::make_unique<AlignedBuffer<int8_t>>(padded_n_ * segments_);
    }
    std::fill_n(offsets_.data(), round_up(n_, kernel_.nr), 0.0f);
    for (int64_t panel = 0; panel * kernel_.nr < n_; ++panel) {
      pack_parameters(source, panel);
      pack_codes(source, panel);
    }
  }

  int64_t k() const override { return k_; }
  int64_t n() const override { return n_; }
  int64_t bytes() const override {
    return padded_n_ * (column_bytes_ + segments_ * (scale_bytes_ + (has_zero_points_ ? 1 : 0))) +
           4 * round_up(n_, kernel_.nr);
  }

  void run(const float* x, int64_t x_stride, int64_t rows, const Epilogue& epilogue,
           const Executor& executor) const override {
    const bool few = !wide_ && rows <= few_float_rows(isa_);
    const FloatPanels unpacked(*this);
    const StoredPanels stored(*this, few_float_rows_kernel_);
    BlockedLinear linear;
    linear.isa = isa_;
    linear.kernel = few ? &few_float_rows_kernel_ : &float_kernel(isa_);
    linear.panels = few ? static_cast<const Panels*>(&stored) : &unpacked;
    linear.group = few ? segment_ : 0;
    linear.k = k_;
    linear.n = n_;
    linear.x = x;
    linear.x_stride = x_stride;
    linear.rows = rows;
    run_blocked(linear, epilogue, executor);
  }

  void run(const QuantizedRows& x, int64_t rows, const Epilogue& epilogue,
           const Executor& executor) const override {
    const bool few = !wide_ && rows <= few_rows(isa_, coded_) && (padding_is_zero_ || k_ % 8 == 0);
    const IntegerPanels unpacked(*this);
    const StoredPanels stored(*this, few_rows_kernel_);
    BlockedLinear linear;
    linear.isa = isa_;
    linear.kernel = few ? &few_rows_kernel_ : &kernel_;
    linear.panels = few ? static_cast<const Panels*>(&stored) : &unpacked;
    linear.k = k_;
    linear.n = n_;
    linear.group = segment_;
    linear.group_zero_points =
        has_zero_points_ && (few || (wide_ && group_arrays(isa_).widen == nullptr));
    linear.column_offsets = offsets_.data();
    linear.level_step = step_;
    linear.levels = levels_;
    linear.quantized = &x;
    linear.rows = rows;
    run_blocked(linear, epilogue, executor);
  }

 private:
  // Codes of 4 bits as they are stored, for kernels of few rows that are as wide as a panel or
  // several.
  class StoredPanels final : public Panels {
   public:
    StoredPanels(const PackedGroupedWeight& weight, const MicroKernel& kernel)
        : weight_(weight), panels_(kernel.nr / weight.kernel_.nr) {}

    const void* block(int64_t panel, int64_t k_first, int64_t, void*) const override {
      return weight_.codes(panel * panels_, k_first);
    }

    void stored_groups(int64_t panel, int64_t k_first, PanelCall& call) const override {
      weight_.point_to_groups(panel * panels_, k_first / weight_.segment_, call);
    }

   private:
    const PackedGroupedWeight& weight_;
    const int64_t panels_;
  };

  // Levels as s8 or s16.
  class IntegerPanels final : public Panels {
   public:
    explicit IntegerPanels(const PackedGroupedWeight& weight) : weight_(weight) {}

    const void* block(int64_t panel, int64_t k_first, int64_t k_count,
                      void* scratch) const override {
      if (!weight_.wide_) {
        weight_.unpack(panel, k_first, k_count, scratch);
        return scratch;
      }
      if (group_arrays(weight_.isa_).widen == nullptr) return weight_.codes(panel, k_first);
      weight_.widen(panel, k_first, k_count, static_cast<int16_t*>(scratch));
      return scratch;
    }

    void groups(int64_t panel, int64_t k_first, int64_t k_count, float* scales,
                int32_t* zero_points) const override {
      const int64_t first = k_first / weight_.segment_, width = weight_.width(panel);
      const int64_t count = quotient_up(k_count, weight_.segment_) * width;
      weight_.copy_scales(panel, first, count, scales);
      if (zero_points == nullptr) return;
      const int8_t* from = weight_.zero_points(panel, first);
      for (int64_t i = 0; i < count; ++i) zero_points[i] = from[i];
    }

   private:
    const PackedGroupedWeight& weight_;
  };

  // w as f32.
  class FloatPanels final : public Panels {
   public:
    explicit FloatPanels(const PackedGroupedWeight& weight) : weight_(weight) {}
    const void* block(int64_t panel, int64_t k_first, int64_t k_count,
                      void* scratch) const override {
      auto* to = static_cast<float*>(scratch);
      const int64_t end = k_first + k_count, width = weight_.width(panel);
      for (int64_t k = k_first; k < end;) {
        const int64_t segment = k / weight_.segment_;
        const int64_t stop = std::min(end, (segment + 1) * weight_.segment_);
        weight_.unpack_f32(panel, k, stop - k, to);
        to += (stop - k) * width;
        k = stop;
      }
      return scratch;
    }

   private:
    const PackedGroupedWeight& weight_;
  };

  int64_t width(int64_t panel) const { return panel_width(kernel_, n_, panel); }
  const uint8_t* codes(int64_t panel, int64_t k_first) const {
    return codes_.data() + panel * kernel_.nr * column_bytes_ +
           (wide_ ? k_first : k_first / 2) * width(panel);
  }
  int64_t parameters(int64_t panel, int64_t segment) const {
    return panel * kernel_.nr * segments_ + segment * width(panel);
  }
  const int8_t* zero_points(int64_t panel, int64_t segment) const {
    return zero_points_->data() + parameters(panel, segment);
  }

  void point_to_groups(int64_t panel, int64_t segment, PanelCall& call) const {
    call.stored_scales = scales_.data() + parameters(panel, segment) * scale_bytes_;
    call.half_scales = half_scales_;
    call.stored_zero_points = has_zero_points_ ? zero_points(panel, segment) : nullptr;
    call.w_panel_stride = kernel_.nr * column_bytes_;
    call.parameters_panel_stride = kernel_.nr * segments_;
    call.float_levels = float_levels_;
    call.even_levels = !coded_;
  }

  void copy_scales(int64_t panel, int64_t segment, int64_t count, float* to) const {
    const std::byte* from = scales_.data() + parameters(panel, segment) * scale_bytes_;
    if (half_scales_) {
      array_kernels(isa_).widen_f16_f32(reinterpret_cast<const uint16_t*>(from), to, count);
    } else {
      std::memcpy(to, from, count * sizeof(float));
    }
  }

  // Codes of 4 bits; k_first is a multiple of the segment.
  void unpack(int64_t panel, int64_t k_first, int64_t k_count, void* scratch) const {
    const GroupArrays& arrays = group_arrays(isa_);
    const int width = static_cast<int>(this->width(panel));
    auto* to = static_cast<std::byte*>(scratch);
    if (!has_zero_points_) {
      arrays.unpack(codes(panel, k_first), quotient_up(k_count, 8), width, levels_, nullptr, to);
    } else {
      for (int64_t k = 0; k < k_count; k += segment_) {
        arrays.unpack(codes(panel, k_first + k), quotient_up(std::min(segment_, k_count - k), 8),
                      width, levels_, zero_points(panel, (k_first + k) / segment_),
                      to + k * width * kernel_.w_bytes);
      }
    }
    clear_padding(k_count, width, to);
  }

  // Whatever x holds behind k is multiplied with zero.
  void clear_padding(int64_t k_count, int64_t width, std::byte* to) const {
    for (int64_t i = k_count; i % kernel_.kr != 0; ++i) {
      for (int64_t column = 0; column < width; ++column) {
        const int64_t element = (i / kernel_.kr * width + column) * kernel_.kr + i % kernel_.kr;
        std::memset(to + element * kernel_.w_bytes, 0, kernel_.w_bytes);
      }
    }
  }

  // Codes of 8 bits; k_first is a multiple of the segment.
  void widen(int64_t panel, int64_t k_first, int64_t k_count, int16_t* to) const {
    const int width = static_cast<int>(this->width(panel));
    for (int64_t k = 0; k < k_count; k += segment_) {
      const int8_t none[kMaxWidth] = {};
      const int8_t* const zeros =
          has_zero_points_ ? zero_points(panel, (k_first + k) / segment_) : none;
      const int64_t count = std::min(segment_, k_count - k);
      group_arrays(isa_).widen(reinterpret_cast<const int8_t*>(codes(panel, k_first + k)),
                               quotient_up(count, kernel_.kr), width, zeros, to + k * width);
    }
    clear_padding(k_count, width, reinterpret_cast<std::byte*>(to));
  }

  // k_count values of one segment, to [k_count rounded up to 8 or kr][width].
  void unpack_f32(int64_t panel, int64_t k_first, int64_t k_count, float* to) const {
    const GroupArrays& arrays = group_arrays(isa_);
    const int64_t segment = k_first / segment_;
    const int width = static_cast<int>(this->width(panel));
    alignas(64) float scales[kMaxWidth];
    copy_scales(panel, segment, width, scales);
    if (!wide_) {
      alignas(64) float zeros[kMaxWidth] = {};
      for (int j = 0; has_zero_points_ && j < width; ++j) zeros[j] = zero_points(panel, segment)[j];
      arrays.unpack_f32(codes(panel, k_first), quotient_up(k_count, 8), width, float_levels_, zeros,
                        scales, to);
      return;
    }
    alignas(64) int32_t zeros[kMaxWidth] = {};
    for (int j = 0; has_zero_points_ && j < width; ++j) zeros[j] = zero_points(panel, segment)[j];
    array_kernels(isa_).widen_s8_panel(reinterpret_cast<const int8_t*>(codes(panel, k_first)),
                                       quotient_up(k_count, kernel_.kr), width, zeros, to);
    arrays.scale_rows(to, k_count, width, scales);
  }

  // Decides what the stored codes mean. Signed ones are stored as code + offset_.
  void choose_levels(const GroupedSource& source) {
    if (source.dtype == kSigns) {
      offset_ = 1;  // -1, 0 (padding), +1 are stored as 0, 1, 2
    } else if (wide_) {
      offset_ = source.dtype == DMT_U8 ? -128 : 0;
    } else if (source.is_signed()) {
      offset_ = 1 << (source.bits() - 1);
    }
    const int64_t parameters = source.groups() * n_;
    int32_t common = source.zero_point(0) + offset_;
    for (int64_t i = 0; i < parameters && !has_zero_points_; ++i) {
      has_zero_points_ = source.zero_point(i) + offset_ != common;
    }
    if (wide_) has_zero_points_ = has_zero_points_ || common != 0;
    if (has_zero_points_) common = 0;
    const Codebook book(source.codebook);
    for (int i = 0; i < 16; ++i) {
      levels_[i] = coded_ ? book.levels[i] : static_cast<int8_t>(i - common);
      float_levels_[i] = coded_ ? source.codebook[i] : static_cast<float>(i - common);
    }
    step_ = book.step;
    for (int i = 15; i >= 0; --i) {
      if (levels_[i] != 0) continue;
      padding_ = static_cast<uint8_t>(i);
      padding_is_zero_ = true;
    }
  }

  void pack_parameters(const GroupedSource& source, int64_t panel) {
    const int64_t first = panel * kernel_.nr, width = this->width(panel);
    for (int64_t segment = 0; segment < segments_; ++segment) {
      const int64_t from = source.group_of(segment * segment_) * n_ + first;
      std::byte* to = scales_.data() + parameters(panel, segment) * scale_bytes_;
      const int64_t columns = std::min(width, n_ - first);
      std::memset(to, 0, width * scale_bytes_);
      std::memcpy(to, static_cast<const std::byte*>(source.scales) + from * scale_bytes_,
                  columns * scale_bytes_);
      if (!has_zero_points_) continue;
      int8_t* zeros = zero_points_->data() + parameters(panel, segment);
      std::memset(zeros, 0, width);
      for (int64_t j = 0; j < columns; ++j) {
        zeros[j] = static_cast<int8_t>(source.zero_point(from + j) + offset_);
      }
    }
  }

  // Codes of one k as they are stored, one per byte.
  void read_row(const GroupedSource& source, int64_t k, int64_t first, int64_t columns,
                uint8_t* to) const {
    if (source.bits() == 4 && source.n_stride == 1) {
      const auto* from = static_cast<const uint8_t*>(source.data);
      const int64_t start = k * source.k_stride + first;
      for (int64_t j = 0; j < columns; ++j) {
        const int64_t index = start + j;
        to[j] = static_cast<uint8_t>((from[index / 2] >> (index % 2 * 4) & 15) ^ offset_);
      }
      return;
    }
    for (int64_t j = 0; j < columns; ++j) {
      to[j] = static_cast<uint8_t>(source.code(k, first + j) + offset_);
    }
  }

  int32_t level(uint8_t code) const {
    return wide_ ? static_cast<int8_t>(code) : levels_[code & 15];
  }

  void pack_codes(const GroupedSource& source, int64_t panel) {
    constexpr int64_t kRows = 8;
    const int64_t first = panel * kernel_.nr, width = this->width(panel);
    const int64_t columns = std::min(width, n_ - first), kr = kernel_.kr;
    uint8_t* const to = codes_.data() + first * column_bytes_;
    int32_t sums[kMaxWidth] = {};  // of levels over a segment
    for (int64_t k = 0; k < k_; k += kRows) {
      uint8_t rows[kRows][kMaxWidth];
      std::memset(rows, wide_ ? 0 : padding_, sizeof rows);
      const int64_t count = std::min(kRows, k_ - k);
      for (int64_t i = 0; i < count; ++i) {
        read_row(source, k + i, first, columns, rows[i]);
        for (int64_t j = 0; j < columns; ++j) sums[j] += level(rows[i][j]);
        const int64_t next = k + i + 1;
        if (next % segment_ == 0 || next == k_) {
          const int64_t last = next - 1;
          add_offsets(panel, last / segment_, last % segment_ + 1, sums);
          std::fill_n(sums, kMaxWidth, 0);
        }
      }
      if (wide_) {
        for (int64_t i = 0; i < std::min(kRows, column_bytes_ - k); ++i) {
          uint8_t* line = to + (k + i) / kr * kr * width + (k + i) % kr;
          for (int64_t j = 0; j < width; ++j) line[j * kr] = rows[i][j];
        }
        continue;
      }
      uint8_t* line = to + k / 2 * width;
      for (int64_t i = 0; i < 4; ++i) {
        for (int64_t j = 0; j < width; ++j) {
          line[j * 4 + i] = static_cast<uint8_t>(rows[i][j] | rows[i + 4][j] << 4);
        }
      }
    }
  }

  // The offsets of reference_multiply_grouped. sums: of the levels of `count` k.
  void add_offsets(int64_t panel, int64_t segment, int64_t count, const int32_t* sums) {
    const int64_t first = panel * kernel_.nr, width = this->width(panel);
    alignas(64) float scales[kMaxWidth];
    copy_scales(panel, segment, width, scales);
    for (int64_t j = 0; j < std::min(width, n_ - first); ++j) {
      const int64_t zero = has_zero_points_ ? zero_points(panel, segment)[j] : 0;
      const float sum = static_cast<float>(sums[j] - count * zero);
      offsets_.data()[first + j] = std::fma(sum, scales[j], offsets_.data()[first + j]);
    }
  }

  const Isa isa_;
  const int64_t k_, n_;
  const int64_t segment_, segments_;
  const bool wide_;   // codes of 8 bits
  const bool coded_;  // with a codebook
  const MicroKernel kernel_;
  const MicroKernel few_rows_kernel_, few_float_rows_kernel_;  // codes of 4 bits
  const int64_t column_bytes_;                                 // of the codes of a column
  const int64_t padded_n_;                                     // whole vectors
  const bool half_scales_;
  const int64_t scale_bytes_;
  const AlignedBuffer<uint8_t> codes_;
  const AlignedBuffer<std::byte> scales_;
  const AlignedBuffer<float> offsets_;
  std::unique_ptr<AlignedBuffer<int8_t>> zero_points_;
  bool has_zero_points_ = false;  // that are not part of the levels
  int32_t offset_ = 0;
  alignas(64) float float_levels_[16] = {};
  alignas(16) int8_t levels_[16] = {};
  float step_ = 1;  // an integer level is a multiple of this
  uint8_t padding_ = 0;
  bool padding_is_zero_ = false;
};

}  // namespace

std::unique_ptr<Weight> pack_groups(Isa isa, const GroupedSource& source) {
  return std::make_unique<PackedGroupedWeight>(isa, source);
}

}  // namespace demitasse
