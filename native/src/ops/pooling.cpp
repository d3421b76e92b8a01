// Maxima and means of sliding windows.
#include <cmath>
#include <limits>

#include "ops/arguments.h"
#include "ops/dispatch.h"
#include "ops/registry.h"
#include "ops/window.h"

namespace demitasse {
namespace {

// integers: `first` of the operator's own, then kernel, strides, dilations, paddings.
Window pooling_window(const OperatorCall& call, size_t first) {
  require_tensors(call, 1);
  const TensorView& x = call.inputs[0];
  const TensorView& y = call.outputs[0];
  require_same_dtype(call, x, y);
  if (x.rank < 3) reject(call, "needs [N, C, ...], given %s", describe(x).c_str());
  require_attributes(call, first + 5 * (x.rank - 2));
  const std::span<const int64_t> own = call.integers.subspan(first);
  const Window window =
      make_window(call, x, y, own.data(), own.subspan(x.rank - 2), Rounding::either);
  if (x.dims[0] != y.dims[0] || x.dims[1] != y.dims[1]) {
    reject(call, "%s does not give %s", describe(x).c_str(), describe(y).c_str());
  }
  return window;
}

// Calls window(plane, output, taps of each axis) for every output, `plane` counting [N][C].
template <class Body>
void for_each_window(const OperatorCall& call, const Window& window, Body&& body) {
  const TensorView& x = call.inputs[0];
  if (call.outputs[0].elements() == 0) return;
  const WindowAxis* axes = window.axes;
  // At most the whole input is read for one output.
  const int64_t reads = std::min(std::max<int64_t>(1, window.in_size), window.kernel_size);
  const int64_t grain = std::max<int64_t>(
      1, kElementGrain / std::max<int64_t>(1, reads) / std::max<int64_t>(1, window.out_size));
  call.executor.parallel_for(x.dims[0] * x.dims[1], grain, [&](int64_t begin, int64_t end) {
    for (int64_t plane = begin; plane < end; ++plane) {
      int64_t output = plane * window.out_size;
      int64_t o[kMaxSpatialRank];
      WindowAxis::Taps taps[kMaxSpatialRank];
      for (o[0] = 0; o[0] < axes[0].out; ++o[0]) {
        taps[0] = axes[0].taps(axes[0].start(o[0]));
        for (o[1] = 0; o[1] < axes[1].out; ++o[1]) {
          taps[1] = axes[1].taps(axes[1].start(o[1]));
          for (o[2] = 0; o[2] < axes[2].out; ++o[2]) {
            taps[2] = axes[2].taps(axes[2].start(o[2]));
            body(plane, output++, o, taps);
          }
        }
      }
    }
  });
}

// Calls element(index of the element within its plane) for the inputs of one window, in order.
template <class Element>
void for_each_tap(const Window& window, const int64_t* o, const WindowAxis::Taps* taps,
                  Element&& element) {
  const WindowAxis* axes = window.axes;
  for (int64_t i = taps[0].first; i < taps[0].last; ++i) {
    const int64_t z = axes[0].start(o[0]) + i * axes[0].dilation;
    for (int64_t j = taps[1].first; j < taps[1].last; ++j) {
      const int64_t y = axes[1].start(o[1]) + j * axes[1].dilation;
      const int64_t row = (z * axes[1].in + y) * axes[2].in + axes[2].start(o[2]);
      for (int64_t k = taps[2].first; k < taps[2].last; ++k) element(row + k * axes[2].dilation);
    }
  }
}

template <class T>
T lowest() {
  if constexpr (is_half<T>) {
    return T(-std::numeric_limits<float>::infinity());
  } else if constexpr (std::is_floating_point_v<T>) {
    return -std::numeric_limits<T>::infinity();
  } else {
    return std::numeric_limits<T>::lowest();
  }
}

// The index of an element of a plane with its axes in reverse order.
int64_t column_major(const Window& window, int64_t index) {
  const WindowAxis* axes = window.axes;
  const int64_t x = index % axes[2].in, y = index / axes[2].in % axes[1].in;
  const int64_t z = index / axes[2].in / axes[1].in;
  return z + axes[0].in * (y + axes[1].in * x);
}

// integers: 1 if indices count columns first, then the window. A window of nothing but padding
// gives the lowest number and index 0.
void max_pool(const OperatorCall& call) {
  const Window window = pooling_window(call, 1);
  const TensorView& x = call.inputs[0];
  const TensorView& y = call.outputs[0];
  const bool reversed = call.integers[0] != 0;
  int64_t* indices = nullptr;
  if (call.outputs.size() > 1 && call.outputs[1].present()) {
    require_dtype(call, call.outputs[1], DMT_S64);
    require_same_shape(call, y, call.outputs[1]);
    indices = call.outputs[1].as<int64_t>();
  }
  dispatch_numeric(call, x.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    for_each_window(
        call, window,
        [&](int64_t plane, int64_t output, const int64_t* o, const WindowAxis::Taps* taps) {
          const T* from = x.as<T>() + plane * window.in_size;
          T largest = lowest<T>();
          int64_t index = -1;
          for_each_tap(window, o, taps, [&](int64_t i) {
            const auto value = static_cast<Compute<T>>(from[i]);
            if (index < 0 || value > static_cast<Compute<T>>(largest) || value != value) {
              largest = from[i];
              index = i;
            }
          });
          y.as<T>()[output] = largest;
          if (indices != nullptr) {
            index = std::max<int64_t>(0, index);
            indices[output] =
                plane * window.in_size + (reversed ? column_major(window, index) : index);
          }
        });
  });
}

// integers: 1 if padding counts in the mean, then the window. The mean of nothing is 0.
void average_pool(const OperatorCall& call) {
  const Window window = pooling_window(call, 1);
  const TensorView& x = call.inputs[0];
  const TensorView& y = call.outputs[0];
  const bool count_padding = call.integers[0] != 0;
  dispatch_floating(call, x.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    for_each_window(
        call, window,
        [&](int64_t plane, int64_t output, const int64_t* o, const WindowAxis::Taps* taps) {
          const T* from = x.as<T>() + plane * window.in_size;
          double sum = 0, count = 0;
          for_each_tap(window, o, taps, [&](int64_t i) {
            sum += static_cast<Compute<T>>(from[i]);
            ++count;
          });
          if (count_padding) count = padded_count(window.axes, o);
          y.as<T>()[output] = T(static_cast<Compute<T>>(count == 0 ? 0 : sum / count));
        });
  });
}

