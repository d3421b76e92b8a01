// The contract between blocking (blocking.cpp) and the micro-kernels (one file per operand types,
// tile and instruction set). A kernel's name tells its contract:
//
//   u8s8_8x48c4_avx512     x type, w type (s16s16, f32 likewise)
//        |    |  |         rows x columns of the tile held in registers (MR x NR)
//             |  |         c4: 4 consecutive k of a column lie together in the packed panel
//                instruction set level
//
// A g behind the w type (u8s8g) is a kernel of weights in groups: a scale for each group of k.
//
// A packed panel holds NR columns (the last panel of a weight: the columns left, rounded up to
// whole vectors) as [k / kr][width][kr].
#pragma once

#include <cstdint>

namespace demitasse {

constexpr int kMaxVectors = 4;  // vectors in a panel's width
constexpr int kMaxWidth = 48;   // columns in a panel

// `rows` rows of x times one panel, over one block of k.
struct PanelCall {
  const void* x = nullptr;  // row 0, at the first k of the block
  int64_t x_stride = 0;     // bytes between rows
  int64_t rows = 0;
  const void* w = nullptr;  // the panel, at the first k of the block
  int64_t k = 0;            // values of k
  int64_t steps = 0;        // groups of kr values of k
  int vectors = 0;          // width of the panel / lanes

  // Sums between blocks of k: [rows][width] of int32 or float.
  void* sums = nullptr;
  bool load_sums = false;   // not the first block of k
  bool store_sums = false;  // not the last one: nothing below is used

  // y = (sum - zx[m] * column_sums[n] - zw[n] * row_sums[m]) * (row_scales[m] * column_scales[n])
  //     + bias[n]; float kernels: y = sum * column_scales[n] + bias[n], where those that read codes
  // take the column's zero point off each. Arrays over columns are as wide as the panel.
  const float* column_scales = nullptr;
  const float* bias = nullptr;
  const int32_t* column_sums = nullptr;
  const int32_t* column_zero_points = nullptr;  // NULL: all zero, and no row_sums
  const int32_t* row_sums = nullptr;
  const float* row_scales = nullptr;
  const int32_t* row_zero_points = nullptr;
  int64_t row_parameter_step = 0;

  // Kernels of weights in groups: sums holds the floats f of reference_multiply_grouped, and
  //   y = (f - zx[m] * column_offsets[n]) * (row_scales[m] * level_step) + bias[n].
  // A group is group_steps steps, the last of a block perhaps fewer. Arrays over groups start at
  // the block's first one.
  int64_t group_steps = 0;
  const float* group_scales = nullptr;         // [groups][width]
  const int32_t* group_zero_points = nullptr;  // [groups][width]; NULL: w is free of them
  const int32_t* group_sums = nullptr;         // row m: sums of x over groups, with zero points
  int64_t group_sums_stride = 0;               // between rows
  // The same as they are stored, for kernels of few rows.
  const void* stored_scales = nullptr;  // FP16 if half_scales, else f32
  bool half_scales = false;
  const int8_t* stored_zero_points = nullptr;
  // Between the panels of the weight, for kernels that multiply two at a time: bytes of w, and
  // scales or zero points.
  int64_t w_panel_stride = 0;
  int64_t parameters_panel_stride = 0;
  const float* column_offsets = nullptr;
  float level_step = 1;
  const int8_t* levels = nullptr;       // [16]: what 4-bit codes stand for
  const float* float_levels = nullptr;  // the same for f32 rows
  bool even_levels = false;             // float_levels[i] = float_levels[0] + i

