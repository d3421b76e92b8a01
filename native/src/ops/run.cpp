// One operator at once, on memory that the caller describes.
#include <algorithm>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/overlap.h"
#include "demitasse/program.h"
#include "ops/registry.h"
#include "threads/pool.h"

namespace demitasse {
namespace {

// More tensors than any operator takes; bounds the arrays that are read.
constexpr int32_t kMaxTensors = 4096;

void check_array(const char* name, const char* what, const void* data, int32_t count) {
  if (count < 0 || count > kMaxTensors) {
    fail(DMT_INVALID_ARGUMENT, "%s: %s count %d is outside 0..%d", name, what, count, kMaxTensors);
  }
  if (count > 0 && data == nullptr) {
    fail(DMT_INVALID_ARGUMENT, "%s: %s is NULL but %d are announced", name, what, count);
  }
}

TensorView tensor(const char* name, int32_t index, int32_t dtype, int32_t rank, const int64_t* dims,
                  int64_t address, int64_t bytes) {
  TensorView view;
  view.dtype = dtype;
  view.rank = rank;
  const int32_t bits = element_bits(dtype);
  if (bits == 0) {
    fail(DMT_INVALID_ARGUMENT, "%s: tensor %d has unknown element type %d", name, index, dtype);
  }
  // An empty dimension counts as 1 here, so that no partial product overflows later.
  int64_t expected = bits;
  bool empty = false;
  for (int32_t i = 0; i < rank; ++i) {
    view.dims[i] = dims[i];
    empty |= dims[i] == 0;
    if (dims[i] < 0 || __builtin_mul_overflow(expected, std::max<int64_t>(1, dims[i]), &expected) ||
        expected > INT64_MAX - 7) {
      fail(DMT_INVALID_ARGUMENT, "%s: tensor %d has an impossible dimension %lld", name, index,
           static_cast<long long>(dims[i]));
    }
  }
  expected = empty ? 0 : (expected + 7) / 8;
  if (bytes != expected) {
    fail(DMT_INVALID_ARGUMENT, "%s: tensor %d needs %lld bytes, %lld are given", name, index,
         static_cast<long long>(expected), static_cast<long long>(bytes));
  }
  if (expected > 0 && address == 0) {
    fail(DMT_INVALID_ARGUMENT, "%s: tensor %d has no address", name, index);
  }
  if (static_cast<uint64_t>(address) % std::max(1, bits / 8) != 0) {
    fail(DMT_INVALID_ARGUMENT, "%s: tensor %d is not aligned to its elements", name, index);
  }
  view.data = reinterpret_cast<void*>(address);
  return view;
}

}  // namespace
}  // namespace demitasse

using namespace demitasse;

int32_t dmt_operator_run(const char* name, const int32_t* dtypes, const int32_t* ranks,
                         const int64_t* dims, const int64_t* addresses, const int64_t* bytes,
                         int32_t input_count, int32_t output_count, const int64_t* integers,
                         int32_t integer_count, const double* floats, int32_t float_count,
                         int32_t threads) {
  return guarded([&] {
    if (name == nullptr) fail(DMT_INVALID_ARGUMENT, "operator name is NULL");
    const Operator run = find_operator(name);
    if (run == nullptr) fail(DMT_UNSUPPORTED, "there is no operator %.100s", name);
    check_array(name, "inputs", dtypes, input_count);
    check_array(name, "outputs", dtypes, output_count);
    const int32_t count = input_count + output_count;
    check_array(name, "ranks", ranks, count);
    check_array(name, "addresses", addresses, count);
    check_array(name, "sizes", bytes, count);
    check_array(name, "integers", integers, integer_count);
    check_array(name, "floats", floats, float_count);
    if (threads < 0) fail(DMT_INVALID_ARGUMENT, "%s: threads is %d", name, threads);
    std::vector<TensorView> tensors(count);
    std::vector<BoundMemory> memories;
    for (int32_t i = 0; i < count; ++i) {
      if (dtypes[i] == 0) continue;
      if (ranks[i] < 0 || ranks[i] > DMT_MAX_RANK) {
        fail(DMT_INVALID_ARGUMENT, "%s: tensor %d has rank %d, outside 0..%d", name, i, ranks[i],
             DMT_MAX_RANK);
      }
      if (ranks[i] > 0 && dims == nullptr) {
        fail(DMT_INVALID_ARGUMENT, "%s: tensor %d has dimensions but dims is NULL", name, i);
      }
      tensors[i] = tensor(name, i, dtypes[i], ranks[i], dims, addresses[i], bytes[i]);
      dims += ranks[i];
      const auto begin = static_cast<uintptr_t>(addresses[i]);
      const auto size = static_cast<uintptr_t>(bytes[i]);
      if (size > UINTPTR_MAX - begin) {
        fail(DMT_INVALID_ARGUMENT, "%s: tensor %d ends beyond the address space", name, i);
      }
      if (size > 0) memories.push_back({"tensor", i, begin, begin + size, i >= input_count});
    }
    check_apart(name, memories);
    const std::span<const TensorView> all(tensors);
    const PoolExecutor executor(threads);
    run({name,
         all.first(input_count),
         all.subspan(input_count),
         {integers, static_cast<size_t>(integer_count)},
         {floats, static_cast<size_t>(float_count)},
         executor});
  });
}

int32_t dmt_operator_exists(const char* name) {
  return name != nullptr && find_operator(name) != nullptr;
}
