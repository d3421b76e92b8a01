// Depthwise convolution of codes: four input rows at once where there is vpdpbusd, else as floats.
#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

#include "conv/packed_code_convolution.h"
#include "gemm/blocking.h"
#include "gemm/workspace.h"

namespace demitasse {
namespace {

constexpr int64_t kLanes = 16;

// Interleaved rows of a task stay in the near caches.
constexpr int64_t kStripBytes = 64 << 10;

class FloatDepthwise final : public PackedCodeConvolution {
 public:
  FloatDepthwise(Isa isa, const ConvolutionKernel& kernel, const int8_t* codes, const float* scales,
                 int64_t scale_count)
      : PackedCodeConvolution(isa, kernel, scales, scale_count),
        taps_(kernel.height * kernel.width),
        w_stride_(round_up(kernel.out_channels, 16)),
        w_(taps_ * w_stride_) {
    std::fill_n(w_.data(), taps_ * w_stride_, 0.0f);
    for (int64_t c = 0; c < kernel.out_channels; ++c) {
      for (int64_t t = 0; t < taps_; ++t) w_.data()[t * w_stride_ + c] = codes[c * taps_ + t];
    }
  }
  int64_t bytes() const override { return taps_ * w_stride_ * 4 + kernel_.out_channels * 8; }

 private:
  void run(const Run& run, const Executor& executor) const override {
    const ConvolutionPlace& place = run.place;
    const int64_t rows = place.batch * place.out_height;
    const int64_t tasks =
        code_tasks(rows * place.out_width * w_stride_, 8 * taps_, executor.threads());
    const Executor& used = tasks == 1 ? serial_executor() : executor;
    used.parallel_for(rows, quotient_up(rows, tasks), [&](int64_t begin, int64_t end) {
      std::vector<const uint8_t*> inputs(kernel_.height);
      for (int64_t row = begin; row < end; ++row) run_row(run, row, inputs);
      if (run.codes == nullptr) {
        run.finish.rest(begin * place.out_width, (end - begin) * place.out_width);
      }
    });
  }

  void run_row(const Run& run, int64_t row, std::vector<const uint8_t*>& inputs) const {
    const ConvolutionPlace& place = run.place;
    const int64_t channels = kernel_.out_channels;
    for (int64_t i = 0; i < kernel_.height; ++i) {
      const int64_t h =
          row % place.out_height * place.stride_h - place.pad_top + i * place.dilation_h;
      const int64_t line = row / place.out_height * place.height + h;
      inputs[i] = h < 0 || h >= place.height ? nullptr : run.x + line * place.width * channels;
    }
    CodeDepthwiseCall call;
    call.rows = inputs.data();
    call.kernel_height = kernel_.height;
    call.kernel_width = kernel_.width;
    call.channels = channels;
    call.stride = channels;
    call.width = place.width;
    call.out_width = place.out_width;
    call.stride_w = place.stride_w;
    call.pad_left = place.pad_left;
    call.dilation_w = place.dilation_w;
    call.zero_point = run.x_parameters.zero_point;
    call.w = w_.data();
    call.w_stride = w_stride_;
    call.epilogue = run.finish.tile(row * place.out_width, 0);
    call.codes = run.code_epilogue(row * place.out_width, 0);
    convolution_kernels(isa_).code_depthwise(call);
  }

