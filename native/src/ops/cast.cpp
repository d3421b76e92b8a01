// Conversions between element types.
#include <cstring>

#include "ops/arguments.h"
#include "ops/dispatch.h"
#include "ops/registry.h"
#include "ops/wide_elements.h"

namespace demitasse {
namespace {

// Sub-byte neighbours share a byte, so only one thread may write them.
const Executor& executor_for(const OperatorCall& call, const TensorView& y) {
  return writes_independently(y.dtype) ? call.executor : serial_executor();
}

// Pairs of types common enough for a loop of their own: to and from f32.
template <class From, class To>
void convert(const OperatorCall& call, const TensorView& x, const TensorView& y) {
  const From* from = x.as<From>();
  To* to = y.as<To>();
  call.executor.parallel_for(y.elements(), kElementGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) to[i] = static_cast<To>(from[i]);
  });
}

bool convert_to_f32(const OperatorCall& call, const TensorView& x, const TensorView& y) {
  switch (x.dtype) {
    case DMT_F16:
      return convert<Float16, float>(call, x, y), true;
    case DMT_BF16:
      return convert<Bfloat16, float>(call, x, y), true;
    case DMT_U8:
      return convert<uint8_t, float>(call, x, y), true;
    case DMT_S8:
      return convert<int8_t, float>(call, x, y), true;
    case DMT_S32:
      return convert<int32_t, float>(call, x, y), true;
    case DMT_S64:
      return convert<int64_t, float>(call, x, y), true;
    case DMT_BOOL:
      return convert<Bool, float>(call, x, y), true;
    default:
      return false;
  }
}

bool convert_from_f32(const OperatorCall& call, const TensorView& x, const TensorView& y) {
  switch (y.dtype) {
    case DMT_F16:
      return convert<float, Float16>(call, x, y), true;
    case DMT_BF16:
      return convert<float, Bfloat16>(call, x, y), true;
    case DMT_F64:
      return convert<float, double>(call, x, y), true;
    default:
      return false;
  }
}

void convert_widely(const OperatorCall& call, const TensorView& x, const TensorView& y,
                    bool saturate) {
  const bool integers = reads_as_integer(x.dtype);
  executor_for(call, y).parallel_for(
      y.elements(), kElementGrain / 4, [&](int64_t begin, int64_t end) {
        for (int64_t first = begin; first < end; first += kPiece) {
          const int64_t count = std::min(kPiece, end - first);
          if (integers) {
            int64_t values[kPiece];
            load_integers(call, x.dtype, x.data, first, count, values);
            store_integers(call, y.dtype, y.data, first, count, values, x.dtype == DMT_U64);
          } else {
            double values[kPiece];
            load_reals(call, x.dtype, x.data, first, count, values);
            store_reals(call, y.dtype, y.data, first, count, values, saturate);
          }
        }
      });
}

// integers: saturate (for 8-bit floating targets).
void cast(const OperatorCall& call) {
  require_tensors(call, 1);
  require_attributes(call, 1);
  const TensorView& x = call.inputs[0];
  const TensorView& y = call.outputs[0];
  require_same_shape(call, x, y);
  if (x.dtype == y.dtype) {
    const int64_t bytes = (x.elements() * element_bits(x.dtype) + 7) / 8;
    if (bytes > 0) std::memcpy(y.data, x.data, static_cast<size_t>(bytes));
    return;
  }
  if (y.dtype == DMT_F32 && convert_to_f32(call, x, y)) return;
  if (x.dtype == DMT_F32 && convert_from_f32(call, x, y)) return;
  convert_widely(call, x, y, call.integers[0] != 0);
}

constexpr OperatorEntry kOperators[] = {{"Cast", cast}};

}  // namespace

std::span<const OperatorEntry> cast_operators() { return kOperators; }

}  // namespace demitasse
