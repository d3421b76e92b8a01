#include "gemm/blocking.h"

#include <algorithm>
#include <cstring>

#include "gemm/reference_linear.h"
#include "gemm/workspace.h"
#include "norm/rows.h"

namespace demitasse {
namespace {

// A task is a block of rows times a range of panels.
struct Split {
  int64_t block_rows, row_blocks;
  int64_t group_panels, groups;
};

// Unfinished results of a block wait in L2 for the rest of the epilogue.
constexpr int64_t kStageBytes = 256 << 10;

// Below this many multiply-adds (2 us of INT8, 8 us of FP32 on Zen 5) a task is not worth handing
// to another thread.
constexpr int64_t kLeastTask = 1 << 20;

// Some tasks more than threads, so that a thread that was interrupted does not hold up the others.
constexpr int64_t kTasksPerThread = 2;

alignas(64) constexpr float kZeros[kMaxWidth] = {};

struct Ones {
  alignas(64) float values[kMaxWidth];
  constexpr Ones() : values() {
    for (float& value : values) value = 1;
  }
};
constexpr Ones kOnes;

bool is_plain(const Epilogue& epilogue) {
  return epilogue.activation == DMT_ACTIVATION_NONE && epilogue.residual == nullptr &&
         epilogue.requantize == Requantize::none;
}

Split split_work(const BlockedLinear& linear, const Epilogue& epilogue, int threads) {
  const int64_t panels = quotient_up(linear.n, linear.kernel->nr);
  const int64_t mr = linear.kernel->mr;
  int64_t block_rows = linear.block_rows > 0 ? linear.block_rows : linear.kernel->block_rows;
  if (!is_plain(epilogue)) {
    const int64_t fitting = kStageBytes / (4 * round_up(linear.n, linear.kernel->lanes));
    block_rows = std::max(mr, std::min(block_rows, fitting / mr * mr));
  }
  const int64_t work = linear.rows * linear.n * linear.k;
  int64_t wanted = threads == 1 ? 1 : std::min(threads * kTasksPerThread, work / kLeastTask);
  Split split;
  split.group_panels = panels;
  split.row_blocks = quotient_up(linear.rows, block_rows);
  // Columns are split first: a thread then reads (on AVX2: widens) its part of the weight only.
  if (wanted > split.row_blocks && epilogue.requantize != Requantize::dynamic_row) {
    const int64_t groups = std::min(panels, quotient_up(wanted, split.row_blocks));
    split.group_panels = quotient_up(panels, groups);
    wanted = quotient_up(wanted, quotient_up(panels, split.group_panels));
  }
  if (wanted > split.row_blocks) {
    block_rows = std::max(mr, round_up(quotient_up(linear.rows, wanted), mr));
  }
  split.block_rows = block_rows;
  split.row_blocks = quotient_up(linear.rows, block_rows);
  split.groups = quotient_up(panels, split.group_panels);
  return split;
}

class Task {
 public:
  Task(const BlockedLinear& linear, const Epilogue& epilogue, int64_t first_row, int64_t rows,
       int64_t first_panel, int64_t panels)
      : linear_(linear),
        kernel_(*linear.kernel),
        arrays_(linear.isa == Isa::avx512 ? array_kernels_avx512 : array_kernels_avx2),
        epilogue_(epilogue),
        plain_(is_plain(epilogue)),
        first_row_(first_row),
        rows_(rows),
        first_panel_(first_panel),
        panels_(panels),
        first_column_(first_panel * kernel_.nr),
        columns_(std::min(linear.n - first_column_, panels * kernel_.nr)),
        stage_width_(plain_ ? kernel_.nr : round_up(columns_, kernel_.lanes)),
        wide_stride_(round_up(linear.k, 32) + 32),
        memory_([this](Workspace& memory) {
          if (kernel_.widen_x != nullptr) memory.piece(wide_x_, rows_ * wide_stride_);
          if (sums_rows()) memory.piece(row_sums_, rows_);
          if (grouped()) {
            const int64_t in_block = quotient_up(kernel_.k_block, linear_.group) * kernel_.nr;
            if (!kernel_.stored_groups) memory.piece(group_scales_, in_block);
            if (linear_.group_zero_points) {
              if (!kernel_.stored_groups) memory.piece(group_zero_points_, in_block);
              memory.piece(group_sums_, rows_ * groups());
            }
          }
          memory.piece(panel_, kernel_.k_block * kernel_.nr * kernel_.w_bytes);
          if (linear_.k > kernel_.k_block || grouped()) memory.piece(sums_, rows_ * kernel_.nr);
          memory.piece(stage_, rows_ * stage_width_);
        }) {}

