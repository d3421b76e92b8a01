package io.github.demitasse.graph.rewrite;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Node;
import io.github.demitasse.operator.Graphs;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Granularity;
import io.github.demitasse.weight.QuantizedWeight;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Integer graphs as other tools write them. */
class QuantizedGraphsTest {

  private static Graphs graph() {
    return Graphs.opset(21)
        .input("x", DataType.FLOAT32, "batch", "length", 6)
        .weight("scale", Tensor.scalar(0.02f))
        .weight("row", Tensor.of(new float[] {0.01f, 0.02f, 0.03f, 0.04f}, 4))
        .weight("bias", Evaluation.random(8, 4));
  }

  private static Tensor bytes(DataType type, int... values) {
    byte[] bytes = new byte[values.length];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) values[i];
    }
    return values.length == 1
        ? Tensor.ofBytes(type, bytes)
        : Tensor.ofBytes(type, bytes, values.length);
  }

  private static Model rewritten(Graphs graph) {
    return rewritten(graph, 1e-4f);
  }

  private static Model rewritten(Graphs graph, float tolerance) {
    Model model = graph.model();
    Model result = Rewrites.apply(model);
    Evaluation.assertSame(model, result, tolerance);
    return result;
  }

  private static QuantizedWeight only(Model model) {
    List<QuantizedWeight> found =
        model.weights().values().stream()
            .filter(QuantizedWeight.class::isInstance)
            .map(QuantizedWeight.class::cast)
            .toList();
    assertEquals(1, found.size());
    return found.get(0);
  }

  // ---- MatMulInteger

  /** As onnxruntime.quantization.quantize_dynamic writes it, up to the product with the scales. */
  private static Graphs dynamic(Graphs graph, String scales, String zeroPoint) {
    return graph
        .node("codes step zero", "DynamicQuantizeLinear", "x")
        .node("/layer/integers", "MatMulInteger", "codes w_quantized zero" + zeroPoint)
        .node("real", "Cast", "/layer/integers", "to", 1)
        .node("scales", "Mul", "step " + scales)
        .node("product", "Mul", "real scales");
  }

  @ParameterizedTest
  @EnumSource(
      value = DataType.class,
      names = {"INT8", "UINT8"})
  void dynamicallyQuantizedProductPerTensor(DataType type) {
    Model fused =
        rewritten(
            dynamic(
                    graph()
                        .weight("w_quantized", Evaluation.randomBytes(type, 1, 6, 4))
                        .weight("zp", bytes(type, 7)),
                    "scale",
                    " zp")
                .node("y", "Add", "product bias")
                .outputs("y"));
    assertEquals("{FakeQuantize=1, Linear=1}", Evaluation.operators(fused));
    assertEquals("dynamic_tensor", Evaluation.only(fused, "FakeQuantize").text("mode", ""));
    QuantizedWeight weight = only(fused);
    assertEquals(new Granularity.PerTensor(), weight.granularity());
    assertEquals(type, weight.codes().type());
    assertEquals(7, weight.zeroPoints().toLongs()[0]);
    assertEquals("layer", Evaluation.only(fused, "Linear").name());
  }

  @Test
  void dynamicallyQuantizedProductPerChannel() {
    Model fused =
        rewritten(
            dynamic(
                    graph()
                        .weight("w_quantized", Evaluation.randomBytes(DataType.INT8, 1, 6, 4))
                        .weight("zp", bytes(DataType.INT8, 0, 0, 0, 0)),
                    "row",
                    " zp")
                .outputs("product"));
    QuantizedWeight weight = only(fused);
    assertEquals(new Granularity.PerChannel(1), weight.granularity());
    assertNull(weight.zeroPoints(), "zeros say nothing");
  }

  @Test
  void zeroPointsPerChannelMakeScalesPerChannel() {
    Model fused =
        rewritten(
            dynamic(
                    graph()
                        .weight("w_quantized", Evaluation.randomBytes(DataType.INT8, 1, 6, 4))
                        .weight("zp", bytes(DataType.INT8, 1, 2, 3, 4)),
                    "scale",
                    " zp")
                .outputs("product"));
    assertEquals(4, only(fused).scales().elements());
  }

  @Test
  void scalesMultipliedOneByOne() {
    Model fused =
        rewritten(
            graph()
                .weight("w", Evaluation.randomBytes(DataType.INT8, 1, 6, 4))
                .node("codes step zero", "DynamicQuantizeLinear", "x")
                .node("integers", "MatMulInteger", "codes w zero")
                .node("real", "Cast", "integers", "to", 1)
                .node("a", "Mul", "real step")
                .node("y", "Mul", "row a")
                .outputs("y"));
    assertEquals("{FakeQuantize=1, Linear=1}", Evaluation.operators(fused));
  }

  @Test
  void productsOfOneInputShareItsQuantization() {
    Graphs graph = graph();
    for (String p : List.of("a/", "b/")) {
      graph
          .weight(p + "w", Evaluation.randomBytes(DataType.INT8, p.charAt(0), 6, 4))
          .node(p + "codes " + p + "step " + p + "zero", "DynamicQuantizeLinear", "x")
          .node(p + "integers", "MatMulInteger", p + "codes " + p + "w " + p + "zero")
          .node(p + "real", "Cast", p + "integers", "to", 1)
          .node(p + "scales", "Mul", p + "step row")
          .node(p + "y", "Mul", p + "real " + p + "scales");
    }
    Model fused = rewritten(graph.outputs("a/y b/y"));
    assertEquals("{FakeQuantize=1, Linear=2}", Evaluation.operators(fused));
  }

  @Test
  void staticallyQuantizedProduct() {
    Model fused =
        rewritten(
            graph()
                .weight("zero", bytes(DataType.UINT8, 120))
                .weight("both", Tensor.scalar(0.0006f))
                .weight("w", Evaluation.randomBytes(DataType.INT8, 1, 6, 4))
                .node("codes", "QuantizeLinear", "x scale zero")
                .node("integers", "MatMulInteger", "codes w zero")
                .node("real", "Cast", "integers", "to", 1)
                .node("y", "Mul", "real both")
                .outputs("y"));
    assertEquals("{FakeQuantize=1, Linear=1}", Evaluation.operators(fused));
    assertEquals(0.03f, only(fused).scales().toFloats()[0], 1e-6f);
    Node quantize = Evaluation.only(fused, "FakeQuantize");
    assertEquals("static", quantize.text("mode", ""));
    assertEquals(120, quantize.integer("zero_point", 0));
  }

  @Test
  void productsWithAnotherZeroPointOrScaleStay() {
    Graphs graph =
        graph()
            .weight("w", Evaluation.randomBytes(DataType.INT8, 1, 6, 4))
            .node("codes step zero", "DynamicQuantizeLinear", "x");
    Model model =
        graph
            .node("a", "MatMulInteger", "codes w")
            .node("ar", "Cast", "a", "to", 1)
            .node("as", "Mul", "step row")
            .node("ay", "Mul", "ar as")
            .node("b", "MatMulInteger", "codes w zero")
            .node("br", "Cast", "b", "to", 1)
            .node("by", "Mul", "br row")
            .outputs("ay by")
            .model();
    Model result = Rewrites.apply(model);
    assertFalse(Evaluation.operators(result).contains("FakeQuantize"), result.graph()::toString);
    Evaluation.assertSame(model, result);
  }

  @ParameterizedTest
  @ValueSource(strings = {"codes", "step"})
  void whatElseReadsTheQuantizationKeepsIt(String used) {
    Model fused =
        rewritten(
            dynamic(
                    graph().weight("w_quantized", Evaluation.randomBytes(DataType.INT8, 1, 6, 4)),
                    "scale",
                    "")
                .outputs("product " + used));
    assertEquals(
        "{DynamicQuantizeLinear=1, FakeQuantize=1, Linear=1}", Evaluation.operators(fused));
  }

  // ---- QDQ

  @ParameterizedTest
  @CsvSource({"UINT8, 100, 100", "INT8, -28, 100", "INT8, 0, 128", "UINT8, 0, 0"})
  void quantizeAndDequantizeAreFakeQuantize(DataType type, int zeroPoint, int expected) {
    Model fused =
        rewritten(
            graph()
                .weight("zero", bytes(type, zeroPoint))
                .node("codes", "QuantizeLinear", "x scale zero")
                .node("y", "DequantizeLinear", "codes scale zero")
                .node("z", "Relu", "y")
                .outputs("z"));
    assertEquals("{FakeQuantize=1, Relu=1}", Evaluation.operators(fused));
    Node quantize = Evaluation.only(fused, "FakeQuantize");
    assertEquals(expected, quantize.integer("zero_point", -1));
    assertEquals(0.02f, quantize.number("scale", 0));
  }

  @Test
  void oneQuantizationForSeveralReaders() {
    Model fused =
        rewritten(
            graph()
                .weight("zero", bytes(DataType.UINT8, 100))
                .node("codes", "QuantizeLinear", "x scale zero")
                .node("a", "DequantizeLinear", "codes scale zero")
                .node("b", "DequantizeLinear", "codes scale zero")
                .node("c", "Relu", "a")
                .node("d", "Neg", "b")
                .outputs("c d"));
    assertEquals("{FakeQuantize=1, Neg=1, Relu=1}", Evaluation.operators(fused));
  }

  @Test
  void otherParametersBehindStay() {
    Model fused =
        rewritten(
            graph()
                .weight("zero", bytes(DataType.UINT8, 100))
                .weight("other", Tensor.scalar(0.04f))
                .node("codes", "QuantizeLinear", "x scale zero")
                .node("y", "DequantizeLinear", "codes other zero")
                .outputs("y"));
    assertEquals("{DequantizeLinear=1, QuantizeLinear=1}", Evaluation.operators(fused));
  }

  @Test
  void wholeLayersInQdq() {
    Model fused =
        rewritten(
            graph()
                .weight("zero", bytes(DataType.UINT8, 100))
                .weight("dense.weight_quantized", Evaluation.randomBytes(DataType.INT8, 1, 6, 4))
                .weight("zeros", bytes(DataType.INT8, 0, 0, 0, 0))
                .weight("b32", Tensor.of(new int[] {100, -200, 300, 4}, 4))
                .node("codes", "QuantizeLinear", "x scale zero")
                .node("xq", "DequantizeLinear", "codes scale zero")
                .node("wq", "DequantizeLinear", "dense.weight_quantized row zeros", "axis", 1)
                .node("bq", "DequantizeLinear", "b32 row", "axis", 0)
                .node("m", "MatMul", "xq wq")
                .node("s", "Add", "m bq")
                .node("y", "Relu", "s")
                .outputs("y"));
    assertEquals("{FakeQuantize=1, Linear=1}", Evaluation.operators(fused));
    assertTrue(fused.weights().get("dense.weight") instanceof QuantizedWeight);
    assertEquals("dense", Evaluation.only(fused, "Linear").name());
    assertTrue(
        fused.weights().get(Evaluation.only(fused, "Linear").input(2)) instanceof DenseWeight);
  }

  @Test
  void transposedQuantizedWeights() {
    Model fused =
        rewritten(
            Graphs.opset(21)
                .input("x", DataType.FLOAT32, "batch", 6)
                .weight("codes", Evaluation.randomBytes(DataType.INT8, 1, 4, 6))
                .weight("row", Tensor.of(new float[] {0.01f, 0.02f, 0.03f, 0.04f}, 4))
                .node("w", "DequantizeLinear", "codes row", "axis", 0)
                .node("y", "Gemm", "x w", "transB", 1)
                .outputs("y"));
    assertEquals(new Granularity.PerChannel(1), only(fused).granularity());
  }

  @Test
  void weightsInBlocks() {
    Model fused =
        rewritten(
            graph()
                .weight("codes", Evaluation.randomBytes(DataType.UINT8, 1, 6, 4))
                .weight("blocks", Evaluation.random(5, 2, 4))
                .weight("zeros", Evaluation.randomBytes(DataType.UINT8, 6, 2, 4))
                .node("w", "DequantizeLinear", "codes blocks zeros", "axis", 0, "block_size", 3)
                .node("y", "MatMul", "x w")
                .outputs("y"));
    assertEquals(new Granularity.PerGroup(0, 3), only(fused).granularity());
  }

  @Test
  void tablesStayQuantized() {
    Graphs graph =
        Graphs.opset(21)
            .input("ids", DataType.INT64, "batch", "length")
            .weight("words.weight_quantized", Evaluation.randomBytes(DataType.UINT8, 1, 9, 4))
            .weight("scale", Tensor.scalar(0.02f))
            .weight("zero", bytes(DataType.UINT8, 128));
    Model after =
        rewritten(
            graph
                .node("codes", "Gather", "words.weight_quantized ids")
                .node("y", "DequantizeLinear", "codes scale zero")
                .outputs("y"));
    assertEquals("{Gather=1}", Evaluation.operators(after));
    assertEquals(new Granularity.PerTensor(), only(after).granularity());
    assertEquals("words", Evaluation.only(after, "Gather").name());
  }

  @Test
  void tablesDecodedFirstStayQuantizedByRow() {
    Model after =
        rewritten(
            Graphs.opset(21)
                .input("ids", DataType.INT64, "batch", "length")
                .weight("codes", Evaluation.randomBytes(DataType.INT8, 1, 4, 6))
                .weight("row", Tensor.of(new float[] {0.01f, 0.02f, 0.03f, 0.04f}, 4))
                .node("table", "DequantizeLinear", "codes row", "axis", 0)
                .node("y", "Gather", "table ids")
                .outputs("y"));
    assertEquals("{Gather=1}", Evaluation.operators(after));
    assertEquals(new Granularity.PerChannel(0), only(after).granularity());
  }

  @Test
  void qLinearMatMulIsSaidInItsParts() {
    Model fused =
        rewritten(
            graph()
                .weight("zero", bytes(DataType.UINT8, 100))
                .weight("w", Evaluation.randomBytes(DataType.INT8, 1, 6, 4))
                .weight("wz", bytes(DataType.INT8, 3))
                .weight("ws", Tensor.scalar(0.01f))
                .weight("ys", Tensor.scalar(0.05f))
                .node("codes", "QuantizeLinear", "x scale zero")
                .node("p", "QLinearMatMul", "codes scale zero w ws wz ys zero")
                .node("y", "DequantizeLinear", "p ys zero")
                .outputs("y"),
            0.051f); // half a step of the result may round the other way
    assertEquals("{FakeQuantize=2, Linear=1}", Evaluation.operators(fused));
    assertEquals(3, only(fused).zeroPoints().toLongs()[0]);
  }

  // ---- ONNX Runtime's own operators

  @Test
  void microsoftProducts() {
    Model model =
        graph()
            .weight("w", Evaluation.randomBytes(DataType.INT8, 1, 6, 4))
            .weight("wz", bytes(DataType.INT8, 3))
            .node("a", "com.microsoft::DynamicQuantizeMatMul", "x w scale wz bias")
            .node("codes step zero", "DynamicQuantizeLinear", "x")
            .node("b", "com.microsoft::MatMulIntegerToFloat", "codes w step row zero - bias")
            .outputs("a b")
            .model();
    Model fused = Rewrites.apply(model);
    assertEquals("{FakeQuantize=1, Linear=2}", Evaluation.operators(fused));
  }

  @Test
  void microsoftActivationsAndNormalization() {
    Model model =
        Graphs.opset(21)
            .input("x", DataType.FLOAT32, "batch", "length", 4)
            .input("r", DataType.FLOAT32, "batch", "length", 4)
            .weight("w", Evaluation.random(1, 4, 4))
            .weight("b", Evaluation.random(2, 4))
            .weight("gamma", Evaluation.random(3, 4))
            .weight("beta", Evaluation.random(4, 4))
            .node("m", "MatMul", "x w")
            .node("g", "com.microsoft::BiasGelu", "m b")
            .node("f", "com.microsoft::FastGelu", "g")
            .node("n", "com.microsoft::SkipLayerNormalization", "f r gamma beta", "epsilon", 1e-6f)
            .node("y", "com.microsoft::Gelu", "n")
            .outputs("y")
            .model();
    Model fused = Rewrites.apply(model);
    assertEquals("{Gelu=2, Linear=1, SkipLayerNormalization=1}", Evaluation.operators(fused));
    assertEquals(1e-6f, Evaluation.only(fused, "SkipLayerNormalization").number("epsilon", 0));
  }

  /** The whole pattern, for tests that change it. */
  static Model dynamicModel() {
    return dynamic(
            graph()
                .weight("w_quantized", Evaluation.randomBytes(DataType.INT8, 1, 6, 4))
                .weight("zp", bytes(DataType.INT8, 1, 2, 3, 4)),
            "row",
            " zp")
        .node("y", "Add", "product bias")
        .outputs("y")
        .model();
  }

  static Model qdqModel() {
    return graph()
        .weight("zero", bytes(DataType.UINT8, 100))
        .weight("w_quantized", Evaluation.randomBytes(DataType.INT8, 1, 6, 4))
        .weight("zeros", bytes(DataType.INT8, 0, 0, 3, 0))
        .weight("b32", Tensor.of(new int[] {100, -200, 300, 4}, 4))
        .node("codes", "QuantizeLinear", "x scale zero")
        .node("xq", "DequantizeLinear", "codes scale zero")
        .node("wq", "DequantizeLinear", "w_quantized row zeros", "axis", 1)
        .node("bq", "DequantizeLinear", "b32 row", "axis", 0)
        .node("m", "MatMul", "xq wq")
        .node("s", "Add", "m bq")
        .node("y", "Relu", "s")
        .outputs("y")
        .model();
  }
}
