package io.github.demitasse.operator;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import org.junit.jupiter.api.Test;

class ShapeOperatorsTest {
  private static Graphs encoder(int opset) {
    return Graphs.opset(opset).input("x", DataType.FLOAT32, "batch", "sequence", 384);
  }

  private static String reshaped(long allowZero, long... wanted) {
    return encoder(14)
        .integers("wanted", wanted)
        .node("y", "Reshape", "x wanted", "allowzero", (int) allowZero)
        .shapeOf("y");
  }

  @Test
  void reshapeCopiesAndInfers() {
    assertEquals("[batch, sequence, 12, 32]", reshaped(0, 0, 0, 12, 32));
    assertEquals("[batch, sequence, 12, 32]", reshaped(0, 0, -1, 12, 32));
    assertEquals("[batch*sequence, 384]", reshaped(0, -1, 384));
    assertEquals("[batch, 384*sequence]", reshaped(0, 0, -1));
    assertEquals("[?, 7]", reshaped(0, -1, 7));
  }

  @Test
  void reshapeUndoesAMergeOfSymbols() {
    String shape =
        encoder(14)
            .integers("rows", -1, 384)
            .node("flat", "Reshape", "x rows")
            .node("sizes", "Shape", "x")
            .node("y", "Reshape", "flat sizes")
            .shapeOf("y");
    assertEquals("[batch, sequence, 384]", shape);
  }

  @Test
  void reshapeToASizeFromDataFollowsFromTheOthers() {
    String shape =
        encoder(14)
            .input("n", DataType.INT64, 1)
            .integers("rest", 12, 32)
            .node("sizes", "Shape", "x", "end", 1)
            .node("wanted", "Concat", "sizes n rest", "axis", 0)
            .node("y", "Reshape", "x wanted")
            .shapeOf("y");
    assertEquals("[batch, sequence, 12, 32]", shape);
  }

  @Test
  void reshapeThatDoesNotFitSaysBothShapes() {
    Graphs graph =
        Graphs.opset(14)
            .input("x", DataType.FLOAT32, 2, 3)
            .integers("wanted", 4, -1)
            .node("y", "Reshape", "x wanted");
    IllegalArgumentException error = assertThrows(IllegalArgumentException.class, graph::infer);
    assertTrue(error.getMessage().contains("[2, 3] to [4, -1]"), error.getMessage());
  }

  @Test
  void zeroIsASizeWhereAllowed() {
    Graphs graph =
        Graphs.opset(14)
            .input("x", DataType.FLOAT32, 0, 3)
            .integers("wanted", 3, 0)
            .node("y", "Reshape", "x wanted", "allowzero", 1);
    assertEquals("[3, 0]", graph.shapeOf("y"));
  }

  @Test
  void reshapeFlattenAndSqueezeAreAliases() {
    assertTrue(encoder(14).integers("w", -1).node("y", "Reshape", "x w").lowered().alias());
    assertTrue(encoder(14).node("y", "Flatten", "x").lowered().alias());
    assertTrue(encoder(14).node("y", "Identity", "x").lowered().alias());
  }

  @Test
  void flattenMultipliesSymbols() {
    assertEquals(
        "[batch*sequence, 384]", encoder(13).node("y", "Flatten", "x", "axis", -1).shapeOf("y"));
    assertEquals(
        "[1, 384*batch*sequence]", encoder(13).node("y", "Flatten", "x", "axis", 0).shapeOf("y"));
    assertEquals(
        "[384*batch*sequence, 1]", encoder(13).node("y", "Flatten", "x", "axis", 3).shapeOf("y"));
  }

