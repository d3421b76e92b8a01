package io.github.demitasse.graph.rewrite;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Node;
import io.github.demitasse.operator.Graphs;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FusePositionEmbeddingTest {
  private static final List<Rewrite> REWRITES =
      List.of(new FusePositionEmbedding(), new SinkExpand());

  /** The length of the ids as "length", and as a list of one as "lengths". */
  private static Graphs ids() {
    return Graphs.opset(21)
        .input("ids", DataType.INT64, "batch", "length")
        .weight("words", Evaluation.random(1, 9, 4))
        .weight("embeddings.position.weight", Evaluation.random(2, 16, 4))
        .integer("0", 0)
        .integer("1", 1)
        .integers("zero", 0)
        .integers("one", 1)
        .node("word", "Gather", "words ids")
        .node("shape", "Shape", "ids")
        .node("length", "Gather", "shape 1", "axis", 0)
        .node("lengths", "Unsqueeze", "length zero");
  }

  private static Graphs sum(Graphs graph, String position) {
    return graph.node("y", "Add", "word " + position).outputs("y");
  }

  private static Model rewritten(Graphs graph) {
    Model model = graph.model();
    Model result = Rewrites.apply(model, REWRITES);
    Evaluation.assertSame(model, result);
    return result;
  }

  private static void assertFused(Graphs graph) {
    Model fused = rewritten(graph);
    assertEquals("{Add=1, Gather=1, PositionEmbedding=1}", Evaluation.operators(fused));
    Node node = Evaluation.only(fused, "PositionEmbedding");
    assertEquals("embeddings.position", node.name());
    assertEquals(List.of("ids", "embeddings.position.weight"), node.inputs());
  }

  private static void assertUnfused(Graphs graph) {
    assertFalse(Evaluation.operators(rewritten(graph)).contains("PositionEmbedding"));
  }

  private static Graphs slice(Graphs graph, long[] stored, String arguments) {
    return graph
        .weight("stored", Tensor.of(stored, 1, stored.length))
        .node("positions", "Slice", "stored " + arguments)
        .node("position", "Gather", "embeddings.position.weight positions");
  }

  private static long[] count(int n) {
    return LongStream.range(0, n).toArray();
  }

  @Test
  void asASliceOfStoredPositions() {
    assertFused(sum(slice(ids(), count(16), "zero lengths one one"), "position"));
    assertFused(sum(slice(ids(), count(16), "zero lengths one"), "position"));
  }

  @Test
  void asARange() {
    assertFused(
        sum(
            ids()
                .node("range", "Range", "0 length 1")
                .node("positions", "Unsqueeze", "range zero")
                .node("position", "Gather", "embeddings.position.weight positions"),
            "position"));
  }

  @Test
  void asARangeWithoutBatchAxis() {
    assertFused(
        sum(
            ids()
                .node("range", "Range", "0 length 1")
                .node("position", "Gather", "embeddings.position.weight range"),
            "position"));
  }

  @Test
  void asARangeExpandedToTheIds() {
    assertFused(
        sum(
            ids()
                .node("range", "Range", "0 length 1")
                .node("positions", "Unsqueeze", "range zero")
                .node("wide", "Expand", "positions shape")
                .node("position", "Gather", "embeddings.position.weight wide"),
            "position"));
  }

  @Test
  void asTheFirstRowsOfTheTable() {
    assertFused(
        sum(
            ids()
                .node("rows", "Slice", "embeddings.position.weight zero lengths zero")
                .node("position", "Unsqueeze", "rows zero"),
            "position"));
  }

  @Test
  void anExpandedResultThatIsAnOutputStays() {
    assertUnfused(
        ids()
            .node("range", "Range", "0 length 1")
            .node("positions", "Unsqueeze", "range zero")
            .node("wide", "Expand", "positions shape")
            .node("position", "Gather", "embeddings.position.weight wide")
            .outputs("position"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"one lengths one one", "zero lengths zero one", "zero four one one"})
  void otherSlicesStay(String arguments) {
    Graphs graph = slice(ids().integers("four", 4), count(16), arguments);
    assertUnfused(graph.outputs("position"));
  }

  @Test
  void otherStoredNumbersStay() {
    long[] shifted = LongStream.range(1, 10).toArray();
    assertUnfused(sum(slice(ids(), shifted, "zero lengths one one"), "position"));
  }

  @Test
  void otherRangesStay() {
    assertUnfused(
        ids()
            .integer("2", 2)
            .node("range", "Range", "0 length 2")
            .node("positions", "Unsqueeze", "range zero")
            .node("position", "Gather", "embeddings.position.weight positions")
            .outputs("position"));
  }

  @Test
  void positionsOverTheBatchStay() {
    assertUnfused(
        ids()
            .node("size", "Gather", "shape 0", "axis", 0)
            .node("range", "Range", "0 size 1")
            .node("positions", "Unsqueeze", "range zero")
            .node("position", "Gather", "embeddings.position.weight positions")
            .outputs("position"));
  }

  /** The whole pattern, for tests that change it. */
  static Model sliceModel() {
    return sum(slice(ids(), count(16), "zero lengths one one"), "position").model();
  }
}
