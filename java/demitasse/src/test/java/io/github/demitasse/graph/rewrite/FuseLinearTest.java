package io.github.demitasse.graph.rewrite;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.demitasse.Model;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
import io.github.demitasse.operator.Graphs;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class FuseLinearTest {
  private static final List<Rewrite> LINEAR =
      List.of(
          new FuseGemm(),
          new FuseMatMul(),
          new FuseBias(),
          new FuseActivation(),
          new FuseResidual(FusedOperators.LINEAR),
          new KeepTokenAxes(),
          new NameLayers());

  private static Graphs tokens() {
    return Graphs.opset(21)
        .input("x", DataType.FLOAT32, "batch", "length", 6)
        .weight("onnx::MatMul_7", Evaluation.random(1, 6, 4))
        .weight("encoder.dense.bias", Evaluation.random(2, 4));
  }

  private static Model rewritten(Graphs graph) {
    Model model = graph.model();
    Model result = Rewrites.apply(model, LINEAR);
    Evaluation.assertSame(model, result);
    return result;
  }

  private static Model untouched(Graphs graph) {
    Model result = rewritten(graph);
    assertEquals(Evaluation.operators(graph.model()), Evaluation.operators(result));
    return result;
  }

  @Test
  void matMulAndBiasAreOneLayerNamedAfterTheBias() {
    Model fused =
        rewritten(
            tokens()
                .node("/encoder/dense/MatMul", "MatMul", "x onnx::MatMul_7")
                .node("y", "Add", "encoder.dense.bias /encoder/dense/MatMul")
                .outputs("y"));
    assertEquals("{Linear=1}", Evaluation.operators(fused));
    Node linear = Evaluation.only(fused, "Linear");
    assertEquals("encoder.dense", linear.name());
    assertEquals(List.of("x", "encoder.dense.weight", "encoder.dense.bias"), linear.inputs());
  }

  @Test
  void matMulWithoutBiasIsNamedAfterItsScope() {
    Model fused =
        rewritten(
            tokens()
                .node("/encoder/query/MatMul", "MatMul", "x onnx::MatMul_7")
                .outputs("/encoder/query/MatMul"));
    assertEquals("encoder.query", Evaluation.only(fused, "Linear").name());
  }

  @Test
  void aBiasOfOneNumberOrWithLeadingOnesFits() {
    for (Tensor bias : List.of(Tensor.scalar(2f), Evaluation.random(3, 1, 1, 4))) {
      Model fused =
          rewritten(
              tokens()
                  .weight("b", bias)
                  .node("m", "MatMul", "x onnx::MatMul_7")
                  .node("y", "Add", "m b")
                  .outputs("y"));
      assertEquals("{Linear=1}", Evaluation.operators(fused));
      assertArrayEquals(
          new long[] {4}, fused.weights().get(Evaluation.only(fused, "Linear").input(2)).shape());
    }
  }

  @Test
  void aBiasThatWidensOrVariesByRowIsNone() {
    for (Tensor bias : List.of(Evaluation.random(3, 1, 1, 1, 4), Evaluation.random(3, 5, 1))) {
      Model fused =
          rewritten(
              tokens()
                  .weight("b", bias)
                  .node("m", "MatMul", "x onnx::MatMul_7")
                  .node("y", "Add", "m b")
                  .outputs("y"));
      assertEquals("{Add=1, Linear=1}", Evaluation.operators(fused));
    }
  }

  @Test
  void productsOfComputedOrStackedMatricesStay() {
    untouched(
        tokens()
            .weight("stack", Evaluation.random(4, 3, 6, 4))
            .input("v", DataType.FLOAT32, "batch", 6, 2)
            .node("a", "MatMul", "x stack")
            .node("b", "MatMul", "x v")
            .outputs("a b"));
    untouched(
        tokens()
            .weight("left", Evaluation.random(4, 3, 5))
            .node("a", "MatMul", "left x")
            .outputs("a"));
  }

  @ParameterizedTest
  @CsvSource({"1, 1, 0", "1, 1, 1", "0.5, 2, 0", "2, 0.25, 1"})
  void gemm(float alpha, float beta, int transposed) {
    Tensor weight = transposed == 1 ? Evaluation.random(1, 4, 6) : Evaluation.random(1, 6, 4);
    Model fused =
        rewritten(
            Graphs.opset(21)
                .input("x", DataType.FLOAT32, "batch", 6)
                .weight("pooler.weight", weight)
                .weight("pooler.bias", Evaluation.random(2, 4))
                .node(
                    "y",
                    "Gemm",
                    "x pooler.weight pooler.bias",
                    "alpha",
                    alpha,
                    "beta",
                    beta,
                    "transB",
                    transposed)
                .outputs("y"));
    assertEquals("{Linear=1}", Evaluation.operators(fused));
    assertEquals("pooler", Evaluation.only(fused, "Linear").name());
    assertArrayEquals(new long[] {6, 4}, fused.weights().get("pooler.weight").shape());
  }

  @Test
  void aWeightThatTwoGemmsShareStaysForBoth() {
    Model fused =
        rewritten(
            Graphs.opset(21)
                .input("x", DataType.FLOAT32, "batch", 6)
                .weight("square", Evaluation.random(1, 6, 6))
                .node("a", "Gemm", "x square", "transB", 1)
                .node("y", "Gemm", "a square")
                .outputs("y"));
    assertEquals("{Linear=2}", Evaluation.operators(fused));
  }

  @Test
  void gemmOfATransposedInputOrWithAComputedSummandStays() {
    untouched(
        Graphs.opset(21)
            .input("x", DataType.FLOAT32, 6, "batch")
            .input("c", DataType.FLOAT32, "batch", 4)
            .weight("w", Evaluation.random(1, 6, 4))
            .node("y", "Gemm", "x w c", "transA", 1)
            .outputs("y"));
    untouched(
        Graphs.opset(21)
            .input("x", DataType.FLOAT32, "batch", 6)
            .input("c", DataType.FLOAT32, "batch", 4)
            .weight("w", Evaluation.random(1, 6, 4))
            .node("y", "Gemm", "x w c")
            .outputs("y"));
  }

  @ParameterizedTest
  @CsvSource({
    "Relu, relu",
    "Gelu, gelu_erf",
    "HardSwish, hard_swish",
    "Tanh, tanh",
    "Sigmoid, sigmoid"
  })
  void activationFunctions(String operator, String activation) {
    Model fused =
        rewritten(
            tokens()
                .node("m", "MatMul", "x onnx::MatMul_7")
                .node("s", "Add", "m encoder.dense.bias")
                .node("y", operator, "s")
                .outputs("y"));
    assertEquals("{Linear=1}", Evaluation.operators(fused));
    assertEquals(activation, Evaluation.only(fused, "Linear").text("activation", ""));
  }

  @ParameterizedTest
  @ValueSource(strings = {"m g", "g m"})
  void silu(String operands) {
    Model fused =
        rewritten(
            tokens()
                .node("m", "MatMul", "x onnx::MatMul_7")
                .node("g", "Sigmoid", "m")
                .node("y", "Mul", operands)
                .outputs("y"));
    assertEquals("silu", Evaluation.only(fused, "Linear").text("activation", ""));
  }

  @Test
  void anActivationOfWhatOthersReadStays() {
    Model fused =
        rewritten(
            tokens()
                .node("m", "MatMul", "x onnx::MatMul_7")
                .node("a", "Relu", "m")
                .node("y", "Add", "a m")
                .outputs("y"));
    assertEquals("{Add=1, Linear=1, Relu=1}", Evaluation.operators(fused));
    fused =
        rewritten(
            tokens().node("m", "MatMul", "x onnx::MatMul_7").node("y", "Relu", "m").outputs("m y"));
    assertEquals("{Linear=1, Relu=1}", Evaluation.operators(fused));
  }

  @Test
  void onlyOneActivationIsTakenIn() {
    Model fused =
        rewritten(
            tokens()
                .node("m", "MatMul", "x onnx::MatMul_7")
                .node("a", "Relu", "m")
                .node("y", "Tanh", "a")
                .outputs("y"));
    assertEquals("{Linear=1, Tanh=1}", Evaluation.operators(fused));
  }

  @Test
  void aResidualOfTheSameShapeIsAddedAfterTheActivation() {
    Model fused =
        rewritten(
            tokens()
                .input("r", DataType.FLOAT32, "batch", "length", 4)
                .node("m", "MatMul", "x onnx::MatMul_7")
                .node("a", "Relu", "m")
                .node("y", "Add", "r a")
                .outputs("y"));
    assertEquals("{Linear=1}", Evaluation.operators(fused));
    assertEquals("r", Evaluation.only(fused, "Linear").input(3));
  }

  @Test
  void aResidualThatBroadcastsOrIsTheResultItselfStays() {
    Model fused =
        rewritten(
            tokens()
                .input("r", DataType.FLOAT32, "batch", 1, 4)
                .node("m", "MatMul", "x onnx::MatMul_7")
                .node("y", "Add", "r m")
                .outputs("y"));
    assertEquals("{Add=1, Linear=1}", Evaluation.operators(fused));
    fused =
        rewritten(
            tokens().node("m", "MatMul", "x onnx::MatMul_7").node("y", "Add", "m m").outputs("y"));
    assertEquals("{Add=1, Linear=1}", Evaluation.operators(fused));
  }

  @Test
  void twoLayersThatAreAddedNeedOneAddition() {
    Model fused =
        rewritten(
            tokens()
                .weight("other", Evaluation.random(5, 6, 4))
                .node("a", "MatMul", "x onnx::MatMul_7")
                .node("b", "MatMul", "x other")
                .node("y", "Add", "a b")
                .outputs("y"));
    assertEquals("{Linear=2}", Evaluation.operators(fused));
  }

  @Test
  void layersOnFlattenedTokensKeepTheirAxes() {
    Model fused =
        rewritten(
            tokens()
                .integers("rows", -1, 6)
                .integers("width", 4)
                .integers("zero", 0)
                .integers("two", 2)
                .node("shape", "Shape", "x")
                .node("axes", "Slice", "shape zero two")
                .node("target", "Concat", "axes width", "axis", 0)
                .node("flat", "Reshape", "x rows")
                .node("m", "MatMul", "flat onnx::MatMul_7")
                .node("s", "Add", "m encoder.dense.bias")
                .node("y", "Reshape", "s target")
                .outputs("y"));
    assertEquals("{Linear=1}", Evaluation.operators(fused));
  }

  /** As tf2onnx has Keras' Dense: the row length is a product of sizes. */
  @Test
  void layersOnRowsOfComputedLengthKeepTheirAxes() {
    Model fused =
        rewritten(
            tokens()
                .integers("kept", 0, 1)
                .integers("contracted", 2)
                .integers("width", 4)
                .node("shape", "Shape", "x")
                .node("axes", "Gather", "shape kept")
                .node("count", "ReduceProd", "axes", "keepdims", 1)
                .node("features", "Gather", "shape contracted")
                .node("rows", "Concat", "count features", "axis", 0)
                .node("target", "Concat", "axes width", "axis", 0)
                .node("flat", "Reshape", "x rows")
                .node("m", "MatMul", "flat onnx::MatMul_7")
                .node("dense", "Reshape", "m target")
                .node("y", "Add", "dense encoder.dense.bias")
                .outputs("y"));
    assertEquals("{Linear=1}", Evaluation.operators(fused));
  }

  @Test
  void rowsThatAreRegroupedStayFlat() {
    Model fused =
        rewritten(
            Graphs.opset(21)
                .input("x", DataType.FLOAT32, 2, 3, 6)
                .weight("w", Evaluation.random(1, 6, 4))
                .integers("rows", -1, 6)
                .integers("target", 3, 2, 4)
                .node("flat", "Reshape", "x rows")
                .node("m", "MatMul", "flat w")
                .node("y", "Reshape", "m target")
                .outputs("y"));
    assertEquals("{Linear=1, Reshape=2}", Evaluation.operators(fused));
  }

  @Test
  void embeddingsAreNamedAfterTheirTables() {
    Model named =
        rewritten(
            Graphs.opset(21)
                .input("ids", DataType.INT64, "batch", "length")
                .weight("embeddings.words.weight", Evaluation.random(1, 9, 4))
                .node("/embeddings/Gather", "Gather", "embeddings.words.weight ids")
                .outputs("/embeddings/Gather"));
    assertEquals("embeddings.words", Evaluation.only(named, "Gather").name());
  }

  /** Several patterns, for tests that change them. */
  static Model layersModel() {
    return tokens()
        .weight("square", Evaluation.random(4, 4, 4))
        .node("m", "MatMul", "x onnx::MatMul_7")
        .node("s", "Add", "m encoder.dense.bias")
        .node("g", "Sigmoid", "s")
        .node("a", "Mul", "s g")
        .node("m2", "MatMul", "a square")
        .node("r", "Relu", "m2")
        .node("y", "Add", "r a")
        .outputs("y")
        .model();
  }
}
