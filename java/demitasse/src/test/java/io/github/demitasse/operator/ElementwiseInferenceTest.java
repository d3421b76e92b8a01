package io.github.demitasse.operator;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.UnsupportedOperatorException;
import io.github.demitasse.natives.Demitasse;
import io.github.demitasse.natives.NativeLibrary;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.util.List;
import org.junit.jupiter.api.Test;

class ElementwiseInferenceTest {
  private static final DataType F32 = DataType.FLOAT32;

  private static String sum(Object[] a, Object[] b) {
    return Graphs.opset(17)
        .input("a", F32, a)
        .input("b", F32, b)
        .node("y", "Add", "a b")
        .shapeOf("y");
  }

  private static Object[] dims(Object... dimensions) {
    return dimensions;
  }

  @Test
  void broadcastingKeepsWhatIsKnownOfEachDimension() {
    assertEquals("[batch, 3]", sum(dims("batch", 3), dims(3)));
    assertEquals("[batch, 3]", sum(dims("batch", 1), dims("batch", 3)));
    assertEquals("[7, 3]", sum(dims("batch", 3), dims(7, 1)));
    assertEquals("[2, batch]", sum(dims("batch"), dims(2, 1)));
    assertEquals("[?, 3]", sum(dims("batch", 3), dims("other", 3)));
    assertEquals("[]", sum(dims(), dims()));
    assertEquals("[0]", sum(dims(0), dims(1)));
  }

  @Test
  void shapesThatDoNotBroadcastNameTheNodeAndBothShapes() {
    IllegalArgumentException error =
        assertThrows(IllegalArgumentException.class, () -> sum(dims(2, 3), dims(2)));
    assertTrue(error.getMessage().contains("'y' (Add)"), error.getMessage());
    assertTrue(error.getMessage().contains("[2, 3], [2]"), error.getMessage());
  }

  @Test
  void inputsOfDifferentTypesAreRefused() {
    Graphs graph =
        Graphs.opset(17).input("a", F32, 2).input("b", DataType.FLOAT64, 2).node("y", "Mul", "a b");
    assertThrows(IllegalArgumentException.class, graph::infer);
  }

  @Test
  void typesWithoutAKernelAreUnsupportedNotWrong() {
    Graphs graph = Graphs.opset(17).input("a", DataType.INT32, 2).node("y", "Erf", "a");
    UnsupportedOperatorException error =
        assertThrows(UnsupportedOperatorException.class, graph::infer);
    assertTrue(error.getMessage().contains("INT32"), error.getMessage());
  }

  @Test
  void broadcastingByAttributeIsTooOld() {
    Graphs graph = Graphs.opset(6).input("a", F32, 2).node("y", "Add", "a a");
    assertThrows(UnsupportedOperatorException.class, graph::infer);
  }

  @Test
  void arithmeticOnShapesKeepsSymbols() {
    GraphInference inference =
        Graphs.opset(17)
            .input("x", F32, "batch", 12, "sequence")
            .node("shape", "Shape", "x")
            .integers("factors", 2, 3, 1)
            .node("product", "Mul", "shape factors")
            .integer("two", 2)
            .node("more", "Add", "product two")
            .node("less", "Sub", "more two")
            .node("half", "Div", "product two")
            .node("narrow", "Cast", "product", "to", 6)
            .node("all", "ReduceProd", "shape", "keepdims", 0)
            .infer();
    assertEquals("[2*batch, 36, sequence]", inference.content("product").toString());
    assertEquals(38, inference.content("more").get(1).size());
    assertEquals(36, inference.content("less").get(1).size());
    assertEquals("batch", inference.content("half").get(0).toString());
    assertEquals(inference.content("product"), inference.content("narrow"));
    assertEquals(DataType.INT32, inference.value("narrow").type());
    assertEquals("[12*batch*sequence]", inference.content("all").toString());
  }

  @Test
  void minusOneInExpandIsReplacedAsExportersDo() {
    // Expand's target: where it is -1, take 1, else the size itself.
    GraphInference inference =
        Graphs.opset(17)
            .input("x", F32, "batch", 1)
            .input("y", F32, "batch", 5)
            .node("size", "Shape", "y", "start", 0, "end", 1)
            .integers("minus", -1)
            .node("target", "Concat", "size minus", "axis", 0)
            .integers("minus_ones", -1, -1)
            .integers("ones", 1, 1)
            .node("is_minus", "Equal", "target minus_ones")
            .node("chosen", "Where", "is_minus ones target")
            .node("expanded", "Expand", "x chosen")
            .infer();
    assertEquals("[batch, 1]", inference.content("chosen").toString());
    assertEquals("[batch, 1]", inference.value("expanded").shape().toString());
  }

  @Test
  void comparingASymbolWithANumberIsNotDecided() {
    GraphInference inference =
        Graphs.opset(17)
            .input("x", F32, "batch", 3)
            .node("shape", "Shape", "x")
            .integers("ones", 1, 1)
            .node("equal", "Equal", "shape ones")
            .infer();
    assertEquals("[?, 0]", inference.content("equal").toString());
    assertNull(inference.constant("equal"));
  }

