// Drives the floating kernels: cuts the output into tasks, points to or copies their input.
#include <algorithm>
#include <cstring>
#include <vector>

#include "conv/convolution_kernels.h"
#include "conv/finish.h"
#include "conv/lines.h"
#include "conv/panels.h"
#include "conv/reference_convolution.h"
#include "gemm/blocking.h"
#include "gemm/workspace.h"

namespace demitasse {
namespace {

// Output pixels of a task: so many share a panel while it is in L1 or L2.
constexpr int64_t kTaskPixels = 96;

class ReferenceConvolution final : public ConvolutionWeight {
 public:
  ReferenceConvolution(const ConvolutionKernel& kernel, const float* source)
      : kernel_(kernel), bytes_(kernel.out_channels * kernel.depth() * 4), source_(bytes_ / 4) {
    std::memcpy(source_.data(), source, bytes_);
  }
  const ConvolutionKernel& kernel() const override { return kernel_; }
  int64_t bytes() const override { return bytes_; }
  void run(const float* x, const ConvolutionPlace& place, const ConvolutionEpilogue& epilogue,
           const Executor& executor) const override {
    reference_convolution(kernel_, source_.data(), x, place, epilogue, executor);
  }

 private:
  const ConvolutionKernel kernel_;
  const int64_t bytes_;
  const AlignedBuffer<float> source_;
};

class DepthwiseConvolution final : public ConvolutionWeight {
 public:
  DepthwiseConvolution(Isa isa, const ConvolutionKernel& kernel, const float* source)
      : isa_(isa),
        kernel_(kernel),
        taps_(kernel.height * kernel.width),
        w_stride_(quotient_up(kernel.out_channels, 16) * 16),
        w_(taps_ * w_stride_) {
    std::fill_n(w_.data(), taps_ * w_stride_, 0.0f);
    for (int64_t c = 0; c < kernel.out_channels; ++c) {
      for (int64_t t = 0; t < taps_; ++t) w_.data()[t * w_stride_ + c] = source[c * taps_ + t];
    }
  }
  const ConvolutionKernel& kernel() const override { return kernel_; }
  int64_t bytes() const override { return taps_ * w_stride_ * 4; }

  void run(const float* x, const ConvolutionPlace& place, const ConvolutionEpilogue& epilogue,
           const Executor& executor) const override {
    const int64_t channels = kernel_.out_channels;
    const PaddedBias bias(epilogue.bias, channels);
    const Finish finish(isa_, epilogue, channels, bias.data());
    const int64_t rows = place.batch * place.out_height;
    const int64_t work = rows * place.out_width * channels * taps_;
    const Executor& used = work < 2 * kLeastConvolutionTask ? serial_executor() : executor;
    const int64_t grain =
        std::max<int64_t>(1, quotient_up(rows, used.threads() * kConvolutionTasksPerThread));
    // A block of channels passes down the image before the next: its input rows stay in L2.
    const int64_t block = channel_block(place);
    used.parallel_for(rows, grain, [&](int64_t begin, int64_t end) {
      std::vector<const float*> inputs(kernel_.height);
      for (int64_t channel = 0; channel < channels; channel += block) {
        for (int64_t row = begin; row < end; ++row) {
          run_row(x, place, row, channel, std::min(block, channels - channel), finish, inputs);
        }
      }
      finish.rest(begin * place.out_width, (end - begin) * place.out_width);
    });
  }

 private:
  int64_t channel_block(const ConvolutionPlace& place) const {
    const int64_t row_bytes = 4 * (kernel_.height + 1) * place.width;
    const int64_t fitting = row_bytes == 0 ? 64 : kConvolutionTaskBytes / row_bytes / 16 * 16;
    return std::max<int64_t>(64, fitting);
  }

  void run_row(const float* x, const ConvolutionPlace& place, int64_t row, int64_t channel,
               int64_t channels, const Finish& finish, std::vector<const float*>& inputs) const {
    const int64_t all = kernel_.out_channels;
    const int64_t image = row / place.out_height;
    for (int64_t i = 0; i < kernel_.height; ++i) {
      const int64_t h =
          row % place.out_height * place.stride_h - place.pad_top + i * place.dilation_h;
      inputs[i] = h < 0 || h >= place.height
                      ? nullptr
                      : x + (image * place.height + h) * place.width * all + channel;
    }
    DepthwiseCall call;
    call.rows = inputs.data();
    call.kernel_height = kernel_.height;
    call.kernel_width = kernel_.width;
    call.channels = channels;
    call.stride = all;
    call.width = place.width;
    call.out_width = place.out_width;
    call.stride_w = place.stride_w;
    call.pad_left = place.pad_left;
    call.dilation_w = place.dilation_w;
    call.w = w_.data() + channel;
    call.w_stride = w_stride_;
    call.epilogue = finish.tile(row * place.out_width, channel);
    convolution_kernels(isa_).depthwise(call);
  }

