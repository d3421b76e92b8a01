package io.github.demitasse.operator;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.UnsupportedOperatorException;
import io.github.demitasse.tensor.DataType;
import java.util.List;
import org.junit.jupiter.api.Test;

class MovementOperatorsTest {
  private static final long END = Long.MAX_VALUE;

  private static Graphs x(int opset, Object... dimensions) {
    return Graphs.opset(opset).input("x", DataType.FLOAT32, dimensions);
  }

  @Test
  void transposeThatMovesOnlyOnesIsAnAlias() {
    long[] swap = {0, 2, 1, 3};
    assertTrue(x(13, 2, 1, 5, 3).node("y", "Transpose", "x", "perm", swap).lowered().alias());
    NativeCall call = x(13, 2, 4, 5, 3).node("y", "Transpose", "x", "perm", swap).lowered();
    assertFalse(call.alias());
    assertArrayEquals(swap, call.integers());
  }

  @Test
  void transposeReversesWithoutPermutation() {
    assertEquals(
        "[3, sequence, batch]",
        x(13, "batch", "sequence", 3).node("y", "Transpose", "x").shapeOf("y"));
    assertThrows(
        IllegalArgumentException.class,
        x(13, 2, 3).node("y", "Transpose", "x", "perm", new long[] {0})::infer);
  }

  @Test
  void concatAddsAlongItsAxis() {
    Graphs graph =
        x(13, "batch", "past", 4)
            .input("z", DataType.FLOAT32, "batch", "sequence", 4)
            .node("y", "Concat", "x z", "axis", -2);
    assertEquals("[batch, past+sequence, 4]", graph.shapeOf("y"));
    assertThrows(
        IllegalArgumentException.class,
        x(13, 2, 3).input("z", DataType.FLOAT32, 3, 3).node("y", "Concat", "x z", "axis", 1)
            ::infer);
  }

  @Test
  void splitIntoEqualGivenAndUnevenParts() {
    Graphs equal = x(11, "batch", 12).node("a b c", "Split", "x", "axis", 1);
    assertEquals("[batch, 4]", equal.shapeOf("c"));
    Graphs attribute =
        x(11, "batch", 12).node("a b", "Split", "x", "axis", 1, "split", new long[] {5, 7});
    assertEquals("[batch, 7]", attribute.shapeOf("b"));
    Graphs input =
        x(13, "batch", 12).integers("sizes", 5, 7).node("a b", "Split", "x sizes", "axis", 1);
    assertEquals("[batch, 5]", input.shapeOf("a"));
    Graphs uneven = x(18, 7).node("a b c", "Split", "x", "num_outputs", 3);
    assertEquals("[1]", uneven.shapeOf("c"));
    assertArrayEquals(new long[] {0, 3, 3, 1}, uneven.lowered().integers());
    assertThrows(IllegalArgumentException.class, x(13, 7).node("a b c", "Split", "x")::infer);
  }

  @Test
  void splitOfAShapeSplitsItsContent() {
    GraphInference inference =
        x(13, "batch", "sequence", 12, 32)
            .node("sizes", "Shape", "x")
            .node("a b", "Split", "sizes")
            .infer();
    assertEquals("[batch, sequence]", inference.content("a").toString());
    assertEquals("[12, 32]", inference.content("b").toString());
  }

  private static Graphs sliced(Graphs graph, long start, long end, long axis, long step) {
    return graph
        .integers("starts", start)
        .integers("ends", end)
        .integers("axes", axis)
        .integers("steps", step)
        .node("y", "Slice", "x starts ends axes steps");
  }

  private static String slice(long start, long end, long axis, long step) {
    return sliced(x(13, "batch", "sequence", 10), start, end, axis, step).shapeOf("y");
  }

  @Test
  void sliceOfKnownSizes() {
    assertEquals("[batch, sequence, 5]", slice(0, END, 2, 2));
    assertEquals("[batch, sequence, 3]", slice(-3, END, 2, 1));
    assertEquals("[batch, sequence, 10]", slice(END, Long.MIN_VALUE, 2, -1));
    assertEquals("[batch, sequence, 1]", slice(3, 99, 2, Long.MAX_VALUE));
    assertEquals("[batch, sequence, 1]", slice(3, -99, 2, Long.MIN_VALUE));
    assertEquals("[batch, sequence, 0]", slice(5, 2, 2, 1));
  }

  @Test
  void sliceOfSymbols() {
    assertEquals("[batch, 1, 10]", slice(0, 1, 1, 1));
    assertEquals("[batch, sequence, 10]", slice(0, END, 1, 1));
    assertEquals("[batch, sequence-1, 10]", slice(1, END, 1, 1));
    assertEquals("[batch, sequence, 10]", slice(-1, -END, 1, -1));
    assertEquals("[batch, ?, 10]", slice(0, 5, 1, 1));
    assertEquals("[batch, ?, 10]", slice(0, END, 1, 2));
  }

