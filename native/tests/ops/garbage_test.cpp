// Every operator with random tensors and attributes, often of fitting shapes, often empty ones with
// enormous other dimensions: whatever they are, the answer is a status, and it comes at once.
#include <algorithm>
#include <array>
#include <iterator>
#include <random>

#include "ops/operator_call.h"
#include "ops/registry.h"

namespace demitasse::testing {
namespace {

std::vector<std::string> operator_names() {
  std::vector<std::string> names;
  for (const std::span<const OperatorEntry> family :
       {elementwise_operators(), arithmetic_operators(), comparison_operators(),
        reduction_operators(), scan_operators(), cast_operators(), creation_operators(),
        quantization_operators(), movement_operators(), indexing_operators(), linear_operators(),
        normalization_operators(), convolution_operators(), pooling_operators(),
        recurrent_operators()}) {
    for (const OperatorEntry& entry : family) names.emplace_back(entry.name);
  }
  return names;
}

class RandomCalls {
 public:
  explicit RandomCalls(uint32_t seed) : random_(seed) {}

  // Status of one call of the operator.
  int32_t call(const std::string& name) {
    common_type_ = pick({DMT_F32, DMT_F32, DMT_F32, DMT_F64, DMT_F16, DMT_S64, DMT_S32, DMT_U8});
    common_dims_ = dims(below(5));
    std::vector<TestTensor> inputs(below(6)), outputs(1 + (below(3) == 0 ? below(3) : 0));
    for (TestTensor& input : inputs) input = tensor();
    for (TestTensor& output : outputs) output = tensor();
    std::vector<int64_t> integers(below(6));
    if (below(4) == 0) integers.resize(2 * common_dims_.size() + 1);
    if (below(4) == 0) integers.resize(16);  // windows over up to three axes
    std::vector<double> floats(below(3));
    for (int64_t& integer : integers) integer = number();
    for (double& real : floats) real = pick<double>({1.0, 0.0, -1.0, 0.5, 1e300, NAN, INFINITY});
    return try_call(name, inputs, outputs, integers, floats, 1 + below(2));
  }

 private:
  int below(size_t n) { return static_cast<int>(random_() % n); }

  template <class T>
  T pick(std::initializer_list<T> choices) {
    return choices.begin()[below(choices.size())];
  }

  int64_t number() {
    if (below(8) > 0) return below(5) - 1;
    return pick<int64_t>({-2, int64_t{7}, int64_t{64}, int64_t{1} << 40, INT64_MAX, INT64_MIN});
  }

  std::vector<int64_t> dims(int rank) {
    std::vector<int64_t> result(rank);
    for (int64_t& size : result) size = pick({1, 2, 2, 3, 4, 4, 8});
    if (rank > 0 && below(4) == 0) {
      result[below(rank)] = 0;
      if (rank > 1 && below(2) == 0) {
        int64_t& other = result[below(rank)];
        if (other != 0) other = int64_t{1} << pick({33, 40, 55});
      }
    }
    return result;
  }

  // The call's common shape, or one made from it, or any.
  std::vector<int64_t> related_dims() {
    std::vector<int64_t> result = common_dims_;
    if (!result.empty()) {
      switch (below(8)) {
        case 0:
          result[below(result.size())] = 1;
          break;
        case 1:
          result.erase(result.begin() + below(result.size()));
          break;
        case 2:
          std::shuffle(result.begin(), result.end(), random_);
          break;
        case 3:
          return {result[below(result.size())]};
        case 4:
          return {};
        case 5:
          return dims(below(5));
        default:
          break;
      }
    }
    return result;
  }

  TestTensor tensor() {
    if (below(20) == 0) return {};
    TestTensor result;
    const int32_t any = 1 + below(26);
    result.dtype = below(8) == 0   ? (element_bits(any) > 0 ? any : DMT_BOOL)
                   : below(8) == 0 ? DMT_S64
                                   : common_type_;
    result.dims = related_dims();
    const bool hollow = std::count(result.dims.begin(), result.dims.end(), 0) > 0;
    int64_t elements = hollow ? 0 : 1;
    for (const int64_t size : result.dims) elements = hollow ? 0 : elements * size;
    if (elements > 1 << 20) return {};
    result.bytes.resize(static_cast<size_t>((elements * element_bits(result.dtype) + 7) / 8));
    const bool small = below(2) == 0;  // indices that are within their bounds now and then
    const size_t unit = std::max<size_t>(1, static_cast<size_t>(element_bits(result.dtype)) / 8);
    for (size_t i = 0; i < result.bytes.size(); ++i) {
      result.bytes[i] = static_cast<uint8_t>(!small ? random_() : i % unit == 0 ? below(3) : 0);
    }
    return result;
  }

  std::mt19937 random_;
  int32_t common_type_ = DMT_F32;
  std::vector<int64_t> common_dims_;
};

class OperatorGarbage : public ::testing::TestWithParam<std::string> {};

TEST_P(OperatorGarbage, AlwaysGetsAStatus) {
  RandomCalls calls(20);
  int succeeded = 0;
  for (int i = 0; i < 3000; ++i) {
    const int32_t status = calls.call(GetParam());
    ASSERT_TRUE(status >= DMT_OK && status <= DMT_UNSUPPORTED)
        << "call " << i << ": " << status << " " << dmt_last_error();
    succeeded += status == DMT_OK;
  }
  RecordProperty("succeeded", succeeded);
}

INSTANTIATE_TEST_SUITE_P(Every, OperatorGarbage, ::testing::ValuesIn(operator_names()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace demitasse::testing