  const Isa isa_;
  const ConvolutionKernel kernel_;
  const int64_t taps_, w_stride_;
  const AlignedBuffer<float> w_;
};

class DenseConvolution final : public ConvolutionWeight {
 public:
  DenseConvolution(Isa isa, const ConvolutionKernel& kernel, const float* source)
      : isa_(isa),
        kernels_(convolution_kernels(isa)),
        kernel_(kernel),
        parts_(kernel.group * kernel.block),
        outs_(kernel.out_channels / parts_),
        split_(outs_, kernels_.lanes, kernels_.panel_vectors),
        part_size_(split_.padded_channels() * kernel.depth()),
        w_(part_size_ * parts_) {
    std::fill_n(w_.data(), part_size_ * parts_, 0.0f);
    for_each_weight([&](int64_t at, float& packed) { packed = source[at]; });
  }
  const ConvolutionKernel& kernel() const override { return kernel_; }
  int64_t bytes() const override { return 4 * part_size_ * parts_; }

  void run(const float* x, const ConvolutionPlace& place, const ConvolutionEpilogue& epilogue,
           const Executor& executor) const override {
    const Lines lines(kernel_, place);
    if (lines.count() == 0 || lines.pixels() == 0) return;
    if (lines.oversized()) {
      std::vector<float> source(kernel_.out_channels * kernel_.depth());
      for_each_weight([&](int64_t at, float packed) { source[at] = packed; });
      return reference_convolution(kernel_, source.data(), x, place, epilogue, executor);
    }
    const PaddedBias bias(epilogue.bias, kernel_.out_channels);
    const Finish finish(isa_, epilogue, kernel_.band(), bias.data());
    const int64_t work = lines.count() * lines.pixels() * kernel_.out_channels * kernel_.depth();
    const Executor& used = work < 2 * kLeastConvolutionTask ? serial_executor() : executor;
    if (lines.flat()) {
      run_pixels(x, lines, finish, used, work);
    } else {
      run_lines(x, lines, finish, used, work);
    }
  }

 private:
  // Pixels, or lines of pixels, of a task.
  static int64_t per_task(int64_t count, int64_t most, int64_t work, int threads) {
    if (threads == 1) return std::min(count, most);
    const int64_t tasks = std::max<int64_t>(
        1, std::min<int64_t>(threads * kConvolutionTasksPerThread, work / kLeastConvolutionTask));
    return std::clamp<int64_t>(quotient_up(count, tasks), 1, most);
  }

  void run_pixels(const float* x, const Lines& lines, const Finish& finish,
                  const Executor& executor, int64_t work) const {
    const int64_t row_bytes = 4 * kernel_.channels();
    const int64_t most =
        std::clamp<int64_t>(kConvolutionTaskBytes / row_bytes / 8 * 8, 8, kTaskPixels);
    const int64_t pixels = per_task(lines.pixels(), most, work, executor.threads());
    executor.parallel_for(quotient_up(lines.pixels(), pixels), 1, [&](int64_t begin, int64_t end) {
      for (int64_t task = begin; task < end; ++task) {
        const int64_t first = task * pixels;
        const int64_t count = std::min(pixels, lines.pixels() - first);
        for (int64_t part = 0; part < parts_; ++part) {
          for (int64_t panel = 0; panel < split_.panels(); ++panel) {
            multiply(part, panel, x + first * lines.stride(), lines, first, count, finish);
          }
        }
        finish.rest(first, count);
      }
    });
  }