  @Test
  void positionsUpToASymbolHaveItsLength() {
    Graphs graph =
        x(13, "batch", "sequence")
            .input("positions", DataType.INT64, 1, 512)
            .node("sizes", "Shape", "x")
            .integers("one", 1)
            .integers("two", 2)
            .integers("zero", 0)
            .node("length", "Slice", "sizes one two zero")
            .node("y", "Slice", "positions zero length one");
    assertEquals("[1, sequence]", graph.shapeOf("y"));
    assertEquals("[sequence]", graph.infer().content("length").toString());
  }

  @Test
  void sliceArgumentsAreAttributesUpToOpset9() {
    Graphs graph =
        x(9, 4, 6)
            .node(
                "y",
                "Slice",
                "x",
                "axes",
                new long[] {1},
                "starts",
                new long[] {1},
                "ends",
                new long[] {-1});
    assertEquals("[4, 4]", graph.shapeOf("y"));
    assertArrayEquals(new long[] {0, 1, 1, 1}, graph.lowered().integers());
  }

  @Test
  void sliceOfContentWithNegativeSteps() {
    GraphInference inference =
        sliced(
                Graphs.opset(13)
                    .input("data", DataType.FLOAT32, "a", "b", "c")
                    .node("x", "Shape", "data"),
                -1,
                -END,
                0,
                -1)
            .infer();
    assertEquals("[c, b, a]", inference.content("y").toString());
  }

  @Test
  void sliceByDataKeepsTheRank() {
    Graphs graph =
        x(13, 4, 6)
            .input("starts", DataType.INT64, 1)
            .integers("ends", 3)
            .integers("axes", 1)
            .node("y", "Slice", "x starts ends axes");
    assertEquals("[4, ?]", graph.shapeOf("y"));
    assertThrows(UnsupportedOperatorException.class, graph::lowered);
  }

  @Test
  void aStepOfZeroIsAnError() {
    assertThrows(IllegalArgumentException.class, sliced(x(13, 4), 0, 2, 0, 0)::infer);
  }

  @Test
  void padsAreAttributesUpToOpset10() {
    Graphs old = x(2, "n", 3).node("y", "Pad", "x", "pads", new long[] {0, 1, 2, 3}, "value", 5f);
    assertEquals("[2+n, 7]", old.shapeOf("y"));
    Graphs newer =
        x(18, 4, 3)
            .integers("pads", 1, 2)
            .integers("axes", -1)
            .node("y", "Pad", "x pads - axes", "mode", "edge");
    assertEquals("[4, 6]", newer.shapeOf("y"));
    assertArrayEquals(new long[] {2, 0, 1}, newer.lowered().integers());
    assertEquals(List.of(0, -1), newer.lowered().inputs());
    assertThrows(
        IllegalArgumentException.class,
        x(13, 4, 3).integers("pads", -5, 0, 0, 0).node("y", "Pad", "x pads")::infer);
  }

  @Test
  void centerCropPadRoundsTowardsTheFront() {
    Graphs graph =
        x(18, 5, 4, 3)
            .integers("shape", 8, 3)
            .node("y", "CenterCropPad", "x shape", "axes", new long[] {0, 1});
    assertEquals("[8, 3, 3]", graph.shapeOf("y"));
    assertArrayEquals(new long[] {0, 1, 0, 0}, graph.lowered().integers());
  }

  @Test
  void tileAndExpandResolveSymbols() {
    assertEquals(
        "[2*batch, sequence]",
        x(13, "batch", "sequence").integers("r", 2, 1).node("y", "Tile", "x r").shapeOf("y"));
    Graphs expand =
        x(13, "batch", "sequence")
            .input("row", DataType.FLOAT32, 1, 1)
            .node("sizes", "Shape", "x")
            .node("y", "Expand", "row sizes");
    assertEquals("[batch, sequence]", expand.shapeOf("y"));
    assertNull(
        x(13, "n")
            .input("s", DataType.INT64, 2)
            .node("y", "Expand", "x s")
            .infer()
            .value("y")
            .shape());
  }

  @Test
  void depthAndSpace() {
    assertEquals(
        "[n, 2, 6, 10]",
        x(13, "n", 8, 3, 5).node("y", "DepthToSpace", "x", "blocksize", 2).shapeOf("y"));
    assertEquals(
        "[n, 8, 3, 5]",
        x(13, "n", 2, 6, 10).node("y", "SpaceToDepth", "x", "blocksize", 2).shapeOf("y"));
    assertThrows(
        IllegalArgumentException.class,
        x(13, 1, 7, 3, 5).node("y", "DepthToSpace", "x", "blocksize", 2)::infer);
  }
}
