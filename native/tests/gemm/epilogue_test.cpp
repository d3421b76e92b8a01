// Every combination of what may happen to a tile, against the reference epilogue of the same level.
#include <cmath>

#include "gemm/linear_cases.h"
#include "gemm/reference_linear.h"

namespace demitasse::testing {
namespace {

class EpilogueOfLinear : public ::testing::TestWithParam<Isa> {};
INSTANTIATE_TEST_SUITE_P(Levels, EpilogueOfLinear, ::testing::ValuesIn(levels()), level_name);

struct EpilogueCase {
  Shape shape;
  dmt_activation activation = DMT_ACTIVATION_NONE;
  bool residual = false;
  int64_t head_dim = 0;
  int threads = 1;
};

class Operands {
 public:
  Operands(Isa isa, const EpilogueCase& c)
      : x(Random(1).reals(c.shape.m * c.shape.k)),
        w(Random(2).reals(c.shape.k * c.shape.n)),
        bias(Random(3).reals(c.shape.n)),
        residual(Random(4).reals(c.shape.m * (c.shape.n + 7))),
        weight(pack_float_weight(isa, DMT_F32, w.data(), c.shape.k, c.shape.n, c.shape.n, 1)) {
    epilogue.bias = bias.data();
    epilogue.activation = c.activation;
    epilogue.residual = c.residual ? residual.data() : nullptr;
    epilogue.residual_stride = c.shape.n + 7;
    epilogue.head_dim = c.head_dim;
  }

  // What the fused operation must give: the plain product, then the reference.
  void run_reference(Isa isa, const EpilogueCase& c, const Epilogue& to) const {
    std::vector<float> y(c.shape.m * c.shape.n);
    Epilogue plain;
    plain.out = y.data();
    plain.out_stride = c.shape.n;
    weight->run(x.data(), c.shape.k, c.shape.m, plain, serial_executor());
    reference_epilogue(isa, y.data(), 0, c.shape.m, c.shape.m, c.shape.n, to);
  }

  std::vector<float> x, w, bias, residual;
  std::unique_ptr<Weight> weight;
  Epilogue epilogue;
};

std::vector<EpilogueCase> cases() {
  std::vector<EpilogueCase> all;
  for (int activation = DMT_ACTIVATION_NONE; activation <= DMT_ACTIVATION_SIGMOID; ++activation) {
    for (const bool residual : {false, true}) {
      for (const Shape& shape :
           std::initializer_list<Shape>{{1, 1, 3}, {9, 96, 20}, {107, 53, 8}}) {
        for (const int threads : {1, 3}) {
          all.push_back({shape, static_cast<dmt_activation>(activation), residual, 0, threads});
        }
      }
    }
  }
  // A head is a multiple of a vector, less than one, or across panels; and work worth splitting.
  for (const int64_t head_dim : {1, 5, 12, 16, 32, 48, 64, 80}) {
    for (const bool residual : {false, true}) {
      all.push_back({{10, head_dim * 6, 9}, DMT_ACTIVATION_NONE, residual, head_dim, 1});
      all.push_back({{130, head_dim * 6, 170}, DMT_ACTIVATION_RELU, residual, head_dim, 3});
    }
  }
  all.push_back({{120, 400, 170}, DMT_ACTIVATION_GELU_ERF, true, 0, 3});
  all.push_back({{3, 4000, 270}, DMT_ACTIVATION_SILU, true, 0, 4});
  return all;
}

void expect_close(float actual, float expected) {
  ASSERT_NEAR(actual, expected, 1e-6 * std::max(1.0f, std::abs(expected)));
}

TEST_P(EpilogueOfLinear, fusedResultIsTheReferenceAfterThePlainProduct) {
  for (const EpilogueCase& c : cases()) {
    SCOPED_TRACE(::testing::Message() << c.shape << " activation " << c.activation << " residual "
                                      << c.residual << " head_dim " << c.head_dim);
    const auto [m, n, k] = c.shape;
    Operands operands(GetParam(), c);
    const int64_t rows = c.head_dim > 0 ? n / c.head_dim * m : m;
    const int64_t columns = c.head_dim > 0 ? c.head_dim : n;
    const int64_t stride = c.head_dim > 0 ? c.head_dim : n + 5;
    Guarded<float> expected(rows, columns, stride), actual(rows, columns, stride);
    Epilogue epilogue = operands.epilogue;
    epilogue.out_stride = stride;
    epilogue.out = expected.data();
    operands.run_reference(GetParam(), c, epilogue);
    epilogue.out = actual.data();
    operands.weight->run(operands.x.data(), k, m, epilogue, PoolExecutor(c.threads));
    EXPECT_TRUE(actual.intact());
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < columns; ++j) expect_close(actual.at(i, j), expected.at(i, j));
    }
  }
}

