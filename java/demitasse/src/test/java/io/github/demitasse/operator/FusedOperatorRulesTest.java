package io.github.demitasse.operator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FusedOperatorRulesTest {
  private static Graphs encoder() {
    return Graphs.opset(17)
        .input("x", DataType.FLOAT32, "batch", "sequence", 8)
        .input("mask", DataType.FLOAT32, "batch", "sequence");
  }

  @Test
  void linearReplacesTheLastDimension() {
    Graphs graph =
        encoder()
            .weight("w", Tensor.allocate(DataType.FLOAT32, 8, 24))
            .weight("b", Tensor.allocate(DataType.FLOAT32, 24))
            .node("qkv", "io.github.demitasse::Linear", "x w b")
            .node("y", "io.github.demitasse::PackedAttention", "qkv -")
            .node("z s", "io.github.demitasse::SkipLayerNormalization", "y x b b");
    assertEquals("[batch, sequence, 24]", graph.shapeOf("qkv"));
    assertEquals("[batch, sequence, 8]", graph.shapeOf("y"));
    assertEquals("[batch, sequence, 8]", graph.shapeOf("s"));
  }

  @Test
  void embeddingsAndPoolingChangeTheRank() {
    Graphs graph =
        encoder()
            .weight("table", Tensor.allocate(DataType.FLOAT32, 512, 8))
            .node("positions", "io.github.demitasse::PositionEmbedding", "x table")
            .node("pooled", "io.github.demitasse::SequencePooling", "x mask");
    assertEquals("[1, sequence, 8]", graph.shapeOf("positions"));
    assertEquals("[batch, 8]", graph.shapeOf("pooled"));
  }

  @Test
  void aSequenceLongerThanThePositionTableSaysBothLengths() {
    Graphs graph =
        Graphs.opset(17)
            .input("x", DataType.FLOAT32, 1, 513, 8)
            .weight("table", Tensor.allocate(DataType.FLOAT32, 512, 8))
            .node("positions", "io.github.demitasse::PositionEmbedding", "x table");
    IllegalArgumentException error = assertThrows(IllegalArgumentException.class, graph::infer);
    assertTrue(error.getMessage().contains("513"), error.getMessage());
    assertTrue(error.getMessage().contains("512"), error.getMessage());
  }

  private static Graphs blocks(long blocksize, int outputs) {
    return Graphs.opset(17)
        .input("x", DataType.FLOAT32, "batch", 3, "height", 10)
        .input("z", DataType.FLOAT32, "batch", 5, "rows", 20)
        .weight("w", Tensor.allocate(DataType.FLOAT32, outputs, 3, 1, 1))
        .weight("b", Tensor.allocate(DataType.FLOAT32, outputs))
        .node("y", "io.github.demitasse::FusedConv", "x w b z", "blocksize", blocksize);
  }

  @Test
  void theResultsOfAConvolutionBecomeBlocks() {
    assertEquals("[batch, 5, 2*height, 20]", blocks(2, 20).shapeOf("y"));
  }

  @ParameterizedTest
  @CsvSource({
    "0, 20, 'blocksize is 0, not within 1..64'",
    "-3, 20, 'blocksize is -3, not within 1..64'",
    "4294967298, 20, 'blocksize is 4294967298, not within 1..64'",
    "2, 21, 21",
    "1, 5, cannot add"
  })
  void blocksThatDoNotFitSayWhy(long blocksize, int outputs, String message) {
    Graphs graph = blocks(blocksize, outputs);
    IllegalArgumentException error = assertThrows(IllegalArgumentException.class, graph::infer);
    assertTrue(error.getMessage().contains(message), error.getMessage());
  }
}