  // Vector j of row m is stored at out[j] + m * out_stride.
  float* out[kMaxVectors] = {};
  int64_t out_stride = 0;
};

struct MicroKernel {
  int mr, nr, kr;
  int lanes;       // columns in a vector
  int k_block;     // k values between loading and storing the sums, a multiple of kr
  int block_rows;  // rows of x that share a panel while it is in cache
  int x_bytes;     // of one element of x
  int w_bytes;     // of one element of the panel
  void (*run)(const PanelCall& call);
  // INT8 kernels that compute on s16 widen both operands first; NULL: both are read as they are.
  void (*widen_x)(const uint8_t* from, int16_t* to, int64_t count) = nullptr;
  void (*widen_w)(const int8_t* from, int16_t* to, int64_t count) = nullptr;
  bool stored_groups = false;  // scales and zero points of groups are read as they are stored
};

extern const MicroKernel u8s8_8x48c4_avx512;
extern const MicroKernel s16s16_6x16c2_avx2;
extern const MicroKernel u8s8g_4x48c4_avx512;
extern const MicroKernel u8u4g_3x48c8_avx512;  // a panel of 4-bit codes, for few rows
extern const MicroKernel s16s16g_6x16c2_avx2;
extern const MicroKernel u8u4g_2x16c8_avx2;
extern const MicroKernel u6u4g_2x16c8_avx2;  // of a codebook, whose levels reach 127
extern const MicroKernel f32u4g_4x48c8_avx512;
extern const MicroKernel f32u4g_1x32c8_avx2;
extern const MicroKernel f32s8_6x48c4_avx512;  // for few rows
extern const MicroKernel f32s8_3x16c2_avx2;
extern const MicroKernel f32_8x48_avx512;
extern const MicroKernel f32f16_8x48_avx512;
extern const MicroKernel f32bf16_8x48_avx512;
extern const MicroKernel f32_6x16_avx2;
extern const MicroKernel f32f16_6x16_avx2;
extern const MicroKernel f32bf16_6x16_avx2;

// Elements of panels of 16 bits.
struct Float16 {
  uint16_t bits;
};
struct BFloat16 {
  uint16_t bits;
};

// Loops over arrays that the blocking needs, per instruction set level.
struct ArrayKernels {
  void (*widen_f16_f32)(const uint16_t* from, float* to, int64_t count);
  void (*widen_bf16_f32)(const uint16_t* from, float* to, int64_t count);
  // A packed INT8 panel of `steps` groups of kr to [k][width] of f32 code - zero_point.
  void (*widen_s8_panel)(const int8_t* panel, int64_t steps, int width, const int32_t* zero_points,
                         float* to);
  void (*add)(const float* a, const float* b, float* to, int64_t count);  // to = a + b
};

extern const ArrayKernels array_kernels_avx512;
extern const ArrayKernels array_kernels_avx2;

// Loops over panels of weights in groups. A panel of 4-bit codes is [k / 8][width][4]: byte i of a
// column holds code k = i in its low half and k = 4 + i in its high half.
struct GroupArrays {
  // Codes to what the INT8 kernel of weights in groups reads: levels[code] - zero_points[column].
  // zero_points: NULL for zero.
  void (*unpack)(const uint8_t* codes, int64_t steps, int width, const int8_t* levels,
                 const int8_t* zero_points, void* to);
  // [k / 2][width][2] of s8 to s16, less the zero points of the columns (never NULL); NULL where
  // the kernel reads s8 and subtracts them itself.
  void (*widen)(const int8_t* codes, int64_t steps, int width, const int8_t* zero_points,
                int16_t* to);
  // Codes to [k][width] of f32: (levels[code] - zero_points[column]) * scales[column].
  void (*unpack_f32)(const uint8_t* codes, int64_t steps, int width, const float* levels,
                     const float* zero_points, const float* scales, float* to);
  // values[row][column] *= scales[column]
  void (*scale_rows)(float* values, int64_t rows, int width, const float* scales);
};

extern const GroupArrays group_arrays_avx512;
extern const GroupArrays group_arrays_avx2;

// `columns` columns of k values, element (k, n) at b[k * k_stride + n * n_stride], to [k][width];
// the columns from `columns` to width become zero.
void pack_f32_panel_avx2(const float* b, int64_t k_stride, int64_t n_stride, int64_t k,
                         int64_t columns, int width, float* to);

}  // namespace demitasse
