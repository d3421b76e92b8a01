#include "conv/code_convolution.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "conv/finish.h"
#include "conv/lines.h"
#include "conv/panels.h"
#include "conv/reference_convolution.h"
#include "core/error.h"
#include "gemm/blocking.h"
#include "gemm/workspace.h"
#include "norm/rows.h"
#include "quantize/parameters.h"

namespace demitasse {
namespace {

// So many products of distances of codes are exact in 24 bits.
constexpr int64_t kMostTaps = 512;

// |x - zero point| <= 255 and |w| <= 128.
constexpr int64_t kMostDepth = 65536;

// Codes that a step of a tile takes.
constexpr int64_t kStep = 4;

// Output pixels of a task.
constexpr int64_t kTaskPixels = 192;

// What belongs to the output channels for one x: arrays of whole vectors.
class Columns {
 public:
  Columns(const std::vector<float>& scales, const std::vector<int32_t>& sums,
          CodeParameters x_parameters)
      : scales_(scales.size() + 64, 0.0f), zero_sums_(scales.size() + 64, 0) {
    for (size_t i = 0; i < scales.size(); ++i) {
      scales_[i] = x_parameters.scale * scales[i];
      zero_sums_[i] = x_parameters.zero_point * sums[i];
    }
  }
  const float* scales() const { return scales_.data(); }
  const int32_t* zero_sums() const { return zero_sums_.data(); }

 private:
  std::vector<float> scales_;
  std::vector<int32_t> zero_sums_;
};

struct Run {
  const uint8_t* x;
  const ConvolutionPlace& place;
  CodeParameters x_parameters;
  const Columns& columns;
  const Finish& finish;
  uint8_t* codes;
  CodeParameters y_parameters;

  CodeEpilogue code_epilogue(int64_t pixel, int64_t channel) const {
    CodeEpilogue epilogue;
    epilogue.scales = columns.scales() + channel;
    epilogue.zero_sums = columns.zero_sums() + channel;
    if (codes != nullptr) epilogue.codes = codes + finish.at(pixel, channel);
    epilogue.inverse_scale = 1 / y_parameters.scale;
    epilogue.zero_point = y_parameters.zero_point;
    return epilogue;
  }
};

class CodeConvolution : public CodeConvolutionWeight {
 public:
  CodeConvolution(Isa isa, const ConvolutionKernel& kernel, const float* scales,
                  int64_t scale_count)
      : isa_(isa), kernel_(kernel), scales_(kernel.out_channels), sums_(kernel.out_channels) {
    for (int64_t o = 0; o < kernel.out_channels; ++o) scales_[o] = scales[scale_count == 1 ? 0 : o];
  }
  const ConvolutionKernel& kernel() const override { return kernel_; }

  void run(const uint8_t* x, CodeParameters x_parameters, const ConvolutionPlace& place,
           const ConvolutionEpilogue& epilogue, uint8_t* codes, CodeParameters y_parameters,
           const Executor& executor) const override {
    const PaddedBias bias(epilogue.bias, kernel_.out_channels);
    const Finish finish(isa_, epilogue, kernel_.band(), bias.data());
    const Columns columns(scales_, sums_, x_parameters);
    run(Run{x, place, x_parameters, columns, finish, codes, y_parameters}, executor);
  }

 protected:
  virtual void run(const Run& run, const Executor& executor) const = 0;

  const Isa isa_;
  const ConvolutionKernel kernel_;
  std::vector<float> scales_;
  std::vector<int32_t> sums_;  // of codes, per output channel
};

// The meaning: plain loops.
class ReferenceCodeConvolution final : public CodeConvolutionWeight {
 public:
  ReferenceCodeConvolution(const ConvolutionKernel& kernel, const int8_t* codes,
                           const float* scales, int64_t scale_count)
      : kernel_(kernel),
        codes_(codes, codes + kernel.out_channels * kernel.depth()),
        scales_(scales, scales + scale_count) {}
  const ConvolutionKernel& kernel() const override { return kernel_; }
  int64_t bytes() const override {
    return static_cast<int64_t>(codes_.size() + scales_.size() * sizeof(float));
  }

