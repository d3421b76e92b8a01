#include "ops/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <vector>

#include "core/aligned_buffer.h"
#include "ops/arguments.h"
#include "ops/dispatch.h"
#include "ops/float_values.h"

namespace demitasse {
namespace {

enum Method { kNearest = 0, kLinear = 1, kCubic = 2 };
enum Coordinates {
  kHalfPixel = 0,
  kHalfPixelSymmetric = 1,
  kPyTorchHalfPixel = 2,
  kAlignCorners = 3,
  kAsymmetric = 4,
  kCropAndResize = 6
};
enum Rounding { kHalfDown = 0, kHalfUp = 1, kDown = 2, kUp = 3 };

struct Options {
  Method method;
  Coordinates coordinates;
  Rounding rounding;
  bool exclude_outside, antialias;
  double cubic, outside;
};

struct Axis {
  int64_t in, out;
  double scale, begin, end;  // the region, in shares of the axis
};

// Where y's index lies on x's axis; NaN: outside the region's image.
double coordinate(const Options& options, const Axis& axis, int64_t index) {
  const auto y = static_cast<double>(index);
  const double s = axis.scale, in = static_cast<double>(axis.in);
  switch (options.coordinates) {
    case kHalfPixel:
      return (y + 0.5) / s - 0.5;
    case kHalfPixelSymmetric: {
      // What is cut off by rounding the size down is taken from both ends.
      const double adjustment = static_cast<double>(axis.out) / (s * in);
      return in / 2 * (1 - adjustment) + (y + 0.5) / s - 0.5;
    }
    case kPyTorchHalfPixel:
      return axis.out == 1 ? 0 : (y + 0.5) / s - 0.5;
    case kAlignCorners: {
      const double length = s * in;  // not rounded
      return length == 1 || axis.out == 1 ? 0 : y * (in - 1) / (length - 1);
    }
    case kAsymmetric:
      return y / s;
    case kCropAndResize: {
      const double x = axis.out == 1
                           ? (axis.begin + axis.end) * (in - 1) / 2
                           : axis.begin * (in - 1) + y * (axis.end - axis.begin) * (in - 1) /
                                                         static_cast<double>(axis.out - 1);
      return x < 0 || x > in - 1 ? NAN : x;
    }
  }
  return NAN;
}

// Keys (1981).
double cubic_weight(double distance, double a) {
  const double x = std::abs(distance);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

// For each output a run of weights on neighbouring inputs. A negative first index stands for an
// output that is outside the region.
struct Taps {
  int64_t count = 1;
  std::vector<int64_t> indices;  // [out][count], within the axis
  std::vector<float> weights;    // the same
  std::vector<uint8_t> outside;  // [out]
};

Taps nearest_taps(const Options& options, const Axis& axis) {
  Taps taps;
  taps.indices.resize(axis.out);
  taps.weights.assign(axis.out, 1.0f);
  taps.outside.assign(axis.out, 0);
  for (int64_t i = 0; i < axis.out; ++i) {
    const double x = coordinate(options, axis, i);
    if (std::isnan(x)) {
      taps.outside[i] = 1;
      continue;
    }
    double rounded = 0;
    switch (options.rounding) {
      case kHalfDown:
        rounded = std::ceil(x - 0.5);
        break;
      case kHalfUp:
        rounded = std::floor(x + 0.5);
        break;
      case kDown:
        rounded = std::floor(x);
        break;
      case kUp:
        rounded = std::ceil(x);
        break;
    }
    taps.indices[i] =
        static_cast<int64_t>(std::clamp(rounded, 0.0, static_cast<double>(axis.in - 1)));
  }
  return taps;
}

Taps weighted_taps(const Options& options, const Axis& axis) {
  const double radius = options.method == kLinear ? 1 : 2;
  // Antialiasing widens the window of the inputs as the axis shrinks; no further than all of it,
  // nor beyond what a scale that fits the sizes asks for.
  const double least =
      std::max(1.0, static_cast<double>(axis.out) / 4) / static_cast<double>(axis.in);
  const double shrink = options.antialias ? std::clamp(axis.scale, std::min(least, 1.0), 1.0) : 1;
  const auto start = static_cast<int64_t>(std::floor(-radius / shrink)) + 1;
  Taps taps;
  taps.count = 2 - 2 * start;
  taps.indices.resize(axis.out * taps.count);
  taps.weights.resize(axis.out * taps.count);
  taps.outside.assign(axis.out, 0);
  std::vector<double> weights(taps.count);
  const double last = static_cast<double>(axis.in - 1);
  for (int64_t i = 0; i < axis.out; ++i) {
    const double x = coordinate(options, axis, i);
    if (std::isnan(x)) {
      taps.outside[i] = 1;
      continue;
    }
    const double base = std::floor(x), ratio = x - base;
    double sum = 0;
    for (int64_t k = 0; k < taps.count; ++k) {
      const double distance = (static_cast<double>(start + k) - ratio) * shrink;
      const double at = base + static_cast<double>(start + k);
      weights[k] = options.method == kLinear ? std::max(0.0, 1 - std::abs(distance))
                                             : cubic_weight(distance, options.cubic);
      if (options.exclude_outside && (at < 0 || at > last)) weights[k] = 0;
      sum += weights[k];
      taps.indices[i * taps.count + k] = static_cast<int64_t>(std::clamp(at, 0.0, last));
    }
    const bool normalize = (options.antialias || options.exclude_outside) && sum != 0;
    for (int64_t k = 0; k < taps.count; ++k) {
      taps.weights[i * taps.count + k] =
          static_cast<float>(normalize ? weights[k] / sum : weights[k]);
    }
  }
  return taps;
}

// One pass along one axis: [outer][in][inner] to [outer][out][inner].
template <class T, class Row>
void resize_axis(int64_t outer, const Axis& axis, int64_t inner, const T* from, T* to,
                 const Executor& executor, Row&& row) {
  const int64_t grain = std::max<int64_t>(1, kElementGrain / std::max<int64_t>(1, inner));
  executor.parallel_for(outer * axis.out, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      row(from + i / axis.out * axis.in * inner, i % axis.out, to + i * inner);
    }
  });
}

// The axes that change, those that shrink first: nothing in between is larger than x or y.
std::vector<int32_t> order_of_axes(const std::vector<Axis>& axes, const Options& options) {
  std::vector<int32_t> order;
  for (size_t i = 0; i < axes.size(); ++i) {
    const bool cropped = options.coordinates == kCropAndResize;
    if (cropped || axes[i].in != axes[i].out || axes[i].scale != 1) {
      order.push_back(static_cast<int32_t>(i));
    }
  }
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return static_cast<double>(axes[a].out) / static_cast<double>(axes[a].in) <
           static_cast<double>(axes[b].out) / static_cast<double>(axes[b].in);
  });
  return order;
}

