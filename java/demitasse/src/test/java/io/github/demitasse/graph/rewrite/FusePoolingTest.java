package io.github.demitasse.graph.rewrite;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Node;
import io.github.demitasse.operator.Graphs;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class FusePoolingTest {
  private static final List<Rewrite> REWRITES =
      List.of(
          new SinkExpand(),
          new FuseMeanPooling(),
          new FuseFirstPooling(),
          new FuseNormalizedPooling());

  private static Graphs tokens() {
    return Graphs.opset(21)
        .input("x", DataType.FLOAT32, "batch", "length", 4)
        .input("mask", DataType.INT64, "batch", "length")
        .integers("last", -1)
        .integers("zero", 0)
        .integers("one", 1)
        .integers("two", 2)
        .integer("0", 0)
        .integer("1", 1)
        .weight("tiny", Tensor.scalar(1e-9f))
        .weight("tinier", Tensor.scalar(1e-12f))
        .weight("tenth", Tensor.scalar(0.1f));
  }

  /** As sentence-transformers has it; "y" is the mean. */
  private static Graphs mean(Graphs graph) {
    return graph
        .node("column", "Unsqueeze", "mask last")
        .node("shape", "Shape", "x")
        .node("wide", "Expand", "column shape")
        .node("weights", "Cast", "wide", "to", 1)
        .node("product", "Mul", "x weights")
        .node("sum", "ReduceSum", "product one", "keepdims", 0)
        .node("count", "ReduceSum", "weights one", "keepdims", 0)
        .node("divisor", "Clip", "count tiny")
        .node("y", "Div", "sum divisor");
  }

  private static Model rewritten(Graphs graph) {
    Model model = graph.model();
    Model result = Rewrites.apply(model, REWRITES);
    Evaluation.assertSame(model, result);
    return result;
  }

  private static void assertUnfused(Graphs graph) {
    assertFalse(Evaluation.operators(rewritten(graph)).contains("SequencePooling"));
  }

  @Test
  void meanOfTheSelectedTokens() {
    Model fused = rewritten(mean(tokens()).outputs("y"));
    assertEquals("{SequencePooling=1}", Evaluation.operators(fused));
    Node pooling = Evaluation.only(fused, "SequencePooling");
    assertEquals("mean", pooling.text("kind", ""));
    assertEquals(List.of("x", "mask"), pooling.inputs());
  }

  @Test
  void meanWithTheCountTakenFromTheMask() {
    Model fused =
        rewritten(
            tokens()
                .node("column", "Unsqueeze", "mask two")
                .node("weights", "Cast", "column", "to", 1)
                .node("product", "Mul", "weights x")
                .node("sum", "ReduceSum", "product one", "keepdims", 0)
                .node("float", "Cast", "mask", "to", 1)
                .node("count", "ReduceSum", "float one", "keepdims", 1)
                .node("divisor", "Max", "count tiny")
                .node("y", "Div", "sum divisor")
                .outputs("y"));
    assertEquals("{SequencePooling=1}", Evaluation.operators(fused));
  }

  @ParameterizedTest
  @CsvSource({"product zero, weights one, count tiny", "product one, weights one, count tenth"})
  void otherSumsAndBoundsStay(String summed, String counted, String bounded) {
    assertUnfused(
        Graphs.opset(21)
            .input("x", DataType.FLOAT32, 4, 4, 4)
            .input("mask", DataType.INT64, 4, 4)
            .integers("last", -1)
            .integers("zero", 0)
            .integers("one", 1)
            .weight("tiny", Tensor.scalar(1e-9f))
            .weight("tenth", Tensor.scalar(0.1f))
            .node("column", "Unsqueeze", "mask last")
            .node("weights", "Cast", "column", "to", 1)
            .node("product", "Mul", "x weights")
            .node("sum", "ReduceSum", summed, "keepdims", 0)
            .node("count", "ReduceSum", counted, "keepdims", 0)
            .node("divisor", "Clip", bounded)
            .node("y", "Div", "sum divisor")
            .outputs("y"));
  }

  @Test
  void twoDifferentMasksStay() {
    assertUnfused(
        tokens()
            .input("mask2", DataType.INT64, "batch", "length")
            .node("column", "Unsqueeze", "mask last")
            .node("weights", "Cast", "column", "to", 1)
            .node("product", "Mul", "x weights")
            .node("sum", "ReduceSum", "product one", "keepdims", 0)
            .node("column2", "Unsqueeze", "mask2 last")
            .node("weights2", "Cast", "column2", "to", 1)
            .node("count", "ReduceSum", "weights2 one", "keepdims", 0)
            .node("y", "Div", "sum count")
            .outputs("y"));
  }

  @Test
  void theFirstTokenByGather() {
    Model fused = rewritten(tokens().node("y", "Gather", "x 0", "axis", 1).outputs("y"));
    assertEquals("first", Evaluation.only(fused, "SequencePooling").text("kind", ""));
  }

  @Test
  void theFirstTokenBySlice() {
    Model fused =
        rewritten(
            tokens()
                .node("s", "Slice", "x zero one one")
                .node("y", "Squeeze", "s one")
                .outputs("y"));
    assertEquals("{SequencePooling=1}", Evaluation.operators(fused));
  }

  @Test
  void anotherTokenOrAxisStays() {
    assertUnfused(tokens().node("y", "Gather", "x 1", "axis", 1).outputs("y"));
    assertUnfused(tokens().node("y", "Gather", "x 0", "axis", 0).outputs("y"));
    assertUnfused(tokens().node("y", "Gather", "x zero", "axis", 1).outputs("y"));
    assertUnfused(
        tokens().node("s", "Slice", "x zero two one").node("y", "ReduceMax", "s").outputs("y"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"Clip", "Max", "none"})
  void thenNormalized(String bound) {
    Graphs graph = mean(tokens()).node("norm", "ReduceL2", "y last");
    String divisor = "norm";
    if (!bound.equals("none")) {
      graph.node("bounded", bound, "norm tinier");
      divisor = "bounded";
    }
    graph
        .node("shape_y", "Shape", "y")
        .node("wide_norm", "Expand", divisor + " shape_y")
        .node("z", "Div", "y wide_norm");
    Model fused = rewritten(graph.outputs("z"));
    assertEquals("{SequencePooling=1}", Evaluation.operators(fused));
    assertEquals(1, Evaluation.only(fused, "SequencePooling").integer("normalize", 0));
  }

  @Test
  void thenNormalizedByOneOperator() {
    Model fused =
        rewritten(mean(tokens()).node("z", "LpNormalization", "y", "axis", 1).outputs("z"));
    assertEquals("{SequencePooling=1}", Evaluation.operators(fused));
  }

  @Test
  void aNormWithALargerBoundOrAnotherAxisStays() {
    Graphs graph =
        mean(tokens()).node("norm", "ReduceL2", "y last").node("bounded", "Clip", "norm tenth");
    Model fused = rewritten(graph.node("z", "Div", "y bounded").outputs("z"));
    assertEquals(0, Evaluation.only(fused, "SequencePooling").integer("normalize", 0));
    graph = mean(tokens()).node("norm", "ReduceL2", "y zero").node("z", "Div", "y norm");
    fused = rewritten(graph.outputs("z"));
    assertEquals(0, Evaluation.only(fused, "SequencePooling").integer("normalize", 0));
  }

  @Test
  void aMeanThatOthersReadIsNotNormalizedInPlace() {
    Graphs graph = mean(tokens()).node("norm", "ReduceL2", "y last").node("z", "Div", "y norm");
    Model fused = rewritten(graph.outputs("z y"));
    assertEquals(0, Evaluation.only(fused, "SequencePooling").integer("normalize", 0));
  }

  /** The whole pattern, for tests that change it. */
  static Model normalizedModel() {
    return mean(tokens())
        .node("norm", "ReduceL2", "y last")
        .node("bounded", "Clip", "norm tinier")
        .node("z", "Div", "y bounded")
        .outputs("z")
        .model();
  }
}