  void run(const uint8_t* x, CodeParameters x_parameters, const ConvolutionPlace& place,
           const ConvolutionEpilogue& epilogue, uint8_t* codes, CodeParameters y_parameters,
           const Executor&) const override {
    for (int64_t line = 0; line < place.batch * place.out_height; ++line) {
      for (int64_t ow = 0; ow < place.out_width; ++ow) {
        for (int64_t o = 0; o < kernel_.out_channels; ++o) {
          const int32_t sum = sum_at(x, x_parameters.zero_point, place, line, ow, o);
          const float scale = x_parameters.scale * scales_[scales_.size() == 1 ? 0 : o];
          const int64_t index = result_index(kernel_, place, line, ow, o);
          const float y = reference_epilogue(epilogue, static_cast<float>(sum) * scale, o, index);
          if (codes == nullptr) {
            epilogue.out[index] = y;
          } else {
            codes[index] = requantize(y, {y_parameters.scale, y_parameters.zero_point});
          }
        }
      }
    }
  }

 private:
  int32_t sum_at(const uint8_t* x, int32_t zero_point, const ConvolutionPlace& place, int64_t line,
                 int64_t ow, int64_t o) const {
    const int64_t first = o / (kernel_.out_channels / kernel_.group) * kernel_.group_channels;
    const int8_t* w = codes_.data() + o * kernel_.depth();
    int32_t sum = 0;
    for (int64_t c = 0; c < kernel_.group_channels; ++c) {
      for (int64_t i = 0; i < kernel_.height; ++i) {
        const int64_t h =
            line % place.out_height * place.stride_h - place.pad_top + i * place.dilation_h;
        for (int64_t j = 0; j < kernel_.width; ++j, ++w) {
          const int64_t v = ow * place.stride_w - place.pad_left + j * place.dilation_w;
          if (h < 0 || h >= place.height || v < 0 || v >= place.width) continue;
          const int64_t pixel = (line / place.out_height * place.height + h) * place.width + v;
          sum += (x[pixel * kernel_.channels() + first + c] - zero_point) * *w;
        }
      }
    }
    return sum;
  }