// Runs `pass(outer, axis, inner, from, to)` for each axis through two buffers, from x to y.
template <class T, class Pass>
void run_passes(const std::vector<Axis>& axes, const std::vector<int32_t>& order, const T* x, T* y,
                int64_t x_count, int64_t y_count, Pass&& pass) {
  const size_t passes = order.size();
  if (passes == 0) {
    std::memcpy(y, x, y_count * sizeof(T));
    return;
  }
  const int64_t largest = std::max(x_count, y_count);
  const AlignedBuffer<T> even(passes > 1 ? largest : 0), odd(passes > 2 ? largest : 0);
  std::vector<int64_t> dims;
  for (const Axis& axis : axes) dims.push_back(axis.in);
  const T* from = x;
  for (size_t p = 0; p < passes; ++p) {
    T* to = p + 1 == passes ? y : p % 2 == 0 ? even.data() : odd.data();
    const int32_t at = order[p];
    int64_t outer = 1, inner = 1;
    for (int32_t i = 0; i < at; ++i) outer *= dims[i];
    for (size_t i = at + 1; i < dims.size(); ++i) inner *= dims[i];
    pass(outer, axes[at], inner, from, to);
    dims[at] = axes[at].out;
    from = to;
  }
}

// Two neighbouring axes that grow, say height and width: [outer][height][width][inner]. Each line
// is made once, at its first place, and copied to the others.
template <class T>
void grow_lines(const Axis& height, const Taps& rows, const Axis& width, const Taps& columns,
                int64_t outer, int64_t inner, const T* from, T* to, const Executor& executor) {
  const int64_t line = width.out * inner;
  const int64_t grain = std::max<int64_t>(1, kElementGrain * height.in / (line * height.out + 1));
  executor.parallel_for(outer * height.in, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const T* const source = from + i * width.in * inner;
      const auto [first, last] =
          std::equal_range(rows.indices.begin(), rows.indices.end(), i % height.in);
      if (first == last) continue;
      T* const made = to + (i / height.in * height.out + (first - rows.indices.begin())) * line;
      for (int64_t o = 0; o < width.out; ++o) {
        const T* const pixel = source + columns.indices[o] * inner;
        if (inner == 1) {
          made[o] = *pixel;
        } else {
          std::memcpy(made + o * inner, pixel, inner * sizeof(T));
        }
      }
      for (int64_t copy = 1; copy < last - first; ++copy) {
        std::memcpy(made + copy * line, made, line * sizeof(T));
      }
    }
  });
}