TEST_P(EpilogueOfLinear, residualMayBeTheOutput) {
  const EpilogueCase c{{33, 70, 19}, DMT_ACTIVATION_TANH, true};
  Operands operands(GetParam(), c);
  const auto [m, n, k] = c.shape;
  Guarded<float> expected(m, n, n);
  Epilogue epilogue = operands.epilogue;
  epilogue.out = expected.data();
  epilogue.out_stride = n;
  operands.run_reference(GetParam(), c, epilogue);
  epilogue.out = operands.residual.data();
  epilogue.out_stride = epilogue.residual_stride;
  operands.weight->run(operands.x.data(), k, m, epilogue, serial_executor());
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) expect_close(epilogue.out[i * (n + 7) + j], expected.at(i, j));
  }
}

TEST_P(EpilogueOfLinear, requantizedCodesAreTheReferenceAfterThePlainProduct) {
  for (const Requantize mode : {Requantize::dynamic_row, Requantize::given}) {
    for (const EpilogueCase& c : cases()) {
      if (c.head_dim > 0) continue;
      SCOPED_TRACE(::testing::Message() << c.shape << " activation " << c.activation << " residual "
                                        << c.residual << " mode " << static_cast<int>(mode));
      const auto [m, n, k] = c.shape;
      Operands operands(GetParam(), c);
      const int64_t stride = (n + 63) / 64 * 64;
      Guarded<uint8_t> expected(m, stride, stride), actual(m, stride, stride);
      const bool per_row = mode == Requantize::dynamic_row;
      std::vector<float> scales[2] = {std::vector<float>(per_row ? m : 1, 0.02f),
                                      std::vector<float>(per_row ? m : 1, 0.02f)};
      std::vector<int32_t> zero_points[2] = {std::vector<int32_t>(per_row ? m : 1, 100),
                                             std::vector<int32_t>(per_row ? m : 1, 100)};
      Epilogue epilogue = operands.epilogue;
      epilogue.requantize = mode;
      epilogue.quantized = {expected.data(), stride, scales[0].data(), zero_points[0].data(),
                            per_row};
      operands.run_reference(GetParam(), c, epilogue);
      epilogue.quantized = {actual.data(), stride, scales[1].data(), zero_points[1].data(),
                            per_row};
      operands.weight->run(operands.x.data(), k, m, epilogue, PoolExecutor(c.threads));
      EXPECT_TRUE(actual.intact());
      for (size_t i = 0; i < scales[0].size(); ++i) {
        ASSERT_NEAR(scales[1][i], scales[0][i], 1e-6 * scales[0][i]);
        ASSERT_NEAR(zero_points[1][i], zero_points[0][i], 1);
      }
      int64_t different = 0;
      for (int64_t i = 0; i < m; ++i) {
        for (int64_t j = 0; j < n; ++j) {
          ASSERT_NEAR(actual.at(i, j), expected.at(i, j), 1) << "row " << i << " column " << j;
          different += actual.at(i, j) != expected.at(i, j);
        }
      }
      EXPECT_LE(different, m * n / 1000);
    }
  }
}

}  // namespace
}  // namespace demitasse::testing
