// Transposed convolution whose windows neither overlap nor leave gaps (stride = kernel, no
// padding): input pixel (h, w) alone makes output pixels (h s + i, w s + j). For one i the results
// of all (j, channel) lie side by side, so each row of the kernel is a pointwise convolution with
// width * out_channels outputs, written in place.
#include <algorithm>
#include <cstring>

#include "conv/finish.h"
#include "conv/panels.h"
#include "conv/reference_convolution.h"
#include "gemm/blocking.h"

namespace demitasse {
namespace {

class TransposedConvolution final : public ConvolutionWeight {
 public:
  TransposedConvolution(Isa isa, const ConvolutionKernel& kernel, const float* source)
      : isa_(isa),
        kernel_(kernel),
        outs_(kernel.width * kernel.out_channels),
        split_(outs_, isa == Isa::scalar ? 1 : convolution_kernels(isa).lanes,
               isa == Isa::scalar ? 1 : convolution_kernels(isa).panel_vectors),
        row_size_(split_.padded_channels() * kernel.group_channels),
        w_(row_size_ * kernel.height) {
    std::fill_n(w_.data(), row_size_ * kernel.height, 0.0f);
    for (int64_t i = 0; i < kernel.height; ++i) {
      for (int64_t panel = 0; panel < split_.panels(); ++panel) pack(i, panel, source);
    }
  }
  const ConvolutionKernel& kernel() const override { return kernel_; }
  int64_t bytes() const override { return row_size_ * kernel_.height * 4; }

  void run(const float* x, const ConvolutionPlace& place, const ConvolutionEpilogue& epilogue,
           const Executor& executor) const override {
    if (isa_ == Isa::scalar) return run_scalar(x, place, epilogue);
    const PaddedBias bias(epilogue.bias, kernel_.out_channels, kernel_.width);
    const Finish finish(isa_, epilogue, kernel_.out_channels, bias.data());
    const int64_t rows = place.batch * place.height;
    const int64_t work = rows * place.width * kernel_.height * outs_ * kernel_.group_channels;
    const Executor& used = work < 2 * kLeastConvolutionTask ? serial_executor() : executor;
    const int64_t grain =
        std::max<int64_t>(1, quotient_up(rows, used.threads() * kConvolutionTasksPerThread));
    used.parallel_for(rows, grain, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        for (int64_t i = 0; i < kernel_.height; ++i) {
          const int64_t pixel = (row * kernel_.height + i) * place.out_width;
          run_row(x + row * place.width * kernel_.group_channels, place.width, i,
                  finish.tile(pixel, 0));
          finish.rest(pixel, place.out_width);
        }
      }
    });
  }

 private:
  void run_row(const float* x, int64_t pixels, int64_t i, const TileEpilogue& epilogue) const {
    static constexpr int64_t kNoOffset = 0;
    for (int64_t panel = 0; panel < split_.panels(); ++panel) {
      const int64_t first = split_.first_channel(panel);
      ConvolutionTileCall call;
      call.x = x;
      call.stride = kernel_.group_channels;
      call.rows = pixels;
      call.offsets = &kNoOffset;
      call.segments = 1;
      call.steps = kernel_.group_channels;
      call.w = panel_of(i, panel);
      call.vectors = split_.vectors(panel);
      call.tail = split_.tail(panel);
      call.epilogue = epilogue;
      call.epilogue.bias += first;
      call.epilogue.out += first;
      if (epilogue.residual != nullptr) call.epilogue.residual += first;
      call.epilogue.stride = outs_;
      convolution_kernels(isa_).tile(call);
    }
  }

  // Its panels are one channel wide.
  void run_scalar(const float* x, const ConvolutionPlace& place,
                  const ConvolutionEpilogue& epilogue) const {
    const int64_t rows = place.batch * place.out_height;
    int64_t index = 0;
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t v = 0; v < place.out_width; ++v) {
        const float* pixel =
            x + (row / kernel_.height * place.width + v / kernel_.width) * kernel_.group_channels;
        for (int64_t o = 0; o < kernel_.out_channels; ++o, ++index) {
          const float* w =
              panel_of(row % kernel_.height, v % kernel_.width * kernel_.out_channels + o);
          float sum = 0;
          for (int64_t c = 0; c < kernel_.group_channels; ++c) sum += pixel[c] * w[c];
          epilogue.out[index] = reference_epilogue(epilogue, sum, o, index);
        }
      }
    }
  }

  float* panel_of(int64_t i, int64_t panel) const {
    return w_.data() + i * row_size_ + split_.first_channel(panel) * kernel_.group_channels;
  }

  // The source is [in_channels][out_channels][height][width], a panel [in_channels][width].
  void pack(int64_t i, int64_t panel, const float* source) {
    const int64_t first = split_.first_channel(panel);
    const int64_t width = split_.first_channel(panel + 1) - first;
    float* to = panel_of(i, panel);
    for (int64_t c = 0; c < kernel_.group_channels; ++c, to += width) {
      for (int64_t n = first; n < std::min(first + width, outs_); ++n) {
        const int64_t j = n / kernel_.out_channels, o = n % kernel_.out_channels;
        to[n - first] =
            source[((c * kernel_.out_channels + o) * kernel_.height + i) * kernel_.width + j];
      }
    }
  }

  const Isa isa_;
  const ConvolutionKernel kernel_;
  const int64_t outs_;  // results of an input pixel in one output row
  const PanelSplit split_;
  const int64_t row_size_;  // elements of the panels of a row of the kernel
  const AlignedBuffer<float> w_;
};

}  // namespace

std::unique_ptr<ConvolutionWeight> pack_transposed_convolution(Isa isa,
                                                               const ConvolutionKernel& kernel,
                                                               const float* source) {
  return std::make_unique<TransposedConvolution>(isa, kernel, source);
}

}  // namespace demitasse