  void run() {
    prepare_rows();
    for (int64_t panel = 0; panel < panels_; ++panel) run_panel(panel);
    if (!plain_) finish();
  }

 private:
  bool grouped() const { return linear_.group > 0; }
  bool sums_rows() const {
    return linear_.column_zero_points != nullptr && linear_.quantized != nullptr;
  }
  int64_t groups() const { return quotient_up(linear_.k, linear_.group); }

  const uint8_t* codes(int64_t row) const {
    return linear_.quantized->codes + (first_row_ + row) * linear_.quantized->stride;
  }

  void prepare_rows() {
    if (kernel_.widen_x != nullptr) {
      for (int64_t m = 0; m < rows_; ++m) {
        kernel_.widen_x(codes(m), wide_x_ + m * wide_stride_, round_up(linear_.k, kernel_.kr));
      }
    }
    if (sums_rows()) {
      for (int64_t m = 0; m < rows_; ++m) {
        const uint8_t* row = codes(m);
        int32_t sum = 0;
        for (int64_t i = 0; i < linear_.k; ++i) sum += row[i];
        row_sums_[m] = sum;
      }
    }
    if (linear_.group_zero_points) {
      for (int64_t m = 0; m < rows_; ++m) {
        const uint8_t* row = codes(m);
        for (int64_t g = 0; g < groups(); ++g) {
          const int64_t end = std::min(linear_.k, (g + 1) * linear_.group);
          int32_t sum = 0;
          for (int64_t i = g * linear_.group; i < end; ++i) sum += row[i];
          group_sums_[m * groups() + g] = sum;
        }
      }
    }
  }

  void point_to_rows(PanelCall& call) const {
    call.rows = rows_;
    if (linear_.quantized == nullptr) {
      call.x = linear_.x + first_row_ * linear_.x_stride;
      call.x_stride = linear_.x_stride * 4;
      return;
    }
    const QuantizedRows x = rows_from(*linear_.quantized, first_row_);
    call.row_scales = x.scales;
    call.row_zero_points = x.zero_points;
    call.row_parameter_step = x.parameter_step;
    call.row_sums = row_sums_;
    call.x = wide_x_ != nullptr ? static_cast<const void*>(wide_x_) : x.codes;
    call.x_stride = wide_x_ != nullptr ? wide_stride_ * 2 : x.stride;
  }

  // Columns of the last panel that do not exist are computed, but not stored by the epilogue.
  void run_panel(int64_t index) {
    const int64_t panel = first_panel_ + index;
    const int64_t first = panel * kernel_.nr;
    const int64_t width = panel_width(kernel_, linear_.n, panel);
    const int64_t columns = std::min(width, linear_.n - first);
    PanelCall call;
    point_to_rows(call);
    call.vectors = static_cast<int>(width / kernel_.lanes);
    call.sums = sums_;
    call.column_scales = linear_.column_scales ? linear_.column_scales + first : kOnes.values;
    if (linear_.column_sums != nullptr) call.column_sums = linear_.column_sums + first;
    if (linear_.column_zero_points) call.column_zero_points = linear_.column_zero_points + first;
    if (linear_.column_offsets != nullptr) call.column_offsets = linear_.column_offsets + first;
    call.level_step = linear_.level_step;
    call.levels = linear_.levels;
    alignas(64) float bias[kMaxWidth];
    call.bias = kZeros;
    if (epilogue_.bias != nullptr) {
      std::memcpy(bias, epilogue_.bias + first, columns * sizeof(float));
      std::fill(bias + columns, bias + width, 0.0f);
      call.bias = bias;
    }
    const bool in_place = plain_ && columns == width &&
                          (epilogue_.head_dim == 0 || epilogue_.head_dim % kernel_.lanes == 0);
    float* stage = plain_ ? stage_ : stage_ + index * kernel_.nr;
    for (int j = 0; j < call.vectors; ++j) {
      const int64_t n = first + j * kernel_.lanes;
      call.out[j] = in_place ? out(0, n) : stage + j * kernel_.lanes;
    }
    call.out_stride = !in_place                ? stage_width_
                      : epilogue_.head_dim > 0 ? epilogue_.head_dim
                                               : epilogue_.out_stride;
    multiply(panel, call);
    if (plain_ && !in_place) store(first, columns);
  }