  const int64_t taps_, w_stride_;
  const AlignedBuffer<float> w_;
};

// Neighbouring pixels that fill whole vectors together, where columns lie side by side. Many
// channels are better off with columns that begin at cache lines.
int64_t pixels_together(int64_t channels) {
  if (channels < kLanes && kLanes % channels == 0) return kLanes / channels;
  return channels == kLanes * 3 / 2 ? 2 : 1;
}

// A task interleaves the input of some output rows and columns by fours of rows. Weights are packed
// for every position of an output row's window against a quad, so that rows share quads:
//
//   3 rows, stride 1         5 rows, stride 1
//   row 0: w0 w1 w2 .        row 0: w0 w1 w2 w3 | w4 .  .  .       offsets 0 and -4
//   row 1: .  w0 w1 w2       row 1: .  w0 w1 w2 | w3 w4 .  .       offsets 1 and -3
//                            row 3: .  .  .  w0 | w1 w2 w3 w4      offsets 3 and -1
//
// Quads begin at the first row inside of the image; padding in a quad has the code of zero.
class QuadDepthwise final : public PackedCodeConvolution {
 public:
  QuadDepthwise(Isa isa, const ConvolutionKernel& kernel, const int8_t* codes, const float* scales,
                int64_t scale_count)
      : PackedCodeConvolution(isa, kernel, scales, scale_count),
        together_(pixels_together(kernel.out_channels)),
        w_channels_(round_up(kernel.out_channels * together_, kLanes)),
        w_stride_(4 * w_channels_),
        w_bytes_(kernel.width * w_stride_),
        w_((kernel.height + 3) * w_bytes_),
        w_sums_((kernel.height + 3) * w_channels_) {
    std::memset(w_.data(), 0, (kernel.height + 3) * w_bytes_);
    std::fill_n(w_sums_.data(), (kernel.height + 3) * w_channels_, 0);
    for (int64_t offset = 1 - kernel.height; offset <= 3; ++offset) pack(offset, codes);
  }
  int64_t bytes() const override {
    return (kernel_.height + 3) * (w_bytes_ + 4 * w_channels_) + kernel_.out_channels * 8;
  }

 private:
  // How one place is cut up.
  struct Cut {
    bool gathered;     // the taps of each pixel side by side: pixels share no columns
    int64_t together;  // pixels per vector or vectors
    int64_t pitch;     // channels between columns of a quad
    int64_t step;      // columns between pixels
    int64_t row_step;  // input rows between those of a quad
    int64_t rows;      // output rows of a task
    int64_t quads;     // of a task, at most
    int64_t pixels;    // of an output row that a task takes
    int64_t quad_bytes;
    int64_t row_tasks, column_tasks;  // of an image
    int64_t tasks, wanted;            // of all; so many are worth it
  };

  int64_t repeats(const ConvolutionPlace& place) const override {
    return !gathered(place) && place.stride_w == 1 && place.out_width >= together_ ? together_ : 1;
  }

  // Windows that leave columns out are copied tap by tap.
  bool gathered(const ConvolutionPlace& place) const {
    return place.dilation_w != 1 || place.stride_w > kernel_.width;
  }

  Cut cut(const ConvolutionPlace& place, int threads) const {
    const int64_t channels = kernel_.out_channels;
    Cut cut;
    cut.gathered = gathered(place);
    cut.together = repeats(place);
    cut.pitch = cut.together > 1 ? channels : round_up(channels, kLanes);
    cut.step = cut.gathered ? kernel_.width : place.stride_w;
    cut.row_step = place.dilation_h;
    const int64_t kernel_quads = quotient_up(kernel_.height, 4);
    if (place.dilation_h != 1) {
      cut.rows = 1;
      cut.quads = kernel_quads;
    } else if (place.height <= 4) {
      cut.rows = place.out_height;
      cut.quads = 1;
    } else {
      cut.rows = (4 * kernel_quads - kernel_.height) / place.stride_h + 1;
      cut.quads = kernel_quads;
    }
    cut.row_tasks = quotient_up(place.out_height, cut.rows);
    const int64_t results = place.batch * place.out_height * place.out_width;
    cut.wanted =
        code_tasks(results * round_up(channels, kLanes), 4 * kernel_.width * cut.quads, threads);
    const int64_t block = 8 * cut.together;
    const int64_t blocks = quotient_up(place.out_width, block);
    const int64_t fitting =
        std::max<int64_t>(1, kStripBytes / (cut.quads * 4 * cut.pitch * cut.step * block));
    const int64_t parts = std::max(quotient_up(blocks, fitting),
                                   quotient_up(cut.wanted, place.batch * cut.row_tasks));
    cut.pixels = quotient_up(blocks, std::min(parts, blocks)) * block;
    cut.column_tasks = quotient_up(place.out_width, cut.pixels);
    const int64_t columns = (cut.pixels - 1) * cut.step + kernel_.width;
    // A vector may reach beyond the last column.
    cut.quad_bytes = round_up(4 * columns * cut.pitch, 64) + w_stride_;
    cut.tasks = place.batch * cut.row_tasks * cut.column_tasks;
    return cut;
  }