double power_norm(double sum, double p) {
  return p == 1 ? sum : p == 2 ? std::sqrt(sum) : std::pow(sum, 1 / p);
}

double power(double value, double p) {
  return p == 1 ? std::abs(value) : p == 2 ? value * value : std::pow(std::abs(value), p);
}

double checked_power(const OperatorCall& call) {
  require_attributes(call, 1);
  if (call.integers[0] < 1) reject(call, "p is %lld", static_cast<long long>(call.integers[0]));
  return static_cast<double>(call.integers[0]);
}

// integers: p, then the window.
void lp_pool(const OperatorCall& call) {
  const Window window = pooling_window(call, 1);
  const double p = checked_power(call);
  const TensorView& x = call.inputs[0];
  const TensorView& y = call.outputs[0];
  dispatch_floating(call, x.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    for_each_window(
        call, window,
        [&](int64_t plane, int64_t output, const int64_t* o, const WindowAxis::Taps* taps) {
          const T* from = x.as<T>() + plane * window.in_size;
          double sum = 0;
          for_each_tap(window, o, taps,
                       [&](int64_t i) { sum += power(static_cast<Compute<T>>(from[i]), p); });
          y.as<T>()[output] = T(static_cast<Compute<T>>(power_norm(sum, p)));
        });
  });
}

// Calls plane(index, its elements as T, their number) for every channel of x and stores what it
// gives.
template <class T, class Reduce>
void reduce_planes(const OperatorCall& call, Reduce&& reduce) {
  const TensorView& x = call.inputs[0];
  const TensorView& y = call.outputs[0];
  if (y.elements() == 0) return;
  const int64_t size = product(x, 2, x.rank);
  const int64_t grain = std::max<int64_t>(1, kElementGrain / std::max<int64_t>(1, size));
  call.executor.parallel_for(y.elements(), grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) y.as<T>()[i] = reduce(x.as<T>() + i * size, size);
  });
}

void check_global(const OperatorCall& call) {
  require_tensors(call, 1);
  const TensorView& x = call.inputs[0];
  require_same_dtype(call, x, call.outputs[0]);
  if (x.rank < 2) reject(call, "needs [N, C, ...], given %s", describe(x).c_str());
  int64_t expected[DMT_MAX_RANK];
  for (int32_t i = 0; i < x.rank; ++i) expected[i] = i < 2 ? x.dims[i] : 1;
  require_shape(call, call.outputs[0], {expected, static_cast<size_t>(x.rank)});
}

void global_average_pool(const OperatorCall& call) {
  check_global(call);
  dispatch_floating(call, call.inputs[0].dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    reduce_planes<T>(call, [](const T* x, int64_t count) {
      double sum = 0;
      for (int64_t i = 0; i < count; ++i) sum += static_cast<Compute<T>>(x[i]);
      return T(static_cast<Compute<T>>(sum / static_cast<double>(count)));
    });
  });
}

void global_max_pool(const OperatorCall& call) {
  check_global(call);
  dispatch_numeric(call, call.inputs[0].dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    reduce_planes<T>(call, [](const T* x, int64_t count) {
      T largest = count == 0 ? lowest<T>() : x[0];
      for (int64_t i = 1; i < count; ++i) {
        const auto value = static_cast<Compute<T>>(x[i]);
        if (value > static_cast<Compute<T>>(largest) || value != value) largest = x[i];
      }
      return largest;
    });
  });
}

// integers: p.
void global_lp_pool(const OperatorCall& call) {
  check_global(call);
  const double p = checked_power(call);
  dispatch_floating(call, call.inputs[0].dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    reduce_planes<T>(call, [p](const T* x, int64_t count) {
      double sum = 0;
      for (int64_t i = 0; i < count; ++i) sum += power(static_cast<Compute<T>>(x[i]), p);
      return T(static_cast<Compute<T>>(power_norm(sum, p)));
    });
  });
}

constexpr OperatorEntry kOperators[] = {
    {"MaxPool", max_pool},
    {"AveragePool", average_pool},
    {"LpPool", lp_pool},
    {"GlobalMaxPool", global_max_pool},
    {"GlobalAveragePool", global_average_pool},
    {"GlobalLpPool", global_lp_pool},
};

}  // namespace

std::span<const OperatorEntry> pooling_operators() { return kOperators; }

}  // namespace demitasse