  void multiply(int64_t panel, PanelCall& call) {
    const auto* const x = static_cast<const std::byte*>(call.x);
    int64_t k = 0;
    do {
      const int64_t count = std::min<int64_t>(kernel_.k_block, linear_.k - k);
      call.x = x + k * kernel_.x_bytes;
      call.w = linear_.panels->block(panel, k, count, panel_);
      call.k = count;
      call.steps = quotient_up(count, kernel_.kr);
      if (grouped()) {
        if (kernel_.stored_groups) {
          linear_.panels->stored_groups(panel, k, call);
        } else {
          linear_.panels->groups(panel, k, count, group_scales_, group_zero_points_);
        }
        call.group_steps = quotient_up(std::min(linear_.group, linear_.k), kernel_.kr);
        call.group_scales = group_scales_;
        call.group_zero_points = group_zero_points_;
        call.group_sums = group_sums_ != nullptr ? group_sums_ + k / linear_.group : nullptr;
        call.group_sums_stride = groups();
      }
      call.load_sums = k > 0;
      k += count;
      call.store_sums = k < linear_.k;
      kernel_.run(call);
    } while (k < linear_.k);
  }

  void finish() {
    if (epilogue_.activation != DMT_ACTIVATION_NONE) {
      activate(linear_.isa, epilogue_.activation, stage_, stage_, rows_ * stage_width_);
    }
    if (epilogue_.requantize == Requantize::none) return store(first_column_, columns_);
    if (epilogue_.residual != nullptr) {
      for (int64_t m = 0; m < rows_; ++m) {
        float* row = stage_ + m * stage_width_;
        arrays_.add(row, residual(m, first_column_), row, columns_);
      }
    }
    QuantizedRows to = rows_from(epilogue_.quantized, first_row_);
    to.codes += first_column_;
    quantize_rows(linear_.isa, stage_, stage_width_, columns_, rows_, epilogue_.requantize, to,
                  serial_executor());
  }

  // stage_ + residual to the columns first .. first + columns - 1 of out.
  void store(int64_t first, int64_t columns) {
    for (int64_t m = 0; m < rows_; ++m) {
      const float* from = stage_ + m * stage_width_;
      int64_t n = 0;
      while (n < columns) {
        const int64_t head_dim = epilogue_.head_dim;
        const int64_t run =
            head_dim > 0 ? std::min(columns - n, head_dim - (first + n) % head_dim) : columns;
        float* to = out(m, first + n);
        if (epilogue_.residual != nullptr) {
          arrays_.add(from + n, residual(m, first + n), to, run);
        } else {
          std::memcpy(to, from + n, run * sizeof(float));
        }
        n += run;
      }
    }
  }

  float* out(int64_t m, int64_t n) const {
    const int64_t row = first_row_ + m;
    const int64_t head_dim = epilogue_.head_dim;
    if (head_dim == 0) return epilogue_.out + row * epilogue_.out_stride + n;
    return epilogue_.out + (n / head_dim * linear_.rows + row) * head_dim + n % head_dim;
  }

  const float* residual(int64_t m, int64_t n) const {
    return epilogue_.residual + (first_row_ + m) * epilogue_.residual_stride + n;
  }

  const BlockedLinear& linear_;
  const MicroKernel& kernel_;
  const ArrayKernels& arrays_;
  const Epilogue& epilogue_;
  const bool plain_;  // the micro-kernel does the whole epilogue
  const int64_t first_row_, rows_, first_panel_, panels_, first_column_, columns_;
  const int64_t stage_width_;  // floats between rows of stage_
  const int64_t wide_stride_;  // elements between rows of wide_x_
  int16_t* wide_x_ = nullptr;
  int32_t* row_sums_ = nullptr;
  float* group_scales_ = nullptr;
  int32_t* group_zero_points_ = nullptr;
  int32_t* group_sums_ = nullptr;
  std::byte* panel_ = nullptr;
  int32_t* sums_ = nullptr;
  float* stage_ = nullptr;  // results that are not final: of one panel, or of all panels
  Workspace memory_;        // last: its construction sets the pointers above
};

}  // namespace

int64_t panel_width(const MicroKernel& kernel, int64_t n, int64_t panel) {
  const int64_t left = n - panel * kernel.nr;
  return left >= kernel.nr ? kernel.nr : round_up(left, kernel.lanes);
}

void run_blocked(const BlockedLinear& linear, const Epilogue& epilogue, const Executor& executor) {
  if (linear.rows == 0 || linear.n == 0) return;
  const Split split = split_work(linear, epilogue, executor.threads());
  const int64_t panels = quotient_up(linear.n, linear.kernel->nr);
  const int64_t tasks = split.row_blocks * split.groups;
  const auto body = [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t row = task / split.groups * split.block_rows;
      const int64_t panel = task % split.groups * split.group_panels;
      Task(linear, epilogue, row, std::min(split.block_rows, linear.rows - row), panel,
           std::min(split.group_panels, panels - panel))
          .run();
    }
  };
  const bool small = linear.rows * linear.n * linear.k < 2 * kLeastTask;
  (small ? serial_executor() : executor).parallel_for(tasks, 1, body);
}

}  // namespace demitasse