  void run(const Run& run, const Executor& executor) const override {
    const ConvolutionPlace& place = run.place;
    if (place.batch * place.out_height * place.out_width == 0) return;
    const Cut cut = this->cut(place, executor.threads());
    const Executor& used = cut.wanted == 1 ? serial_executor() : executor;
    const int64_t grain = quotient_up(cut.tasks, cut.wanted);
    used.parallel_for(cut.tasks, grain, [&](int64_t begin, int64_t end) {
      uint8_t* strip = nullptr;
      const Workspace memory(
          [&](Workspace& workspace) { workspace.piece(strip, cut.quads * cut.quad_bytes); });
      std::vector<CodeQuad> quads(cut.quads);
      for (int64_t task = begin; task < end; ++task) run_task(run, cut, task, strip, quads);
    });
  }

  void run_task(const Run& run, const Cut& cut, int64_t task, uint8_t* strip,
                std::vector<CodeQuad>& quads) const {
    const ConvolutionPlace& place = run.place;
    const int64_t image = task / cut.column_tasks / cut.row_tasks;
    const int64_t first_row = task / cut.column_tasks % cut.row_tasks * cut.rows;
    const int64_t rows = std::min(cut.rows, place.out_height - first_row);
    const int64_t first_pixel = task % cut.column_tasks * cut.pixels;
    const int64_t pixels = std::min(cut.pixels, place.out_width - first_pixel);
    // Input rows of the task: those of padding before are left out, but not where rows are dilated.
    const int64_t top = first_row * place.stride_h - place.pad_top;
    const int64_t reach = (rows - 1) * place.stride_h + (kernel_.height - 1) * place.dilation_h;
    const int64_t from = cut.row_step == 1 ? std::max<int64_t>(top, 0) : top;
    const int64_t to = std::min(top + reach, place.height - 1);
    const int64_t count =
        to < from ? 0 : std::min(cut.quads, quotient_up((to - from) / cut.row_step + 1, 4));
    for (int64_t q = 0; q < count; ++q) {
      fill(run, cut, image, from + 4 * q * cut.row_step, first_pixel, pixels,
           strip + q * cut.quad_bytes);
    }
    for (int64_t row = first_row; row < first_row + rows; ++row) {
      int64_t used = 0;
      for (int64_t q = 0; q < count; ++q) {
        const int64_t h = row * place.stride_h - place.pad_top;
        const int64_t offset = (h - from) / cut.row_step - 4 * q;
        if (offset > 3 || offset <= -kernel_.height) continue;
        const int64_t position = offset + kernel_.height - 1;
        quads[used++] = {strip + q * cut.quad_bytes, w_.data() + position * w_bytes_,
                         w_sums_.data() + position * w_channels_};
      }
      run_row(run, cut, (image * place.out_height + row) * place.out_width + first_pixel, pixels,
              quads.data(), used);
    }
  }

  void run_row(const Run& run, const Cut& cut, int64_t pixel, int64_t pixels, CodeQuad* quads,
               int64_t count) const {
    const auto multiply = [&](int64_t first, int64_t groups, int64_t together) {
      CodeQuadCall call;
      call.quads = quads;
      call.count = count;
      call.kernel_width = kernel_.width;
      call.pixels = groups;
      call.channels = together * kernel_.out_channels;
      call.column = 4 * cut.pitch;
      call.step = together * cut.step;
      call.w_stride = w_stride_;
      call.zero_point = run.x_parameters.zero_point;
      call.epilogue = run.finish.tile(pixel + first, 0);
      call.epilogue.stride = call.channels;
      call.codes = run.code_epilogue(pixel + first, 0);
      convolution_kernels(isa_).code_quads(call);
    };
    const int64_t groups = pixels / cut.together, done = groups * cut.together;
    if (groups > 0) multiply(0, groups, cut.together);
    if (done < pixels) {
      for (int64_t q = 0; q < count; ++q) quads[q].x += 4 * done * cut.step * cut.pitch;
      multiply(done, 1, pixels - done);
    }
    if (run.codes == nullptr) run.finish.rest(pixel, pixels);
  }