  void run_lines(const float* x, const Lines& lines, const Finish& finish, const Executor& executor,
                 int64_t work) const {
    const int64_t image_lines = lines.image_lines();
    int64_t most = std::max<int64_t>(1, kTaskPixels / lines.pixels());
    while (lines.copied() && most > 1 && lines.strip_elements(most) * 4 > kConvolutionTaskBytes)
      --most;
    const int64_t per = per_task(lines.count(), most, work, executor.threads());
    const int64_t image_tasks = quotient_up(image_lines, per);
    const int64_t tasks = lines.count() / image_lines * image_tasks;
    executor.parallel_for(tasks, 1, [&](int64_t begin, int64_t end) {
      for (int64_t task = begin; task < end; ++task) {
        const int64_t within = task % image_tasks * per;
        const int64_t first = task / image_tasks * image_lines + within;
        run_task(x, lines, first, std::min(per, image_lines - within), finish);
      }
    });
  }

  void run_task(const float* x, const Lines& lines, int64_t first, int64_t count,
                const Finish& finish) const {
    float* strip = nullptr;
    const Workspace memory([&](Workspace& workspace) {
      if (lines.copied()) workspace.piece(strip, lines.strip_elements(count));
    });
    if (lines.copied()) lines.copy(x, first, count, 0.0f, strip);
    for (int64_t part = 0; part < parts_; ++part) {
      for (int64_t panel = 0; panel < split_.panels(); ++panel) {
        for (int64_t line = first; line < first + count; ++line) {
          const float* from =
              lines.copied() ? lines.in_strip(strip, first, line) : lines.in_place(x, line);
          const int64_t row = line * kernel_.block + part % kernel_.block;
          multiply(part, panel, from, lines, row * lines.pixels(), lines.pixels(), finish);
        }
      }
    }
    const int64_t row_pixels = kernel_.block * lines.pixels();
    finish.rest(first * row_pixels, count * row_pixels);
  }

  // `pixels` pixels of the result from the given one on, whose input begins at x, times one panel.
  void multiply(int64_t part, int64_t panel, const float* x, const Lines& lines, int64_t pixel,
                int64_t pixels, const Finish& finish) const {
    ConvolutionTileCall call;
    call.x = x + part / kernel_.block * kernel_.group_channels;
    call.stride = lines.stride();
    call.rows = pixels;
    call.offsets = lines.offsets().data();
    call.segments = static_cast<int64_t>(lines.offsets().size());
    call.steps = lines.steps();
    call.w = w_.data() + part * part_size_ + split_.first_channel(panel) * kernel_.depth();
    call.vectors = split_.vectors(panel);
    call.tail = split_.tail(panel);
    call.epilogue = finish.tile(pixel, part * outs_ + split_.first_channel(panel));
    kernels_.tile(call);
  }

  // Calls body(place in the source, place in the panels) for every element. Panels are [k][width],
  // k in the order in which Lines reads pixels; the source is channels first.
  template <class Body>
  void for_each_weight(Body&& body) const {
    const int64_t taps = kernel_.height * kernel_.width;
    for (int64_t part = 0; part < parts_; ++part) {
      for (int64_t panel = 0; panel < split_.panels(); ++panel) {
        const int64_t first = split_.first_channel(panel);
        const int64_t width = split_.vectors(panel) * int64_t{kernels_.lanes};
        float* line = w_.data() + part * part_size_ + first * kernel_.depth();
        for (int64_t k = 0; k < kernel_.depth(); ++k, line += width) {
          const int64_t at = kernel_.channels_first
                                 ? k
                                 : k % kernel_.group_channels * taps + k / kernel_.group_channels;
          for (int64_t j = 0; j < std::min(width, outs_ - first); ++j) {
            body((part * outs_ + first + j) * kernel_.depth() + at, line[j]);
          }
        }
      }
    }
  }

  const Isa isa_;
  const ConvolutionKernels& kernels_;
  const ConvolutionKernel kernel_;
  const int64_t parts_;  // groups, or bands of the one there is, which all read the same input
  const int64_t outs_;   // of a part
  const PanelSplit split_;
  const int64_t part_size_;  // elements of a part's panels
  const AlignedBuffer<float> w_;
};

}  // namespace

std::unique_ptr<ConvolutionWeight> pack_float_convolution(Isa isa, const ConvolutionKernel& kernel,
                                                          const float* source) {
  if (isa == Isa::scalar) return std::make_unique<ReferenceConvolution>(kernel, source);
  if (kernel.depthwise()) return std::make_unique<DepthwiseConvolution>(isa, kernel, source);
  return std::make_unique<DenseConvolution>(isa, kernel, source);
}

}  // namespace demitasse
