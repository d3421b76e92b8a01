package io.github.demitasse.operator;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.demitasse.UnsupportedOperatorException;
import io.github.demitasse.tensor.DataType;
import org.junit.jupiter.api.Test;

class NormalizationOperatorsTest {
  private static Graphs x(int opset, Object... dimensions) {
    return Graphs.opset(opset).input("x", DataType.FLOAT32, dimensions);
  }

  @Test
  void softmaxNormalizesAllLaterAxesUpToOpset12() {
    assertArrayEquals(
        new long[] {-1, 12, 1}, x(12, 2, 3, 4).node("y", "Softmax", "x").lowered().integers());
    assertArrayEquals(
        new long[] {-1, 4, 1}, x(13, 2, 3, 4).node("y", "Softmax", "x").lowered().integers());
    assertArrayEquals(
        new long[] {-1, 3, 4},
        x(13, 2, 3, 4).node("y", "LogSoftmax", "x", "axis", 1).lowered().integers());
    assertThrows(
        IllegalArgumentException.class, x(13, 2, 3).node("y", "Softmax", "x", "axis", 2)::infer);
  }

  @Test
  void layerNormalizationTellsItsMomentsPerRow() {
    Graphs graph =
        x(17, "batch", "sequence", 8)
            .input("scale", DataType.FLOAT32, 8)
            .node("y mean deviation", "LayerNormalization", "x scale");
    assertEquals("[batch, sequence, 8]", graph.shapeOf("y"));
    assertEquals("[batch, sequence, 1]", graph.shapeOf("mean"));
    assertThrows(
        IllegalArgumentException.class,
        x(17, 2, 8).input("scale", DataType.FLOAT32, 7).node("y", "LayerNormalization", "x scale")
            ::infer);
  }

  @Test
  void instanceNormalizationIsOneChannelPerGroup() {
    NativeCall call =
        x(13, 2, 6, 5, 5)
            .input("s", DataType.FLOAT32, 6)
            .input("b", DataType.FLOAT32, 6)
            .node("y", "InstanceNormalization", "x s b")
            .lowered();
    assertEquals("GroupNormalization", call.operator());
    assertArrayEquals(new long[] {6}, call.integers());
  }

  @Test
  void batchNormalizationWhileTrainingIsUnsupported() {
    Graphs graph =
        x(15, 2, 6)
            .input("p", DataType.FLOAT32, 6)
            .node("y", "BatchNormalization", "x p p p p", "training_mode", 1);
    assertThrows(UnsupportedOperatorException.class, graph::infer);
  }

  @Test
  void attentionOfThreeDimensionsNeedsItsHeads() {
    Graphs graph =
        Graphs.opset(23)
            .input("q", DataType.FLOAT32, "batch", "sequence", 24)
            .input("k", DataType.FLOAT32, "batch", "keys", 16)
            .input("v", DataType.FLOAT32, "batch", "keys", 32)
            .input("pk", DataType.FLOAT32, "batch", 2, "past", 8)
            .input("pv", DataType.FLOAT32, "batch", 2, "past", 16)
            .node("y pk2 pv2 s", "Attention", "q k v - pk pv", "q_num_heads", 3, "kv_num_heads", 2);
    assertEquals("[batch, sequence, 48]", graph.shapeOf("y"));
    assertEquals("[batch, 2, keys+past, 16]", graph.shapeOf("pv2"));
    assertEquals("[batch, 3, sequence, keys+past]", graph.shapeOf("s"));
    Graphs without =
        Graphs.opset(23).input("q", DataType.FLOAT32, 1, 2, 24).node("y", "Attention", "q q q");
    assertThrows(IllegalArgumentException.class, without::infer);
  }

  @Test
  void operatorsAreUnsupportedBeforeTheirFirstOpset() {
    UnsupportedOperatorException error =
        assertThrows(
            UnsupportedOperatorException.class,
            x(22, 1, 1, 2, 4).node("y", "Attention", "x x x")::infer);
    assertEquals("needs opset 23 or newer", error.missing().get(0).reason());
  }

  @Test
  void skipLayerNormalizationOfOnnxRuntimeGivesItsSum() {
    Graphs graph =
        x(17, "batch", "sequence", 8)
            .input("g", DataType.FLOAT32, 8)
            .node("y - - sum", "com.microsoft::SkipLayerNormalization", "x x g");
    assertEquals("[batch, sequence, 8]", graph.shapeOf("sum"));
  }
}