void resize_nearest(const OperatorCall& call, const std::vector<Axis>& axes,
                    const Options& options) {
  const TensorView& x = call.inputs[0];
  const TensorView& y = call.outputs[0];
  // Axes that grow, the last one first: short copies along few lines, then whole lines.
  std::vector<int32_t> order = order_of_axes(axes, options);
  const auto growing =
      std::find_if(order.begin(), order.end(), [&](int32_t i) { return axes[i].out > axes[i].in; });
  std::sort(growing, order.end(), std::greater<>());
  dispatch_size(call, x.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    if (order.size() == 2 && growing == order.begin() && order[0] == order[1] + 1) {
      const Axis &height = axes[order[1]], &width = axes[order[0]];
      const Taps rows = nearest_taps(options, height);
      // Always, unless a scale is absurd.
      if (std::is_sorted(rows.indices.begin(), rows.indices.end())) {
        return grow_lines(height, rows, width, nearest_taps(options, width),
                          product(x, 0, order[1]), product(x, order[0] + 1, x.rank), x.as<T>(),
                          y.as<T>(), call.executor);
      }
    }
    run_passes(axes, order, x.as<T>(), y.as<T>(), x.elements(), y.elements(),
               [&](int64_t outer, const Axis& axis, int64_t inner, const T* from, T* to) {
                 const Taps taps = nearest_taps(options, axis);
                 resize_axis(outer, axis, inner, from, to, call.executor,
                             [&](const T* plane, int64_t i, T* row) {
                               const T* source = plane + taps.indices[i] * inner;
                               if (inner == 1) {
                                 *row = *source;
                               } else {
                                 std::memcpy(row, source, inner * sizeof(T));
                               }
                             });
               });
  });
}

void resize_weighted(const OperatorCall& call, const std::vector<Axis>& axes,
                     const Options& options) {
  const TensorView& x = call.inputs[0];
  const TensorView& y = call.outputs[0];
  const FloatValues values(call, x);
  const FloatResult result(call, y);
  const auto outside = static_cast<float>(options.outside);
  run_passes(
      axes, order_of_axes(axes, options), values.data(), result.data(), x.elements(), y.elements(),
      [&](int64_t outer, const Axis& axis, int64_t inner, const float* from, float* to) {
        const Taps taps =
            options.method == kNearest ? nearest_taps(options, axis) : weighted_taps(options, axis);
        resize_axis(outer, axis, inner, from, to, call.executor,
                    [&](const float* plane, int64_t i, float* row) {
                      if (taps.outside[i] != 0) {
                        std::fill_n(row, inner, outside);
                        return;
                      }
                      std::fill_n(row, inner, 0.0f);
                      for (int64_t k = 0; k < taps.count; ++k) {
                        const float weight = taps.weights[i * taps.count + k];
                        if (weight == 0) continue;
                        const float* source = plane + taps.indices[i * taps.count + k] * inner;
                        for (int64_t j = 0; j < inner; ++j) row[j] += weight * source[j];
                      }
                    });
      });
  result.store();
}

Options read_options(const OperatorCall& call) {
  const std::span<const int64_t> given = call.integers;
  if (given[0] < kNearest || given[0] > kCubic || given[1] < kHalfPixel ||
      given[1] > kCropAndResize || given[1] == 5 || given[2] < kHalfDown || given[2] > kUp) {
    reject(call, "method %lld, coordinates %lld, rounding %lld", static_cast<long long>(given[0]),
           static_cast<long long>(given[1]), static_cast<long long>(given[2]));
  }
  return {static_cast<Method>(given[0]),
          static_cast<Coordinates>(given[1]),
          static_cast<Rounding>(given[2]),
          given[3] != 0,
          given[4] != 0,
          call.floats[0],
          call.floats[1]};
}

}  // namespace

void resize(const OperatorCall& call) {
  require_tensors(call, 1);
  const TensorView& x = call.inputs[0];
  const TensorView& y = call.outputs[0];
  require_same_dtype(call, x, y);
  const int32_t rank = x.rank;
  require_attributes(call, 5, 2 + 3 * rank);
  const Options options = read_options(call);
  if (y.rank != rank) {
    reject(call, "%s cannot become %s", describe(x).c_str(), describe(y).c_str());
  }
  std::vector<Axis> axes;
  for (int32_t i = 0; i < rank; ++i) {
    const double* floats = call.floats.data() + 2 + i;
    const Axis axis{x.dims[i], y.dims[i], floats[0], floats[rank], floats[2 * rank]};
    if (!(axis.scale > 0) || !std::isfinite(axis.scale) || !std::isfinite(axis.begin) ||
        !std::isfinite(axis.end)) {
      reject(call, "scale %g and region %g to %g of axis %d", axis.scale, axis.begin, axis.end, i);
    }
    axes.push_back(axis);
  }
  if (y.elements() == 0) return;
  if (x.elements() == 0) {
    reject(call, "%s cannot become %s", describe(x).c_str(), describe(y).c_str());
  }
  if (options.method == kNearest && options.coordinates != kCropAndResize) {
    resize_nearest(call, axes, options);
  } else {
    resize_weighted(call, axes, options);
  }
}

}  // namespace demitasse