  // The columns that some pixels need of four rows from h on.
  void fill(const Run& run, const Cut& cut, int64_t image, int64_t h, int64_t first_pixel,
            int64_t pixels, uint8_t* to) const {
    const ConvolutionPlace& place = run.place;
    const int64_t channels = kernel_.out_channels;
    InterleaveCall call;
    call.zero = static_cast<uint8_t>(run.x_parameters.zero_point);
    for (int64_t r = 0; r < 4; ++r, h += cut.row_step) {
      if (h < 0 || h >= place.height) continue;
      call.rows[r] = run.x + (image * place.height + h) * place.width * channels;
    }
    const int64_t left = first_pixel * place.stride_w - place.pad_left;
    if (!cut.gathered) {
      fill_columns(cut, call, place.width, left, 1, (pixels - 1) * cut.step + kernel_.width, to, 1);
      return;
    }
    for (int64_t j = 0; j < kernel_.width; ++j) {
      fill_columns(cut, call, place.width, left + j * place.dilation_w, place.stride_w, pixels,
                   to + 4 * j * cut.pitch, kernel_.width);
    }
  }

  // Columns v, v + step, .. of the input to every `to_step`-th column of a quad.
  void fill_columns(const Cut& cut, InterleaveCall call, int64_t width, int64_t v, int64_t step,
                    int64_t count, uint8_t* to, int64_t to_step) const {
    const int64_t channels = kernel_.out_channels;
    const int64_t column = 4 * cut.pitch, to_stride = to_step * column;
    const int64_t begin = v >= 0 ? 0 : std::min(count, quotient_up(-v, step));
    const int64_t end = v >= width ? begin : std::clamp(quotient_up(width - v, step), begin, count);
    const auto pad = [&](int64_t from, int64_t before) {
      if (to_step == 1) {
        std::memset(to + from * column, call.zero, (before - from) * column);
        return;
      }
      for (; from < before; ++from) std::memset(to + from * to_stride, call.zero, column);
    };
    pad(0, begin);
    if (begin < end) {
      const bool whole = step == 1 && to_step == 1 && cut.pitch == channels;
      for (const uint8_t*& row : call.rows) {
        if (row != nullptr) row += (v + begin * step) * channels;
      }
      call.runs = whole ? 1 : end - begin;
      call.count = whole ? (end - begin) * channels : channels;
      call.stride = step * channels;
      call.to_stride = to_stride;
      call.to = to + begin * to_stride;
      convolution_kernels(isa_).interleave(call);
    }
    // Last: whole vectors were written before.
    pad(end, count);
  }

  // The weights where row `offset` of a quad is the first of the window.
  void pack(int64_t offset, const int8_t* source) {
    const int64_t position = offset + kernel_.height - 1, channels = kernel_.out_channels;
    for (int64_t c = 0; c < channels * together_; ++c) {
      const int8_t* taps = source + c % channels * kernel_.height * kernel_.width;
      for (int64_t r = 0; r < 4; ++r) {
        const int64_t i = r - offset;
        if (i < 0 || i >= kernel_.height) continue;
        for (int64_t j = 0; j < kernel_.width; ++j) {
          const int8_t code = taps[i * kernel_.width + j];
          w_.data()[position * w_bytes_ + j * w_stride_ + 4 * c + r] = code;
          w_sums_.data()[position * w_channels_ + c] += code;
        }
      }
    }
  }

  const int64_t together_;
  const int64_t w_channels_;  // with those of all pixels together, in whole vectors
  const int64_t w_stride_;    // bytes between taps
  const int64_t w_bytes_;     // of one position
  const AlignedBuffer<int8_t> w_;
  const AlignedBuffer<int32_t> w_sums_;
};

}  // namespace

std::unique_ptr<CodeConvolutionWeight> pack_depthwise_code_convolution(
    Isa isa, const ConvolutionKernel& kernel, const int8_t* codes, const float* scales,
    int64_t scale_count) {
  if (convolution_kernels(isa).code_quads != nullptr) {
    return std::make_unique<QuadDepthwise>(isa, kernel, codes, scales, scale_count);
  }
  return std::make_unique<FloatDepthwise>(isa, kernel, codes, scales, scale_count);
}

}  // namespace demitasse