  const ConvolutionKernel kernel_;
  const std::vector<int8_t> codes_;
  const std::vector<float> scales_;
};

class DepthwiseCodeConvolution final : public CodeConvolution {
 public:
  DepthwiseCodeConvolution(Isa isa, const ConvolutionKernel& kernel, const int8_t* codes,
                           const float* scales, int64_t scale_count)
      : CodeConvolution(isa, kernel, scales, scale_count),
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
    const int64_t work = rows * place.out_width * kernel_.out_channels * taps_;
    const Executor& used = work < 2 * kLeastConvolutionTask ? serial_executor() : executor;
    const int64_t grain =
        std::max<int64_t>(1, quotient_up(rows, used.threads() * kConvolutionTasksPerThread));
    used.parallel_for(rows, grain, [&](int64_t begin, int64_t end) {
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

// Input read in place, and a copy of its end for what begins so near to it that the last step would
// read beyond. To be asked in ascending order first.
class ReadableEnd {
 public:
  ReadableEnd(const uint8_t* end, int64_t reach) : end_(end), reach_(reach) {}

  const uint8_t* operator()(const uint8_t* from) {
    if (end_ - from >= reach_) return from;
    if (copy_.empty()) {
      copied_from_ = from;
      copy_.assign(from, end_);
      copy_.resize(copy_.size() + kStep);
    }
    return copy_.data() + (from - copied_from_);
  }

 private:
  const uint8_t* const end_;
  const int64_t reach_;
  const uint8_t* copied_from_ = nullptr;
  std::vector<uint8_t> copy_;
};

// Any number of groups. A segment's last step may read up to three bytes of what follows it, which
// meet weights of zero.
//
//   x: 3 channels, kernel width 3       r g b r | g b r g | b . . .    one segment, 3 steps of 4
//   2 groups of 3 channels, a tap       r g b . |  and   s t u .       one step each
class DenseCodeConvolution final : public CodeConvolution {
 public:
  DenseCodeConvolution(Isa isa, const ConvolutionKernel& kernel, const int8_t* codes,
                       const float* scales, int64_t scale_count)
      : CodeConvolution(isa, kernel, scales, scale_count),
        kernels_(convolution_kernels(isa)),
        parts_(kernel.group * kernel.block),
        outs_(kernel.out_channels / parts_),
        split_(outs_, kernels_.lanes, kernels_.code_panel_vectors),
        segment_(kernel.group_channels * (kernel.group == 1 ? kernel.width : 1)),
        depth_(kernel.depth() / segment_ * round_up(segment_, kStep)),
        part_bytes_(split_.padded_channels() * depth_),
        bytes_(part_bytes_ * parts_),
        w_(bytes_) {
    std::memset(w_.data(), 0, bytes_);
    for (int64_t part = 0; part < parts_; ++part) {
      for (int64_t panel = 0; panel < split_.panels(); ++panel) pack(part, panel, codes);
    }
  }
  int64_t bytes() const override { return bytes_ + kernel_.out_channels * 8; }

 private:
  void run(const Run& run, const Executor& executor) const override {
    const Lines lines(kernel_, run.place, kStep);
    if (lines.count() == 0 || lines.pixels() == 0) return;
    if (lines.oversized()) {
      fail(DMT_UNSUPPORTED, "a convolution of codes reaches too far: its input takes too much");
    }
    const int64_t work = lines.count() * lines.pixels() * kernel_.out_channels * kernel_.depth();
    const Executor& used = work < 4 * kLeastConvolutionTask ? serial_executor() : executor;
    const int64_t image_lines = lines.image_lines();
    const int64_t row_bytes = lines.flat() ? kernel_.channels() : 0;
    int64_t most = kTaskPixels;
    if (lines.flat()) {
      most = std::clamp<int64_t>(kConvolutionTaskBytes / row_bytes / 8 * 8, 8, kTaskPixels);
    } else {
      most = std::max<int64_t>(1, kTaskPixels / lines.pixels());
      while (lines.copied() && most > 1 && lines.strip_elements(most) > kConvolutionTaskBytes) {
        --most;
      }
    }
    const int64_t count = lines.flat() ? lines.pixels() : lines.count();
    const int64_t within = lines.flat() ? lines.pixels() : image_lines;
    const int64_t tasks_wanted = std::clamp<int64_t>(work / (2 * kLeastConvolutionTask), 1,
                                                     used.threads() * kConvolutionTasksPerThread);
    const int64_t per =
        used.threads() == 1 ? most : std::clamp<int64_t>(quotient_up(count, tasks_wanted), 1, most);
    const int64_t within_tasks = quotient_up(within, per);
    used.parallel_for(count / within * within_tasks, 1, [&](int64_t begin, int64_t end) {
      for (int64_t task = begin; task < end; ++task) {
        const int64_t at = task % within_tasks * per;
        const int64_t first = task / within_tasks * within + at;
        const int64_t size = std::min(per, within - at);
        if (lines.flat()) {
          run_pixels(run, lines, first, size);
        } else {
          run_lines(run, lines, first, size);
        }
      }
    });
  }

  void run_pixels(const Run& run, const Lines& lines, int64_t first, int64_t count) const {
    ReadableEnd readable(end_of(run), lines.reach(count));
    const uint8_t* x = readable(run.x + first * lines.stride());
    for (int64_t part = 0; part < parts_; ++part) {
      for (int64_t panel = 0; panel < split_.panels(); ++panel) {
        multiply(run, part, panel, x, lines, first, count);
      }
    }
    if (run.codes == nullptr) run.finish.rest(first, count);
  }

  void run_lines(const Run& run, const Lines& lines, int64_t first, int64_t count) const {
    uint8_t* strip = nullptr;
    const int64_t strip_bytes = lines.strip_elements(count);
    const Workspace memory([&](Workspace& workspace) {
      if (lines.copied()) workspace.piece(strip, strip_bytes + kStep);
    });
    if (lines.copied()) {
      lines.copy(run.x, first, count, static_cast<uint8_t>(run.x_parameters.zero_point), strip);
      std::memset(strip + strip_bytes, 0, kStep);
    }
    ReadableEnd readable(end_of(run), lines.reach(lines.pixels()));
    for (int64_t part = 0; part < parts_; ++part) {
      for (int64_t panel = 0; panel < split_.panels(); ++panel) {
        for (int64_t line = first; line < first + count; ++line) {
          const uint8_t* x = lines.copied() ? lines.in_strip(strip, first, line)
                                            : readable(lines.in_place(run.x, line));
          const int64_t row = line * kernel_.block + part % kernel_.block;
          multiply(run, part, panel, x, lines, row * lines.pixels(), lines.pixels());
        }
      }
    }
    const int64_t row_pixels = kernel_.block * lines.pixels();
    if (run.codes == nullptr) run.finish.rest(first * row_pixels, count * row_pixels);
  }

  const uint8_t* end_of(const Run& run) const {
    const ConvolutionPlace& place = run.place;
    return run.x + place.batch * place.height * place.width * kernel_.channels();
  }

  void multiply(const Run& run, int64_t part, int64_t panel, const uint8_t* x, const Lines& lines,
                int64_t pixel, int64_t pixels) const {
    const int64_t channel = part * outs_ + split_.first_channel(panel);
    CodeTileCall call;
    call.x = x + part / kernel_.block * kernel_.group_channels;
    call.stride = lines.stride();
    call.rows = pixels;
    call.offsets = lines.offsets().data();
    call.segments = static_cast<int64_t>(lines.offsets().size());
    call.steps = lines.steps();
    call.w = panel_of(part, panel);
    call.vectors = split_.vectors(panel);
    call.tail = split_.tail(panel);
    call.epilogue = run.finish.tile(pixel, channel);
    call.codes = run.code_epilogue(pixel, channel);
    kernels_.code_tile(call);
  }

  int8_t* panel_of(int64_t part, int64_t panel) const {
    return w_.data() + part * part_bytes_ + split_.first_channel(panel) * depth_;
  }

  // [k / 4][width][4], k in the order in which Lines reads pixels, each segment from a multiple of
  // 4 on; the source is channels first.
  void pack(int64_t part, int64_t panel, const int8_t* source) {
    const int64_t first = split_.first_channel(panel);
    const int64_t width = split_.vectors(panel) * int64_t{kernels_.lanes};
    const int64_t taps = kernel_.height * kernel_.width;
    int8_t* to = panel_of(part, panel);
    for (int64_t k = 0; k < kernel_.depth(); ++k) {
      const int64_t at = k % kernel_.group_channels * taps + k / kernel_.group_channels;
      const int64_t place = k / segment_ * round_up(segment_, kStep) + k % segment_;
      for (int64_t j = 0; j < std::min(width, outs_ - first); ++j) {
        const int64_t channel = part * outs_ + first + j;
        const int8_t code = source[channel * kernel_.depth() + at];
        to[place / kStep * kStep * width + j * kStep + place % kStep] = code;
        sums_[channel] += code;
      }
    }
  }

  const ConvolutionKernels& kernels_;
  const int64_t parts_;  // groups, or bands of the one there is, which all read the same input
  const int64_t outs_;   // of a part
  const PanelSplit split_;
  const int64_t segment_;     // codes that lie side by side
  const int64_t depth_;       // with the zeros that fill up the steps
  const int64_t part_bytes_;  // of a part's panels
  const int64_t bytes_;
  const AlignedBuffer<int8_t> w_;
};

}  // namespace

bool is_code_convolution(const ConvolutionKernel& kernel) {
  return !kernel.channels_first && kernel.depth() <= kMostDepth;
}

std::unique_ptr<CodeConvolutionWeight> pack_code_convolution(Isa isa,
                                                             const ConvolutionKernel& kernel,
                                                             const int8_t* codes,
                                                             const float* scales,
                                                             int64_t scale_count) {
  if (isa == Isa::scalar) {
    return std::make_unique<ReferenceCodeConvolution>(kernel, codes, scales, scale_count);
  }
  if (kernel.depthwise() && kernel.height * kernel.width <= kMostTaps) {
    return std::make_unique<DepthwiseCodeConvolution>(isa, kernel, codes, scales, scale_count);
  }
  return std::make_unique<DenseCodeConvolution>(isa, kernel, codes, scales, scale_count);
}

}  // namespace demitasse