  @Test
  void reductionsTakeAxesAsAttributeOrInput() {
    Graphs old =
        Graphs.opset(11)
            .input("x", F32, "b", 3, 4)
            .node("y", "ReduceMean", "x", "axes", new long[] {-1});
    assertEquals("[b, 3, 1]", old.shapeOf("y"));
    Graphs recent =
        Graphs.opset(18)
            .input("x", F32, "b", 3, 4)
            .integers("axes", 0, -1)
            .node("y", "ReduceMean", "x axes", "keepdims", 0);
    assertEquals("[3]", recent.shapeOf("y"));
    Graphs all = Graphs.opset(18).input("x", F32, 2, 3).node("y", "ReduceMax", "x");
    assertEquals("[1, 1]", all.shapeOf("y"));
    assertArrayEquals(new long[] {0, 1}, all.lowered().integers());
  }

  @Test
  void reducingNoAxesNeedsTheNodesWord() {
    Graphs none =
        Graphs.opset(18)
            .input("x", F32, 2, 3)
            .integers("axes")
            .node("y", "ReduceSum", "x axes", "noop_with_empty_axes", 1);
    assertEquals("[2, 3]", none.shapeOf("y"));
    assertArrayEquals(new long[0], none.lowered().integers());
  }

  @Test
  void axesFromDataAreRefusedWhenLowering() {
    Graphs graph =
        Graphs.opset(18)
            .input("x", F32, 2, 3)
            .input("axes", DataType.INT64, 1)
            .node("y", "ReduceSum", "x axes");
    assertEquals("[?, ?]", graph.shapeOf("y"));
    assertThrows(UnsupportedOperatorException.class, graph::lowered);
  }

  @Test
  void axesOutsideTheRankAreRefused() {
    Graphs graph = Graphs.opset(13).input("x", F32, 2, 3).node("y", "ArgMax", "x", "axis", 2);
    assertThrows(IllegalArgumentException.class, graph::infer);
    Graphs twice =
        Graphs.opset(13)
            .input("x", F32, 2, 3)
            .node("y", "ReduceMax", "x", "axes", new long[] {1, -1});
    assertThrows(IllegalArgumentException.class, twice::infer);
  }

  @Test
  void rangesOfSizesKeepTheSymbol() {
    GraphInference inference =
        Graphs.opset(17)
            .input("x", F32, "batch", "sequence")
            .node("shape", "Shape", "x")
            .integer("zero", 0)
            .integer("one", 1)
            .node("length", "Gather", "shape one")
            .node("positions", "Range", "zero length one")
            .integer("ten", 10)
            .integer("minus_three", -3)
            .node("down", "Range", "ten zero minus_three")
            .node("nothing", "Range", "ten zero one")
            .infer();
    assertEquals("[sequence]", inference.value("positions").shape().toString());
    assertEquals("[10, 7, 4, 1]", inference.content("down").toString());
    assertEquals("[0]", inference.value("nothing").shape().toString());
  }

  @Test
  void clipTakesItsBoundsFromAttributesBeforeOpset11() {
    NativeCall old = Graphs.opset(7).input("x", F32, 2).node("y", "Clip", "x", "max", 6f).lowered();
    assertArrayEquals(new double[] {Float.NEGATIVE_INFINITY, 6}, old.floats());
    NativeCall recent =
        Graphs.opset(13)
            .input("x", F32, 2)
            .weight("high", Tensor.scalar(6f))
            .node("y", "Clip", "x - high")
            .lowered();
    assertEquals(List.of(0, -1, 2), recent.inputs());
    assertEquals(0, recent.floats().length);
  }

  @Test
  void dropoutIsACopyUnlessItsMaskIsWanted() {
    assertTrue(Graphs.opset(13).input("x", F32, 2).node("y", "Dropout", "x").lowered().alias());
    Graphs masked = Graphs.opset(9).input("x", F32, 2).node("y mask", "Dropout", "x");
    assertEquals(F32, masked.infer().value("mask").type());
    assertEquals("Dropout", masked.lowered().operator());
    Graphs training =
        Graphs.opset(13)
            .input("x", F32, 2)
            .weight("ratio", Tensor.scalar(0.5f))
            .weight("training", Tensor.ofBytes(DataType.BOOL, new byte[] {1}))
            .node("y", "Dropout", "x ratio training");
    assertThrows(UnsupportedOperatorException.class, training::infer);
  }

  @Test
  void quantizationTakesItsTypeFromTheZeroPointOrTheAttribute() {
    Graphs graph = Graphs.opset(21).input("x", F32, "n", 4).weight("scale", Tensor.scalar(0.5f));
    assertEquals(
        DataType.UINT8, graph.node("a", "QuantizeLinear", "x scale").infer().value("a").type());
    graph.weight("zero", Tensor.ofBytes(DataType.INT8, new byte[] {0}));
    assertEquals(
        DataType.INT8, graph.node("b", "QuantizeLinear", "x scale zero").infer().value("b").type());
    graph.node("c", "QuantizeLinear", "x scale", "output_dtype", DataType.INT16.onnxCode());
    assertEquals(DataType.INT16, graph.infer().value("c").type());
    assertEquals(F32, graph.node("d", "DequantizeLinear", "c scale").infer().value("d").type());
  }

  @Test
  void everyNativeCallNamesAnOperatorThatExists() {
    // Operators of one input need nothing else to be lowered.
    NativeLibrary.load();
    for (Operator operator : ElementwiseOperators.all()) {
      DataType type = operator.name().startsWith("Bitwise") ? DataType.INT32 : F32;
      String name =
          operator.domain().isEmpty()
              ? operator.name()
              : operator.domain() + "::" + operator.name();
      NativeCall call = Graphs.opset(24).input("x", type, 2).node("y", name, "x").lowered();
      assertEquals(1, Demitasse.dmt_operator_exists(call.operator()), call.operator());
    }
  }
}