  @Test
  void axesAreAttributesUpToOpset12AndInputsFrom13() {
    assertEquals(
        "[1, batch, sequence, 1, 384]",
        encoder(11).node("y", "Unsqueeze", "x", "axes", new long[] {0, 3}).shapeOf("y"));
    Graphs newer = encoder(13).integers("axes", 0, -2).node("y", "Unsqueeze", "x axes");
    assertEquals("[1, batch, sequence, 1, 384]", newer.shapeOf("y"));
    newer.node("z", "Squeeze", "y axes");
    assertEquals("[batch, sequence, 384]", newer.shapeOf("z"));
    assertEquals(
        "[batch, sequence, 384]",
        encoder(11)
            .node("y", "Unsqueeze", "x", "axes", new long[] {1})
            .node("z", "Squeeze", "y", "axes", new long[] {-3})
            .shapeOf("z"));
  }

  @Test
  void squeezeOfAllOnesNeedsKnownSizes() {
    assertNull(encoder(13).node("y", "Squeeze", "x").infer().value("y").shape());
    Graphs known = Graphs.opset(13).input("x", DataType.FLOAT32, 1, 3, 1).node("y", "Squeeze", "x");
    assertEquals("[3]", known.shapeOf("y"));
  }

  @Test
  void squeezeOfALargerAxisIsAnError() {
    Graphs graph = encoder(11).node("y", "Squeeze", "x", "axes", new long[] {2});
    assertThrows(IllegalArgumentException.class, graph::infer);
  }

  @Test
  void shapeTakesAPart() {
    GraphInference inference = encoder(15).node("y", "Shape", "x", "start", -2, "end", 99).infer();
    assertEquals(Graphs.shape("sequence", 384).dimensions(), inference.content("y"));
    assertEquals(new ValueInfo("y", DataType.INT64, Graphs.shape(2)), inference.value("y"));
  }

  @Test
  void sizeIsAProduct() {
    GraphInference inference = encoder(13).node("y", "Size", "x").infer();
    assertEquals("[384*batch*sequence]", inference.content("y").toString());
    Graphs known = Graphs.opset(13).input("x", DataType.FLOAT32, 2, 3).node("y", "Size", "x");
    assertArrayEquals(new long[] {6}, known.lowered().integers());
  }

  @Test
  void constantsAreKnownByContent() {
    GraphInference inference =
        Graphs.opset(13)
            .node("a", "Constant", "", "value", Tensor.of(new float[] {1.5f}, 1))
            .node("b", "Constant", "", "value_ints", new long[] {3, 4})
            .node("c", "Constant", "", "value_float", 2f)
            .infer();
    assertEquals(1.5f, inference.constant("a").toFloats()[0]);
    assertEquals("[3, 4]", inference.content("b").toString());
    assertEquals(DataType.FLOAT32, inference.value("c").type());
    assertEquals(0, inference.value("c").shape().rank());
  }

  @Test
  void constantOfShapeFillsWithItsValue() {
    Graphs graph =
        Graphs.opset(13)
            .input("x", DataType.FLOAT32, "batch", 3)
            .node("sizes", "Shape", "x")
            .node("y", "ConstantOfShape", "sizes", "value", Tensor.of(new int[] {7}, 1));
    assertEquals("[batch, 3]", graph.shapeOf("y"));
    assertEquals(DataType.INT32, graph.infer().value("y").type());
    Graphs known = Graphs.opset(13).integers("sizes", 2).node("y", "ConstantOfShape", "sizes");
    assertEquals("Fill", known.lowered().operator());
    assertArrayEquals(new double[] {0}, known.lowered().floats());
  }

  @Test
  void integersKeepTheirContentThroughAliases() {
    GraphInference inference =
        encoder(13)
            .integers("axis", 0)
            .node("sizes", "Shape", "x")
            .integer("one", 1)
            .node("length", "Gather", "sizes one")
            .node("row", "Unsqueeze", "length axis")
            .node("back", "Squeeze", "row axis")
            .infer();
    assertEquals("[sequence]", inference.content("row").toString());
    assertEquals("[sequence]", inference.content("back").toString());
    assertEquals(0, inference.value("back").shape().rank());
  }
}
