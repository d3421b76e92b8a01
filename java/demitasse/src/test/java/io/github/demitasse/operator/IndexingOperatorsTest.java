package io.github.demitasse.operator;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.demitasse.UnsupportedOperatorException;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class IndexingOperatorsTest {
  private static Graphs tokens() {
    return Graphs.opset(13)
        .input("x", DataType.FLOAT32, "batch", "sequence", 8)
        .input("ids", DataType.INT64, "batch", "sequence");
  }

  @Test
  void gatherPutsTheIndicesInPlaceOfTheAxis() {
    Graphs embedding =
        tokens()
            .weight("table", Tensor.allocate(DataType.FLOAT32, 100, 8))
            .node("y", "Gather", "table ids");
    assertEquals("[batch, sequence, 8]", embedding.shapeOf("y"));
    Graphs first = tokens().integer("zero", 0).node("y", "Gather", "x zero", "axis", 1);
    assertEquals("[batch, 8]", first.shapeOf("y"));
  }

  @Test
  void gatherOfAShapeOutsideItIsAnError() {
    Graphs graph =
        tokens().node("sizes", "Shape", "x").integer("four", 4).node("y", "Gather", "sizes four");
    assertThrows(IllegalArgumentException.class, graph::infer);
  }

  @Test
  void gatherNdKeepsTheBatch() {
    Graphs graph =
        tokens()
            .input("at", DataType.INT64, "batch", 5, 1)
            .node("y", "GatherND", "x at", "batch_dims", 1);
    assertEquals("[batch, 5, 8]", graph.shapeOf("y"));
    Graphs deep =
        Graphs.opset(13)
            .input("x", DataType.FLOAT32, 4)
            .input("at", DataType.INT64, 3, 2)
            .node("y", "GatherND", "x at");
    assertThrows(IllegalArgumentException.class, deep::infer);
  }

  @Test
  void scatterNamesItsReduction() {
    Graphs graph =
        tokens()
            .input("at", DataType.INT64, 1, 1, 1)
            .input("u", DataType.FLOAT32, 1, 1, 1)
            .node("y", "ScatterElements", "x at u", "axis", -1, "reduction", "max");
    assertEquals("[batch, sequence, 8]", graph.shapeOf("y"));
    Graphs known =
        Graphs.opset(18)
            .input("x", DataType.FLOAT32, 2, 8)
            .input("at", DataType.INT64, 1, 1)
            .input("u", DataType.FLOAT32, 1, 1)
            .node("y", "ScatterElements", "x at u", "axis", -1, "reduction", "max");
    assertArrayEquals(new long[] {1, 3}, known.lowered().integers());
  }

  @Test
  void oneHotTakesItsDepthOfAnyType() {
    Graphs graph =
        tokens()
            .weight("depth", Tensor.scalar(5f))
            .weight("values", Tensor.of(new float[] {0, 1}, 2))
            .node("y", "OneHot", "ids depth values", "axis", 1);
    assertEquals("[batch, 5, sequence]", graph.shapeOf("y"));
  }

  @Test
  void topKTakesKAsAttributeUpToOpset9() {
    Graphs old =
        Graphs.opset(9)
            .input("x", DataType.FLOAT32, "n", 8)
            .node("v i", "TopK", "x", "k", 3, "axis", 1);
    assertEquals("[n, 3]", old.shapeOf("i"));
    Graphs newer =
        Graphs.opset(11)
            .input("x", DataType.FLOAT32, "n", 8)
            .integers("k", 9)
            .node("v i", "TopK", "x k");
    assertThrows(IllegalArgumentException.class, newer::infer);
  }

  @Test
  void whatDependsOnDataIsKnownForInputsAtHand() {
    Graphs graph =
        Graphs.opset(13)
            .input("x", DataType.FLOAT32, 2, 3)
            .input("keep", DataType.BOOL, 3)
            .node("found", "NonZero", "x")
            .node("kept", "Compress", "x keep", "axis", 1);
    assertEquals("[2, ?]", graph.shapeOf("found"));
    assertEquals("[2, ?]", graph.shapeOf("kept"));
    assertThrows(UnsupportedOperatorException.class, graph::lowered);
    GraphInference inference =
        GraphInference.ofInputs(
            graph.model(),
            Map.of(
                "x",
                Tensor.of(new float[] {0, 1, Float.NaN, 0, -0f, 2}, 2, 3),
                "keep",
                Tensor.ofBytes(DataType.BOOL, new byte[] {1, 0, 1}, 3)));
    assertEquals("[2, 3]", inference.value("found").shape().toString());
    assertEquals("[2, 2]", inference.value("kept").shape().toString());
    assertEquals(
        List.of("[2, 3]", "[2, 2]"),
        List.of("found", "kept").stream()
            .map(name -> inference.value(name).shape().toString())
            .toList());
  }
}
