#include "conv/code_convolution.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "conv/lines.h"
#include "conv/packed_code_convolution.h"
#include "conv/panels.h"
#include "conv/reference_convolution.h"
#include "core/error.h"
#include "gemm/blocking.h"
#include "gemm/workspace.h"
#include "norm/rows.h"
#include "quantize/parameters.h"

namespace demitasse {
namespace {

// |x - zero point| <= 255 and |w| <= 128.
constexpr int64_t kMostDepth = 65536;

// Codes that a step of a tile takes.
constexpr int64_t kStep = 4;

// Output pixels of a task.
constexpr int64_t kTaskPixels = 192;

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
class DenseCodeConvolution final : public PackedCodeConvolution {
 public:
  DenseCodeConvolution(Isa isa, const ConvolutionKernel& kernel, const int8_t* codes,
                       const float* scales, int64_t scale_count)
      : PackedCodeConvolution(isa, kernel, scales, scale_count),
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
    const int64_t results = lines.count() * lines.pixels() * split_.padded_channels() * parts_;
    const int64_t tasks_wanted = code_tasks(results, kernel_.depth(), executor.threads());
    const Executor& used = tasks_wanted == 1 ? serial_executor() : executor;
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
    const int64_t per =
        used.threads() == 1 ? most : std::clamp<int64_t>(quotient_up(count, tasks_wanted), 1, most);
    const int64_t within_tasks = quotient_up(within, per);
    const int64_t tasks = count / within * within_tasks;
    used.parallel_for(tasks, quotient_up(tasks, tasks_wanted), [&](int64_t begin, int64_t end) {
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
  if (kernel.depthwise() && kernel.height * kernel.width <= kMostDepthwiseTaps) {
    return pack_depthwise_code_convolution(isa, kernel, codes, scales, scale_count);
  }
  return std::make_unique<DenseCodeConvolution>(isa, kernel, codes, scales, scale_count);
}

}  // namespace demitasse
